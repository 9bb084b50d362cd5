/**
 * The scenarios of this host: their documents, who runs them, what consoles and other hosts ask of them.
 * A scenario is created and run on its Master; its Replicas learn it by `peer.prepare`.
 */
import { Fault } from '../../shared/faults.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { GroupDesk } from '../group/desk.ts';
import { HealthDesk } from '../health/service.ts';
import type { LinkStream } from '../ports.ts';
import { Recovery } from '../recovery/service.ts';
import { RehearsalDesk } from '../rehearsal/desk.ts';
import type { CommandHandlers, StatusSource } from '../services.ts';
import { Switchovers } from '../switchover/service.ts';
import type { Occupied } from '../verify/service.ts';
import { AssessDesk } from './assess-desk.ts';
import { ownRoots } from './book.ts';
import { withRelays } from './cascade-view.ts';
import { DocumentDesk } from './document-desk.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { historyHandlers } from './history-desk.ts';
import { holdHandlers } from './hold-desk.ts';
import { LifeDesk } from './life-desk.ts';
import { MasterRunner } from './master-runner.ts';
import { parkedHandlers } from './parked-desk.ts';
import { createPeerHandlers } from './peer-handlers.ts';
import { previewHandlers } from './preview-desk.ts';
import { RelayDesk } from './relay-desk.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { type Runner, type RunnerSet, sameName } from './runner-set.ts';

export interface ScenarioService {
  readonly handlers: CommandHandlers;
  readonly status: StatusSource;
  /** Goes on with everything that was running when the daemon ended. */
  start(): void;
  /** Drains and ends all engines; what was running goes on after the next start. */
  shutdown(): Promise<void>;
}

export function createScenarioService(environment: ScenarioEnvironment): ScenarioService {
  const service = new Scenarios(environment);
  environment.links.onIncoming = (scenarioId, deviceId) => service.incoming(scenarioId, deviceId);
  return service;
}

class Scenarios implements ScenarioService, RunnerSet {
  readonly handlers: CommandHandlers;
  readonly status: StatusSource;
  readonly #environment: ScenarioEnvironment;
  readonly #runners = new Map<string, Runner>();
  readonly #listeners = new Set<(scenarioId: string) => void>();
  readonly #relays: RelayDesk;
  readonly #assessments: AssessDesk;
  readonly #rehearsals: RehearsalDesk;
  readonly #recovery: Recovery;
  readonly #switchovers: Switchovers;
  readonly #health: HealthDesk;
  readonly #groups: GroupDesk;

  constructor(surroundings: ScenarioEnvironment) {
    this.#recovery = new Recovery(surroundings, this, (id) => this.#announce(id));
    const environment = this.#recovery.watching(surroundings);
    this.#environment = environment;
    this.status = {
      scenarios: () => this.all().map((runner) => this.#statusOf(runner)),
      subscribe: (onChange) => {
        this.#listeners.add(onChange);
        return () => this.#listeners.delete(onChange);
      },
    };
    this.#switchovers = new Switchovers(environment, this, (id) => this.#announce(id));
    this.#health = new HealthDesk(environment, this, (id) => this.#announce(id));
    const roles = this.#switchovers.heeding((id) => this.#health.verdictOf(id));
    this.#health.onVerdict(({ scenarioId }) => roles.look(scenarioId));
    const documents = new DocumentDesk(environment, this);
    const life = new LifeDesk(environment, this, documents);
    this.#relays = new RelayDesk(environment, this, life);
    this.#assessments = new AssessDesk(environment, this);
    this.#rehearsals = new RehearsalDesk(environment, this);
    const statusOf = (name: string) => this.#statusOf(this.find(name));
    this.#groups = new GroupDesk({ environment, runners: this, statusOf, ...this.#switchovers.one() });
    for (const { document, side } of environment.book.value.scenarios) this.adopt(document.id, side);
    const plain = { ...documents.handlers(), ...life.handlers() };
    const ordinary = { ...plain, ...this.#switchovers.guarding(plain) };
    this.handlers = {
      ...ordinary,
      ...this.#recovery.handlers(ordinary),
      ...this.#assessments.handlers(),
      ...holdHandlers(this),
      ...parkedHandlers(environment, this),
      ...historyHandlers(environment, this),
      ...previewHandlers(environment, this),
      ...this.#rehearsals.handlers(),
      ...this.#switchovers.handlers(),
      ...this.#health.handlers(),
      ...this.#groups.handlers(),
      ...createPeerHandlers(environment, this, this.#relays, this.#rehearsals, this.#recovery, this.#switchovers),
    };
  }

  start(): void {
    this.#switchovers.load();
    for (const runner of this.#runners.values()) runner.resume();
    this.#switchovers.start();
    this.#rehearsals.start();
    this.#recovery.start();
    this.#groups.start();
  }

  async shutdown(): Promise<void> {
    this.#health.close();
    this.#groups.close();
    await this.#switchovers.close();
    this.#rehearsals.stop();
    this.#relays.close();
    await this.#recovery.shutdown();
    await this.#assessments.close();
    await Promise.all(this.#everyone().map((runner) => runner.shutdown()));
  }

  incoming(scenarioId: string, deviceId: string): (stream: LinkStream) => void {
    const runner = this.#runners.get(scenarioId);
    if (!(runner instanceof ReplicaRunner)) {
      throw new Fault('LINK-REFUSED', { reason: 'the scenario is not known on the Replica' });
    }
    return runner.accept(deviceId);
  }

  // ---------------------------------------------------------------- the set of scenarios (for the desks)

  all(): Runner[] {
    return this.#everyone().filter((runner) => runner.stored.relayOf === undefined);
  }

  #everyone(): Runner[] {
    return [...this.#runners.values()];
  }

  /** Makes the runner of a scenario that is in the book. */
  adopt(id: string, side: 'master' | 'replica'): Runner {
    const changed = () => this.#announce(id);
    const runner =
      side === 'master'
        ? new MasterRunner(this.#environment, id, changed)
        : new ReplicaRunner(this.#environment, id, changed);
    this.#runners.set(id, runner);
    this.#switchovers.adopted(id);
    changed();
    return runner;
  }

  runner(id: string): Runner | undefined {
    return this.#runners.get(id);
  }

  /** Forgets it here; the data stays. */
  async drop(id: string, keepFolder = false): Promise<void> {
    this.#switchovers.forget(id);
    this.#runners.delete(id);
    await this.#environment.book.update((book) => {
      book.scenarios = book.scenarios.filter(({ document }) => document.id !== id);
    });
    if (!keepFolder) this.#environment.folders.remove(id);
    this.#announce(id);
  }

  forgetRelay(id: string): Promise<void> {
    return this.#relays.forget(id);
  }

  occupied(id: string, besides?: string): Occupied[] {
    const excepted = (one: Runner) => one.id === id || one.id === besides || one.stored.relayOf === id;
    return this.#everyone()
      .filter((runner) => runner.occupies && !excepted(runner))
      .flatMap(({ stored }) =>
        ownRoots(stored, this.#environment.host.deviceId).map((path) => ({ scenario: stored.document.name, path })),
      );
  }

  named(name: string): Runner | undefined {
    return this.all().find(({ document }) => sameName(document.name, name));
  }

  find(name: string): Runner {
    const runner = this.named(name);
    if (runner === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name });
    return runner;
  }

  onMaster(name: string): MasterRunner {
    const runner = this.find(name);
    if (runner instanceof MasterRunner) return runner;
    const { master } = runner.document;
    throw new Fault('SCENARIO-STATE', {
      name,
      state: runner.status().state,
      reason: `this host is a Replica of it; ask its Master ${master.name} (${master.address})`,
    });
  }

  #statusOf(runner: Runner): ScenarioStatus {
    const status = this.#recovery.shownIn(this.#ownStatus(runner), runner.stored);
    return this.#health.shownIn(this.#switchovers.shownIn(status));
  }

  #ownStatus(runner: Runner): ScenarioStatus {
    const status = runner.status();
    if (runner instanceof MasterRunner || this.#relays.relayOf(runner.id) === undefined) return status;
    const { document } = runner;
    const reports = new Map([[this.#environment.host.name, this.#relays.report(runner.id)]]);
    // The state is this Replica's own.
    return { ...withRelays(status, document, reports), state: status.state };
  }

  #announce(id: string): void {
    const relayOf = this.#runners.get(id)?.stored.relayOf;
    if (relayOf !== undefined) {
      this.#announce(relayOf);
      return;
    }
    this.#relays.noticed(id);
    this.#recovery.noticed(id);
    this.#health.noticed(id);
    for (const listener of this.#listeners) listener(id);
  }
}

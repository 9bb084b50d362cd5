/**
 * The scenarios of this host: their documents, who runs them, what consoles and other hosts ask of them.
 * A scenario is created and run on its Master; its Replicas learn it by `peer.prepare`.
 */
import { applyDocument, applyValues, planChanges } from '../../config/change.ts';
import { parseScenarioInput, type ScenarioInput } from '../../config/document.ts';
import { Fault } from '../../shared/faults.ts';
import type { Difference, ScenarioSummary, VerificationResult } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { LinkStream } from '../ports.ts';
import type { CommandHandlers, StatusSource } from '../services.ts';
import { type Occupied, verify } from '../verify/service.ts';
import { newRun, rootsOf } from './book.ts';
import type { DiffResult } from './engine-protocol.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { scenarioState } from './machine.ts';
import { MasterRunner } from './master-runner.ts';
import { createPeerHandlers } from './peer-handlers.ts';
import { ReplicaRunner } from './replica-runner.ts';

const BARRIER_TIMEOUT_MS = 60_000;

export interface ScenarioService {
  readonly handlers: CommandHandlers;
  readonly status: StatusSource;
  /** Goes on with everything that was running when the daemon ended. */
  start(): void;
  /** Drains and ends all engines; what was running goes on after the next start. */
  shutdown(): Promise<void>;
}

type Runner = MasterRunner | ReplicaRunner;

export function createScenarioService(environment: ScenarioEnvironment): ScenarioService {
  const service = new Scenarios(environment);
  environment.links.onIncoming = (scenarioId, deviceId) => service.incoming(scenarioId, deviceId);
  return service;
}

class Scenarios implements ScenarioService {
  readonly handlers: CommandHandlers;
  readonly status: StatusSource;
  readonly #environment: ScenarioEnvironment;
  readonly #runners = new Map<string, Runner>();
  readonly #listeners = new Set<(scenarioId: string) => void>();

  constructor(environment: ScenarioEnvironment) {
    this.#environment = environment;
    for (const { document, side } of environment.book.value.scenarios) this.adopt(document.id, side);
    this.status = {
      scenarios: () => this.#statuses(),
      subscribe: (onChange) => {
        this.#listeners.add(onChange);
        return () => this.#listeners.delete(onChange);
      },
    };
    this.handlers = { ...this.#documentHandlers(), ...this.#lifeHandlers(), ...createPeerHandlers(environment, this) };
  }

  start(): void {
    for (const runner of this.#runners.values()) runner.resume();
  }

  async shutdown(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.shutdown()));
  }

  incoming(scenarioId: string, deviceId: string): (stream: LinkStream) => void {
    const runner = this.#runners.get(scenarioId);
    if (!(runner instanceof ReplicaRunner)) {
      throw new Fault('LINK-REFUSED', { reason: 'the scenario is not known on the Replica' });
    }
    return runner.accept(deviceId);
  }

  // ---------------------------------------------------------------- the set of scenarios (also for peer-handlers.ts)

  /** Makes the runner of a scenario that is in the book. */
  adopt(id: string, side: 'master' | 'replica'): Runner {
    const changed = () => this.#announce(id);
    const runner =
      side === 'master'
        ? new MasterRunner(this.#environment, id, changed)
        : new ReplicaRunner(this.#environment, id, changed);
    this.#runners.set(id, runner);
    changed();
    return runner;
  }

  runner(id: string): Runner | undefined {
    return this.#runners.get(id);
  }

  /** Forgets it here; the data stays. */
  async drop(id: string): Promise<void> {
    await this.#environment.book.update((book) => {
      book.scenarios = book.scenarios.filter(({ document }) => document.id !== id);
    });
    this.#runners.delete(id);
    this.#environment.folders.remove(id);
    this.#announce(id);
  }

  /** Roots on this host of the running scenarios other than `id`. */
  occupied(id: string): Occupied[] {
    return [...this.#runners.values()]
      .filter((runner) => runner.id !== id && runner.occupies)
      .flatMap(({ stored }) =>
        rootsOf(stored.document, stored.side).map((path) => ({ scenario: stored.document.name, path })),
      );
  }

  named(name: string): Runner | undefined {
    return [...this.#runners.values()].find(({ document }) => sameName(document.name, name));
  }

  // ---------------------------------------------------------------- documents

  #documentHandlers(): CommandHandlers {
    return {
      'scenario.create': async ({ document }) => ({ document: await this.#create(parseScenarioInput(document)) }),
      'scenario.list': () => ({ scenarios: [...this.#runners.values()].map((runner) => this.#summary(runner)) }),
      'scenario.show': ({ name }) => this.#find(name).document,
      'scenario.set': async ({ name, values, revision }) => await this.#set(name, values, revision),
      'scenario.plan': ({ document }) => {
        const next = parseScenarioInput(document);
        const runner = this.named(next.name);
        return { name: next.name, exists: runner !== undefined, changes: this.#plan(runner, next) };
      },
      'scenario.apply': async ({ document }) => await this.#apply(parseScenarioInput(document)),
      'scenario.delete': async ({ name }) => {
        const runner = this.#find(name);
        return runner instanceof ReplicaRunner ? await this.#deleteReplica(runner) : await this.#delete(runner);
      },
    };
  }

  async #create(input: ScenarioInput): Promise<ScenarioDocument> {
    if (this.named(input.name) !== undefined) throw new Fault('SCENARIO-EXISTS', { name: input.name });
    const { random, clock, book, events } = this.#environment;
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const document = this.#identified({ ...input, id, revision: 1 });
    await book.update((value) => {
      value.scenarios.push({ side: 'master', document, run: newRun(clock.wallMs()) });
    });
    this.adopt(id, 'master');
    events.record('SCN-001', {}, document.name);
    return document;
  }

  async #set(name: string, values: Readonly<Record<string, unknown>>, revision: number | undefined) {
    const runner = this.#onMaster(name);
    const { document } = runner;
    if (revision !== undefined && revision !== document.revision) {
      throw new Fault('SCENARIO-REVISION', { name: document.name, given: revision, current: document.revision });
    }
    const next = applyValues(document, values, scenarioState(runner.life));
    await this.#store(runner, next.document, next.changed);
    return { document: runner.document, changed: next.changed };
  }

  #plan(runner: Runner | undefined, next: ScenarioInput) {
    return planChanges(runner?.document, next, runner === undefined ? 'new' : runner.status().state);
  }

  async #apply(input: ScenarioInput) {
    if (this.named(input.name) === undefined) {
      const document = await this.#create(input);
      return { document, created: true, changed: this.#plan(undefined, input).map((change) => change.key) };
    }
    const runner = this.#onMaster(input.name);
    const next = applyDocument(runner.document, input, scenarioState(runner.life));
    await this.#store(runner, next.document, next.changed);
    return { document: runner.document, created: false, changed: next.changed };
  }

  async #store(runner: MasterRunner, document: ScenarioDocument, changed: readonly string[]): Promise<void> {
    if (changed.length === 0) return;
    const complete = this.#identified(document);
    const before = runner.document.revision;
    await this.#environment.book.update((book) => {
      const stored = book.scenarios.find((scenario) => scenario.document.id === document.id);
      if (stored === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: document.name });
      // Two edits at the same time: the second was made from an outdated document.
      if (stored.document.revision !== before) {
        throw new Fault('SCENARIO-REVISION', { name: document.name, given: before, current: stored.document.revision });
      }
      stored.document = complete;
    });
    this.#environment.events.record('SCN-002', { keys: changed.join(', ') }, document.name);
    runner.documentChanged();
  }

  async #delete(runner: MasterRunner): Promise<Record<string, never>> {
    const { document, life } = runner;
    if (life.is !== 'stopped' && life.is !== 'failed') {
      throw new Fault('SCENARIO-STATE', { name: document.name, state: scenarioState(life), reason: 'stop it first' });
    }
    await runner.shutdown();
    await runner.peers.forgetAll();
    await this.drop(document.id);
    this.#environment.events.record('SCN-003', {}, document.name);
    return {};
  }

  /** For a Replica whose Master is gone for good: it is deleted here alone. */
  async #deleteReplica(runner: ReplicaRunner): Promise<Record<string, never>> {
    const { document } = runner;
    if (runner.linked) {
      const reason = `its Master ${document.master.name} is connected: delete it there`;
      throw new Fault('SCENARIO-STATE', { name: document.name, state: runner.status().state, reason });
    }
    await runner.shutdown();
    await this.drop(document.id);
    this.#environment.events.record('SCN-003', {}, document.name);
    return {};
  }

  /** The Master is this host; Replicas get the identity pinned by their pairing, when there is one already. */
  #identified(document: ScenarioDocument): ScenarioDocument {
    const { host } = this.#environment;
    const { master } = document;
    const own =
      master.deviceId === undefined ? sameName(master.name, host.name) || master.address === host.address() : false;
    if (master.deviceId !== host.deviceId && !own) {
      const reason = `its Master is ${master.name} (${master.address}), and this host is ${host.name} (${host.address()}): create it there`;
      throw new Fault('SCENARIO-INVALID', { path: 'master', reason });
    }
    const replicas = document.replicas.map((replica) => this.#paired(replica));
    const ids = replicas.flatMap((replica) => replica.deviceId ?? []);
    const twice = ids.find((id, index) => ids.indexOf(id) < index || id === host.deviceId);
    if (twice !== undefined) {
      const names = [master, ...replicas].filter((one) => one.deviceId === twice).map((one) => one.name);
      throw new Fault('SCENARIO-INVALID', {
        path: 'replicas',
        reason: `${names.join(' and ')} are one and the same engine${twice === host.deviceId ? ' as the Master' : ''}`,
      });
    }
    return { ...document, master: { ...master, deviceId: host.deviceId }, replicas };
  }

  #paired(replica: HostReference): HostReference {
    if (replica.deviceId !== undefined) return replica;
    try {
      return { ...replica, deviceId: this.#environment.peers.resolve(replica).deviceId };
    } catch {
      // Not paired yet: verification says so, and Run fills it in.
      return replica;
    }
  }

  // ---------------------------------------------------------------- life

  #lifeHandlers(): CommandHandlers {
    return {
      'scenario.verify': async ({ name }) => await this.#verify(this.#onMaster(name)),
      'scenario.run': async ({ name, sync, ignoreSame, acknowledgeWarnings }) => {
        const runner = this.#onMaster(name);
        await runner.run({ method: sync, ignoreSame }, () => this.#ready(runner, acknowledgeWarnings));
        return { state: scenarioState(runner.life) };
      },
      'scenario.stop': async ({ name }) => {
        const runner = this.#onMaster(name);
        await runner.stop('by-user');
        return { state: scenarioState(runner.life) };
      },
      'scenario.suspend': async ({ name, replica }) => await this.#suspend(name, replica, true),
      'scenario.resume': async ({ name, replica }) => await this.#suspend(name, replica, false),
      'scenario.barrier': async ({ name, timeoutMs }) => {
        const { clock } = this.#environment;
        const started = clock.bootMs();
        const position = await this.#onMaster(name).barrier(timeoutMs ?? BARRIER_TIMEOUT_MS);
        return { position, tookMs: clock.bootMs() - started };
      },
      'scenario.diff': async ({ name, replica, ignoreSame }) => await this.#diff(name, replica, ignoreSame),
    };
  }

  async #verify(runner: MasterRunner): Promise<VerificationResult> {
    const { events, book } = this.#environment;
    const document = this.#identified(runner.document);
    if (JSON.stringify(document) !== JSON.stringify(runner.document)) {
      // Paired after it was created: from now on the pinned identity counts.
      await book.update((value) => {
        for (const stored of value.scenarios) if (stored.document.id === document.id) stored.document = document;
      });
    }
    const result = await verify(this.#environment, document, this.occupied(document.id));
    if (result.errors > 0) events.record('VER-003', { errors: result.errors }, document.name);
    else if (result.warnings > 0) events.record('VER-002', { warnings: result.warnings }, document.name);
    else events.record('VER-001', {}, document.name);
    return result;
  }

  /** What has to be true before Run: no errors, warnings acknowledged, every Replica ready. */
  async #ready(runner: MasterRunner, acknowledgeWarnings: boolean): Promise<void> {
    const { name } = runner.document;
    const { errors, warnings, findings } = await this.#verify(runner);
    if (errors > 0) throw new Fault('SCENARIO-ERRORS', { name, errors, first: findings[0]?.text ?? '' });
    if (warnings > 0 && !acknowledgeWarnings) {
      throw new Fault('SCENARIO-WARNINGS', { name, warnings, first: findings[0]?.text ?? '' });
    }
    await runner.peers.prepareAll();
  }

  async #suspend(name: string, host: string | undefined, suspended: boolean) {
    const runner = this.#onMaster(name);
    for (const { deviceId = '' } of replicasOf(runner, host)) await runner.suspend(deviceId, suspended);
    return { state: scenarioState(runner.life) };
  }

  async #diff(name: string, host: string | undefined, ignoreSame: boolean) {
    const runner = this.#onMaster(name);
    const replicas = replicasOf(runner, host);
    const differences: Difference[] = [];
    let truncated = false;
    for (const replica of replicas) {
      const result = (await runner.diff(replica.deviceId ?? '', ignoreSame)) as DiffResult;
      truncated ||= result.truncated;
      differences.push(...result.differences.map((difference) => ({ ...difference, replica: replica.name })));
    }
    return { identical: differences.length === 0, differences, truncated };
  }

  // ---------------------------------------------------------------- small parts

  #find(name: string): Runner {
    const runner = this.named(name);
    if (runner === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name });
    return runner;
  }

  #onMaster(name: string): MasterRunner {
    const runner = this.#find(name);
    if (runner instanceof MasterRunner) return runner;
    const { master } = runner.document;
    throw new Fault('SCENARIO-STATE', {
      name,
      state: runner.status().state,
      reason: `this host is a Replica of it; ask its Master ${master.name} (${master.address})`,
    });
  }

  #summary(runner: Runner): ScenarioSummary {
    const { document, side } = runner.stored;
    const { state, stopReason } = runner.status();
    return {
      id: document.id,
      name: document.name,
      ...(document.group === undefined ? {} : { group: document.group }),
      serverType: document.serverType,
      solution: document.solution,
      state,
      ...(stopReason === undefined ? {} : { stopReason }),
      master: document.master.name,
      replicas: document.replicas.map((replica) => replica.name),
      side,
      revision: document.revision,
    };
  }

  #statuses(): ScenarioStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  #announce(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/** All Replicas, or the one asked for. */
function replicasOf({ document }: MasterRunner, host: string | undefined): HostReference[] {
  const replicas = document.replicas.filter((replica) => host === undefined || sameName(replica.name, host));
  if (replicas.length > 0) return replicas;
  throw new Fault('USAGE', { reason: `The scenario "${document.name}" has no Replica "${host}".` });
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

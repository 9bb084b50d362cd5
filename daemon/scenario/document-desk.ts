/** Documents of the scenarios of this host: create, show, set, plan, apply, delete. */
import { applyDocument, applyValues, planChanges } from '../../config/change.ts';
import { parseScenarioInput, type ScenarioInput } from '../../config/document.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioSummary } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { CommandHandlers } from '../services.ts';
import { newRun } from './book.ts';
import { refuseCycle } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { scenarioState } from './machine.ts';
import type { MasterRunner } from './master-runner.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { type Runner, type RunnerSet, sameName } from './runner-set.ts';

export class DocumentDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet) {
    this.#environment = environment;
    this.#scenarios = scenarios;
  }

  handlers(): CommandHandlers {
    return {
      'scenario.create': async ({ document }) => ({ document: await this.#create(parseScenarioInput(document)) }),
      'scenario.list': () => ({ scenarios: this.#scenarios.all().map((runner) => summaryOf(runner)) }),
      'scenario.show': ({ name }) => this.#scenarios.find(name).document,
      'scenario.set': async ({ name, values, revision }) => await this.#set(name, values, revision),
      'scenario.plan': ({ document }) => {
        const next = parseScenarioInput(document);
        const runner = this.#scenarios.named(next.name);
        return { name: next.name, exists: runner !== undefined, changes: this.#plan(runner, next) };
      },
      'scenario.apply': async ({ document }) => await this.#apply(parseScenarioInput(document)),
      'scenario.delete': async ({ name }) => {
        const runner = this.#scenarios.find(name);
        return runner instanceof ReplicaRunner ? await this.#deleteReplica(runner) : await this.#delete(runner);
      },
    };
  }

  async #create(input: ScenarioInput): Promise<ScenarioDocument> {
    if (this.#scenarios.named(input.name) !== undefined) throw new Fault('SCENARIO-EXISTS', { name: input.name });
    const { random, clock, book, events } = this.#environment;
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const document = this.identified({ ...input, id, revision: 1 });
    await book.update((value) => {
      value.scenarios.push({ side: 'master', document, run: newRun(clock.wallMs()) });
    });
    this.#scenarios.adopt(id, 'master');
    events.record('SCN-001', {}, document.name);
    return document;
  }

  async #set(name: string, values: Readonly<Record<string, unknown>>, revision: number | undefined) {
    const runner = this.#scenarios.onMaster(name);
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
    if (this.#scenarios.named(input.name) === undefined) {
      const document = await this.#create(input);
      return { document, created: true, changed: this.#plan(undefined, input).map((change) => change.key) };
    }
    const runner = this.#scenarios.onMaster(input.name);
    const next = applyDocument(runner.document, input, scenarioState(runner.life));
    await this.#store(runner, next.document, next.changed);
    return { document: runner.document, created: false, changed: next.changed };
  }

  async #store(runner: MasterRunner, document: ScenarioDocument, changed: readonly string[]): Promise<void> {
    if (changed.length === 0) return;
    const complete = this.identified(document);
    const before = runner.document.revision;
    const { replicas } = runner.document;
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
    await runner.documentChanged(replicas);
  }

  async #delete(runner: MasterRunner): Promise<Record<string, never>> {
    const { document, life } = runner;
    if (life.is !== 'stopped' && life.is !== 'failed') {
      throw new Fault('SCENARIO-STATE', { name: document.name, state: scenarioState(life), reason: 'stop it first' });
    }
    await runner.shutdown();
    await runner.peers.forgetAll();
    await this.#scenarios.drop(document.id);
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
    await this.#scenarios.forgetRelay(document.id);
    await this.#scenarios.drop(document.id);
    this.#environment.events.record('SCN-003', {}, document.name);
    return {};
  }

  /** The Master is this host; Replicas get the identity pinned by their pairing, when there is one already. */
  identified(document: ScenarioDocument): ScenarioDocument {
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
    const complete = { ...document, master: { ...master, deviceId: host.deviceId }, replicas };
    for (const replica of replicas) refuseCycle(complete, replica);
    return complete;
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
}

function summaryOf(runner: Runner): ScenarioSummary {
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

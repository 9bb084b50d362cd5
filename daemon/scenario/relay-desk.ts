/**
 * The relays of this host (docs/decisions/0030): where a Replica feeds further Replicas, this host is the Master of a scenario
 * of its own over its Replica roots. Its life follows the Replica's: it is made by `peer.prepare`, runs once the Replica has
 * data, stops and goes with it.
 */
import { settingOf } from '../../config/catalogue.ts';
import { planChanges, toInput } from '../../config/change.ts';
import { Fault } from '../../shared/faults.ts';
import type { ParkedResult, VerificationResult } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { newRun, storedIn } from './book.ts';
import { relayDocument } from './cascade.ts';
import { type Comparison, compare } from './comparison.ts';
import { Conditions } from './conditions.ts';
import type { ScenarioEnvironment } from './environment.ts';
import type { LifeDesk } from './life-desk.ts';
import { MasterRunner } from './master-runner.ts';
import { type ParkedAction, parkedOf } from './parked-desk.ts';
import type { RelayReport } from './relay-watch.ts';
import { ReplicaRunner } from './replica-runner.ts';
import type { RunnerSet } from './runner-set.ts';

const RETRY_MS = { first: 2_000, longest: 30_000 };

export class RelayDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly #life: LifeDesk;
  readonly #conditions: Conditions;
  /** By id of the scenario: one thing after another. */
  readonly #work = new Map<string, Promise<void>>();
  readonly #problems = new Map<string, string>();
  readonly #attempts = new Map<string, number>();
  readonly #waiting = new Set<string>();
  #closed = false;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet, life: LifeDesk) {
    this.#environment = environment;
    this.#scenarios = scenarios;
    this.#life = life;
    this.#conditions = new Conditions(environment.clock);
  }

  /** The Replica of this host was prepared with its document: the relay is made, changed or taken away accordingly. */
  settle(document: ScenarioDocument, epoch: number): Promise<void> {
    return this.#do(document.id, async () => {
      const self = document.replicas.find(({ deviceId }) => deviceId === this.#environment.host.deviceId);
      const wanted = self && relayDocument(document, self);
      const relay = this.relayOf(document.id);
      if (wanted === undefined) {
        if (relay !== undefined) await this.#remove(relay);
        return;
      }
      if (relay === undefined) {
        await this.#make(document.id, wanted, epoch);
        return;
      }
      await this.#change(relay, wanted, epoch);
    }).then(() => this.noticed(document.id));
  }

  /** What may not change while it runs needs a stop; `noticed` runs it again. */
  async #change(relay: MasterRunner, wanted: ScenarioDocument, epoch: number): Promise<void> {
    const complete = this.#life.documents.identified(wanted);
    const { document } = relay;
    const changes = planChanges(document, toInput(complete), relay.status().state);
    const newEpoch = relay.stored.run.epoch !== epoch;
    const sameOrigin = JSON.stringify(document.origin) === JSON.stringify(complete.origin);
    if (changes.length === 0 && sameOrigin && !newEpoch) return;
    if (newEpoch || changes.some(({ blocked }) => blocked !== undefined)) await this.#stopRunning(relay);
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, relay.id);
      stored.document = complete;
      stored.run.epoch = epoch;
    });
    await relay.documentChanged(document.replicas);
  }

  /** The state of the Replica of scenario `id`, or of its relay, changed. */
  noticed(id: string): void {
    this.#conditions.check();
    if (this.#closed || this.#waiting.has(id) || !this.#isDue(id)) return;
    this.#waiting.add(id);
    const attempt = this.#attempts.get(id) ?? 0;
    const delayMs = attempt === 0 ? 0 : Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (attempt - 1));
    this.#environment.clock.after(delayMs, () => {
      this.#waiting.delete(id);
      void this.#do(id, () => this.#runIfDue(id));
    });
  }

  stop(id: string): Promise<void> {
    return this.#do(id, async () => {
      const relay = this.relayOf(id);
      if (relay !== undefined) await this.#stopRunning(relay);
    });
  }

  forget(id: string): Promise<void> {
    return this.#do(id, async () => {
      const relay = this.relayOf(id);
      if (relay !== undefined) await this.#remove(relay);
    });
  }

  close(): void {
    this.#closed = true;
  }

  relayOf(id: string): MasterRunner | undefined {
    const { scenarios } = this.#environment.book.value;
    const stored = scenarios.find(({ relayOf }) => relayOf === id);
    const runner = stored && this.#scenarios.runner(stored.document.id);
    return runner instanceof MasterRunner ? runner : undefined;
  }

  // ---------------------------------------------------------------- what the feeding Master asks

  report(id: string): RelayReport {
    const relay = this.relayOf(id);
    const problem = this.#problems.get(id);
    return {
      ...(relay === undefined ? {} : { status: relay.status() }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** Every change that is on this Replica now is on all of `behind`, which it feeds, or on the one that is named. */
  async barrier(id: string, timeoutMs: number, behind: readonly string[], replica?: string): Promise<void> {
    const { clock } = this.#environment;
    const untilMs = clock.bootMs() + timeoutMs;
    // One that was not told of them yet does not answer for them.
    const runs = () => {
      const relay = this.relayOf(id);
      const fed = new Set(relay?.document.replicas.map(({ name }) => name));
      return relay?.life.is === 'running' && behind.every((name) => fed.has(name));
    };
    await this.#conditions.until(runs, { timeoutMs, what: 'the Replica to feed the ones behind it' });
    await this.relayOf(id)?.barrier(Math.max(1, untilMs - clock.bootMs()), replica);
  }

  async diff(id: string, replica: string | undefined, ignoreSame: boolean): Promise<Comparison> {
    return await compare(this.#environment, this.#known(id), replica, ignoreSame);
  }

  async suspend(id: string, replica: string, suspended: boolean): Promise<void> {
    await this.#life.suspendOne(this.#known(id), replica, suspended);
  }

  async parked(id: string, replica: string | undefined, action: ParkedAction): Promise<ParkedResult> {
    return await parkedOf(this.#environment, this.#known(id), replica, action);
  }

  async verify(document: ScenarioDocument): Promise<VerificationResult> {
    const self = document.replicas.find(({ deviceId }) => deviceId === this.#environment.host.deviceId);
    const relay = self && relayDocument(document, self);
    if (relay === undefined) return { findings: [], errors: 0, warnings: 0 };
    return await this.#life.findingsOf(this.#life.documents.identified(relay), document.id);
  }

  // ---------------------------------------------------------------- its life

  #do(id: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#work.get(id) ?? Promise.resolve()).then(work);
    this.#work.set(
      id,
      done.catch(() => undefined),
    );
    return done;
  }

  async #make(id: string, document: ScenarioDocument, epoch: number): Promise<void> {
    const { book, clock } = this.#environment;
    const complete = this.#life.documents.identified(document);
    await book.update((value) => {
      const run = newRun(clock.wallMs(), epoch);
      value.scenarios.push({ side: 'master', relayOf: id, document: complete, run });
    });
    this.#scenarios.adopt(complete.id, 'master');
  }

  async #remove(relay: MasterRunner): Promise<void> {
    await this.#stopRunning(relay);
    await relay.shutdown();
    await relay.peers.forgetAll();
    await this.#scenarios.drop(relay.id);
  }

  async #stopRunning(relay: MasterRunner): Promise<void> {
    if (relay.life.is === 'stopped') return;
    await relay.stop('by-user');
  }

  #isDue(id: string): boolean {
    const replica = this.#scenarios.runner(id);
    if (!(replica instanceof ReplicaRunner) || !replica.stored.run.wanted) return false;
    return this.relayOf(id)?.life.is === 'stopped' && replica.hasData;
  }

  async #runIfDue(id: string): Promise<void> {
    const relay = this.relayOf(id);
    if (relay === undefined || this.#closed || !this.#isDue(id)) return;
    const { settings } = relay.document;
    const method = settingOf(settings, 'synchronization.method') === 'block' ? 'block' : 'file';
    const ignoreSame = settingOf(settings, 'synchronization.ignoreSame');
    try {
      await relay.run({ method, ignoreSame }, () => this.#life.ready(relay, true));
      this.#problems.delete(id);
      this.#attempts.delete(id);
    } catch (error) {
      const { details, message } = Fault.from(error);
      // What verification found first says more than that it found something.
      this.#problems.set(id, typeof details.first === 'string' ? details.first : message);
      this.#attempts.set(id, (this.#attempts.get(id) ?? 0) + 1);
      this.noticed(id);
    }
  }

  #known(id: string): MasterRunner {
    const relay = this.relayOf(id);
    if (relay !== undefined) return relay;
    throw new Fault('SCENARIO-NOT-FOUND', { name: id });
  }
}

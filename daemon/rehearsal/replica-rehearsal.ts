/**
 * The test of one Replica: apply stands, a writable view lies over its roots, checks run, the view is thrown away and apply
 * goes on where it was. While it lasts changes arrive in the spool as always. What is under way is durable before the first
 * view is there: whatever ends it early (a stop, a restart, a crash) takes the views away before anything opens the roots.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { RehearsalResult, RehearsalState, RehearsalTrigger } from '../../shared/rehearsal.ts';
import type { EngineCall, RehearsalHold } from '../engine/engine-protocol.ts';
import type { Timer } from '../ports.ts';
import { assuredRecoveryReport } from '../report/assured-recovery.ts';
import { ownRoots, type StoredScenario, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { type RehearsedCopy, runChecks } from './checks.ts';

/** A file in use on the Replica may keep apply from coming to an end for so long. */
const STILL_TIMEOUT_MS = 60_000;
const LOOK_MS = 50;

export interface RehearsedReplica {
  readonly stored: StoredScenario;
  /** Of its engine; throws when it does not run. */
  call(call: EngineCall): Promise<unknown>;
}

export class ReplicaRehearsal {
  readonly #environment: ScenarioEnvironment;
  readonly #replica: RehearsedReplica;
  readonly #changed: () => void;
  #limit: Timer | undefined;
  #busy = false;
  /** Counts what ended tests from outside: a test that was being opened meanwhile must not be. */
  #abandoned = 0;

  constructor(environment: ScenarioEnvironment, replica: RehearsedReplica, changed: () => void) {
    this.#environment = environment;
    this.#replica = replica;
    this.#changed = changed;
  }

  get state(): RehearsalState | undefined {
    return this.#replica.stored.run.rehearsal;
  }

  /** Opens the view and leaves it open, for tests by hand, until `end` or its time limit. */
  async begin(trigger: RehearsalTrigger): Promise<RehearsalState> {
    return await this.#alone(async () => await this.#open(trigger));
  }

  /** Throws `SCENARIO-STATE` when no test is under way. */
  async end(): Promise<RehearsalResult> {
    return await this.#alone(async () => {
      if (this.state === undefined) throw this.#refusal('no test is under way');
      return await this.#finish([]);
    });
  }

  /** Opens the view, runs every check, undoes everything, reports. Throws only what kept it from starting or ending. */
  async run(trigger: RehearsalTrigger): Promise<RehearsalResult> {
    return await this.#alone(async () => {
      const { position } = await this.#open(trigger);
      const abandoned = this.#abandoned;
      const checks = await runChecks(this.#environment, this.#copy(position.seq));
      if (abandoned !== this.#abandoned) throw this.#refusal('it was ended before the checks were through');
      return await this.#finish(checks);
    });
  }

  /** Before anything opens the roots: nothing of a test may be left. */
  async abandon(reason: string): Promise<void> {
    this.#abandoned += 1;
    if (this.state === undefined) return;
    await this.#close();
    this.#environment.events.record('RHS-004', { reason }, this.#replica.stored.document.name);
  }

  // ---------------------------------------------------------------- steps

  async #open(trigger: RehearsalTrigger): Promise<RehearsalState> {
    const { views, clock, events } = this.#environment;
    const unavailable = views.unavailable();
    if (unavailable !== undefined) throw new Fault('REHEARSAL-UNAVAILABLE', { reason: unavailable });
    if (this.state !== undefined) throw this.#refusal('a test is under way already: end it first');
    const abandoned = this.#abandoned;
    try {
      const position = await this.#still();
      const startedAt = clock.wallMs();
      const limitMs = settingOf(this.#settings(), 'tasks.integrityTestingLimitMs');
      const state: RehearsalState = { startedAt, endsBy: startedAt + limitMs, trigger, position };
      await this.#remember(state);
      if (abandoned !== this.#abandoned) throw this.#refusal('it was ended while it was beginning');
      views.open(this.#label, this.#roots(), this.#scratch());
      this.#limit = clock.after(limitMs, () => void this.#overdue());
      events.record('RHS-001', {}, this.#name);
      this.#changed();
      return state;
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** Resolves when apply does nothing any more, with what is applied then. */
  async #still() {
    const { clock } = this.#environment;
    const untilMs = clock.bootMs() + STILL_TIMEOUT_MS;
    for (;;) {
      const hold = (await this.#replica.call({ name: 'rehearse', on: true })) as RehearsalHold;
      if (hold.still) return hold.position;
      if (clock.bootMs() > untilMs) {
        throw new Fault('TIMEOUT', { seconds: STILL_TIMEOUT_MS / 1000, what: 'apply to come to an end' });
      }
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
  }

  async #finish(checks: RehearsalResult['checks']): Promise<RehearsalResult> {
    const { clock, events, host, reports, views } = this.#environment;
    const { startedAt, trigger, position } = this.state!;
    const undone = views.written(this.#scratch());
    const inUse = await this.#close();
    const failed = checks.find((check) => !check.passed);
    const result: RehearsalResult = {
      replica: host.name,
      passed: failed === undefined,
      trigger,
      position,
      startedAt,
      finishedAt: Math.max(startedAt, clock.wallMs()),
      checks,
      undone,
      inUse,
    };
    events.record('RHS-002', { entries: undone.entries }, this.#name);
    if (failed !== undefined) events.record('RHS-003', { reason: `${failed.name}: ${failed.text}` }, this.#name);
    if (checks.length === 0) return result;
    const { document } = this.#replica.stored;
    const { id } = reports.add('assured-recovery', result.finishedAt, (newId) =>
      assuredRecoveryReport(newId, document, this.#roots(), result),
    );
    return { ...result, report: id };
  }

  /** Takes the views away, lets apply go on, forgets it durably. Each step may be repeated. */
  async #close(): Promise<readonly string[]> {
    this.#limit?.cancel();
    this.#limit = undefined;
    const { views, events } = this.#environment;
    const { inUse } = views.close(this.#label, this.#scratch());
    if (inUse.length > 0) events.record('RHS-006', { paths: inUse.join(', ') }, this.#name);
    // An engine that does not run holds nothing back.
    await this.#replica.call({ name: 'rehearse', on: false }).catch(() => undefined);
    if (this.state !== undefined) await this.#remember(undefined);
    this.#changed();
    return inUse;
  }

  async #overdue(): Promise<void> {
    try {
      await this.abandon('its time was over');
    } catch (error) {
      this.#environment.complain(`the test of ${this.#name} cannot be ended: ${String(error)}`);
    }
  }

  /** Two commands at once would close each other's view. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#busy) throw this.#refusal('a test is just beginning or ending');
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  async #remember(state: RehearsalState | undefined): Promise<void> {
    await this.#environment.book.update((book) => {
      storedIn(book, this.#id).run.rehearsal = state;
    });
  }

  // ---------------------------------------------------------------- what it is about

  #copy(seq: number): RehearsedCopy {
    const settings = this.#settings();
    return {
      scenario: this.#name,
      roots: this.#roots(),
      seq,
      script: settingOf(settings, 'tasks.integrityTestingScript'),
      limitMs: settingOf(settings, 'tasks.integrityTestingLimitMs'),
    };
  }

  #roots(): string[] {
    return ownRoots(this.#replica.stored, this.#environment.host.deviceId);
  }

  #settings() {
    const { deviceId } = this.#environment.host;
    return this.#replica.stored.document.replicas.find((replica) => replica.deviceId === deviceId)?.settings;
  }

  #scratch(): string {
    return `${this.#environment.folders.open(this.#id)}/rehearsal`;
  }

  get #id(): string {
    return this.#replica.stored.document.id;
  }

  get #name(): string {
    return this.#replica.stored.document.name;
  }

  get #label(): string {
    return `mainstay-${this.#id}`;
  }

  #refusal(reason: string): Fault {
    const state = this.state === undefined ? 'not tested' : 'rehearsing';
    return new Fault('SCENARIO-STATE', { name: this.#name, state, reason });
  }
}

/**
 * One restore on the Replica whose data it takes: rewind the roots, run the temporary Recovery scenario back to the Master,
 * remove it. Each step begins where the record in the book says, so a kill between any two of them is gone on from.
 */
import { Fault } from '../../shared/faults.ts';
import type { RecoveryPhase, RecoveryStatus } from '../../shared/rewind.ts';
import type { KeptLook, RewindProgress, SyncResult } from '../engine/engine-protocol.ts';
import { type StoredScenario, storedIn } from '../scenario/book.ts';
import { Conditions } from '../scenario/conditions.ts';
import type { EngineSession } from '../scenario/engine-session.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { ScenarioLife } from '../scenario/machine.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import { goesBack } from './plan.ts';
import type { StoredRecovery, StoredUndo } from './record.ts';
import { setBack, tellLeft } from './set-back.ts';
import { refuseIncomplete } from './whole-copy.ts';

const RETRY_MS = { first: 1_000, longest: 30_000 };
const BARRIER_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 5_000;
const STOPPED = 'it was stopped by the user';

export class Restoring {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly #changed: () => void;
  /** Of the scenario that is restored. */
  readonly #of: string;
  readonly #conditions: Conditions;
  #rewind: RewindProgress | undefined;
  #session: EngineSession | undefined;
  #waits: string | undefined;
  #going: Promise<void> | undefined;
  /** The operator stops it, or the daemon ends. */
  #ending = false;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet, of: string, changed: () => void) {
    this.#environment = environment;
    this.#scenarios = scenarios;
    this.#of = of;
    this.#changed = changed;
    this.#conditions = new Conditions(environment.clock);
  }

  get #stored(): StoredScenario {
    return storedIn(this.#environment.book.value, this.#of);
  }

  get #record(): StoredRecovery {
    const { recovery } = this.#stored;
    if (recovery === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: 'the restore' });
    return recovery;
  }

  get isGoing(): boolean {
    return this.#going !== undefined;
  }

  /** Goes on where it is; a second call while it goes on changes nothing. `looked`: just now, at what it needs. */
  go(looked?: KeptLook): void {
    if (this.#going !== undefined) return;
    this.#ending = false;
    this.#going = this.#steps(looked)
      .catch((error: unknown) => this.#failed(Fault.from(error)))
      .catch((error: unknown) => this.#environment.complain(`restore: ${String(error)}`))
      .finally(() => {
        this.#going = undefined;
        this.#conditions.check();
        this.#changed();
      });
  }

  /** Ends it between two of its steps; what it has done stays. `stopped`: by the operator, so that it does not go on. */
  async end(stopped: boolean): Promise<void> {
    this.#ending = true;
    if (stopped) await this.#update({ failed: STOPPED, stopped: true });
    void this.#session?.stop();
    this.#conditions.check();
    if (stopped) await this.#stopRecovery();
    // A question to a host that does not answer ends by itself, later.
    const ended = { timeoutMs: END_TIMEOUT_MS, what: 'the restore to stop' };
    await this.#conditions.until(() => this.#going === undefined, ended).catch(() => undefined);
    if (stopped) await this.#settleUndo();
    this.#changed();
  }

  /** Something about its scenario changed. */
  noticed(): void {
    this.#conditions.check();
  }

  async synchronized(result: SyncResult): Promise<void> {
    await this.#update({ synchronized: { ...result, files: [], filesTruncated: result.sentFiles > 0 } });
  }

  status(): RecoveryStatus {
    const { method, phase, startedAt, failed, id } = this.#record;
    const runner = this.#scenarios.runner(id);
    const sync = runner?.status().sync;
    const steps =
      phase === 'rewinding'
        ? { doneSteps: 0, totalSteps: 0, ...this.#rewind }
        : {
            doneSteps: sync?.comparedEntries ?? 0,
            totalSteps: sync?.totalEntries ?? 0,
            ...(sync === undefined ? {} : { doneBytes: sync.sentBytes, totalBytes: sync.neededBytes }),
            ...(sync?.currentPath === undefined ? {} : { path: sync.currentPath }),
          };
    return {
      method,
      phase: shown(phase),
      ...steps,
      startedAt,
      scenario: runner?.document.name ?? '',
      replica: this.#environment.host.name,
      ...(failed === undefined ? {} : { failed }),
      ...(this.#waits === undefined ? {} : { waits: this.#waits }),
    };
  }

  // ---------------------------------------------------------------- its steps

  async #steps(looked: KeptLook | undefined): Promise<void> {
    if (this.#record.phase === 'rewinding') await this.#rewindRoots(looked);
    if (this.#record.phase === 'synchronizing') await this.#synchronize();
    if (this.#record.phase === 'finishing') await this.#finish();
    // Also after a kill right behind the last step.
    if (this.#record.phase === 'over') await this.#remove();
  }

  async #rewindRoots(looked: KeptLook | undefined): Promise<void> {
    const replica = this.#scenarios.runner(this.#of);
    const { point, method } = this.#record;
    if (!(replica instanceof ReplicaRunner) || point === undefined) throw new Fault('INTERNAL', { reason: 'restore' });
    const { events } = this.#environment;
    const { name } = this.#stored.document;
    events.record('RWD-001', { point }, name);
    try {
      const rewound = await replica.setBack((config) => {
        this.#refuseEnding();
        return setBack(this.#environment, {
          config,
          to: point,
          looked,
          before: this.#stored.undo,
          remember: (change) => this.#updateUndo(change),
          onProgress: (progress) => {
            this.#rewind = progress;
            this.#changed();
          },
          onSession: (session) => {
            this.#session = session;
          },
        });
      });
      this.#refuseEnding();
      await this.#updateUndo({ half: undefined });
      events.record('RWD-002', {}, name);
      tellLeft(events, rewound, name);
      await this.#update({ rewound, phase: goesBack(method) ? 'synchronizing' : 'finishing' });
    } catch (error) {
      if (!this.#ending) events.record('RWD-004', { reason: Fault.from(error).message }, name);
      throw error;
    } finally {
      this.#session = undefined;
    }
  }

  /** From the Replica to the Master; an interrupted one goes on by comparing. */
  async #synchronize(): Promise<void> {
    const runner = this.#recoveryRunner();
    for (let attempt = 1; runner.life.is === 'stopped' || runner.life.is === 'failed'; attempt += 1) {
      this.#refuseEnding();
      try {
        // Contents are compared: what spoiled a file may have left its size and time as they were.
        await this.#refuseIncomplete();
        const choices = { method: this.#record.sync, ignoreSame: false };
        await runner.run(choices, () => runner.peers.prepareAll());
      } catch (error) {
        const fault = Fault.from(error);
        if (fault.kind !== 'transient' || this.#ending) throw fault;
        this.#wait(`${fault.message} It is tried again.`);
        await this.#delay(Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (attempt - 1)));
      }
    }
    this.#wait(undefined);
    while (!(await this.#arrives(runner)));
    await this.#update({ phase: 'finishing' });
  }

  /** Each time: after a restart of this host its volume may not be mounted. */
  async #refuseIncomplete(): Promise<void> {
    const replica = this.#scenarios.runner(this.#of);
    if (!(replica instanceof ReplicaRunner)) throw new Fault('SCENARIO-NOT-FOUND', { name: this.#of });
    await replica.withHistory((config) => refuseIncomplete(this.#environment, this.#stored, config));
  }

  /** What was remembered over a restart is no proof: a barrier is one. */
  async #arrives(runner: MasterRunner): Promise<boolean> {
    await this.#conditions.until(() => this.#ending || runner.life.is !== 'running' || this.#isSynchronized(runner));
    this.#refuseEnding();
    refuseEnded(runner.life);
    try {
      await runner.barrier(BARRIER_TIMEOUT_MS);
      return this.#isSynchronized(runner);
    } catch {
      // Whatever came between, the link or a stop: it is looked at again.
      await this.#delay(RETRY_MS.first);
      return false;
    }
  }

  /** Everything is there, also what was parked for a while. */
  #isSynchronized(runner: MasterRunner): boolean {
    if (runner.life.is !== 'running') return false;
    const peers = Object.values(runner.life.peers);
    if (peers.length === 0 || runner.life.engine !== 'ready') return false;
    if (peers.some(({ phase, linked }) => phase !== 'synchronized' || !linked)) return false;
    const parked = runner.status().hosts.reduce((sum, { replica }) => sum + (replica?.parked ?? 0), 0);
    this.#wait(
      parked === 0
        ? undefined
        : `${parked} items could not be written on the Master, see \`mainstay parked\` of the Recovery scenario`,
    );
    return parked === 0;
  }

  async #finish(): Promise<void> {
    await this.#stopRecovery();
    await this.#update({ phase: 'over' });
  }

  async #stopRecovery(): Promise<void> {
    const runner = this.#scenarios.runner(this.#record.id);
    if (!(runner instanceof MasterRunner) || runner.life.is === 'stopped') return;
    await runner.stop('after-switchover');
  }

  /** The temporary scenario goes; what it did is in the record. */
  async #remove(): Promise<void> {
    const runner = this.#scenarios.runner(this.#record.id);
    if (runner === undefined) return;
    await runner.shutdown();
    await this.#scenarios.drop(runner.id);
  }

  async #failed(fault: Fault): Promise<void> {
    if (this.#ending) return;
    const { document } = this.#stored;
    this.#environment.events.record('RST-003', { reason: fault.message }, document.name);
    await this.#update({ failed: fault.message });
    // Still running, it would go on behind the operator's back.
    await this.#stopRecovery();
    await this.#settleUndo();
  }

  // ---------------------------------------------------------------- small parts

  #recoveryRunner(): MasterRunner {
    const runner = this.#scenarios.runner(this.#record.id);
    if (runner instanceof MasterRunner) return runner;
    throw new Fault('SCENARIO-NOT-FOUND', { name: 'the Recovery scenario' });
  }

  #refuseEnding(): void {
    if (this.#ending) throw new Fault('ENGINE-ENDED', { reason: STOPPED });
  }

  #wait(why: string | undefined): void {
    if (this.#waits === why) return;
    this.#waits = why;
    this.#changed();
  }

  async #delay(timeoutMs: number): Promise<void> {
    await this.#conditions.until(() => this.#ending, { timeoutMs, what: 'the next try' }).catch(() => undefined);
  }

  /** A rewind that will not go on by itself: the way back leads to before it. */
  async #settleUndo(): Promise<void> {
    const going = this.#stored.undo?.going;
    if (going !== undefined) await this.#updateUndo({ back: going.from, going: undefined });
  }

  async #update(change: Partial<StoredRecovery>): Promise<void> {
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, this.#of);
      if (stored.recovery !== undefined) stored.recovery = { ...stored.recovery, ...change };
    });
    this.#changed();
  }

  async #updateUndo(change: Partial<StoredUndo>): Promise<void> {
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, this.#of);
      if (stored.undo !== undefined) stored.undo = { ...stored.undo, ...change };
    });
  }
}

function refuseEnded(life: ScenarioLife): void {
  if (life.is === 'running') return;
  throw new Fault('ENGINE-ENDED', { reason: life.is === 'failed' ? life.reason : STOPPED });
}

function shown(phase: StoredRecovery['phase']): RecoveryPhase {
  return phase === 'over' ? 'finishing' : phase;
}

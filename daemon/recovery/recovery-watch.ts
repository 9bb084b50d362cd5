/**
 * A restore as the Master of the scenario sees it: the Replica does it and is asked how far it is, until it is over or gone;
 * then the temporary Recovery scenario goes here as well, and what it replaced here waits for `undo`.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { RecoveryStatus, RestoreResult } from '../../shared/rewind.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { Timer } from '../ports.ts';
import { type StoredScenario, storedIn } from '../scenario/book.ts';
import { Conditions } from '../scenario/conditions.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import { NO_APPLICATION } from './application-hooks.ts';
import { goesBack, recoveryName, rewinds } from './plan.ts';
import type { StoredRecovery } from './record.ts';
import { type RecoveryAnswer, resultOf } from './restores.ts';

const LOOK_MS = { running: 400, failed: 3_000, away: 3_000 };
const ASK_TIMEOUT_MS = 15_000;

interface Outcome {
  readonly result?: RestoreResult;
  readonly fault?: Fault;
}

export class RecoveryWatch {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly #announce: (scenarioId: string) => void;
  readonly #answers = new Map<string, RecoveryAnswer>();
  readonly #away = new Map<string, string>();
  readonly #timers = new Map<string, Timer>();
  readonly #outcomes = new Map<string, Outcome>();
  /** Of restores for which the rewind was told of. */
  readonly #toldRewound = new Set<string>();
  readonly #conditions: Conditions;
  #closed = false;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet, announce: (scenarioId: string) => void) {
    this.#environment = environment;
    this.#scenarios = scenarios;
    this.#announce = announce;
    this.#conditions = new Conditions(environment.clock);
  }

  /** After a start of the daemon. */
  resume(): void {
    for (const { document, side, recovery } of this.#environment.book.value.scenarios) {
      if (side !== 'master' || recovery === undefined) continue;
      this.follow(document.id);
      this.look(document.id);
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  /** A restore begins: until it is over nothing else is done with the scenario here. */
  follow(of: string): void {
    this.#outcomes.delete(of);
    const runner = this.#scenarios.runner(of);
    if (!(runner instanceof MasterRunner)) return;
    const ended = () => this.#closed || this.#record(of) === undefined;
    const name = recoveryName(runner.document.name);
    void runner
      .whileStopped(`its data is being restored by "${name}"; wait for it, or remove that`, () =>
        this.#conditions.until(ended),
      )
      .catch(() => undefined);
  }

  /** Resolves when the restore is over; throws `RESTORE-FAILED` when it stops or is removed. */
  async over(of: string): Promise<RestoreResult> {
    await this.#conditions.until(() => this.#closed || this.#outcomes.has(of));
    const { result, fault } = this.#outcomes.get(of) ?? {};
    if (result !== undefined) return result;
    throw fault ?? new Fault('ENGINE-ENDED', { reason: 'the daemon stops; the restore goes on' });
  }

  statusOf(of: string): RecoveryStatus | undefined {
    const stored = this.#stored(of);
    const recovery = stored?.side === 'master' ? stored.recovery : undefined;
    if (stored === undefined || recovery === undefined) return undefined;
    const replica = hostOf(stored, recovery)?.name ?? '';
    const { method, startedAt } = recovery;
    const phase = rewinds(method) ? 'rewinding' : 'synchronizing';
    const scenario = recoveryName(stored.document.name);
    const known = this.#answers.get(of)?.status ?? { method, phase, doneSteps: 0, totalSteps: 0, startedAt, scenario };
    const away = this.#away.get(of);
    return {
      ...known,
      scenario,
      replica,
      ...(away === undefined ? {} : { waits: `${replica} does not answer: ${away}` }),
    };
  }

  /** The Replica knows of it: it is asked at once, and again and again. */
  look(of: string): void {
    this.#plan(of, 0);
  }

  /** The Recovery scenario goes here, whatever the Replica knows; what was overwritten can be undone. */
  async forget(of: string, fault: Fault): Promise<void> {
    const recovery = this.#record(of);
    if (recovery === undefined) return;
    await this.#end(of, recovery, (stored) => {
      stored.recovery = undefined;
    });
    this.#outcome(of, { fault });
  }

  // ---------------------------------------------------------------- asking

  #plan(of: string, delayMs: number): void {
    this.#timers.get(of)?.cancel();
    if (this.#closed) return;
    this.#timers.set(
      of,
      this.#environment.clock.after(delayMs, () => {
        void this.#ask(of).catch((error: unknown) => {
          this.#environment.complain(`restore: ${String(error)}`);
          this.#plan(of, LOOK_MS.away);
        });
      }),
    );
  }

  async #ask(of: string): Promise<void> {
    const recovery = this.#record(of);
    const stored = this.#stored(of);
    if (recovery === undefined || stored === undefined || this.#closed) return;
    const host = hostOf(stored, recovery);
    if (host === undefined) {
      await this.forget(of, failure(stored, 'the scenario has no such Replica any more'));
      return;
    }
    let answer: RecoveryAnswer;
    try {
      const args = { scenarioId: of, id: recovery.id };
      answer = (await this.#environment.peers.request(
        host,
        'peer.recoveryLook',
        args,
        ASK_TIMEOUT_MS,
      )) as RecoveryAnswer;
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.code === 'SCENARIO-NOT-FOUND') answer = {};
      else {
        this.#away.set(of, fault.message);
        this.#announce(of);
        this.#plan(of, LOOK_MS.away);
        return;
      }
    }
    this.#away.delete(of);
    if (this.#record(of)?.id !== recovery.id) return;
    await this.#take(of, stored, recovery, answer);
  }

  async #take(of: string, stored: StoredScenario, recovery: StoredRecovery, answer: RecoveryAnswer): Promise<void> {
    const { status } = answer;
    if (status === undefined) {
      await this.forget(of, failure(stored, `it was removed on ${hostOf(stored, recovery)?.name}`));
      return;
    }
    this.#answers.set(of, answer);
    if (answer.rewound !== undefined && !this.#toldRewound.has(recovery.id)) {
      this.#toldRewound.add(recovery.id);
      this.#environment.events.record('RWD-002', {}, stored.document.name);
    }
    if (answer.over === true) {
      await this.#finish(of, stored, recovery, answer);
      return;
    }
    if (status.failed !== undefined) this.#fails(of, stored, recovery, status.failed);
    else if (recovery.failed !== undefined) await this.#setFailed(of, undefined);
    this.#announceBoth(of, recovery.id);
    this.#plan(of, status.failed === undefined ? LOOK_MS.running : LOOK_MS.failed);
  }

  #fails(of: string, stored: StoredScenario, recovery: StoredRecovery, reason: string): void {
    if (recovery.failed === reason) return;
    this.#environment.events.record('RST-003', { reason }, stored.document.name);
    void this.#setFailed(of, reason);
    this.#outcome(of, { fault: failure(stored, reason) });
  }

  async #setFailed(of: string, failed: string | undefined): Promise<void> {
    if (failed === undefined) this.#outcomes.delete(of);
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, of);
      if (stored.recovery !== undefined) stored.recovery = { ...stored.recovery, failed };
    });
  }

  // ---------------------------------------------------------------- the end

  async #finish(of: string, stored: StoredScenario, recovery: StoredRecovery, answer: RecoveryAnswer): Promise<void> {
    const { clock, events, reports, complain } = this.#environment;
    const now = clock.wallMs();
    const keptMs = settingOf(stored.document.master.settings, 'restore.undoMs');
    const until = goesBack(recovery.method) ? now + keptMs : undefined;
    const document = this.#scenarios.runner(recovery.id)?.document;
    await NO_APPLICATION.afterRestore(stored.document);
    await this.#end(of, recovery, (entry) => {
      entry.recovery = undefined;
      if (entry.undo === undefined) return;
      if (goesBack(recovery.method)) entry.undo = { ...entry.undo, half: undefined, at: now, until };
      else entry.undo = { ...entry.undo, later: recovery.replica };
    });
    const { name } = stored.document;
    if (answer.synchronized !== undefined) {
      events.record('SYN-002', {}, name);
      try {
        if (document !== undefined) reports.addSynchronization(document, false, answer.synchronized);
      } catch (error) {
        complain(`the synchronization report could not be written: ${String(error)}`);
      }
    }
    events.record('RST-002', { replica: hostOf(stored, recovery)?.name ?? '' }, name);
    const replica = hostOf(stored, recovery)?.name ?? '';
    const result = resultOf({ ...recovery, rewound: answer.rewound, synchronized: answer.synchronized }, replica);
    this.#outcome(of, { result: until === undefined ? result : { ...result, undoUntil: until } });
  }

  async #end(of: string, { id }: StoredRecovery, change: (entry: StoredScenario) => void): Promise<void> {
    this.#timers.get(of)?.cancel();
    const runner = this.#scenarios.runner(id);
    await runner?.shutdown();
    // Its folder stays: the journal in it is what `undo` needs.
    await this.#scenarios.drop(id, true);
    await this.#environment.book.update((book) => change(storedIn(book, of)));
    this.#answers.delete(of);
    this.#away.delete(of);
    this.#announceBoth(of, id);
    this.#conditions.check();
  }

  #outcome(of: string, outcome: Outcome): void {
    this.#outcomes.set(of, outcome);
    this.#conditions.check();
  }

  #announceBoth(of: string, id: string): void {
    this.#announce(of);
    this.#announce(id);
  }

  #stored(of: string): StoredScenario | undefined {
    return this.#environment.book.value.scenarios.find(({ document }) => document.id === of);
  }

  #record(of: string): StoredRecovery | undefined {
    return this.#stored(of)?.recovery;
  }
}

function hostOf({ document }: StoredScenario, { replica }: StoredRecovery): HostReference | undefined {
  return document.replicas.find(({ deviceId }) => deviceId === replica);
}

function failure({ document }: StoredScenario, reason: string): Fault {
  return new Fault('RESTORE-FAILED', { name: document.name, reason });
}

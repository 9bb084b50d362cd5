/** The restores of this host as the Replica whose data they take. */
import { Fault } from '../../shared/faults.ts';
import type { RecoveryStatus, RestoreMethod, RestoreResult, RewindResult } from '../../shared/rewind.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { KeptLook, SyncResult } from '../engine/engine-protocol.ts';
import { newRun, ownRoots, type StoredScenario, storedIn } from '../scenario/book.ts';
import { Conditions } from '../scenario/conditions.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import { rewinds } from './plan.ts';
import type { StoredRecovery, StoredUndo } from './record.ts';
import { Restoring } from './restoring.ts';
import { checkPoint, setBack, tellLeft } from './set-back.ts';
import type { UndoProgress } from './undo-progress.ts';
import { refuseIncomplete } from './whole-copy.ts';

export interface RestoreOrder {
  readonly method: RestoreMethod;
  readonly point?: string | undefined;
  readonly sync: 'block' | 'file';
}

/** What the Master hears of a restore; absent `status`: there is none of that id. */
export interface RecoveryAnswer {
  readonly status?: RecoveryStatus;
  /** It is over. */
  readonly rewound?: RewindResult | undefined;
  readonly synchronized?: SyncResult | undefined;
  readonly over?: boolean;
  /** Where the next `undo` of the roots here leads. */
  readonly back?: string | undefined;
  /** The roots here are being given back what the last restore replaced. */
  readonly undoing?: RecoveryStatus | undefined;
}

export interface RestoreBegun {
  /** Items of the Master that the copy does not have: the restore takes them from the Master. */
  readonly parked: number;
}

export type RecoveryAction = 'run' | 'stop' | 'remove';

export class Restores {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly #announce: (scenarioId: string) => void;
  readonly #progress: UndoProgress;
  /** By id of the scenario that is restored. */
  readonly #running = new Map<string, Restoring>();
  readonly #conditions: Conditions;

  constructor(
    environment: ScenarioEnvironment,
    scenarios: RunnerSet,
    announce: (scenarioId: string) => void,
    progress: UndoProgress,
  ) {
    this.#environment = environment;
    this.#scenarios = scenarios;
    this.#announce = announce;
    this.#progress = progress;
    this.#conditions = new Conditions(environment.clock);
  }

  /** After a start of the daemon. */
  resume(): void {
    for (const { document, side, recovery } of this.#environment.book.value.scenarios) {
      if (side === 'replica' && recovery !== undefined && recovery.failed === undefined) {
        this.#restoring(document.id).go();
      }
    }
  }

  async shutdown(): Promise<void> {
    await Promise.all([...this.#running.values()].map((restoring) => restoring.end(false)));
  }

  /** Checks everything that can be refused, remembers it durably and goes on by itself from there. */
  async begin(document: ScenarioDocument, order: RestoreOrder, acceptLost = false): Promise<RestoreBegun> {
    const { recoveryOf = '' } = document;
    const replica = this.#replica(recoveryOf);
    const { name } = replica.document;
    this.#refuseForeign(document, replica);
    if (replica.occupies) {
      throw new Fault('SCENARIO-STATE', {
        name: replica.document.name,
        state: replica.status().state,
        reason: 'stop it first',
      });
    }
    const environment = this.#environment;
    const { point } = order;
    let parked = 0;
    let looked: KeptLook | undefined;
    if (!rewinds(order.method)) {
      parked = await replica.withHistory((config) => refuseIncomplete(environment, replica.stored, config));
    } else {
      if (point === undefined) throw new Fault('USAGE', { reason: 'say which point: see `mainstay points`' });
      looked = await replica.withHistory((config) => checkPoint(environment, config, point, acceptLost));
    }
    await this.#replaceOlder(recoveryOf, document.id);
    const now = environment.clock.wallMs();
    const recovery: StoredRecovery = {
      id: document.id,
      replica: environment.host.deviceId,
      ...order,
      phase: rewinds(order.method) ? 'rewinding' : 'synchronizing',
      startedAt: now,
    };
    await environment.book.update((book) => {
      const stored = storedIn(book, recoveryOf);
      stored.recovery = recovery;
      if (rewinds(order.method)) stored.undo = undoOf(stored.undo, document.id, order.method, now);
      book.scenarios.push({ side: 'master', document, run: newRun(now) });
    });
    this.#scenarios.adopt(document.id, 'master');
    if (parked > 0) environment.events.record('RST-006', { count: parked, replica: environment.host.name }, name);
    this.#restoring(recoveryOf).go(looked);
    return { parked };
  }

  /** Until it is over; throws `RESTORE-FAILED` when it stops. */
  async over(of: string): Promise<RestoreResult> {
    const recovery = () => storedIn(this.#environment.book.value, of).recovery;
    await this.#conditions.until(() => {
      const now = recovery();
      return now === undefined || now.failed !== undefined || this.isOver(of);
    });
    const now = recovery();
    const { name } = storedIn(this.#environment.book.value, of).document;
    if (now === undefined || now.failed !== undefined) {
      throw new Fault('RESTORE-FAILED', { name, reason: now?.failed ?? 'it was removed' });
    }
    return resultOf(now, this.#environment.host.name);
  }

  /** With its temporary scenario removed. */
  isOver(of: string): boolean {
    const { recovery } = storedIn(this.#environment.book.value, of);
    return recovery?.phase === 'over' && this.#scenarios.runner(recovery.id) === undefined;
  }

  /** Undefined: none of this scenario's Replica here is under way. */
  statusOf(of: string): RecoveryStatus | undefined {
    const stored = this.#stored(of);
    if (stored?.side !== 'replica' || stored.recovery === undefined || this.isOver(of)) return undefined;
    return this.#restoring(of).status();
  }

  look(of: string, id: string): RecoveryAnswer {
    const stored = this.#stored(of);
    const recovery = stored?.recovery;
    const back = stored?.undo?.going?.to ?? stored?.undo?.back;
    const undoing = this.#progress.statusOf(of);
    if (recovery === undefined || recovery.id !== id) return { back, undoing };
    const { rewound, synchronized } = recovery;
    const over = this.isOver(of);
    const told = rewound === undefined || over ? rewound : { ...rewound, foreign: [] };
    return { status: this.#restoring(of).status(), rewound: told, synchronized, over, back, undoing };
  }

  async control(of: string, id: string, action: RecoveryAction): Promise<void> {
    const { recovery, document } = storedIn(this.#environment.book.value, of);
    if (recovery === undefined || recovery.id !== id || this.isOver(of)) return;
    const restoring = this.#restoring(of);
    if (action === 'stop') await restoring.end(true);
    else if (action === 'run') {
      if (recovery.failed === undefined) return;
      if (restoring.isGoing) {
        const { scenario } = restoring.status();
        throw new Fault('SCENARIO-STATE', {
          name: scenario,
          state: 'failed',
          reason: 'it is still stopping; wait for it',
        });
      }
      await this.#environment.book.update((book) => {
        const stored = storedIn(book, of);
        stored.recovery = { ...recovery, failed: undefined, stopped: undefined };
      });
      this.#environment.events.record('RST-001', { method: recovery.method }, document.name);
      restoring.go();
    } else await this.#remove(of, recovery);
    this.#changed(of, id);
  }

  /** What a rewind of the roots here replaced comes back. `back`: where the Master thinks that it leads; absent: ask nobody. */
  async undo(of: string, back?: string): Promise<RewindResult> {
    const { undo, document, recovery } = storedIn(this.#environment.book.value, of);
    if (recovery !== undefined && !this.isOver(of)) throw this.#underWay(of);
    const to = undo?.going?.to ?? undo?.back;
    if (undo === undefined || to === undefined) throw new Fault('UNDO-NONE', { name: document.name });
    const result = { steps: 0, foreign: [], foreignCount: 0, undoPoint: undo.back ?? '', tookMs: 0 };
    // It was done and the answer was lost.
    if (back !== undefined && back !== to) return result;
    const { events, book } = this.#environment;
    events.record('RWD-001', { point: `${to} (undo)` }, document.name);
    const undone = await this.#progress.during({ id: of, name: document.name, method: undo.method }, () =>
      this.#replica(of).setBack((config) =>
        setBack(this.#environment, {
          config,
          to,
          before: undo,
          remember: (change) =>
            book.update((value) => {
              const stored = storedIn(value, of);
              if (stored.undo !== undefined) stored.undo = { ...stored.undo, ...change };
            }),
          onProgress: this.#progress.here(of),
        }),
      ),
    );
    events.record('RWD-002', {}, document.name);
    tellLeft(events, undone, document.name);
    return undone;
  }

  /** The Master goes on with the Replica here: what was half set back is no state to come back to any more. */
  async running(of: string): Promise<void> {
    const undo = this.#stored(of)?.undo;
    if (undo === undefined || (undo.ran === true && undo.half !== true)) return;
    await this.#environment.book.update((book) => {
      storedIn(book, of).undo = { ...undo, half: undefined, ran: true };
    });
  }

  /** Throws `SCENARIO-STATE` while a restore of the scenario is under way here. */
  refuseWhileRestoring(of: string): void {
    const stored = this.#stored(of);
    if (stored?.recovery !== undefined && stored.side === 'replica' && !this.isOver(of)) throw this.#underWay(of);
  }

  /** Something about a scenario changed. */
  noticed(id: string): void {
    const of = this.#environment.book.value.scenarios.find(({ document }) => document.id === id)?.document.recoveryOf;
    if (of !== undefined) this.#running.get(of)?.noticed();
    this.#conditions.check();
  }

  async synchronized(document: ScenarioDocument, result: SyncResult): Promise<void> {
    if (document.recoveryOf !== undefined) await this.#running.get(document.recoveryOf)?.synchronized(result);
  }

  // ---------------------------------------------------------------- small parts

  #underWay(of: string): Fault {
    const { document } = storedIn(this.#environment.book.value, of);
    const reason = `a restore from ${this.#environment.host.name} is under way or has to be removed: "${this.#restoring(of).status().scenario}"`;
    return new Fault('SCENARIO-STATE', { name: document.name, state: 'recovering', reason });
  }

  async #remove(of: string, { id, failed }: StoredRecovery): Promise<void> {
    const runner = this.#scenarios.runner(id);
    if (failed === undefined) {
      const name = runner?.document.name ?? '';
      throw new Fault('SCENARIO-STATE', { name, state: 'recovering', reason: 'stop it first' });
    }
    await this.#environment.book.update((book) => {
      storedIn(book, of).recovery = undefined;
    });
    this.#running.delete(of);
    if (runner === undefined) return;
    await runner.shutdown();
    await this.#scenarios.drop(id);
  }

  /** The Master begins another one: one that it does not know any more goes. */
  async #replaceOlder(of: string, id: string): Promise<void> {
    const { recovery } = storedIn(this.#environment.book.value, of);
    if (recovery === undefined || this.isOver(of)) return;
    if (recovery.id === id && recovery.failed === undefined) throw this.#underWay(of);
    await this.#restoring(of).end(true);
    await this.#remove(of, { ...recovery, failed: 'replaced' });
  }

  #refuseForeign(document: ScenarioDocument, { stored }: ReplicaRunner): void {
    const { deviceId } = this.#environment.host;
    const roots = ownRoots(stored, deviceId);
    const master = stored.document.master.deviceId;
    const right =
      document.master.deviceId === deviceId &&
      document.replicas.length === 1 &&
      document.replicas[0]?.deviceId === master &&
      document.roots.every((root) => roots.includes(root.master));
    if (!right) throw new Fault('SCENARIO-INVALID', { path: 'recoveryOf', reason: 'not of this scenario and host' });
  }

  #restoring(of: string): Restoring {
    let restoring = this.#running.get(of);
    if (restoring === undefined) {
      restoring = new Restoring(this.#environment, this.#scenarios, of, () => this.#changed(of));
      this.#running.set(of, restoring);
    }
    return restoring;
  }

  #changed(of: string, id = this.#stored(of)?.recovery?.id): void {
    this.#announce(of);
    if (id !== undefined) this.#announce(id);
    this.#conditions.check();
  }

  #stored(of: string): StoredScenario | undefined {
    return this.#environment.book.value.scenarios.find(({ document }) => document.id === of);
  }

  #replica(of: string): ReplicaRunner {
    const runner = this.#scenarios.runner(of);
    if (runner instanceof ReplicaRunner) return runner;
    throw new Fault('SCENARIO-NOT-FOUND', { name: of });
  }
}

/** After a restore that was given up half way the way back still leads to before that one. */
function undoOf(older: StoredUndo | undefined, id: string, method: RestoreMethod, at: number): StoredUndo {
  const back = older?.half === true ? older.back : undefined;
  return { id, method, at, half: true, ...(back === undefined ? {} : { back }) };
}

export function resultOf(
  { method, rewound, synchronized }: Pick<StoredRecovery, 'method' | 'rewound' | 'synchronized'>,
  replica: string,
): RestoreResult {
  const { steps = 0, foreign = [], foreignCount = 0, lostCount = 0, tookMs = 0, undoPoint } = rewound ?? {};
  return {
    method,
    replica,
    steps,
    foreign,
    foreignCount,
    ...(lostCount === 0 ? {} : { lostCount }),
    tookMs,
    ...(undoPoint === undefined ? {} : { undoPoint }),
    ...(synchronized === undefined ? {} : { synchronization: reverseOf(synchronized) }),
  };
}

function reverseOf(result: SyncResult) {
  const { comparedEntries, sentFiles, sentBytes, created, updated, removed, metadataOnly, identical } = result;
  return { comparedEntries, sentFiles, sentBytes, created, updated, removed, metadataOnly, identical };
}

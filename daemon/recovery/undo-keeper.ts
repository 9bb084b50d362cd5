/** What restores replaced on this host as the Master: given back by `undo`, removed when its time is over. */
import { Fault } from '../../shared/faults.ts';
import type { RewindResult } from '../../shared/rewind.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { EngineConfig } from '../engine/engine-protocol.ts';
import type { Timer } from '../ports.ts';
import { storedIn } from '../scenario/book.ts';
import { engineConfig } from '../scenario/engine-config.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { MasterRunner } from '../scenario/master-runner.ts';
import type { StoredUndo } from './record.ts';
import { forgetHistory, setBack } from './set-back.ts';
import type { UndoProgress } from './undo-progress.ts';

const LOOK_MS = 60_000;
const EPOCH = 1;

/** A clock that is wrong when the host starts is set right within this time. */
const GRACE_MS = 600_000;

export class UndoKeeper {
  /** By id of the undo: when it was seen first, and how much of its time was left then. */
  readonly #seen = new Map<string, { readonly bootMs: number; readonly leftMs: number }>();
  readonly #environment: ScenarioEnvironment;
  readonly #progress: UndoProgress;
  #timer: Timer | undefined;
  #closed = false;
  /** One thing after another: all of it works in the same roots. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(environment: ScenarioEnvironment, progress: UndoProgress) {
    this.#environment = environment;
    this.#progress = progress;
  }

  start(): void {
    void this.#look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#work;
  }

  /** The roots of the Master as they were before the last restore; `more`: the Replica's part comes after. */
  undoOwn(runner: MasterRunner, more: boolean): Promise<RewindResult> {
    return this.#alone(() => this.#undoOwn(runner, more));
  }

  async #undoOwn(runner: MasterRunner, more: boolean): Promise<RewindResult> {
    const { id: of } = runner;
    const { undo, document } = runner.stored;
    const to = undo?.going?.to ?? undo?.back;
    if (undo?.document === undefined || to === undefined) throw new Fault('UNDO-NONE', { name: document.name });
    const config = this.#configOf(undo.id, undo.document);
    const result = await setBack(this.#environment, {
      config,
      to,
      before: undo,
      remember: (change) => this.change(of, change),
      onProgress: this.#progress.here(of),
    });
    await this.change(of, { half: undefined, ownDone: more ? true : undefined });
    return result;
  }

  async change(of: string, change: Partial<StoredUndo>): Promise<void> {
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, of);
      if (stored.undo !== undefined) stored.undo = { ...stored.undo, ...change };
    });
  }

  /** A restore of the Recovery scenario `document` begins to overwrite the Master: how it comes back is durable before. */
  async overwriting(document: ScenarioDocument, method: StoredUndo['method'], replica: string): Promise<void> {
    const { recoveryOf = '', id } = document;
    await this.#work;
    const older = storedIn(this.#environment.book.value, recoveryOf).undo;
    if (older?.id === id) {
      await this.change(recoveryOf, { half: true, document });
      return;
    }
    const at = this.#environment.clock.wallMs();
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, recoveryOf);
      // Removing much takes long, and the restore waits for this.
      if (older?.document !== undefined) stored.spent = [...(stored.spent ?? []), older];
      stored.undo = { id, method, at, replica, document, back: 'start', half: true };
    });
  }

  /** What the last restore replaced is not wanted any more. */
  forget(of: string): Promise<void> {
    return this.#alone(() => this.#forget(of));
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #forget(of: string): Promise<void> {
    const { undo, document } = storedIn(this.#environment.book.value, of);
    if (undo === undefined) return;
    await this.#removeKept(undo);
    await this.#environment.book.update((book) => {
      storedIn(book, of).undo = undefined;
    });
    this.#environment.events.record('RST-005', {}, document.name);
  }

  async #removeKept({ id, document }: StoredUndo): Promise<void> {
    if (document === undefined) return;
    await forgetHistory(this.#environment, this.#configOf(id, document));
    this.#environment.folders.remove(id);
  }

  async #removeSpent(of: string): Promise<void> {
    for (const undo of storedIn(this.#environment.book.value, of).spent ?? []) {
      await this.#removeKept(undo);
      await this.#environment.book.update((book) => {
        const stored = storedIn(book, of);
        const left = stored.spent?.filter(({ id }) => id !== undo.id) ?? [];
        stored.spent = left.length === 0 ? undefined : left;
      });
    }
  }

  async #look(): Promise<void> {
    const { book, clock, complain } = this.#environment;
    for (const stored of book.value.scenarios) {
      // An engine of a restore works in the same roots.
      if (stored.side !== 'master' || stored.recovery !== undefined || this.#closed) continue;
      const { id } = stored.document;
      try {
        // A root that is not there now is tried again.
        await this.#alone(() => this.#removeSpent(id));
        if (stored.undo !== undefined && this.#isOver(stored.undo)) await this.forget(id);
      } catch (error) {
        complain(`undo: ${String(error)}`);
      }
    }
    if (!this.#closed) this.#timer = clock.after(LOOK_MS, () => void this.#look());
  }

  /** A clock set forward takes away at most half of the time that was left. */
  #isOver({ id, until, half, going }: StoredUndo): boolean {
    const { clock } = this.#environment;
    if (until === undefined || half === true || going !== undefined) return false;
    const seen = this.#seen.get(id) ?? { bootMs: clock.bootMs(), leftMs: Math.max(0, until - clock.wallMs()) };
    this.#seen.set(id, seen);
    const waitedMs = clock.bootMs() - seen.bootMs;
    return until <= clock.wallMs() && waitedMs >= Math.max(GRACE_MS, seen.leftMs / 2);
  }

  #configOf(id: string, document: ScenarioDocument): EngineConfig {
    const directory = this.#environment.folders.open(id);
    const self = document.replicas[0] as HostReference;
    return engineConfig({ document, role: 'replica', self, directory, host: this.#environment.host, epoch: EPOCH });
  }
}

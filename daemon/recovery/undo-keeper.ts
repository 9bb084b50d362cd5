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

const LOOK_MS = 60_000;
const EPOCH = 1;

export class UndoKeeper {
  readonly #environment: ScenarioEnvironment;
  #timer: Timer | undefined;
  #closed = false;
  /** What is being removed now. */
  #forgetting: Promise<void> = Promise.resolve();

  constructor(environment: ScenarioEnvironment) {
    this.#environment = environment;
  }

  start(): void {
    void this.#look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#forgetting;
  }

  /** The roots of the Master as they were before the last restore; `more`: the Replica's part comes after. */
  async undoOwn(runner: MasterRunner, more: boolean): Promise<RewindResult> {
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
    const older = storedIn(this.#environment.book.value, recoveryOf).undo;
    if (older?.id === id) {
      await this.change(recoveryOf, { half: true, document });
      return;
    }
    if (older?.document !== undefined) await this.forget(recoveryOf);
    const at = this.#environment.clock.wallMs();
    await this.#environment.book.update((book) => {
      storedIn(book, recoveryOf).undo = { id, method, at, replica, document, back: 'start', half: true };
    });
  }

  /** What the last restore replaced is not wanted any more. */
  forget(of: string): Promise<void> {
    this.#forgetting = this.#forgetting.then(() => this.#forget(of));
    const done = this.#forgetting;
    this.#forgetting = done.catch(() => undefined);
    return done;
  }

  async #forget(of: string): Promise<void> {
    const { undo, document } = storedIn(this.#environment.book.value, of);
    if (undo === undefined) return;
    if (undo.document !== undefined) {
      await forgetHistory(this.#environment, this.#configOf(undo.id, undo.document));
      this.#environment.folders.remove(undo.id);
    }
    await this.#environment.book.update((book) => {
      storedIn(book, of).undo = undefined;
    });
    this.#environment.events.record('RST-005', {}, document.name);
  }

  async #look(): Promise<void> {
    const { book, clock, complain } = this.#environment;
    for (const { document, undo, side } of book.value.scenarios) {
      if (side !== 'master' || undo?.until === undefined || undo.until > clock.wallMs()) continue;
      if (undo.half === true || undo.going !== undefined) continue;
      // A root that is not there now is tried again.
      await this.forget(document.id).catch((error: unknown) => complain(`undo: ${String(error)}`));
    }
    if (!this.#closed) this.#timer = clock.after(LOOK_MS, () => void this.#look());
  }

  #configOf(id: string, document: ScenarioDocument): EngineConfig {
    const directory = this.#environment.folders.open(id);
    const self = document.replicas[0] as HostReference;
    return engineConfig({ document, role: 'replica', self, directory, host: this.#environment.host, epoch: EPOCH });
  }
}

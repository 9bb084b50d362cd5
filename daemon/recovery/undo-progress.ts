/** How far an undo is that is under way here, as the status of its scenario shows it: like a restore, one host after another. */
import type { RecoveryStatus, RestoreMethod } from '../../shared/rewind.ts';
import type { RewindProgress } from '../engine/engine-protocol.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';

/** How often a host that is being set back is asked how far it is, ms. */
const LOOK_MS = 400;

export interface UndoOf {
  /** Id and name of the scenario. */
  readonly id: string;
  readonly name: string;
  /** Of the restore that is undone. */
  readonly method: RestoreMethod;
}

/** Of one host that is set back. */
type OfHost = Partial<Pick<RecoveryStatus, 'doneSteps' | 'totalSteps' | 'path' | 'waits'>>;

export class UndoProgress {
  readonly #environment: ScenarioEnvironment;
  readonly #announce: (scenarioId: string) => void;
  /** By id of the scenario. */
  readonly #going = new Map<string, RecoveryStatus>();

  constructor(environment: ScenarioEnvironment, announce: (scenarioId: string) => void) {
    this.#environment = environment;
    this.#announce = announce;
  }

  /** Undefined: nothing of it is being undone here. */
  statusOf(id: string): RecoveryStatus | undefined {
    return this.#going.get(id);
  }

  /** Shows the undo while `work` is done. */
  async during<T>({ id, name, method }: UndoOf, work: () => Promise<T>): Promise<T> {
    this.#going.set(id, {
      undo: true,
      method,
      phase: 'rewinding',
      doneSteps: 0,
      totalSteps: 0,
      startedAt: this.#environment.clock.wallMs(),
      scenario: name,
      replica: this.#environment.host.name,
    });
    this.#announce(id);
    try {
      return await work();
    } finally {
      this.#going.delete(id);
      this.#announce(id);
    }
  }

  /** The roots of this host are being set back. */
  here(id: string): (progress: RewindProgress) => void {
    return (progress) => this.#tell(id, this.#environment.host.name, progress);
  }

  /** Another host is being set back, as long as `work` takes; `look` asks it how far it is. */
  async there<T>(
    id: string,
    host: string,
    work: Promise<T>,
    look: () => Promise<RecoveryStatus | undefined>,
  ): Promise<T> {
    let over = false;
    const ended = work.finally(() => {
      over = true;
    });
    // Told by whoever awaits the work.
    ended.catch(() => undefined);
    this.#tell(id, host, {});
    const ask = async (): Promise<void> => {
      const seen = await look().catch(() => undefined);
      if (over) return;
      if (seen !== undefined) this.#tell(id, host, seen);
      this.#environment.clock.after(LOOK_MS, () => void (over || ask()));
    };
    void ask();
    return await ended;
  }

  #tell(id: string, replica: string, { doneSteps = 0, totalSteps = 0, path, waits }: OfHost): void {
    const going = this.#going.get(id);
    if (going === undefined) return;
    const { path: _path, waits: _waits, ...rest } = going;
    this.#going.set(id, {
      ...rest,
      replica,
      doneSteps,
      totalSteps,
      ...(path === undefined ? {} : { path }),
      ...(waits === undefined ? {} : { waits }),
    });
    this.#announce(id);
  }
}

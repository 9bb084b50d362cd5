/** A state file that survives a kill and a power cut, as the contract says; damage can be injected. */
import type { StateFile } from '../../daemon/ports.ts';
import { Fault } from '../../shared/faults.ts';

export class MemoryStateFile implements StateFile {
  private saved: Uint8Array | undefined;
  private damaged = false;
  /** Throw from here to make a save fail; the old content then stays. */
  beforeSave: () => void = () => {};
  /** Throw from here as one that is killed after a save: the new content is there. */
  afterSave: () => void = () => {};

  load(): Uint8Array | undefined {
    if (this.damaged) {
      this.damaged = false;
      this.saved = undefined;
      throw new Fault('STATE-DAMAGED', { path: 'memory', reason: 'checksum' });
    }
    return this.saved && new Uint8Array(this.saved);
  }

  save(bytes: Uint8Array): void {
    this.beforeSave();
    this.saved = new Uint8Array(bytes);
    this.damaged = false;
    this.afterSave();
  }

  /** The next `load` finds a damaged file (when there is one). */
  damage(): void {
    this.damaged = this.saved !== undefined;
  }
}

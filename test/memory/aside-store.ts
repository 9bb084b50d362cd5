/** What is kept aside, in memory; a kill loses what was not flushed. */
import { type AsideStore, asideBytes } from '../../daemon/aside/kept-aside.ts';
import { ASIDE_KINDS } from '../../daemon/aside/record.ts';
import type { FileId } from '../../daemon/ports.ts';

interface Row {
  readonly kinds: number;
  readonly bytes: Uint8Array;
}

export class MemoryAsideStore implements AsideStore {
  private rows = new Map<string, Row>();
  private durable = { rows: new Map<string, Row>(), told: 0 };
  told = 0;

  get count(): number {
    return this.rows.size;
  }

  get bytes(): number {
    return [...this.rows.values()].reduce((sum, { bytes }) => sum + asideBytes(bytes), 0);
  }

  get counts(): number[] {
    return ASIDE_KINDS.map((_, index) => [...this.rows.values()].filter(({ kinds }) => (kinds >> index) & 1).length);
  }

  get(id: FileId): Uint8Array | undefined {
    return this.rows.get(keyOf(id))?.bytes;
  }

  set(id: FileId, kinds: number, bytes: Uint8Array): void {
    this.rows.set(keyOf(id), { kinds, bytes });
  }

  remove(id: FileId): void {
    this.rows.delete(keyOf(id));
  }

  setTold(kinds: number): void {
    this.told = kinds;
  }

  flush(): void {
    this.durable = { rows: new Map(this.rows), told: this.told };
  }

  /** What another engine of the same host sees of it. */
  shared(): AsideStore {
    const ours = () => this.durable.rows;
    return {
      get count() {
        return ours().size;
      },
      counts: [],
      bytes: 0,
      told: 0,
      get: (id) => ours().get(keyOf(id))?.bytes,
      set: refuse,
      remove: refuse,
      setTold: refuse,
      flush: refuse,
      close: () => {},
    };
  }

  /** What a killed process leaves. */
  close(): void {
    this.rows = new Map(this.durable.rows);
    this.told = this.durable.told;
  }
}

function keyOf({ inode, birthNs }: FileId): string {
  return `${inode}.${birthNs}`;
}

function refuse(): never {
  throw new Error('it is only looked at');
}

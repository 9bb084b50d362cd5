/** Port: where tails are kept. Everything of a quarantine is durable before it has its name; what has no name is removed. */
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { TailEntry } from '../engine/master-tail.ts';

export interface QuarantineStore {
  /**
   * Copies the contents of `entries` (as they are in `roots` now). Throws `FS-FULL` and what else keeps it from being
   * complete: then there is none. One of the same id that is complete is left as it is.
   */
  keep(
    scenarioId: string,
    head: Omit<QuarantineHead, 'items' | 'bytes'>,
    entries: readonly TailEntry[],
    roots: readonly string[],
  ): Promise<QuarantineHead>;
  /** Newest first. */
  list(scenarioId: string): Promise<readonly QuarantineHead[]>;
  /** Throws `QUARANTINE-NOT-FOUND`. */
  items(scenarioId: string, id: string): Promise<readonly QuarantineItem[]>;
  /** Writes the contents below `to`, which must not exist yet; answers how many. Throws `QUARANTINE-NOT-FOUND`, `FS-*`. */
  extract(scenarioId: string, id: string, to: string, path: string | undefined): Promise<number>;
  /** Throws `QUARANTINE-NOT-FOUND`. */
  discard(scenarioId: string, id: string): Promise<void>;
}

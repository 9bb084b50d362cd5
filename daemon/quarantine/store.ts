/** Port: where tails are kept. Everything of a quarantine is durable before it has its name; what has no name is removed. */
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { TailEntry } from '../engine/master-tail.ts';

export type NewQuarantine = Omit<QuarantineHead, 'id' | 'items' | 'bytes'>;

export interface QuarantinePage {
  readonly items: readonly QuarantineItem[];
  /** Number of the first item of the next page; absent: this was the last. */
  readonly next?: number;
}

export interface QuarantineSearch {
  /** Number of the first item that is looked at; default the first one. */
  readonly from?: number | undefined;
  /** Only paths that have this in them, whatever the case. */
  readonly filter?: string | undefined;
  readonly limit?: number | undefined;
}

export interface QuarantinePlace {
  readonly root: number;
  readonly path: string;
}

export interface QuarantineLook {
  readonly item: QuarantineItem;
  /** Absent: it has none, or more than that. */
  readonly content?: Uint8Array;
}

export interface QuarantinePiece {
  readonly item: QuarantineItem;
  readonly bytes: Uint8Array;
  /** Where to go on; absent: this was the end. */
  readonly next?: number;
}

export interface QuarantineStore {
  /**
   * Copies the contents of what `pages` name (as they are in `roots` now). Throws `FS-FULL` and what else keeps it from being
   * complete: then there is none, and the roots are as they were. The one that holds this already is answered as it is.
   */
  keep(
    scenarioId: string,
    head: NewQuarantine,
    pages: AsyncIterable<readonly TailEntry[]>,
    roots: readonly string[],
  ): Promise<QuarantineHead>;
  /** Ids of all scenarios that something was kept of, also of those this host does not have any more. */
  scenarios(): Promise<readonly string[]>;
  /** Newest first. */
  list(scenarioId: string): Promise<readonly QuarantineHead[]>;
  /** Throws `QUARANTINE-NOT-FOUND`. */
  items(scenarioId: string, id: string, page?: QuarantineSearch): Promise<QuarantinePage>;
  /** One item and its content up to `limitBytes`; throws `QUARANTINE-NOT-FOUND`, `FS-NOT-FOUND` for a path that is not in it. */
  look(scenarioId: string, id: string, place: QuarantinePlace, limitBytes: number): Promise<QuarantineLook>;
  /** A piece of the content of an item, from `position` on; no bytes when it has none. Throws as `look` does. */
  piece(scenarioId: string, id: string, place: QuarantinePlace, position: number): Promise<QuarantinePiece>;
  /**
   * Writes files, links and directories below `to`, which must not exist yet; answers how many files. What is there is removed again when
   * it fails. Throws `QUARANTINE-NOT-FOUND`, `QUARANTINE-DAMAGED`, `FS-*`.
   */
  extract(scenarioId: string, id: string, to: string, path: string | undefined): Promise<number>;
  /** Throws `QUARANTINE-NOT-FOUND`. */
  discard(scenarioId: string, id: string): Promise<void>;
}

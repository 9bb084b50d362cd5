/** What a Master has that a Replica had not received when it became active without it: the tail of its history. Pure but for reading. */
import type { Intent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';

export interface TailRequest {
  /** What the other host had: the history it belongs to, and how far. */
  readonly generation: string;
  readonly after: number;
  /** Position of the last page; absent: from the beginning. */
  readonly from?: number;
}

/** One place, by its name of now. `removed`: it is not here any more. */
export interface TailEntry {
  readonly root: number;
  readonly path: string;
  readonly kind: Intent['kind'];
  readonly type: 'file' | 'directory' | 'symlink' | 'gone';
  /** `rename`: the name it had. */
  readonly before?: string;
  readonly sizeBytes: number;
}

export interface TailPage {
  /** Another history, or its end was dropped because the spool was full: only a comparison of everything tells. */
  readonly unrelated?: true;
  readonly entries: readonly TailEntry[];
  /** Ask again from there; absent: this was all. */
  readonly next?: number;
}

const PAGE = 2_000;

export function tailPage(state: MasterState, generation: string, request: TailRequest): TailPage {
  const { after, from = after } = request;
  if (request.generation !== generation || after < state.trimmedSeq) return { unrelated: true, entries: [] };
  const page = state.intentsAfter(from, PAGE);
  const entries = page.flatMap((intent) => entryOf(state, intent) ?? []);
  const last = page.at(-1)?.seq;
  return { entries, ...(page.length === PAGE && last !== undefined ? { next: last } : {}) };
}

function entryOf(state: MasterState, intent: Intent): TailEntry | undefined {
  const { root, path, kind, other } = intent;
  if (kind === 'remove') return { root, path, kind, type: 'gone', sizeBytes: 0 };
  const row = state.byId(intent.entry);
  // Removed later: that is said by itself.
  if (row === undefined) return undefined;
  const place = state.placeOf(row);
  const now = place?.root === root ? place.path : path;
  const before = kind === 'rename' ? { before: other } : {};
  return { root, path: now, kind, type: row.type, ...before, sizeBytes: row.sizeBytes };
}

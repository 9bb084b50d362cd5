/** What a Master has that a Replica had not received when it became active without it: the tail of its history. Pure but for reading. */
import type { Intent, IntentKind } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';

export interface TailRequest {
  /** What the other host had: the history it belongs to, and how far. */
  readonly generation: string;
  readonly after: number;
  /** Position of the last page; absent: from the beginning. */
  readonly from?: number;
}

/** One place, once, by its name of now. `remove`: it is not here any more. */
export interface TailEntry {
  readonly root: number;
  readonly path: string;
  /** What says most of all that was done to it. */
  readonly kind: IntentKind;
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
const BY_WEIGHT: readonly IntentKind[] = ['rename', 'put', 'make-directory', 'symlink', 'link', 'metadata'];

export function tailPage(state: MasterState, generation: string, request: TailRequest): TailPage {
  const { after, from = after } = request;
  if (request.generation !== generation || after < state.trimmedSeq) return { unrelated: true, entries: [] };
  const page = state.intentsAfter(from, PAGE);
  const entries = page.flatMap((intent) => entryOf(state, intent, after) ?? []);
  const last = page.at(-1)?.seq;
  return { entries, ...(page.length === PAGE && last !== undefined ? { next: last } : {}) };
}

function entryOf(state: MasterState, intent: Intent, after: number): TailEntry | undefined {
  const { root, path, kind } = intent;
  if (kind === 'remove') {
    // Something else took its place: that is said by itself.
    if (state.lookup(root, path) !== undefined) return undefined;
    return { root, path, kind, type: 'gone', sizeBytes: 0 };
  }
  const row = state.byId(intent.entry);
  // Removed later, or said at its last change.
  if (row === undefined || newestOf(state, intent.entry) > intent.seq) return undefined;
  const place = state.placeOf(row);
  const now = place?.root === root ? place.path : path;
  const weightiest = BY_WEIGHT.find((one) => state.newestIntent(intent.entry, one) > after) ?? kind;
  const before = weightiest === 'rename' ? state.nameBefore(intent.entry, after) : undefined;
  const { type, sizeBytes } = row;
  return { root, path: now, kind: weightiest, type, ...(before === undefined ? {} : { before }), sizeBytes };
}

function newestOf(state: MasterState, entry: number): number {
  return Math.max(...BY_WEIGHT.map((kind) => state.newestIntent(entry, kind)));
}

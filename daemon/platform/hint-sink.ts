/** Where capture sources put what they see of one watch: coalesced within a batch, then posted to the engine's thread. */

import { CONTROL_NAME, joinPath, type RelativePath } from '../../shared/path.ts';
import type { CaptureHint } from '../ports.ts';

/**
 * A new name is held back this long for the `close` that mostly follows within microseconds: a file looked at before its
 * writer is done would be sent twice. Links and pipes have no close and are reported after it.
 */
const CREATED_HOLD_MS = 3;

/** Hints posted at once; more are split, so that the engine can start on the first. */
const MAX_BATCH_HINTS = 4096;

/** What a capture source needs of it. */
export type HintReceiver = Pick<HintSink, 'dirty' | 'created' | 'rename' | 'overflow' | 'cookie' | 'rootLost'>;

export class HintSink {
  private readonly post: (hints: readonly CaptureHint[]) => void;
  private readonly nowMs: () => number;
  /** Asked first; true = the cookie was for the source itself. */
  onCookie: (name: string) => boolean = () => false;
  private batch: CaptureHint[] = [];
  /** Index in `batch` of the dirty hint of a path, by root. */
  private readonly known = new Map<number, Map<RelativePath, number>>();
  /** New names not reported yet, with the time they must be. */
  private readonly held = new Map<string, { root: number; path: RelativePath; dueMs: number }>();

  private readonly lost = new Set<number>();

  /** Cookies of these roots wait until `releaseCookies`: a part of the root is captured by another source. */
  readonly holding = new Set<number>();
  private heldCookies: { readonly root: number; readonly name: string }[] = [];

  constructor(post: (hints: readonly CaptureHint[]) => void, nowMs: () => number) {
    this.post = post;
    this.nowMs = nowMs;
  }

  dirty(root: number, path: RelativePath, closed: boolean, written = false): void {
    if (isOurs(path)) return;
    if (this.held.size > 0) this.held.delete(`${root}:${path}`);
    let paths = this.known.get(root);
    if (paths === undefined) {
      paths = new Map();
      this.known.set(root, paths);
    }
    const at = paths.get(path);
    if (at === undefined) {
      paths.set(path, this.batch.length);
      this.add(written ? { kind: 'dirty', root, path, closed, written } : { kind: 'dirty', root, path, closed });
    } else if (closed) {
      const before = this.batch[at];
      const wasWritten = written || (before?.kind === 'dirty' && before.written === true);
      this.batch[at] = { kind: 'dirty', root, path, closed, ...(wasWritten ? { written: true } : {}) };
    }
  }

  /** A name appeared that is not a directory. */
  created(root: number, path: RelativePath): void {
    if (isOurs(path) || this.known.get(root)?.has(path)) return;
    const key = `${root}:${path}`;
    if (!this.held.has(key)) this.held.set(key, { root, path, dueMs: this.nowMs() + CREATED_HOLD_MS });
  }

  rename(root: number, from: RelativePath, to: RelativePath): void {
    if (isOurs(from) || isOurs(to)) {
      this.dirty(root, from, true);
      this.dirty(root, to, true);
      return;
    }
    this.releaseHeld(Infinity);
    // What follows under either name is another story than what came before.
    this.known.clear();
    this.add({ kind: 'rename', root, from, to });
  }

  overflow(root: number, path: RelativePath, reason: string): void {
    this.known.clear();
    this.add({ kind: 'overflow', root, path, reason });
  }

  /** All places where other volumes are mounted. */
  mounts(root: number, paths: readonly RelativePath[]): void {
    this.releaseHeld(Infinity);
    this.known.clear();
    this.add({ kind: 'mounts', root, paths });
  }

  get hasHeldCookies(): boolean {
    return this.heldCookies.length > 0;
  }

  releaseCookies(): void {
    const released = this.heldCookies;
    this.heldCookies = [];
    for (const { root, name } of released) this.passCookie(root, name);
  }

  cookie(root: number, name: string): void {
    if (this.onCookie(name)) return;
    if (this.holding.has(root)) this.heldCookies.push({ root, name });
    else this.passCookie(root, name);
  }

  private passCookie(root: number, name: string): void {
    this.releaseHeld(Infinity);
    this.known.clear();
    this.add({ kind: 'cookie', root, name });
  }

  /** Once, until it is back. */
  rootLost(root: number): void {
    if (this.lost.has(root)) return;
    this.lost.add(root);
    this.add({ kind: 'root-lost', root });
  }

  /** The root is where it was; true when it had been lost. */
  rootPresent(root: number): boolean {
    return this.lost.delete(root);
  }

  /** Posts what is due. Returns when the next held name is due, in ms from now; undefined when none is held. */
  flush(): number | undefined {
    const nowMs = this.nowMs();
    if (this.held.size > 0) this.releaseHeld(nowMs);
    if (this.batch.length > 0) {
      const hints = this.batch;
      this.batch = [];
      this.known.clear();
      this.post(hints);
    }
    for (const { dueMs } of this.held.values()) return Math.max(0, dueMs - nowMs);
    return undefined;
  }

  private releaseHeld(untilMs: number): void {
    for (const [key, { root, path, dueMs }] of this.held) {
      if (dueMs > untilMs) return;
      this.held.delete(key);
      this.dirty(root, path, true);
    }
  }

  private add(hint: CaptureHint): void {
    this.batch.push(hint);
    if (this.batch.length < MAX_BATCH_HINTS) return;
    const hints = this.batch;
    this.batch = [];
    this.known.clear();
    this.post(hints);
  }
}

/** Our own directory, at any depth. */
function isOurs(path: RelativePath): boolean {
  return path.includes(CONTROL_NAME) && path.split('/').includes(CONTROL_NAME);
}

/** What a capture source is told to watch. */
export interface WatchedRoot {
  /** Absolute path, with links resolved. */
  readonly path: string;
  /** The number in its hints. */
  readonly root: number;
  readonly sink: HintSink;
  /** Directory whose new names are cookies. */
  readonly cookies: string;
}

/** A root, or a volume mounted below one, as one source sees it: its hints are told with paths below `path`. */
export type WatchedPlace = Omit<WatchedRoot, 'sink'> & { readonly sink: HintReceiver };

/** Hints of a volume mounted at `prefix` become hints of the root around it. */
export function receiverBelow(prefix: RelativePath, sink: HintReceiver): HintReceiver {
  const at = (path: RelativePath) => (path === '' ? prefix : joinPath(prefix, path));
  return {
    dirty: (root, path, closed, written) => sink.dirty(root, at(path), closed, written),
    created: (root, path) => sink.created(root, at(path)),
    rename: (root, from, to) => sink.rename(root, at(from), at(to)),
    overflow: (root, path, reason) => sink.overflow(root, at(path), reason),
    cookie: () => {},
    rootLost: () => {},
  };
}

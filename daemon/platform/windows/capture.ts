/**
 * Capture on Windows by ReadDirectoryChangesW, through fs.watch: the events say little (a name, no close, no pairs), so a
 * name is reported when it has been quiet for a moment. An overflow arrives as an event without a name.
 */
import { type FSWatcher, statSync, watch as watchPath } from 'node:fs';
import type { CaptureMethod, RootCapture } from '../../ports.ts';
import type { WatchedRoot } from '../hint-sink.ts';
import { decodeWindowsName } from './names.ts';
import { WindowsPaths } from './paths.ts';
import { prepareWindowsControl } from './tree.ts';

/** A name is reported after so long without an event, and at the latest after the second time though it goes on. */
const QUIET_MS = 30;
const LATEST_MS = 500;
const TICK_MS = 10;
/** More names waiting than this: the root is scanned instead. */
const MAX_WAITING = 50_000;
/** Two watchers, two queues: what happened before a cookie may be read after it, but within two rounds of the loop. */
const COOKIE_DELAY_MS = 40;
const ROOT_CHECK_MS = 500;
const POLLING_INTERVAL_MS = 10_000;

interface Waiting {
  readonly firstMs: number;
  lastMs: number;
}

interface Watch {
  readonly watched: WatchedRoot;
  readonly identity: string | undefined;
  readonly waiting: Map<string, Waiting>;
  changes: FSWatcher | undefined;
  cookies: FSWatcher | undefined;
  /** The root is compared as a whole from time to time. */
  polledMs: number | undefined;
}

export class WindowsCapture {
  private readonly nowMs: () => number;
  private readonly allowed: readonly CaptureMethod[];
  private readonly watches = new Map<WatchedRoot, Watch>();
  private readonly check: NodeJS.Timeout;
  private ticking: NodeJS.Timeout | undefined;

  constructor(nowMs: () => number, allowed: readonly CaptureMethod[] = ['windows', 'polling']) {
    this.nowMs = nowMs;
    this.allowed = allowed;
    this.check = setInterval(() => this.checkRoots(), ROOT_CHECK_MS);
  }

  prepare(path: string): { readonly path: string; readonly cookies: string } {
    const { root } = new WindowsPaths(path);
    return { path: root, cookies: `\\\\?\\${prepareWindowsControl(path)}\\cookies` };
  }

  watch(watched: WatchedRoot): RootCapture {
    const watch: Watch = {
      watched,
      identity: identityOf(watched.path),
      waiting: new Map(),
      changes: undefined,
      cookies: undefined,
      polledMs: undefined,
    };
    this.watches.set(watched, watch);
    watch.cookies = watchPath(watched.cookies, (event, name) => {
      if (event === 'rename' && name !== null) this.cookie(watch, name);
    });
    let reason: string | undefined = this.allowed.includes('windows') ? undefined : 'not allowed';
    if (reason === undefined) reason = this.startChanges(watch);
    if (reason === undefined) return { method: 'windows', degraded: false };
    watch.polledMs = this.nowMs() + POLLING_INTERVAL_MS;
    return { method: 'polling', degraded: true, reason };
  }

  unwatch(watched: WatchedRoot): void {
    const watch = this.watches.get(watched);
    this.watches.delete(watched);
    watch?.changes?.close();
    watch?.cookies?.close();
  }

  close(): void {
    for (const watched of [...this.watches.keys()]) this.unwatch(watched);
    clearInterval(this.check);
    clearInterval(this.ticking);
  }

  /** Why it cannot be, or undefined. */
  private startChanges(watch: Watch): string | undefined {
    const { sink, root, path } = watch.watched;
    try {
      watch.changes = watchPath(path, { recursive: true }, (_event, name) => {
        if (name === null) {
          watch.waiting.clear();
          sink.overflow(root, '', 'the buffer of ReadDirectoryChangesW overflowed');
          sink.flush();
        } else this.note(watch, name);
      });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    // The directory was removed, or its volume is gone: looked at by `checkRoots`.
    watch.changes.on('error', () => {
      watch.changes?.close();
      watch.changes = undefined;
      this.checkRoots();
    });
    return undefined;
  }

  private note(watch: Watch, nativeName: string): void {
    const path = nativeName.split('\\').map(decodeWindowsName).join('/');
    const nowMs = this.nowMs();
    const before = watch.waiting.get(path);
    if (before === undefined) watch.waiting.set(path, { firstMs: nowMs, lastMs: nowMs });
    else before.lastMs = nowMs;
    if (watch.waiting.size > MAX_WAITING) {
      watch.waiting.clear();
      watch.watched.sink.overflow(watch.watched.root, '', 'too many changes at once');
    }
    this.ticking ??= setInterval(() => this.tick(), TICK_MS);
  }

  private tick(): void {
    let left = 0;
    for (const watch of this.watches.values()) {
      this.report(watch, this.nowMs());
      left += watch.waiting.size;
      if (watch.watched.sink.flush() !== undefined) left += 1;
    }
    if (left > 0) return;
    clearInterval(this.ticking);
    this.ticking = undefined;
  }

  /** `nowMs` Infinity: everything. */
  private report(watch: Watch, nowMs: number): void {
    for (const [path, { firstMs, lastMs }] of watch.waiting) {
      if (nowMs - lastMs < QUIET_MS && nowMs - firstMs < LATEST_MS) continue;
      watch.waiting.delete(path);
      watch.watched.sink.dirty(watch.watched.root, path, true);
    }
  }

  private cookie(watch: Watch, name: string): void {
    setTimeout(() => {
      const { sink, root } = watch.watched;
      if (this.watches.get(watch.watched) !== watch) return;
      this.report(watch, Number.POSITIVE_INFINITY);
      if (watch.polledMs !== undefined) sink.overflow(root, '', 'polling');
      sink.cookie(root, name);
      sink.flush();
    }, COOKIE_DELAY_MS);
  }

  private checkRoots(): void {
    for (const watch of this.watches.values()) {
      const { sink, root, path } = watch.watched;
      if (identityOf(path) !== watch.identity) sink.rootLost(root);
      else if (sink.rootPresent(root) || (watch.changes === undefined && watch.polledMs === undefined)) {
        this.resume(watch);
      }
      if (watch.polledMs !== undefined && this.nowMs() >= watch.polledMs) {
        watch.polledMs = this.nowMs() + POLLING_INTERVAL_MS;
        sink.overflow(root, '', 'polling');
      }
      sink.flush();
    }
  }

  /** The root is back, or its watcher failed: watch again, then have everything scanned. */
  private resume(watch: Watch): void {
    watch.changes?.close();
    const failure = this.startChanges(watch);
    if (failure !== undefined) watch.polledMs = this.nowMs() + POLLING_INTERVAL_MS;
    watch.watched.sink.overflow(watch.watched.root, '', failure ?? 'the root was away');
  }
}

function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

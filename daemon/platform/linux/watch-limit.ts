/** How many directories inotify may watch here, and what to tell an administrator when they are not enough. */
import { readFileSync } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import { CONTROL_NAME, joinPath, type RelativePath } from '../../../shared/path.ts';
import { formatCount } from '../../../shared/units.ts';
import { scanHandle } from './directory.ts';
import { AT_FDCWD, closeHandle, OPEN_DIRECTORY, openAt } from './libc.ts';

const SETTING = 'fs.inotify.max_user_watches';
const SETTING_FILE = '/proc/sys/fs/inotify/max_user_watches';
/** Each takes about 1 KiB of the kernel and 300 bytes of ours (measured): beyond this the memory is needed more elsewhere. */
const MOST_WATCHES = 4_000_000;
/** Counting goes on for so long: the other roots wait meanwhile. */
const COUNT_MS = 2_000;
const DIRECTORIES_A_LOOK = 64;
const SMALLEST_ADVICE = 524_288;
/** As long as the limit is the same, it is seen so often whether other programs have left enough of it. */
const RETRY_MS = 600_000;

/** What the system allows each user, and never more than this process can hold. */
function allowedWatches(): number {
  try {
    return Math.min(MOST_WATCHES, Number(readFileSync(SETTING_FILE, 'utf8')));
  } catch {
    return MOST_WATCHES;
  }
}

export function noMoreWatches(path: RelativePath): Fault {
  return new Fault('FS-LIMIT', { path, reason: SETTING });
}

function isWatchLimit(error: unknown): boolean {
  return error instanceof Fault && error.code === 'FS-LIMIT' && error.details.reason === SETTING;
}

/** A root that is polled because there are not enough watches. */
export interface Limited {
  /** What was allowed when it was tried. */
  readonly most: number;
  /** When to try again although the limit is the same. */
  readonly retryMs: number;
}

interface LimitedWatch {
  readonly watched: { readonly path: string };
  limited?: Limited;
}

export class WatchLimits {
  readonly most: () => number;
  private readonly nowMs: () => number;

  constructor(nowMs: () => number, most: () => number = allowedWatches) {
    this.nowMs = nowMs;
    this.most = most;
  }

  /** Why a method failed, for people. Remembers when it was the number of watches. */
  reasonOf(error: unknown, watch: LimitedWatch): string {
    if (!isWatchLimit(error)) return error instanceof Error ? error.message : String(error);
    const most = this.most();
    watch.limited = { most, retryMs: this.nowMs() + RETRY_MS };
    return watchLimitReason(watch.watched.path, most, this.nowMs);
  }

  /** The limit was raised, or other programs may have left enough of it: it is to be tried again now. */
  mayBeOver(watch: LimitedWatch): boolean {
    const { limited } = watch;
    if (limited === undefined || (this.most() <= limited.most && this.nowMs() < limited.retryMs)) return false;
    delete watch.limited;
    return true;
  }
}

/** With the number needed, the number allowed and the command that helps. */
function watchLimitReason(root: string, allowed: number, nowMs: () => number): string {
  const { count, complete } = countDirectories(root, nowMs);
  const needed = `${complete ? '' : 'at least '}${formatCount(count)}`;
  const advised = 2 ** Math.ceil(Math.log2(Math.max(SMALLEST_ADVICE, 2 * count, 2 * allowed)));
  return (
    `${root} needs ${needed} inotify watches, one for each directory, and the system allows each user ${formatCount(allowed)}. ` +
    `Allow more: sysctl -w ${SETTING}=${advised} (and in a file of /etc/sysctl.d to keep it); events are used again by themselves then`
  );
}

function countDirectories(root: string, nowMs: () => number): { readonly count: number; readonly complete: boolean } {
  const untilMs = nowMs() + COUNT_MS;
  const pending: RelativePath[] = [''];
  let count = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    count += 1;
    pending.push(...directoriesIn(root, path));
    if (count % DIRECTORIES_A_LOOK === 0 && nowMs() > untilMs)
      return { count: count + pending.length, complete: false };
  }
  return { count, complete: true };
}

function directoriesIn(root: string, path: RelativePath): RelativePath[] {
  const handle = openAt(AT_FDCWD, path === '' ? root : joinPath(root, path), OPEN_DIRECTORY);
  if (handle < 0) return [];
  try {
    return scanHandle(handle, 0, CONTROL_NAME, path)
      .filter(({ type }) => type === 'directory')
      .map(({ name }) => joinPath(path, name));
  } catch {
    // It went away, or may not be read: then it cannot be watched either.
    return [];
  } finally {
    closeHandle(handle);
  }
}

/**
 * The pair over real files, and one system call that fails, does only a part, or is the last of its process. Whatever it
 * was, nothing torn may be visible, and both roots end equal when the fault is over.
 */
// Before anything that loads an adapter.

import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { loadPlatform } from '../../daemon/platform/select.ts';
import { SeededRandom } from '../memory/clock.ts';
import type { Side } from '../memory/pair-core.ts';
import { Users } from '../sim/users.ts';
import { fileContents } from './directory-user.ts';
import { PairDriver, shorten } from './driver.ts';
import { RealPair } from './real-pair.ts';
import { type Injected, interceptSystemCalls, PARTIAL } from './system-calls.ts';

/** `SIGKILL`: the process ends in this call. */
export type SystemFault = 'EIO' | 'ENOSPC' | 'EMFILE' | 'EINTR' | 'EBUSY' | 'short' | 'SIGKILL';

const WRITING = ['write', 'open-create', 'openat-create', 'mkdirat', 'linkat', 'symlinkat', 'renameat2', 'ftruncate'];
const OPENING = ['open', 'open-create', 'openat', 'openat-create', 'openat2'];

/** Calls that can fail so; absent: every call. */
const CALLS: Partial<Record<SystemFault, ReadonlySet<string>>> = {
  ENOSPC: new Set(WRITING),
  EMFILE: new Set(OPENING),
  EINTR: new Set(['openat', 'openat-create', 'openat2', 'copy_file_range']),
  EBUSY: new Set(['renameat2', 'unlinkat', 'openat2']),
  short: PARTIAL,
};
/** A closed handle is gone whatever close(2) says, and asking for errno is no call. */
const NEVER = new Set(['close', 'lseek']);

export interface RealCrashPoint {
  readonly seed: number;
  readonly side: Side;
  readonly fault: SystemFault;
  /** The n-th call of this side that can fail so, and as many as `times` from there on, for at most LONGEST_FAULT_MS. */
  readonly n: number;
  readonly times: number;
}

export interface RealCrashOutcome {
  readonly reached: boolean;
  /** The call it happened to. */
  readonly call: string;
  readonly restarts: number;
  readonly problems: readonly string[];
}

const ACTIONS_BEFORE = 6;
const ACTIONS_LIVE = 10;
const RESTART_MS = 500;
const LONGEST_FAULT_MS = 3_000;
const SETTLE_LIMIT_MS = 200_000;

const platform = await loadPlatform();
const hasher = await createContentHasher();

class RealCrashRun {
  private readonly point: RealCrashPoint;
  private readonly pair: RealPair;
  private readonly driver: PairDriver;
  private readonly contentsFile: string;
  private readonly contents = new Set<string>();
  private readonly problems: string[] = [];
  private call = '';
  private overMs = 0;
  private seen = 0;
  /** The test looks, not an engine. */
  private looking = false;
  private restarts = 0;

  /** Contents the Master had in earlier processes are in `contents.json` of the directory, one JSON string a line. */
  constructor(point: RealCrashPoint, directory: string) {
    this.point = point;
    this.contentsFile = join(directory, 'contents.json');
    mkdirSync(directory, { recursive: true });
    for (const line of readLines(this.contentsFile)) this.contents.add(JSON.parse(line) as string);
    this.pair = new RealPair(hasher, platform, directory, point.seed + 0x5eed);
    const random = new SeededRandom(point.seed);
    const users = new Users(this.pair.masterTree, this.pair.user, random);
    this.driver = new PairDriver(this.pair, users, random, {
      guarded: (run) => run(),
      act: (run) => this.act(run),
      mayConnect: () => true,
    });
    this.pair.onFailed = (side) => this.restart(side);
    interceptSystemCalls((name) => this.onCall(name));
  }

  private onCall(name: string): Injected {
    const { side, fault, n, times } = this.point;
    if (this.looking || this.pair.runningSide !== side || NEVER.has(name) || CALLS[fault]?.has(name) === false)
      return undefined;
    this.seen += 1;
    if (this.seen < n || this.seen >= n + times) return undefined;
    if (this.call === '') {
      this.call = name;
      this.overMs = this.pair.clock.bootMs() + LONGEST_FAULT_MS;
    }
    if (this.pair.clock.bootMs() > this.overMs) return undefined;
    if (fault === 'SIGKILL') process.kill(process.pid, 'SIGKILL');
    return fault === 'short' ? { short: true } : { errno: fault as 'EIO' };
  }

  private act(run: () => void): void {
    run();
    for (const [, content] of fileContents(this.pair.masterRoot)) {
      if (this.contents.has(content)) continue;
      this.contents.add(content);
      appendFileSync(this.contentsFile, `${JSON.stringify(content)}\n`);
    }
  }

  /** What the supervisor does with an engine that gave up. */
  private restart(side: Side): void {
    this.checkVisible(`when the ${side} failed`);
    this.restarts += 1;
    this.pair.clock.after(0, () => {
      if (side === 'master') this.pair.killMaster();
      else this.pair.killReplica();
      this.driver.forget();
    });
    this.pair.clock.after(RESTART_MS, () => this.driver.start(side));
  }

  /** `remove`: the directory goes with the run. */
  run(remove: boolean): RealCrashOutcome {
    try {
      this.play();
    } catch (error) {
      this.problems.push(`thrown: ${error instanceof Error ? error.stack : error}`);
    } finally {
      interceptSystemCalls(() => undefined);
      if (remove) this.pair.close();
    }
    return { reached: this.call !== '', call: this.call, restarts: this.restarts, problems: this.problems };
  }

  private play(): void {
    const { clock } = this.pair;
    this.checkVisible('at the start');
    this.driver.actNow(ACTIONS_BEFORE);
    this.driver.start('replica');
    this.driver.start('master');
    this.driver.actLater(ACTIONS_LIVE);
    this.driver.supervise();
    const untilMs = clock.bootMs() + SETTLE_LIMIT_MS;
    let checkAtMs = 0;
    for (;;) {
      clock.runNext();
      // Looking at real directories is slow.
      if (clock.bootMs() < checkAtMs) continue;
      checkAtMs = clock.bootMs() + 500;
      this.checkVisible('while it runs');
      if (this.problems.length > 0 || this.driver.isOver()) break;
      if (clock.bootMs() > untilMs) {
        this.problems.push(...this.driver.describeUnsettled());
        break;
      }
    }
  }

  private checkVisible(when: string): void {
    this.looking = true;
    const visible = [...fileContents(this.pair.replicaRoot)];
    this.looking = false;
    for (const [path, content] of visible) {
      if (!this.contents.has(content)) this.problems.push(`torn ${when}: ${path} holds ${shorten(content)}`);
    }
  }
}

/** Runs one workload with one fault in `directory`, which it makes and removes. */
export function failAt(point: RealCrashPoint, directory: string): RealCrashOutcome {
  const before = new Set(openHandles());
  const outcome = new RealCrashRun(point, directory).run(true);
  const leaked = openHandles().filter((handle) => !before.has(handle));
  if (leaked.length === 0) return outcome;
  return { ...outcome, problems: [...outcome.problems, `not closed: ${leaked.join(', ')}`] };
}

/** Pairs over real files, each in a directory of its own below `/dev/shm` or the temporary directory. */
export function realPairs(): () => RealPair {
  const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  let seed = 0;
  return () => {
    seed += 1;
    return new RealPair(hasher, platform, mkdtempSync(join(place, 'mainstay-pair-')), seed);
  };
}

/** What this process has open, except the directory that says so. */
function openHandles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((handle) => {
    try {
      return [`${handle} ${readlinkSync(`/proc/self/fd/${handle}`)}`];
    } catch {
      return [];
    }
  });
}

/** Goes on with what is in `directory` until a call kills this process, or until both roots are equal. */
export function goOnIn(point: RealCrashPoint, directory: string): readonly string[] {
  return new RealCrashRun(point, directory).run(false).problems;
}

function readLines(path: string): string[] {
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}

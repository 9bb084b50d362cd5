/**
 * All capture of this host in one loop: chooses the method for each root, waits for any of them with poll(2), and looks
 * from time to time whether the roots are still there.
 */
import { constants as fileConstants, realpathSync, statfsSync } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import type { CaptureMethod, RootCapture } from '../../ports.ts';
import { allocateFixed, loadLibrary } from '../ffi.ts';
import { receiverBelow, type WatchedPlace, type WatchedRoot } from '../hint-sink.ts';
import { translating } from '../system-fault.ts';
import { prepareControl } from './control.ts';
import { decodeStat, statDevice, statFollowing, statMount } from './directory.ts';
import { FanotifyCapture } from './fanotify-capture.ts';
import { InotifyCapture } from './inotify.ts';
import { AT_FDCWD, closeHandle, O_CLOEXEC, openAt, unlinkAt } from './libc.ts';
import { closeMountTable, type MountPoint, mountsBelow, openMountTable } from './mounts.ts';
import { type Limited, WatchLimits } from './watch-limit.ts';

const libc = loadLibrary('libc.so.6');
const callPoll = libc.number('poll', 'int', ['uintptr_t', 'uint64', 'int']);
const callEventfd = libc.number('eventfd', 'int', ['uint32', 'int']);
const callRead = libc.number('read', 'long', ['int', 'uintptr_t', 'size_t']);
/** EFD_CLOEXEC | EFD_NONBLOCK. */
const EVENTFD_FLAGS = 0x80800;
const POLLIN = 1;
const POLLPRI = 2;
const MAX_POLLED = 1024;
/** Two more: the table of mounts, and what wakes this thread. */
const pollRecords = allocateFixed(8 * (MAX_POLLED + 2));
const signalled = allocateFixed(8);

/** How often the roots are looked at: a mount that came or went makes no event. */
const ROOT_CHECK_MS = 500;
/** How often a root without events is compared as a whole. */
const POLLING_INTERVAL_MS = 10_000;
/** A method that does not report its own cookie within this time does not work here. */
const PROBE_MS = 2_000;
/** Reads of one source before the others get their turn. */
const READS_PER_TURN = 16;

/** Names of file systems whose changes may be made elsewhere, by their magic numbers (statfs(2)). */
const REMOTE: Readonly<Record<number, string>> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  20859: 'SMB',
  1702057286: 'FUSE',
  16914839: '9P',
  12805120: 'Ceph',
  1397113167: 'AFS',
};

interface Source {
  readonly handle: number;
  read(): boolean;
  settle?(): number | undefined;
}

/** A volume mounted below a root. */
interface MountWatch {
  readonly mount: MountPoint;
  readonly place: WatchedPlace;
  /** Without one it is compared as a whole from time to time. */
  readonly fanotify: FanotifyCapture | undefined;
  readonly reason: string | undefined;
}

interface Watch {
  readonly watched: WatchedRoot;
  readonly identity: string;
  readonly tell: (choice: RootCapture) => void;
  choice: RootCapture;
  mounts: readonly MountWatch[];
  /** When volumes below it that give no events are compared next. */
  mountsPolledMs: number;
  fanotify?: FanotifyCapture;
  inotify?: InotifyCapture;
  /** When a polled root is compared next. */
  polledMs?: number;
  limited?: Limited;
}

export interface CaptureOptions {
  readonly nowMs: () => number;
  /** For tests and for hosts where a method misbehaves. */
  readonly allowed?: readonly CaptureMethod[];
  /** Directories of a root that inotify may watch; default: what the system allows. */
  readonly mostWatches?: () => number;
}

export class LinuxCapture {
  private readonly nowMs: () => number;
  private readonly allowed: readonly CaptureMethod[];
  private readonly limits: WatchLimits;
  /** fanotify groups by device and mount. */
  private readonly groups = new Map<string, FanotifyCapture>();
  private readonly watches = new Map<WatchedRoot, Watch>();
  private readonly mountTable = openMountTable();
  /** Written to (eventfd(2)) it ends a wait in `turn`. Whoever writes closes it. */
  readonly wakeHandle = callEventfd(0, EVENTFD_FLAGS);
  private nextCheckMs = 0;
  private nextProbe = 0;

  constructor(options: CaptureOptions) {
    this.nowMs = options.nowMs;
    this.allowed = options.allowed ?? ['fanotify', 'inotify', 'polling'];
    this.limits = new WatchLimits(options.nowMs, options.mostWatches);
  }

  /** Real path and control directory of a root, as a watch needs them. */
  prepare(path: string): { readonly path: string; readonly cookies: string } {
    let real: string;
    try {
      real = realpathSync(path);
    } catch (error) {
      throw new Fault('ROOT-MISSING', { path }, error);
    }
    return { path: real, cookies: `${prepareControl(path).path}/cookies` };
  }

  /** When it returns, every later change is reported; `tell` is called when it has to be captured otherwise later. */
  watch(watched: WatchedRoot, tell: (choice: RootCapture) => void = () => {}): RootCapture {
    const choice: RootCapture = { method: 'polling', degraded: true };
    const watch: Watch = { watched, identity: identify(watched.path), tell, choice, mounts: [], mountsPolledMs: 0 };
    const reasons: string[] = [];
    for (const method of this.methodsFor(watched.path, reasons)) {
      try {
        this.tryMethod(method, watch);
        const found = { method, degraded: method === 'polling' };
        watch.choice = reasons.length === 0 ? found : { ...found, reason: reasons.join('; ') };
        this.followMounts(watch);
        return choiceOf(watch);
      } catch (error) {
        this.unwatch(watched, watch);
        if (error instanceof Fault && error.code === 'ROOT-MISSING') throw error;
        reasons.push(`${method}: ${this.limits.reasonOf(error, watch)}`);
      }
    }
    throw new Fault('FS-UNSUPPORTED', { what: `Capture (${reasons.join('; ')})`, path: watched.path });
  }

  private methodsFor(path: string, reasons: string[]): readonly CaptureMethod[] {
    const remote = remoteName(path);
    if (remote === undefined) return this.allowed;
    reasons.push(`${remote}: changes made on other machines give no events`);
    return ['polling'];
  }

  private tryMethod(method: CaptureMethod, watch: Watch): void {
    this.start(method, watch);
    this.watches.set(watch.watched, watch);
    if (!this.proves(watch.watched)) throw new Error('its own test change was not reported');
  }

  unwatch(watched: WatchedRoot, watch = this.watches.get(watched)): void {
    this.watches.delete(watched);
    watch?.inotify?.close();
    watch?.fanotify?.remove(watched);
    for (const { fanotify, place } of watch?.mounts ?? []) fanotify?.remove(place);
    if (watch !== undefined) watch.mounts = [];
    watched.sink.holding.delete(watched.root);
    this.closeUnusedGroups();
  }

  private closeUnusedGroups(): void {
    for (const [key, group] of this.groups) {
      if (!group.isUnused) continue;
      group.close();
      this.groups.delete(key);
    }
  }

  /** Waits at most so long for events and hands on what came. */
  turn(timeoutMs: number): void {
    const sources = this.sources();
    const waitMs = Math.min(timeoutMs, this.flush(sources) ?? timeoutMs);
    const ready = this.poll(sources, waitMs);
    for (const source of ready) this.drain(source);
    this.passCookies();
    this.flush(sources);
    if (this.nowMs() >= this.nextCheckMs) this.checkRoots();
  }

  /** True when there may be more. */
  private drain(source: Source): boolean {
    try {
      for (let reads = 0; reads < READS_PER_TURN; reads += 1) {
        if (!source.read()) return false;
        this.post();
      }
      return true;
    } catch (error) {
      for (const watch of [...this.watches.values()]) if (isFedBy(watch, source)) this.degrade(watch, error);
      return false;
    }
  }

  /** A source failed (no more watches, for one): from now on its roots are compared. */
  private degrade(watch: Watch, error: unknown): void {
    const { watched } = watch;
    this.unwatch(watched, watch);
    delete watch.fanotify;
    this.start('polling', watch);
    this.watches.set(watched, watch);
    const reason = this.limits.reasonOf(error, watch);
    watch.choice = { method: 'polling', degraded: true, reason };
    watch.tell(watch.choice);
    watched.sink.overflow(watched.root, '', `capture failed and is replaced by polling: ${reason}`);
  }

  /** The limit was raised, or watches of other programs may be free: events are used again. */
  private leavePolling(watch: Watch): void {
    const { watched } = watch;
    if (!this.limits.mayBeOver(watch)) return;
    this.unwatch(watched, watch);
    delete watch.polledMs;
    try {
      this.start('inotify', watch);
      this.watches.set(watched, watch);
    } catch (error) {
      this.degrade(watch, error);
      return;
    }
    watch.choice = { method: 'inotify', degraded: false };
    this.followMounts(watch);
    watch.tell(choiceOf(watch));
    watched.sink.overflow(watched.root, '', 'there are enough watches again');
  }

  close(): void {
    for (const watched of [...this.watches.keys()]) this.unwatch(watched);
    closeMountTable(this.mountTable);
  }

  // ------------------------------------------------------------- volumes mounted below a root

  /** Each volume has its own mark; inotify watches everything anew instead. Tells the engine what is mounted. */
  private followMounts(watch: Watch): void {
    const { watched } = watch;
    const mounts = mountsBelow(watched.path);
    const same = (one: MountWatch, mount: MountPoint) => one.mount.path === mount.path && one.mount.id === mount.id;
    if (mounts.length === watch.mounts.length && watch.mounts.every((one, at) => same(one, mounts[at]!))) return;
    for (const gone of watch.mounts) {
      if (!mounts.some((mount) => same(gone, mount))) gone.fanotify?.remove(gone.place);
    }
    watch.mounts = mounts.map(
      (mount) => watch.mounts.find((known) => same(known, mount)) ?? this.watchMount(watch, mount),
    );
    this.closeUnusedGroups();
    if (watch.mounts.length > 0) watched.sink.holding.add(watched.root);
    else watched.sink.holding.delete(watched.root);
    if (watch.inotify !== undefined && watch.polledMs === undefined) {
      watch.inotify.startOver('a volume was mounted or unmounted below the root');
    }
    watched.sink.mounts(
      watched.root,
      mounts.map(({ path }) => path),
    );
    watch.tell(choiceOf(watch));
  }

  private watchMount(watch: Watch, mount: MountPoint): MountWatch {
    const { watched, fanotify, polledMs } = watch;
    const path = `${watched.path === '/' ? '' : watched.path}/${mount.path}`;
    const sink = receiverBelow(mount.path, watched.sink);
    const place: WatchedPlace = { path, root: watched.root, sink, cookies: '' };
    const unseen = (reason: string | undefined) => ({ mount, place, fanotify: undefined, reason });
    if (polledMs !== undefined) return unseen(undefined);
    try {
      const remote = remoteName(path);
      if (remote !== undefined) return unseen(`${remote}: changes made on other machines give no events`);
      if (fanotify === undefined) return unseen(undefined);
      const group = this.groupOf(path);
      group.add(place);
      return { mount, place, fanotify: group, reason: undefined };
    } catch (error) {
      return unseen(error instanceof Error ? error.message : String(error));
    }
  }

  /** A cookie proves nothing of sources it does not go through: they are read first, or compared as a whole. */
  private passCookies(): void {
    const sinks = new Set([...this.watches.keys()].map(({ sink }) => sink).filter((sink) => sink.hasHeldCookies));
    if (sinks.size === 0) return;
    for (const watch of [...this.watches.values()]) {
      if (sinks.has(watch.watched.sink) && !this.drainMounts(watch)) sinks.delete(watch.watched.sink);
    }
    for (const sink of sinks) sink.releaseCookies();
  }

  /** False when there is more to read. */
  private drainMounts(watch: Watch): boolean {
    for (const { fanotify, reason, place } of watch.mounts) {
      if (reason !== undefined) place.sink.overflow(place.root, '', 'polling');
      if (fanotify !== undefined && this.drain(fanotify)) return false;
    }
    return true;
  }

  private pollMounts(watch: Watch, nowMs: number): void {
    if (nowMs < watch.mountsPolledMs) return;
    watch.mountsPolledMs = nowMs + POLLING_INTERVAL_MS;
    for (const { reason, place } of watch.mounts) {
      if (reason !== undefined) place.sink.overflow(place.root, '', 'polling');
    }
  }

  // ------------------------------------------------------------- methods

  private start(method: CaptureMethod, watch: Watch): void {
    const { watched } = watch;
    if (method === 'fanotify') {
      if (mountKey(watched.cookies) !== mountKey(watched.path)) {
        throw new Error('the control directory is on another mount');
      }
      const group = this.groupOf(watched.path);
      group.add(watched);
      watch.fanotify = group;
    } else if (method === 'inotify') {
      watch.inotify = new InotifyCapture(watched, this.nowMs, this.limits.most());
    } else if (method !== 'polling') {
      throw new Error('not a method of this system');
    } else {
      watch.inotify = new InotifyCapture(watched, this.nowMs, 0);
      watch.polledMs = this.nowMs() + POLLING_INTERVAL_MS;
    }
  }

  private groupOf(path: string): FanotifyCapture {
    const key = mountKey(path);
    const known = this.groups.get(key);
    if (known !== undefined) return known;
    const group = new FanotifyCapture(path);
    this.groups.set(key, group);
    return group;
  }

  /** Makes a cookie of its own and waits for it. */
  private proves(watched: WatchedRoot): boolean {
    this.nextProbe += 1;
    const name = `probe-${process.pid}-${this.nextProbe}`;
    let seen = false;
    const before = watched.sink.onCookie;
    watched.sink.onCookie = (cookie) => {
      if (cookie === name) seen = true;
      return cookie === name;
    };
    const path = `${watched.cookies}/${name}`;
    const flags = fileConstants.O_WRONLY | fileConstants.O_CREAT | O_CLOEXEC;
    const handle = openAt(AT_FDCWD, path, flags, 0o600);
    if (handle >= 0) closeHandle(handle);
    unlinkAt(AT_FDCWD, path);
    const untilMs = this.nowMs() + PROBE_MS;
    while (!seen && this.nowMs() < untilMs) this.turn(20);
    watched.sink.onCookie = before;
    return seen;
  }

  // ------------------------------------------------------------- the loop

  private sources(): Source[] {
    const sources: Source[] = [...this.groups.values()];
    for (const watch of this.watches.values()) if (watch.inotify !== undefined) sources.push(watch.inotify);
    return sources;
  }

  private poll(sources: readonly Source[], timeoutMs: number): Source[] {
    const polled = sources.slice(0, MAX_POLLED);
    const { bytes, address } = pollRecords;
    polled.forEach((source, index) => {
      bytes.writeInt32LE(source.handle, 8 * index);
      bytes.writeInt32LE(POLLIN, 8 * index + 4);
    });
    const last = 8 * polled.length;
    bytes.writeInt32LE(this.mountTable, last);
    bytes.writeInt32LE(POLLPRI, last + 4);
    bytes.writeInt32LE(this.wakeHandle, last + 8);
    bytes.writeInt32LE(POLLIN, last + 12);
    if (callPoll(address, polled.length + 2, Math.max(0, Math.ceil(timeoutMs))) <= 0) return [];
    if (bytes.readInt16LE(last + 14) !== 0) callRead(this.wakeHandle, signalled.address, 8);
    if (bytes.readInt16LE(last + 6) !== 0) for (const watch of [...this.watches.values()]) this.followMounts(watch);
    return polled.filter((_, index) => bytes.readInt16LE(8 * index + 6) !== 0);
  }

  /** Returns the ms until something held back is due. */
  private flush(sources: readonly Source[]): number | undefined {
    const waits = sources.map((source) => source.settle?.());
    waits.push(this.post());
    const due = waits.filter((wait) => wait !== undefined);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  private post(): number | undefined {
    let soonest: number | undefined;
    for (const { watched } of this.watches.values()) {
      const wait = watched.sink.flush();
      if (wait !== undefined) soonest = Math.min(soonest ?? wait, wait);
    }
    return soonest;
  }

  /** The root is back, perhaps on another mount, which the old mark does not see; and nobody saw what happened meanwhile. */
  private takeUpAgain(watch: Watch): void {
    const { watched, inotify, polledMs } = watch;
    const reason = 'the root was away';
    if (inotify !== undefined && polledMs === undefined) {
      inotify.startOver(reason);
      return;
    }
    if (watch.fanotify !== undefined && !this.markAgain(watch)) return;
    watched.sink.overflow(watched.root, '', reason);
  }

  private markAgain(watch: Watch): boolean {
    const { watched } = watch;
    this.unwatch(watched, watch);
    delete watch.fanotify;
    try {
      this.start('fanotify', watch);
      this.watches.set(watched, watch);
      this.followMounts(watch);
      return true;
    } catch (error) {
      this.degrade(watch, error);
      return false;
    }
  }

  private checkRoots(): void {
    const nowMs = this.nowMs();
    this.nextCheckMs = nowMs + ROOT_CHECK_MS;
    for (const watch of [...this.watches.values()]) {
      const { sink, root, path } = watch.watched;
      this.pollMounts(watch, nowMs);
      if (watch.polledMs !== undefined && nowMs >= watch.polledMs) {
        watch.polledMs = nowMs + POLLING_INTERVAL_MS;
        sink.overflow(root, '', 'polling');
      }
      if (currentIdentity(path) !== watch.identity) sink.rootLost(root);
      else if (sink.rootPresent(root)) this.takeUpAgain(watch);
      else this.leavePolling(watch);
    }
    this.post();
  }
}

function remoteName(path: string): string | undefined {
  return REMOTE[translating(path, () => statfsSync(path).type)];
}

/** How the root is captured, with what is mounted below it. */
function choiceOf({ choice, mounts }: Watch): RootCapture {
  const reasons = mounts.flatMap(({ mount, reason }) => (reason === undefined ? [] : [`${mount.path}: ${reason}`]));
  if (reasons.length === 0) return choice;
  const own = choice.reason === undefined ? [] : [choice.reason];
  return { method: choice.method, degraded: true, reason: [...own, ...reasons].join('; ') };
}

function isFedBy(watch: Watch, source: Source): boolean {
  if (watch.inotify === source || watch.fanotify === source) return true;
  return watch.mounts.some(({ fanotify }) => fanotify === source);
}

function identify(path: string): string {
  const identity = currentIdentity(path);
  if (identity === undefined) throw new Fault('ROOT-MISSING', { path });
  return identity;
}

function currentIdentity(path: string): string | undefined {
  if (statFollowing(AT_FDCWD, path) < 0) return undefined;
  const { id } = decodeStat(0);
  return `${id.inode}:${id.birthNs}`;
}

function mountKey(path: string): string {
  if (statFollowing(AT_FDCWD, path) < 0) throw new Fault('ROOT-MISSING', { path });
  return `${statDevice()}:${statMount()}`;
}

/**
 * inotify for one root: a watch on every directory. A new directory may be full before it is watched, so it is watched
 * first, then its subdirectories, and then the engine is told to scan it.
 */
import { constants } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import { CONTROL_NAME, decodeName, joinPath } from '../../../shared/path.ts';
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';
import type { WatchedRoot } from '../hint-sink.ts';
import { faultOfErrno } from '../system-fault.ts';
import { scanHandle } from './directory.ts';
import { AT_FDCWD, closeHandle, cPath, OPEN_DIRECTORY, openAt } from './libc.ts';
import { noMoreWatches } from './watch-limit.ts';

const libc = loadLibrary('libc.so.6');
const callInit = libc.number('inotify_init1', 'int', ['int']);
const callAdd = libc.number('inotify_add_watch', 'int', ['int', 'uintptr_t', 'uint32']);
const callRemove = libc.number('inotify_rm_watch', 'int', ['int', 'int']);
const callRead = libc.number('read', 'long', ['int', 'uintptr_t', 'size_t']);

const IN_MODIFY = 0x2;
const IN_ATTRIB = 0x4;
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_UNMOUNT = 0x2000;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const IN_ONLYDIR = 0x1000000;
const IN_DONT_FOLLOW = 0x2000000;
const IN_EXCL_UNLINK = 0x4000000;
const IN_ISDIR = 0x40000000;
const NAMES = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
const WATCH_MASK =
  NAMES |
  IN_MODIFY |
  IN_ATTRIB |
  IN_CLOSE_WRITE |
  IN_DELETE_SELF |
  IN_MOVE_SELF |
  IN_ONLYDIR |
  IN_DONT_FOLLOW |
  IN_EXCL_UNLINK;

const EVENT_BYTES = 16;
const READ_BYTES = 256 * 1024;
const { ENOENT, ENOTDIR, EAGAIN, EINTR, ENOSPC } = { ENOENT: 2, ENOTDIR: 20, EAGAIN: 11, EINTR: 4, ENOSPC: 28 };
/** The second half of a move follows at once in the queue, but may be in the next read. */
const MOVE_HOLD_MS = 10;

/** A queued rename is read within milliseconds; what is unsure longer than this is wrong. */
const UNSURE_LIMIT_MS = 1_000;

const buffer = allocateFixed(READ_BYTES);

/** A watched directory; its path is found by climbing, so a renamed directory is one change. */
interface Node {
  readonly watch: number;
  parent: Node | undefined;
  name: string;
  readonly children: Map<string, Node>;
}

interface Departure {
  readonly cookie: number;
  readonly path: string;
  readonly node: Node | undefined;
  readonly dueMs: number;
}

export class InotifyCapture {
  readonly handle: number;
  private readonly watched: WatchedRoot;
  private readonly nowMs: () => number;
  private readonly most: number;
  private readonly nodes = new Map<number, Node>();
  private root: Node | undefined;
  private cookieWatch = -1;
  /** MOVED_FROM whose MOVED_TO has not come: moved elsewhere in the root, or out of it. */
  private departure: Departure | undefined;
  /** What we know of the tree contradicts itself. */
  private mustStartOver = false;
  /** Directories whose subdirectories could not be watched because their path led elsewhere: a rename of them is queued. */
  private readonly unsure = new Set<Node>();
  private lastEventMs = 0;

  /** `most` 0: only cookies are watched (the root is polled). Throws `FS-LIMIT` when so many watches, or the system's, do not suffice. */
  constructor(watched: WatchedRoot, nowMs: () => number, most = Number.POSITIVE_INFINITY) {
    this.watched = watched;
    this.nowMs = nowMs;
    this.most = most;
    this.handle = callInit(constants.O_NONBLOCK | 0x80000);
    if (this.handle < 0) throw faultOfErrno(lastErrno(), watched.path);
    try {
      this.cookieWatch = this.addWatch(watched.cookies, watched.cookies) ?? -1;
      if (most > 0) this.watchRoot();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Reads one buffer; false when there was nothing. */
  read(): boolean {
    const filled = callRead(this.handle, buffer.address, READ_BYTES);
    if (filled < 0) {
      const code = lastErrno();
      if (code === EAGAIN || code === EINTR) return false;
      throw faultOfErrno(code, 'inotify');
    }
    for (let at = 0; at + EVENT_BYTES <= filled; ) {
      const nameLength = buffer.bytes.readUInt32LE(at + 12);
      const watch = buffer.bytes.readInt32LE(at);
      const mask = buffer.bytes.readUInt32LE(at + 4);
      const cookie = buffer.bytes.readUInt32LE(at + 8);
      this.handleEvent(watch, mask, cookie, nameAt(at + EVENT_BYTES, nameLength));
      at += EVENT_BYTES + nameLength;
    }
    this.lastEventMs = this.nowMs();
    if (this.mustStartOver) this.startOver('renames were faster than their events');
    return filled > 0;
  }

  /** Ends the wait for what should have come by now; returns when to call again, in ms from now. */
  settle(): number | undefined {
    const nowMs = this.nowMs();
    if (this.unsure.size > 0 && nowMs - this.lastEventMs > UNSURE_LIMIT_MS) {
      this.startOver('a directory could not be followed');
    }
    if (this.departure === undefined) return undefined;
    const waitMs = this.departure.dueMs - nowMs;
    if (waitMs > 0) return waitMs;
    this.depart();
    return undefined;
  }

  /** Watches everything anew and has everything scanned. */
  startOver(reason: string): void {
    this.departure = undefined;
    this.mustStartOver = false;
    this.unsure.clear();
    for (const watch of this.nodes.keys()) callRemove(this.handle, watch);
    this.nodes.clear();
    if (this.root === undefined) return;
    this.watchRoot();
    this.watched.sink.overflow(this.watched.root, '', reason);
  }

  close(): void {
    closeHandle(this.handle);
    this.nodes.clear();
  }

  private handleEvent(watch: number, mask: number, cookie: number, name: string): void {
    const node = this.nodes.get(watch);
    if (mask & IN_Q_OVERFLOW) this.startOver('the queue of inotify overflowed');
    else if (watch === this.cookieWatch) this.handleCookie(mask, name);
    else if (node === undefined || name === CONTROL_NAME) return;
    else if (mask & IN_IGNORED) this.forget(node);
    else if (mask & (IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
      if (node === this.root) this.watched.sink.rootLost(this.watched.root);
    } else this.handleChange(node, mask, cookie, name);
  }

  private handleCookie(mask: number, name: string): void {
    if (this.departure !== undefined) this.depart();
    if (!(mask & IN_CREATE)) return;
    // Polled: only comparing everything can prove that nothing before the cookie is missing.
    if (this.root === undefined) this.watched.sink.overflow(this.watched.root, '', 'polling');
    this.watched.sink.cookie(this.watched.root, name);
  }

  private handleChange(node: Node, mask: number, cookie: number, name: string): void {
    if (this.departure !== undefined && !(mask & IN_MOVED_TO && cookie === this.departure.cookie)) this.depart();
    if (mask & IN_MOVED_FROM) this.prepareDeparture(node, name, cookie);
    else if (mask & IN_MOVED_TO) this.arrive(node, name, (mask & IN_ISDIR) !== 0);
    else if (mask & IN_ISDIR && mask & IN_CREATE) this.adopt(node, name);
    else this.report(node, name, mask);
  }

  private report(node: Node, name: string, mask: number): void {
    const { sink, root } = this.watched;
    const path = name === '' ? pathOf(node) : joinPath(pathOf(node), name);
    if (mask & (IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB)) sink.dirty(root, path, true, (mask & IN_CLOSE_WRITE) !== 0);
    else if (mask & IN_MODIFY) sink.dirty(root, path, false);
    else if (mask & IN_CREATE) sink.created(root, path);
  }

  private prepareDeparture(parent: Node, name: string, cookie: number): void {
    const node = parent.children.get(name);
    this.departure = { cookie, path: joinPath(pathOf(parent), name), node, dueMs: this.nowMs() + MOVE_HOLD_MS };
  }

  /** It left the root: nothing in it is ours any more. */
  private depart(): void {
    const { path, node } = this.departure!;
    this.departure = undefined;
    if (node !== undefined) this.abandon(node);
    this.watched.sink.dirty(this.watched.root, path, true);
  }

  /**
   * The tree may be further than the queue: what was at a name when the event was made need not be there now, and what is
   * there now may be known already under its later name. So a directory that arrives is looked at, not assumed.
   */
  private arrive(parent: Node, name: string, isDirectory: boolean): void {
    const to = joinPath(pathOf(parent), name);
    const departed = this.departure;
    this.departure = undefined;
    if (departed === undefined) {
      if (isDirectory) this.adopt(parent, name);
      else this.watched.sink.dirty(this.watched.root, to, true);
      return;
    }
    this.watched.sink.rename(this.watched.root, departed.path, to);
    if (!isDirectory) return;
    const watch = this.addWatch(this.absolute(parent, name), to);
    const found = watch === undefined ? departed.node : this.nodes.get(watch);
    if (found === undefined || found !== departed.node) this.adopt(parent, name);
    else this.attach(found, parent, name);
    if (this.unsure.size > 0) this.retryUnsure();
  }

  private attach(node: Node, parent: Node, name: string): void {
    for (let at: Node | undefined = parent; at !== undefined; at = at.parent) {
      if (at !== node) continue;
      this.mustStartOver = true;
      return;
    }
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
    node.parent = parent;
    node.name = name;
    parent.children.set(name, node);
  }

  /** A directory that was not watched: watch it with all below, then have it scanned. */
  private adopt(parent: Node, name: string): void {
    const path = joinPath(pathOf(parent), name);
    const { sink, root } = this.watched;
    sink.dirty(root, path, true);
    const node = this.watchDirectory(parent, name);
    this.confirm(parent);
    if (node === undefined) return;
    this.watchBelow([node]);
    sink.overflow(root, path, 'a new directory');
  }

  private watchRoot(): void {
    const watch = this.addWatch(this.watched.path, this.watched.path);
    if (watch === undefined) throw new Fault('ROOT-MISSING', { path: this.watched.path });
    this.root = { watch, parent: undefined, name: '', children: new Map() };
    this.nodes.set(watch, this.root);
    this.watchBelow([this.root]);
  }

  private watchBelow(pending: Node[]): void {
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      for (const name of this.listDirectories(node)) {
        const child = this.watchDirectory(node, name);
        if (child !== undefined) pending.push(child);
      }
      this.confirm(node);
    }
  }

  /** What was just done in `node` went by its path: if that leads elsewhere by now, it was done in another directory. */
  private confirm(node: Node): void {
    if (node === this.root) return;
    if (this.addWatch(this.absolute(node, undefined), pathOf(node)) !== node.watch) this.unsure.add(node);
  }

  /** A rename was followed: paths that led elsewhere may be right now. */
  private retryUnsure(): void {
    for (const node of [...this.unsure]) {
      this.unsure.delete(node);
      if (this.nodes.get(node.watch) !== node) continue;
      this.watchBelow([node]);
      const { sink, root } = this.watched;
      if (!this.unsure.has(node)) sink.overflow(root, pathOf(node), 'renamed while it was being watched');
    }
  }

  private watchDirectory(parent: Node, name: string): Node | undefined {
    const watch = this.addWatch(this.absolute(parent, name), joinPath(pathOf(parent), name));
    if (watch === undefined) return undefined;
    const known = this.nodes.get(watch);
    if (known !== undefined) {
      // The same directory under another name: it was moved while we looked.
      this.attach(known, parent, name);
      return known;
    }
    const node: Node = { watch, parent, name, children: new Map() };
    this.nodes.set(watch, node);
    if (this.nodes.size > this.most) throw noMoreWatches(joinPath(pathOf(parent), name));
    parent.children.set(name, node);
    return node;
  }

  /** undefined when there is no directory (any more). */
  private addWatch(absolute: string, path: string): number | undefined {
    const watch = callAdd(this.handle, cPath(absolute), WATCH_MASK);
    if (watch >= 0) return watch;
    const code = lastErrno();
    if (code === ENOENT || code === ENOTDIR) return undefined;
    if (code === ENOSPC) throw noMoreWatches(path);
    throw faultOfErrno(code, path);
  }

  private listDirectories(node: Node): string[] {
    const handle = openAt(AT_FDCWD, this.absolute(node, undefined), OPEN_DIRECTORY);
    if (handle < 0) return [];
    try {
      return scanHandle(handle, 0, CONTROL_NAME, pathOf(node))
        .filter((entry) => entry.type === 'directory')
        .map((entry) => entry.name);
    } finally {
      closeHandle(handle);
    }
  }

  private absolute(node: Node, name: string | undefined): string {
    const below = pathOf(node);
    const path = name === undefined ? below : joinPath(below, name);
    return path === '' ? this.watched.path : `${this.watched.path === '/' ? '' : this.watched.path}/${path}`;
  }

  /** Ends the watches of a directory and all below it. */
  private abandon(top: Node): void {
    const pending = [top];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      pending.push(...node.children.values());
      callRemove(this.handle, node.watch);
      this.nodes.delete(node.watch);
    }
    if (top.parent?.children.get(top.name) === top) top.parent.children.delete(top.name);
  }

  /** The kernel ended a watch: the directory is gone. */
  private forget(node: Node): void {
    this.nodes.delete(node.watch);
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
  }
}

function pathOf(node: Node): string {
  let path = node.name;
  for (let at = node.parent; at !== undefined; at = at.parent) path = at.name === '' ? path : `${at.name}/${path}`;
  return path;
}

function nameAt(start: number, length: number): string {
  let end = start;
  while (end < start + length && buffer.bytes[end] !== 0) end += 1;
  const text = buffer.bytes.toString('utf8', start, end);
  return text.includes('\ufffd') ? decodeName(buffer.bytes.subarray(start, end)) : text;
}

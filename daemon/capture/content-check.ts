/**
 * Writes through a memory map may leave size and times of a file as they were (tmpfs never sets them, others at the first
 * write to a page only): all that is seen is that a writer closed it. Then its content is read and compared with what was
 * sent. Bounded: a piece a step, each file at intervals that grow with its size, so many files at a time.
 */
import type { RelativePath } from '../../shared/path.ts';
import { BlockHashStream } from '../link/block-hash.ts';
import { type ContentHasher, hashWhole } from '../link/content-hash.ts';
import { largeFiles } from '../link/large-files.ts';
import type { EntryStat, ReadableFile, RootTree } from '../ports.ts';
import type { IndexedEntry } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { sameFileId, toIndexed } from './entry.ts';

/** Hashes kept of contents that were sent; about 300 bytes each. */
const HASHES_KEPT = 20_000;
/** Files waiting for their comparison; what comes on top is sent again without one. */
const WAITING_LIMIT = 10_000;
/** A file is compared at most as often as if it were read at this rate. */
const BYTES_PER_MS = 16 * 1024;
const SHORTEST_INTERVAL_MS = 1_000;
const PIECE_BYTES = 1024 * 1024;

interface SentContent {
  readonly state: string;
  /** undefined: different contents were sent of one state. */
  readonly hash: string | undefined;
}

function stateOf(stat: EntryStat): string {
  return `${stat.id.inode}.${stat.id.birthNs}.${stat.sizeBytes}.${stat.mtimeNs}.${stat.ctimeNs}`;
}

/** What was sent of files lately, by the file's identity. Shared by all senders of a Master. */
export class SentContents {
  private readonly contents = new Map<string, SentContent>();

  note(root: number, stat: EntryStat, hash: Uint8Array): void {
    const key = `${root}:${stat.id.inode}`;
    const sent = { state: stateOf(stat), hash: Buffer.from(hash).toString('latin1') };
    const before = this.contents.get(key);
    this.contents.delete(key);
    const differs = before !== undefined && before.state === sent.state && before.hash !== sent.hash;
    this.contents.set(key, differs ? { ...sent, hash: undefined } : sent);
    if (this.contents.size <= HASHES_KEPT) return;
    for (const oldest of this.contents.keys()) {
      this.contents.delete(oldest);
      return;
    }
  }

  /** True only when this content was sent while the file was in this state. */
  wasSent(root: number, stat: EntryStat, hash: Uint8Array): boolean {
    const sent = this.contents.get(`${root}:${stat.id.inode}`);
    return sent !== undefined && sent.state === stateOf(stat) && sent.hash === Buffer.from(hash).toString('latin1');
  }

  /** Is anything known that a comparison could end well with? */
  knows(root: number, stat: EntryStat): boolean {
    return this.contents.get(`${root}:${stat.id.inode}`)?.state === stateOf(stat);
  }
}

export interface ContentCheckOptions {
  readonly root: number;
  readonly tree: RootTree;
  readonly index: MasterState;
  readonly hasher: ContentHasher;
  readonly sent: SentContents;
}

interface Waiting {
  dueMs: number;
  /** A barrier waits for it. */
  hurried: boolean;
}

interface Reading {
  readonly id: number;
  readonly path: RelativePath;
  readonly file: ReadableFile;
  readonly begin: EntryStat;
  readonly hashing: Hashing;
}

/** The hash with which a content of this size was noted when it was sent. */
interface Hashing {
  readonly position: number;
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

function hashingFor(hasher: ContentHasher, sizeBytes: number): Hashing {
  return sizeBytes > largeFiles().inlineBytes ? new BlockHashStream(hasher, sizeBytes) : new InlineHashing(hasher);
}

/** A small file is read at once. */
class InlineHashing implements Hashing {
  private readonly hasher: ContentHasher;
  private content: Uint8Array = new Uint8Array(0);

  constructor(hasher: ContentHasher) {
    this.hasher = hasher;
  }

  get position(): number {
    return this.content.length;
  }

  update(bytes: Uint8Array): void {
    this.content = Buffer.concat([this.content, bytes]);
  }

  digest(): Uint8Array {
    return hashWhole(this.hasher, this.content);
  }
}

export class ContentChecks {
  private readonly options: ContentCheckOptions;
  private readonly waiting = new Map<number, Waiting>();
  /** Earliest time of the next comparison of files that were compared lately. */
  private readonly notBefore = new Map<number, number>();
  private readonly piece = new Uint8Array(PIECE_BYTES);
  private reading: Reading | undefined;

  constructor(options: ContentCheckOptions) {
    this.options = options;
  }

  /** Compares an entry when its turn has come; false when too many wait. */
  add(id: number, bootMs: number, hurried: boolean): boolean {
    const known = this.waiting.get(id);
    if (known !== undefined) {
      known.hurried ||= hurried;
      return true;
    }
    if (this.waiting.size >= WAITING_LIMIT) return false;
    this.waiting.set(id, { dueMs: Math.max(bootMs, this.notBefore.get(id) ?? bootMs), hurried });
    return true;
  }

  /** A barrier comes: whatever waits now is due. */
  hurry(): void {
    for (const waiting of this.waiting.values()) waiting.hurried = true;
  }

  get isHurried(): boolean {
    if (this.reading !== undefined) return true;
    for (const { hurried } of this.waiting.values()) if (hurried) return true;
    return false;
  }

  nextDueMs(bootMs: number): number | undefined {
    if (this.reading !== undefined) return bootMs;
    let due: number | undefined;
    for (const { dueMs, hurried } of this.waiting.values()) {
      if (hurried) return bootMs;
      due = Math.min(due ?? dueMs, dueMs);
    }
    return due;
  }

  /**
   * Reads one piece. Returns undefined when nothing is due, else the entry of a file whose content is not what was sent;
   * `outdated` is undefined when there is none (yet).
   */
  step(bootMs: number): { readonly outdated: IndexedEntry | undefined } | undefined {
    if (this.reading === undefined && !this.begin(bootMs)) return undefined;
    const { reading } = this;
    // It vanished: its removal is reported by itself.
    if (reading === undefined) return { outdated: undefined };
    try {
      return { outdated: this.proceed(reading) };
    } catch {
      this.end();
      // It cannot be read now: sending it says why, and tries again.
      return { outdated: this.options.index.byId(reading.id) };
    }
  }

  close(): void {
    this.end();
  }

  private begin(bootMs: number): boolean {
    for (const [id, { dueMs, hurried }] of this.waiting) {
      if (dueMs > bootMs && !hurried) continue;
      this.waiting.delete(id);
      this.open(id, bootMs);
      return true;
    }
    return false;
  }

  private open(id: number, bootMs: number): void {
    const { index, tree, hasher, root } = this.options;
    const row = index.byId(id);
    const place = row && index.placeOf(row);
    if (row === undefined || place?.root !== root) return;
    let file: ReadableFile | undefined;
    try {
      file = tree.openRead(place.path);
      const begin = file.stat();
      if (!sameFileId(row, begin.id)) throw new Error('another file');
      this.reading = { id, path: place.path, file, begin, hashing: hashingFor(hasher, begin.sizeBytes) };
      this.postpone(id, bootMs + Math.max(SHORTEST_INTERVAL_MS, begin.sizeBytes / BYTES_PER_MS), bootMs);
    } catch {
      file?.close();
    }
  }

  private postpone(id: number, untilMs: number, bootMs: number): void {
    if (this.notBefore.size >= WAITING_LIMIT) {
      for (const [other, atMs] of this.notBefore) if (atMs <= bootMs) this.notBefore.delete(other);
      if (this.notBefore.size >= WAITING_LIMIT) this.notBefore.clear();
    }
    this.notBefore.set(id, untilMs);
  }

  /** The entry when its content was not sent; undefined while unknown and when it was. */
  private proceed(reading: Reading): IndexedEntry | undefined {
    const { root, index, sent } = this.options;
    const { hashing, begin, file } = reading;
    const left = begin.sizeBytes - hashing.position;
    if (left > 0 && sent.knows(root, begin)) {
      const count = file.read(this.piece, 0, Math.min(PIECE_BYTES, left), hashing.position);
      // It got shorter: what was sent of it is not what is there.
      if (count === 0) throw new Error('shorter');
      hashing.update(this.piece.subarray(0, count));
      return undefined;
    }
    const after = file.stat();
    this.end();
    const isSent = left === 0 && sent.wasSent(root, begin, hashing.digest());
    const row = index.byId(reading.id);
    const stat = toIndexed(after);
    // Changed meanwhile: what changed it is reported too.
    return row === undefined || stat === undefined || isSent ? undefined : row;
  }

  private end(): void {
    this.reading?.file.close();
    this.reading = undefined;
  }
}

/**
 * Hashes of the blocks of large files as one Replica has, or will have, them: what of a changed file need not be sent again.
 *
 * A file has versions: what was sent of it, and at which position of the stream. A version holds at position R of the Replica
 * when R is not before it and nothing else was sent of the file up to R. So after a cut link the newest version up to what the
 * Replica has received is the base of the next change (`keepUpTo`). What every Replica has acknowledged is stored, before the
 * spool forgets the intents (`store`); after a restart the intents still in the spool tell which stored versions something
 * else may have followed (docs/decisions/0026, 0047).
 */
import type { RelativePath } from '../../shared/path.ts';
import type { Position } from '../../shared/position.ts';
import { type BlockHashes, blockBytesFor } from '../link/block-hash.ts';
import { largeFiles } from '../link/large-files.ts';
import type { EntryStat } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { SentBlockStore, StoredFile } from '../store/sent-block-store.ts';

/** Hashes kept for one Replica: of contents of 128 GiB in blocks of 32 KiB. */
const LIMIT_BYTES = 64 * 1024 * 1024;
/** Of one file; more are under way only when the Replica acknowledges nothing. */
const LIMIT_VERSIONS = 16;

/** Hashes of one content; not in memory until they are needed when they were stored by an earlier life. */
interface SentContent {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  hashes: BlockHashes | undefined;
}

interface Version {
  readonly seq: number;
  /** The file's time there. */
  readonly mtimeNs: bigint;
  /** undefined: something was, or may have been, sent of which nothing is known. */
  readonly content: SentContent | undefined;
}

interface Stored {
  readonly row: number;
  version: Version;
}

interface KnownFile extends StoredFile {
  /** Ascending by `seq`. */
  versions: Version[];
  stored: Stored | undefined;
}

/** What a change is sent against. */
export interface SentBase {
  readonly blocks: BlockHashes;
  readonly mtimeNs: bigint;
}

/** Of more files that were to be sent whole the oldest are forgotten: a patch that does not fit is asked for again. */
const MAX_WHOLE = 10_000;

/** A `put` in the spool: its position, and of which file as `fileKey` names it. */
type SpooledPut = readonly [seq: number, root: number, key: string];

export class SentBlocks {
  private readonly peer: string;
  private readonly disk: SentBlockStore | undefined;
  /** By the file's identity, the one used longest ago first. */
  private readonly files = new Map<string, KnownFile>();
  /** Files of which what is stored may not be what was acknowledged last. */
  private readonly outdated = new Set<string>();
  /** Rows of files that are not known any more. */
  private readonly gone: number[] = [];
  /** Files that are sent whole up to this position. */
  private readonly whole = new Map<string, number>();
  private allWhole = 0;
  private bytes = 0;

  constructor(peer: string, disk?: SentBlockStore) {
    this.peer = peer;
    this.disk = disk;
  }

  /** What an earlier life has stored. `puts`: everything in the spool that may have been sent by it; `newestSeq`: of the spool. */
  load(puts: Iterable<SpooledPut>, newestSeq: number): void {
    for (const one of this.disk?.list(this.peer) ?? []) {
      const { row, seq, mtimeNs, sizeBytes, blockBytes } = one;
      const version = { seq, mtimeNs, content: { sizeBytes, blockBytes, hashes: undefined } };
      if (seq > newestSeq) this.gone.push(row);
      else this.add(keyOf(one.root, one.id), { ...one, versions: [version], stored: { row, version } });
    }
    if (this.files.size === 0) return;
    for (const [seq, root, key] of puts) {
      const file = this.files.get(`${root}:${key}`);
      if (file !== undefined && seq > file.versions.at(-1)!.seq)
        this.push(file, { seq, mtimeNs: 0n, content: undefined });
    }
  }

  /** The content was sent, as part of the change `seq`. */
  note(root: number, stat: EntryStat, blocks: BlockHashes, seq: number): void {
    const key = keyOf(root, stat.id);
    if (blocks.sizeBytes < largeFiles().patchedBytes) {
      this.noteUnknown(root, stat, seq);
      return;
    }
    const { sizeBytes, blockBytes } = blocks;
    const version = { seq, mtimeNs: stat.mtimeNs, content: { sizeBytes, blockBytes, hashes: blocks } };
    const file = this.files.get(key);
    if (file === undefined) this.add(key, { root, id: stat.id, versions: [version], stored: undefined });
    else this.push(file, version);
    this.outdated.add(key);
    this.limit(key);
  }

  /** The file's content was sent without remembering its blocks. */
  noteUnknown(root: number, stat: EntryStat, seq: number): void {
    const key = keyOf(root, stat.id);
    const file = this.files.get(key);
    if (file === undefined) return;
    this.push(file, { seq, mtimeNs: 0n, content: undefined });
    this.outdated.add(key);
  }

  /** Metadata was sent and nothing else: its time there is another. */
  noteTime(root: number, stat: EntryStat, seq: number): void {
    const key = keyOf(root, stat.id);
    const file = this.files.get(key);
    const newest = file?.versions.at(-1);
    if (file === undefined || newest?.content === undefined || newest.mtimeNs === stat.mtimeNs) return;
    this.push(file, { seq, mtimeNs: stat.mtimeNs, content: newest.content });
    this.outdated.add(key);
  }

  /**
   * What was sent last of the file, for its change `seq`; undefined when that is not known, of no use for its present size, or when
   * the change answers a repair.
   */
  of(root: number, stat: EntryStat, seq: number): SentBase | undefined {
    const key = keyOf(root, stat.id);
    if (seq <= Math.max(this.allWhole, this.whole.get(key) ?? 0)) return undefined;
    this.whole.delete(key);
    const file = this.files.get(key);
    const newest = file?.versions.at(-1);
    if (file === undefined || newest?.content === undefined || stat.sizeBytes < largeFiles().patchedBytes)
      return undefined;
    if (newest.content.blockBytes !== blockBytesFor(stat.sizeBytes)) return undefined;
    const blocks = this.hashesOf(file, newest.content);
    if (blocks === undefined) return undefined;
    this.files.delete(key);
    this.files.set(key, file);
    return { blocks, mtimeNs: newest.mtimeNs };
  }

  private hashesOf(file: KnownFile, content: SentContent): BlockHashes | undefined {
    if (content.hashes === undefined && file.stored?.version.content === content) {
      content.hashes = this.disk?.read({ row: file.stored.row, ...content });
    }
    return content.hashes;
  }

  /** A new link session: what was sent behind this position has not arrived. */
  keepUpTo(receivedSeq: number): void {
    for (const [key, file] of [...this.files]) {
      this.replace(
        file,
        file.versions.filter(({ seq }) => seq <= receivedSeq),
      );
      if (file.versions.at(-1)?.content === undefined) this.drop(key);
    }
  }

  /** Nothing of it is true any more, also after a crash: durable when it returns. */
  clear(): void {
    const stores = this.gone.length > 0 || [...this.files.values()].some(({ stored }) => stored !== undefined);
    this.files.clear();
    this.outdated.clear();
    this.gone.length = 0;
    this.bytes = 0;
    if (stores) this.disk?.removePeer(this.peer);
  }

  /**
   * What the Replica has at these places is not what was sent; everything for them is in the spool by now. It refuses patches of a
   * place it has asked for, whatever the place is called by then, so only the files found there now have to be forgotten. A file
   * with several names is sent under each that was asked for: whole, because it may refuse the first and keep the others.
   */
  repair(root: number, paths: readonly RelativePath[], state: Pick<MasterState, 'lookup' | 'seq'>): void {
    for (const path of paths) {
      const entry = state.lookup(root, path);
      // Whatever was below it may be missing.
      if (entry === undefined || entry.type === 'directory') {
        this.clear();
        this.allWhole = state.seq;
        return;
      }
      const key = keyOf(root, entry);
      this.drop(key);
      this.whole.set(key, state.seq);
    }
    for (const key of this.whole.keys()) {
      if (this.whole.size <= MAX_WHOLE) break;
      this.whole.delete(key);
    }
    if (this.gone.length > 0) this.disk?.transaction(() => this.removeGone());
  }

  private removeGone(): void {
    for (const row of this.gone.splice(0)) this.disk?.remove(row);
  }

  /** The Replica has acknowledged this position: makes what it has by then durable, and forgets what was before. */
  store(receivedSeq: number): void {
    const { disk } = this;
    if (disk === undefined || (this.outdated.size === 0 && this.gone.length === 0)) return;
    const due = this.due(receivedSeq);
    if (due.length === 0 && this.gone.length === 0) return;
    disk.transaction(() => {
      this.removeGone();
      for (const [file, version] of due) this.storeOne(disk, file, version);
    });
  }

  /** Files with what the Replica has of them now, where that is not what is stored. */
  private due(receivedSeq: number): [KnownFile, Version | undefined][] {
    const due: [KnownFile, Version | undefined][] = [];
    for (const key of this.outdated) {
      const file = this.files.get(key)!;
      const at = file.versions.findLastIndex(({ seq }) => seq <= receivedSeq);
      const reached = file.versions[at];
      if (at > 0) this.replace(file, file.versions.slice(at));
      const newest = reached === file.versions.at(-1);
      if (newest) this.outdated.delete(key);
      if (newest && reached?.content === undefined) {
        this.drop(key);
        continue;
      }
      const version = reached?.content === undefined ? undefined : reached;
      if (file.stored?.version !== version) due.push([file, version]);
    }
    return due;
  }

  private storeOne(disk: SentBlockStore, file: KnownFile, version: Version | undefined): void {
    const { stored } = file;
    if (version?.content === undefined) {
      if (stored !== undefined) disk.remove(stored.row);
      file.stored = undefined;
      return;
    }
    const { seq, mtimeNs, content } = version;
    if (stored === undefined) {
      const row = disk.add(this.peer, file, seq, mtimeNs, content.hashes!);
      file.stored = { row, version };
      return;
    }
    const before = stored.version.content!;
    const blocks = before === content ? undefined : { stored: before.hashes, now: content.hashes! };
    disk.update(stored.row, seq, mtimeNs, blocks);
    stored.version = version;
  }

  // ---------------------------------------------------------------- limits

  private add(key: string, file: KnownFile): void {
    this.files.set(key, file);
    this.bytes += bytesOf(file.versions);
  }

  private push(file: KnownFile, version: Version): void {
    // What was sent again has the position it had before.
    const before = file.versions.filter(({ seq }) => seq < version.seq);
    this.replace(file, [...before, version].slice(-LIMIT_VERSIONS));
  }

  private replace(file: KnownFile, versions: Version[]): void {
    this.bytes += bytesOf(versions) - bytesOf(file.versions);
    file.versions = versions;
  }

  private drop(key: string): void {
    const file = this.files.get(key);
    if (file === undefined) return;
    this.replace(file, []);
    if (file.stored !== undefined) this.gone.push(file.stored.row);
    this.files.delete(key);
    this.outdated.delete(key);
  }

  private limit(newest: string): void {
    for (const oldest of this.files.keys()) {
      if (this.bytes <= LIMIT_BYTES || oldest === newest) return;
      this.drop(oldest);
    }
  }
}

function bytesOf(versions: readonly Version[]): number {
  const contents = new Set(versions.map(({ content }) => content));
  let bytes = 0;
  for (const content of contents)
    if (content !== undefined) bytes += 16 * Math.ceil(content.sizeBytes / content.blockBytes);
  return bytes;
}

/** As `fileKey` (capture/entry.ts) names the file, within its root. */
function keyOf(root: number, { inode, birthNs }: EntryStat['id']): string {
  return `${root}:${BigInt.asIntN(64, inode)}.${birthNs}`;
}

/** Of one Replica, as far as an earlier life of the Master has stored it in this history. */
export function loadSentBlocks(peer: string, state: MasterState, { generation, seq }: Position): SentBlocks {
  state.sentBlocks.bind(generation);
  const blocks = new SentBlocks(peer, state.sentBlocks);
  blocks.load(state.spooledPuts(), seq);
  return blocks;
}

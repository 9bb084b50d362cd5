/** Answers the Replica's needs in the order they came: whole files straight into the frame, large ones in pieces. */
import { type AttributeBytes, NO_ATTRIBUTES, selectKinds } from '../../shared/attributes.ts';
import type { MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { ByteWriter } from '../../shared/protocol/bytes.ts';
import { DATA_FRAME_BYTES, FrameType } from '../../shared/protocol/frame.ts';
import {
  type BlockHashRun,
  type Need,
  writeContentHead,
  writeFileItemHead,
  writeSyncItem,
} from '../../shared/protocol/sync-codec.ts';
import { isGone } from '../capture/observation.ts';
import type { BlockHashes } from '../link/block-hash.ts';
import { type ContentHasher, sameHash } from '../link/content-hash.ts';
import type { FrameWriter } from '../link/session.ts';
import type { EntryStat, FileId, ReadableFile, RootTree, ScannedEntry } from '../ports.ts';
import { LargeRead, orClose, readIntoFrame } from '../spool/file-content.ts';
import { BlockSend, TheirBlocks } from './block-send.ts';
import { UnchangedFiles, withAttributes } from './unchanged-files.ts';

export interface ServePorts {
  readonly trees: readonly RootTree[];
  readonly hasher: ContentHasher;
  readonly profile: MetadataProfile;
  /** Nothing is transferred: a differing file is announced and aborted. */
  readonly dryRun: boolean;
  readonly nextToken: () => number;
  readonly onLookAgain: (root: number, path: RelativePath) => void;
  readonly onUnreadable: (root: number, path: RelativePath, fault: Fault) => void;
  /** The Replica has, or will have, this content of a large file. */
  readonly onSent: (root: number, stat: EntryStat, blocks: BlockHashes) => void;
  /** The Replica did not get the content of this file. */
  readonly onNotSent: (root: number, path: RelativePath, id: FileId) => void;
}

export interface Asked {
  readonly directory: number;
  readonly need: Need;
  readonly root: number;
  readonly path: RelativePath;
  readonly entry: ScannedEntry;
  /** Set when the Replica wants what differs from its blocks. */
  readonly theirs?: TheirBlocks;
  /** As they were listed; undefined when they were not looked at. */
  readonly attributes: AttributeBytes | undefined;
}

interface OpenFile {
  readonly asked: Asked;
  readonly token: number;
  readonly read: LargeRead;
  readonly blocks?: BlockSend;
}

type DataFrameOf = typeof FrameType.syncData | typeof FrameType.syncContent;

interface OpenCompare {
  readonly asked: Asked;
  readonly read: LargeRead;
}

const COMPARE_BYTES = 1024 * 1024;
const REPORTED_FILES = 100_000;

export class NeedServer {
  private readonly ports: ServePorts;
  private queue: Asked[] = [];
  private queueAt = 0;
  /** Hashes still to come, by directory and index. */
  private readonly awaited = new Map<string, TheirBlocks>();
  private open: OpenFile | undefined;
  /** A file being hashed to answer `compare`. */
  private comparing: OpenCompare | undefined;
  sentFiles = 0;
  sentBytes = 0;
  neededBytes = 0;
  currentPath = '';
  readonly files: { readonly root: number; readonly path: string; readonly bytes: number }[] = [];
  private readonly scratch = new Uint8Array(COMPARE_BYTES);
  private readonly unchanged: UnchangedFiles;

  constructor(ports: ServePorts) {
    this.ports = ports;
    this.unchanged = new UnchangedFiles(ports);
  }

  add(asked: Omit<Asked, 'theirs'>): void {
    const { need, directory } = asked;
    const theirs = need.kind === 'blocks' ? new TheirBlocks(need) : undefined;
    if (theirs !== undefined) this.awaited.set(`${directory}/${need.index}`, theirs);
    this.queue.push(theirs === undefined ? asked : { ...asked, theirs });
    this.neededBytes += asked.entry.sizeBytes;
  }

  /** Hashes of a file that was asked for; of one that was answered already they mean nothing. */
  addHashes(run: BlockHashRun): void {
    this.awaited.get(`${run.directory}/${run.index}`)?.add(run);
  }

  get hasWork(): boolean {
    return this.open !== undefined || this.comparing !== undefined || this.queueAt < this.queue.length;
  }

  /** Something can be done now; else the Replica's hashes are awaited. */
  get canWork(): boolean {
    return this.hasWork && this.open?.blocks?.waits !== true;
  }

  close(): void {
    this.open?.read.close();
    this.open = undefined;
    this.comparing?.read.close();
    this.comparing = undefined;
  }

  /** Adds items until the frame is full or there is nothing to add; or makes it a piece of a large file. The frame's type. */
  fill(writer: FrameWriter, more: () => boolean): DataFrameOf {
    try {
      return this.fillFrame(writer, more);
    } finally {
      this.unchanged.close();
    }
  }

  private fillFrame(writer: FrameWriter, more: () => boolean): DataFrameOf {
    while (writer.payloadBytes < DATA_FRAME_BYTES && this.canWork && more()) {
      const { open } = this;
      if (open === undefined) this.answer(this.comparing?.asked ?? this.takeNext(), writer);
      else if (open.blocks !== undefined || open.read.complete) this.continueFile(open, writer);
      else if (writer.payloadBytes > 0) break;
      else {
        this.continueFile(open, writer);
        if (this.open === open && writer.payloadBytes > 0) return FrameType.syncContent;
      }
    }
    return FrameType.syncData;
  }

  private takeNext(): Asked {
    const asked = this.queue[this.queueAt]!;
    this.queueAt += 1;
    if (this.queueAt >= 4096 && this.queueAt * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.queueAt);
      this.queueAt = 0;
    }
    return asked;
  }

  private answer(asked: Asked, writer: ByteWriter): void {
    const start = writer.length;
    this.currentPath = asked.path;
    try {
      if (this.comparing !== undefined) this.continueCompare(this.comparing, writer);
      else if (asked.need.kind === 'compare') this.startCompare(asked);
      else if (this.ports.dryRun) this.announce(asked, writer);
      else if (asked.theirs !== undefined) this.sendBlocks(asked, asked.theirs, writer);
      else this.sendWhole(asked, writer);
    } catch (error) {
      writer.rewindTo(start);
      this.close();
      if (!isGone(error)) this.report(asked, error);
      this.tellNotSent(asked);
      this.neededBytes -= asked.entry.sizeBytes;
      this.forget(asked);
      writeSyncItem(writer, { kind: 'gone', directory: asked.directory, index: asked.need.index }, this.ports.profile);
    }
  }

  private forget({ directory, need }: Asked): void {
    this.awaited.delete(`${directory}/${need.index}`);
  }

  private tellNotSent({ root, path, entry }: Asked): void {
    if (!this.ports.dryRun) this.ports.onNotSent(root, path, entry.id);
  }

  private report(asked: Asked, error: unknown): void {
    const fault = Fault.from(error);
    if (fault.kind === 'fatal' && fault.code !== 'FS-IO') throw fault;
    if (fault.code === 'FS-CHANGED') this.ports.onLookAgain(asked.root, asked.path);
    else this.ports.onUnreadable(asked.root, asked.path, fault);
  }

  // ------------------------------------------------------------- whole files

  private sendWhole(asked: Asked, writer: ByteWriter): void {
    const { root, path, entry, directory, need } = asked;
    const { profile, trees } = this.ports;
    const place = { directory, index: need.index };
    if (this.unchanged.send(asked, writer)) {
      this.countFile(asked, entry.sizeBytes);
      this.sentBytes += entry.sizeBytes;
      return;
    }
    const outcome = readIntoFrame(
      trees[root]!,
      path,
      writer,
      (stat, file) => {
        // A change of attributes is a change of the entry: those listed belong to the stat listed.
        const attributes = (stat === entry ? asked.attributes : undefined) ?? this.attributesIn(file);
        writeFileItemHead(writer, place, withAttributes(stat, attributes), stat.sizeBytes, profile);
      },
      // Another object at its place: what was listed is elsewhere, or gone.
      (stat) => sameId(stat.id, entry.id),
      entry,
    );
    if (outcome.kind === 'large') {
      this.begin(asked, { read: new LargeRead(outcome.file, outcome.stat, this.ports.hasher) }, writer);
      return;
    }
    if (outcome.torn) this.ports.onLookAgain(root, path);
    this.countFile(asked, outcome.stat.sizeBytes);
    this.sentBytes += outcome.stat.sizeBytes;
    this.neededBytes += outcome.stat.sizeBytes - entry.sizeBytes;
  }

  private attributesIn(file: ReadableFile): AttributeBytes {
    const { attributeKinds } = this.ports.profile;
    return attributeKinds === 0 ? NO_ATTRIBUTES : selectKinds(file.attributes(), attributeKinds);
  }

  private countFile({ root, path }: Asked, bytes: number): void {
    this.sentFiles += 1;
    if (this.files.length < REPORTED_FILES) this.files.push({ root, path, bytes });
  }

  private sendBlocks(asked: Asked, theirs: TheirBlocks, writer: ByteWriter): void {
    const { root, path, entry } = asked;
    const { trees, hasher, profile } = this.ports;
    const file = trees[root]!.openRead(path);
    const stat = orClose(file, () => file.stat());
    const read = new LargeRead(file, stat, hasher, theirs.blockBytes);
    if (read.begin.type !== 'file' || !sameId(read.begin.id, entry.id)) {
      read.close();
      throw new Fault('FS-NOT-FOUND', { path });
    }
    const blocks = new BlockSend(read, this.ports.nextToken(), theirs, hasher, profile);
    this.begin(asked, { read, blocks }, writer);
  }

  private begin(asked: Asked, opened: Pick<OpenFile, 'read' | 'blocks'>, writer: ByteWriter): void {
    const token = opened.blocks?.token ?? this.ports.nextToken();
    const { directory, need, entry } = asked;
    const { read } = opened;
    const { sizeBytes } = read.begin;
    this.neededBytes += sizeBytes - entry.sizeBytes;
    this.open = { asked, token, ...opened };
    const metadata = withAttributes(read.begin, this.attributesIn(read.file));
    writeSyncItem(
      writer,
      { kind: 'begin', directory, index: need.index, metadata, token, sizeBytes },
      this.ports.profile,
    );
  }

  // ------------------------------------------------------------- large files

  private continueFile(open: OpenFile, writer: FrameWriter): void {
    const { asked, token, read } = open;
    const start = writer.length;
    try {
      if (!read.complete) {
        this.sendPiece(open, writer);
        return;
      }
      open.blocks?.flushRun(writer);
      if (read.changed()) this.ports.onLookAgain(asked.root, asked.path);
      writeSyncItem(writer, { kind: 'end', token, hash: read.hash() }, this.ports.profile);
      this.countFile(asked, open.blocks?.sentBytes ?? read.begin.sizeBytes);
      this.ports.onSent(asked.root, read.begin, read.blocks);
    } catch (error) {
      // A piece that could not be read whole is nothing; what was said of blocks stands.
      if (open.blocks === undefined) writer.rewindTo(start);
      writeSyncItem(writer, { kind: 'abort', token }, this.ports.profile);
      this.report(asked, error);
      this.tellNotSent(asked);
    }
    this.forget(asked);
    this.close();
  }

  private sendPiece(open: OpenFile, writer: FrameWriter): void {
    const { asked, token, read, blocks } = open;
    if (blocks !== undefined) {
      const { sentBytes, savedBytes } = blocks;
      blocks.step(writer, asked.path);
      this.sentBytes += blocks.sentBytes - sentBytes;
      this.neededBytes -= blocks.savedBytes - savedBytes;
      return;
    }
    const before = read.position;
    const sent = read.next(DATA_FRAME_BYTES, writer, ({ position }) => writeContentHead(writer, token, position));
    if (sent === undefined) throw new Fault('FS-CHANGED', { path: asked.path });
    this.sentBytes += read.position - before;
  }

  // ------------------------------------------------------------- comparing

  private startCompare(asked: Asked): void {
    const file = this.ports.trees[asked.root]!.openRead(asked.path);
    this.comparing = { asked, read: new LargeRead(file, file.stat(), this.ports.hasher) };
    if (!sameId(this.comparing.read.begin.id, asked.entry.id)) throw new Fault('FS-NOT-FOUND', { path: asked.path });
  }

  private continueCompare({ asked, read }: OpenCompare, writer: ByteWriter): void {
    if (!read.complete) {
      const length = Math.min(COMPARE_BYTES, read.begin.sizeBytes - read.position);
      if (!read.readInto(this.scratch.subarray(0, length))) throw new Fault('FS-CHANGED', { path: asked.path });
      return;
    }
    const { directory, need, entry } = asked;
    const same = need.kind === 'compare' && sameHash(read.hash(), need.hash) && !read.changed();
    const metadata = same ? withAttributes(read.begin, this.attributesIn(read.file)) : undefined;
    this.close();
    if (metadata !== undefined) {
      if (!this.ports.dryRun) this.ports.onSent(asked.root, read.begin, read.blocks);
      this.neededBytes -= entry.sizeBytes;
      writeSyncItem(writer, { kind: 'same', directory, index: need.index, metadata }, this.ports.profile);
    } else if (this.ports.dryRun) this.announce(asked, writer);
    else this.sendWhole(asked, writer);
  }

  /** A comparison only: this file differs. */
  private announce({ directory, need, entry }: Asked, writer: ByteWriter): void {
    const token = this.ports.nextToken();
    const { profile } = this.ports;
    const { sizeBytes } = entry;
    this.neededBytes -= sizeBytes;
    writeSyncItem(writer, { kind: 'begin', directory, index: need.index, metadata: entry, token, sizeBytes }, profile);
    writeSyncItem(writer, { kind: 'abort', token }, profile);
  }
}

function sameId(a: FileId, b: FileId): boolean {
  return a.inode === b.inode && a.birthNs === b.birthNs;
}

/**
 * Sends the spool to one Replica in one link session: intents in order become changes in batch frames; contents are read
 * from the file system at this moment through the entry the intent names. What has gone meanwhile is left out: a later
 * intent says so. Nothing is waited for: `pump` does a bounded piece of work and is called again.
 */
import type { AttributeKinds } from '../../shared/attributes.ts';
import type { ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import {
  type BatchHeader,
  CHANGE_OVERHEAD_BYTES,
  writeBatchHeader,
  writeChange,
  writePutDataHead,
  writePutHead,
} from '../../shared/protocol/batch-codec.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import { DATA_FRAME_BYTES, FrameType } from '../../shared/protocol/frame.ts';
import type { SentContents } from '../capture/content-check.ts';
import { parseFileKey, sameFileId } from '../capture/entry.ts';
import { isGone } from '../capture/observation.ts';
import { type ContentHasher, hashWhole } from '../link/content-hash.ts';
import { largeFiles } from '../link/large-files.ts';
import { FrameWriter, type LinkSession } from '../link/session.ts';
import type { EntryStat, RootTree } from '../ports.ts';
import { type IndexedEntry, type Intent, NEVER_NS } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { LargeRead, orClose, type ReadOutcome, readIntoFrame } from './file-content.ts';
import { PatchSend } from './patch-send.ts';
import { SentAttributes } from './sent-attributes.ts';
import type { SentBlocks } from './sent-blocks.ts';

export interface SenderPorts {
  /** Kinds of attributes that are sent. */
  readonly attributeKinds: AttributeKinds;
  readonly trees: readonly RootTree[];
  readonly state: MasterState;
  readonly hasher: ContentHasher;
  readonly wallMs: () => number;
  readonly sent: SentContents;
  readonly blocks: SentBlocks;
  /** Unique in the link session, shared with the synchronization. */
  readonly nextToken: () => number;
  /** What was sent may not be what is there now, or could not be read: look again. */
  readonly onLookAgain: (root: number, path: RelativePath) => void;
  readonly onUnreadable: (root: number, path: RelativePath, fault: Fault) => void;
  /** An intent became a change; `bytes`: size of the file. */
  readonly onSent: (intent: Intent, bytes: number) => void;
}

const HEADER_BYTES = 36;
/** Intents read from the spool at once. */
const PAGE = 1_000;
/** A record of a small file may overshoot the target size of a frame by this much. */
const FRAME_CAPACITY = DATA_FRAME_BYTES + largeFiles().inlineBytes + 2 * CHANGE_OVERHEAD_BYTES;

interface OpenPut {
  readonly intent: Intent;
  readonly place: RelativePath;
  readonly token: number;
  readonly read: LargeRead;
  /** Set when only what changed is sent. */
  readonly patch?: PatchSend;
}

export class IntentSender {
  private readonly session: LinkSession;
  private readonly ports: SenderPorts;
  private readonly attributes: SentAttributes;
  private readonly writer = new FrameWriter(FRAME_CAPACITY);
  private readonly headerWriter = new ByteWriter(HEADER_BYTES);
  private page: Intent[] = [];
  private pageAt = 0;
  private batch = 0;
  private changes = 0;
  private commitSeq = 0;
  private oldestMs = 0;
  private open: OpenPut | undefined;
  private limitSeq = Number.POSITIVE_INFINITY;
  /** Size of the file that was written last. */
  private fileBytes = 0;
  /** Intents up to here were turned into changes in this session. */
  sentSeq: number;
  sentChanges = 0;
  sentBytes = 0;

  constructor(session: LinkSession, ports: SenderPorts, afterSeq: number) {
    this.session = session;
    this.ports = ports;
    this.attributes = new SentAttributes(ports.state, ports.attributeKinds);
    this.sentSeq = afterSeq;
    this.startFrame();
  }

  /** Starts over after another position; what was under way is dropped. */
  resumeAfter(seq: number): void {
    this.close();
    this.page = [];
    this.pageAt = 0;
    this.sentSeq = seq;
    this.commitSeq = 0;
    this.changes = 0;
    this.writer.reset();
    this.startFrame();
  }

  close(): void {
    this.open?.read.close();
    this.open = undefined;
  }

  get idle(): boolean {
    const lastSeq = Math.min(this.limitSeq, this.ports.state.seq);
    return this.open === undefined && this.changes === 0 && this.sentSeq >= lastSeq;
  }

  /** Sends intents up to `limitSeq` while `more()` and the window is open. True: there is more to do now. */
  pump(more: () => boolean, limitSeq = Number.POSITIVE_INFINITY): boolean {
    this.limitSeq = limitSeq;
    while (this.session.roomBytes > 0 && !this.session.closed) {
      if (!this.fillFrame(more)) return !this.idle;
    }
    return false;
  }

  /** Fills and sends one frame; false when it ran out of time or of intents. */
  private fillFrame(more: () => boolean): boolean {
    for (;;) {
      if (this.writer.payloadBytes >= DATA_FRAME_BYTES) {
        this.sendFrame();
        return more();
      }
      if (!more()) return false;
      if (this.open !== undefined) {
        this.continuePut(this.open);
        continue;
      }
      const intent = this.nextIntent();
      if (intent === undefined) {
        if (this.changes > 0 || this.commitSeq > 0) this.sendFrame();
        return false;
      }
      this.realize(intent);
    }
  }

  private nextIntent(): Intent | undefined {
    if (this.pageAt >= this.page.length) {
      if (this.sentSeq >= Math.min(this.limitSeq, this.ports.state.seq)) return undefined;
      this.page = this.ports.state.intentsAfter(this.sentSeq, PAGE);
      this.pageAt = 0;
    }
    const intent = this.page[this.pageAt];
    if (intent !== undefined && intent.seq > this.limitSeq) return undefined;
    this.pageAt += 1;
    return intent;
  }

  private startFrame(): void {
    this.writer.space(HEADER_BYTES);
  }

  private sendFrame(): void {
    this.batch += 1;
    const header: BatchHeader = {
      batch: this.batch,
      commitSeq: this.commitSeq,
      oldestMs: this.oldestMs,
      newestMs: this.ports.wallMs(),
      changes: this.changes,
    };
    writeBatchHeader(this.headerWriter, header);
    this.sentBytes += this.session.sendFrame(FrameType.batch, this.writer, this.headerWriter.take());
    this.sentChanges += this.changes;
    this.changes = 0;
    this.commitSeq = 0;
    this.oldestMs = 0;
    this.startFrame();
  }

  private count(intent: Intent): void {
    this.changes += 1;
    if (this.oldestMs === 0 || intent.atMs < this.oldestMs) this.oldestMs = intent.atMs;
  }

  private finish(intent: Intent): void {
    this.sentSeq = intent.seq;
    // A frame commits only when nothing of an unfinished unit is in it: after a cut link the unit is sent again from its
    // beginning, and a rename that was applied already must not be applied to what came after it.
    this.commitSeq = intent.boundary ? intent.seq : 0;
  }

  private realize(intent: Intent): void {
    const start = this.writer.length;
    const before = this.changes;
    this.fileBytes = 0;
    try {
      this.write(intent);
      if (this.changes > before) this.ports.onSent(intent, this.fileBytes);
    } catch (error) {
      this.writer.rewindTo(start);
      if (!isGone(error)) this.report(intent, error);
      else this.markUnsent(intent);
    }
    if (this.open === undefined) this.finish(intent);
  }

  /** Moved, perhaps, which is not known yet: its record must not say that its content was sent. */
  private markUnsent(intent: Intent): void {
    const { state } = this.ports;
    for (const name of this.namesOf(intent)) {
      const place = state.placeOf(name);
      if (place === undefined) continue;
      // A link that was not sent is made when it is found again; only a file can be sent under its name at any time.
      if (name.type === 'symlink') state.removeTree(name);
      else state.updateEntry(name, { ...name, mtimeNs: NEVER_NS });
      this.ports.onLookAgain(place.root, place.path);
    }
  }

  /** The names under which it is recorded. */
  private recordUnsent(intent: Intent): RelativePath[] {
    const { state } = this.ports;
    const places: RelativePath[] = [];
    for (const name of this.namesOf(intent)) {
      const place = state.placeOf(name);
      if (place?.root !== intent.root) continue;
      state.updateEntry(name, { ...name, mtimeNs: NEVER_NS });
      places.push(place.path);
    }
    return places;
  }

  /**
   * Its entry first, then every other name of the same file: any of them may have gone, which need not be known yet, and the
   * others are links to what is sent.
   */
  private namesOf(intent: Intent): IndexedEntry[] {
    const { state } = this.ports;
    const known = state.byId(intent.entry);
    const object = known ?? parseFileKey(intent.other);
    if (object === undefined || known?.type === 'directory') return known === undefined ? [] : [known];
    const others = state.byFileId(object.inode, object.birthNs).filter((row) => row.id !== known?.id);
    return known === undefined ? others : [known, ...others];
  }

  /** The first name of it under which it can be found, with its place. */
  private presentName(intent: Intent): { readonly place: RelativePath; readonly stat: EntryStat } | undefined {
    const { state, trees } = this.ports;
    for (const name of this.namesOf(intent)) {
      const place = state.placeOf(name);
      if (place?.root !== intent.root) continue;
      const stat = trees[intent.root]!.stat(place.path);
      if (stat !== undefined && sameFileId(name, stat.id)) return { place: place.path, stat };
    }
    return undefined;
  }

  private report(intent: Intent, error: unknown): void {
    const fault = Fault.from(error);
    if (fault.kind === 'fatal' && fault.code !== 'FS-IO') throw fault;
    if (fault.code === 'FS-CHANGED') this.ports.onLookAgain(intent.root, intent.path);
    else {
      const [place = intent.path] = this.recordUnsent(intent);
      this.ports.onUnreadable(intent.root, place, fault);
    }
  }

  private write(intent: Intent): void {
    const { root, path, other } = intent;
    switch (intent.kind) {
      case 'put':
        this.writePut(intent);
        return;
      case 'rename':
        writeChange(this.writer, { op: 'rename', root, path, from: other });
        break;
      case 'remove':
        writeChange(this.writer, { op: 'remove', root, path });
        break;
      case 'link':
        writeChange(this.writer, { op: 'link', root, path, existing: other });
        break;
      case 'make-directory':
        writeChange(this.writer, { op: 'make-directory', root, path, metadata: this.directoryMetadata(intent) });
        break;
      default:
        this.writeFromEntry(intent);
        return;
    }
    this.count(intent);
  }

  /** `symlink` and `metadata`: left out when the entry has gone. */
  private writeFromEntry(intent: Intent): void {
    const { root, path } = intent;
    const found = this.presentName(intent);
    if (found === undefined) {
      this.markUnsent(intent);
      return;
    }
    const metadata = this.attributes.ofPath(this.ports.trees[root]!, found.place, found.stat, intent.entry);
    if (intent.kind === 'metadata') {
      writeChange(this.writer, { op: 'metadata', root, path, metadata });
      this.ports.blocks.noteTime(root, found.stat, intent.seq);
    } else {
      const target = this.ports.trees[root]!.readLink(found.place);
      writeChange(this.writer, { op: 'symlink', root, path, target, metadata });
    }
    this.count(intent);
  }

  /** A directory is made even when it has gone: something may be moved through it. */
  private directoryMetadata(intent: Intent): ChangeMetadata {
    const place = this.placeOf(intent);
    const tree = this.ports.trees[intent.root]!;
    const stat = place === undefined ? undefined : tree.stat(place);
    if (stat?.type === 'directory') return this.attributes.ofPath(tree, place!, stat, intent.entry);
    const entry = this.ports.state.byId(intent.entry);
    return entry ?? { mode: 0o700, uid: 0, gid: 0, mtimeNs: BigInt(Math.floor(intent.atMs)) * 1_000_000n };
  }

  /** Where the entry is now. */
  private placeOf(intent: Intent, entry = this.ports.state.byId(intent.entry)): RelativePath | undefined {
    const place = entry && this.ports.state.placeOf(entry);
    return place?.root === intent.root ? place.path : undefined;
  }

  private writePut(intent: Intent): void {
    const { trees, onLookAgain } = this.ports;
    const names = this.namesOf(intent);
    if (names.length === 0) return;
    const { root, path } = intent;
    // A single name needs no stat before it is opened.
    const found = names.length === 1 ? this.placeOf(intent, names[0]!) : this.presentName(intent)?.place;
    if (found === undefined) throw new Fault('FS-NOT-FOUND', { path });
    const outcome = readIntoFrame(
      trees[root]!,
      found,
      this.writer,
      (stat, file) =>
        writePutHead(this.writer, root, path, this.attributes.ofFile(file, stat, names[0]!.id), stat.sizeBytes),
      // Another object at its place: it was moved or removed, which is known soon.
      (stat) => sameFileId(names[0]!, stat.id),
    );
    if (outcome.kind === 'read') {
      this.count(intent);
      this.fileBytes = outcome.stat.sizeBytes;
      if (outcome.torn) onLookAgain(root, found);
      this.ports.sent.note(root, outcome.stat, hashWhole(this.ports.hasher, outcome.content));
      this.ports.blocks.noteUnknown(root, outcome.stat, intent.seq);
      return;
    }
    this.openPut(intent, found, names[0]!.id, outcome);
    // Not before it is in the frame: one that says more than it holds ends the link, again after each new one.
    this.count(intent);
  }

  private openPut(
    intent: Intent,
    place: RelativePath,
    entryId: number,
    { file, stat }: Extract<ReadOutcome, { kind: 'large' }>,
  ): void {
    const { hasher, blocks } = this.ports;
    const { root, path } = intent;
    this.fileBytes = stat.sizeBytes;
    const token = this.ports.nextToken();
    const read = new LargeRead(file, stat, hasher);
    const begin = {
      root,
      path,
      metadata: orClose(file, () => this.attributes.ofFile(file, stat, entryId)),
      token,
      sizeBytes: stat.sizeBytes,
    };
    const base = isOwn(intent, stat) ? blocks.of(root, stat, intent.seq) : undefined;
    if (base === undefined) {
      writeChange(this.writer, { op: 'put-begin', ...begin });
      this.open = { intent, place, token, read };
    } else {
      writeChange(this.writer, {
        op: 'patch-begin',
        ...begin,
        baseBytes: base.blocks.sizeBytes,
        baseMtimeNs: base.mtimeNs,
      });
      this.open = { intent, place, token, read, patch: new PatchSend(read, base.blocks, token, hasher) };
    }
  }

  /** One piece of a large file, or its end. */
  private continuePut(put: OpenPut): void {
    const { intent, token, read, patch } = put;
    try {
      if (!read.complete && patch !== undefined) {
        const count = patch.step(this.writer, put.place);
        for (let n = 0; n < count; n += 1) this.count(intent);
        return;
      }
      if (!read.complete) {
        const limit = Math.max(largeFiles().inlineBytes, DATA_FRAME_BYTES - this.writer.payloadBytes);
        const count = read.next(limit, this.writer, ({ position, length }) =>
          writePutDataHead(this.writer, token, position, length),
        );
        if (count === undefined) throw new Fault('FS-CHANGED', { path: put.place });
        if (count > 0) this.count(intent);
        return;
      }
      writeChange(this.writer, { op: 'put-end', token, hash: this.endRead(put) });
    } catch (error) {
      writeChange(this.writer, { op: 'put-abort', token });
      const fault = Fault.from(error);
      if (fault.code === 'FS-CHANGED') this.ports.onLookAgain(intent.root, put.place);
      else this.report(intent, error);
    }
    this.count(intent);
    this.close();
    this.finish(intent);
  }

  /** Everything was read: remembers what was sent. The hash that tells the Replica that it has all of it. */
  private endRead({ intent, place, read, patch }: OpenPut): Uint8Array {
    const { sent, blocks, onLookAgain } = this.ports;
    if (read.changed()) onLookAgain(intent.root, place);
    const hash = read.hash();
    sent.note(intent.root, read.begin, hash);
    if (isOwn(intent, read.begin)) blocks.note(intent.root, read.begin, read.blocks, intent.seq);
    else blocks.noteUnknown(intent.root, read.begin, intent.seq);
    return patch?.digest() ?? hash;
  }
}

/** Another file took the place of the one the intent is about: what the Replica has under that name is not that file. */
function isOwn({ other }: Intent, { id }: EntryStat): boolean {
  const object = parseFileKey(other);
  return object !== undefined && object.inode === BigInt.asIntN(64, id.inode) && object.birthNs === id.birthNs;
}

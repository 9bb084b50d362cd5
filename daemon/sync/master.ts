/**
 * The Master's side of one synchronization (or comparison) with one Replica: walks and sends listings, answers needs with
 * contents, ends when every listing was answered and every need served. Pieces of work, bounded by `more` and the window.
 */

import type { MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { Position } from '../../shared/position.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import { DATA_FRAME_BYTES, FrameType } from '../../shared/protocol/frame.ts';
import { type Need, readBlockHashRun, readNeeds } from '../../shared/protocol/sync-codec.ts';
import type { ControlMessage } from '../../shared/protocol/wire.ts';
import type { SyncProgress } from '../../shared/status.ts';
import { beginSpan, type Span } from '../ageing.ts';
import type { DiffResult, SyncResult } from '../engine/engine-protocol.ts';
import type { SeenAhead } from '../engine/seen-ahead.ts';
import { FrameWriter, type LinkSession } from '../link/session.ts';
import type { Clock, ScannedEntry } from '../ports.ts';
import { ComparisonRemarks } from './comparison-remarks.ts';
import { type EntryAttributes, saidOf } from './entry-attributes.ts';
import { NeedServer, type ServePorts } from './master-serve.ts';
import { MasterWalk, type WalkPlace, type WalkPorts, type WalkRecording, writeListing } from './master-walk.ts';
import { Throughput } from './throughput.ts';

export interface MasterSyncOptions {
  readonly syncId: number;
  readonly peer: string;
  readonly method: 'file' | 'block' | 'skip';
  readonly ignoreSame: boolean;
  readonly dryRun: boolean;
  readonly base: Position;
  readonly recording: WalkRecording;
  /** Gets what is listed and not recorded yet. */
  readonly ahead?: SeenAhead | undefined;
  /** Continuous verification, not asked for by anybody. */
  readonly slice?: true;
  /** Only these directories: the Replica goes on from a position of this history and differs nowhere else. */
  readonly places?: readonly WalkPlace[] | undefined;
  readonly profile: MetadataProfile;
  /** The Replica has what the record says: of files that are as recorded no attributes need to be looked at. */
  readonly trusted: boolean;
}

export interface MasterSyncPorts
  extends Omit<WalkPorts, 'recording' | 'attributes' | 'places'>,
    Omit<ServePorts, 'profile' | 'dryRun'> {
  readonly session: LinkSession;
  readonly clock: Clock;
  /** Throws `ROOT-MISSING` when a root is not what it was when the synchronization began. */
  readonly requireRoots: () => void;
  /** All directories were walked: the index is complete. */
  readonly onWalked: () => void;
}

type SyncDone = Extract<ControlMessage, { readonly kind: 'sync-done' }>;

/** The walk runs ahead of the answers by at most so many directories and entries. */
const AHEAD_DIRECTORIES = 256;
const AHEAD_ENTRIES = 50_000;
/** It goes on before contents are sent while fewer answers than this are under way: the Replica must not run dry. */
const AHEAD_LOW = 8;
const REPORTED_FILES = 100_000;
const REPORTED_DIFFERENCES = 10_000;

interface Listed {
  readonly root: number;
  readonly path: RelativePath;
  readonly entries: readonly ScannedEntry[];
  readonly attributes: EntryAttributes;
}

export class MasterSync {
  readonly options: MasterSyncOptions;
  private readonly ports: MasterSyncPorts;
  private readonly walk: MasterWalk;
  private readonly server: NeedServer;
  private readonly writer = new FrameWriter(2 * DATA_FRAME_BYTES);
  private readonly listed = new Map<number, Listed>();
  private listedEntries = 0;
  private nextDirectory = 0;
  private walkEnded = false;
  private finishSent = false;
  private done: SyncDone | undefined;
  private comparedEntries = 0;
  private currentPath = '';
  private readonly span: () => Span;
  private readonly throughput: Throughput;
  private readonly differences: DiffResult['differences'][number][] = [];
  private differencesTruncated = false;
  private readonly remarks = new ComparisonRemarks();

  constructor(options: MasterSyncOptions, ports: MasterSyncPorts) {
    this.options = options;
    this.ports = ports;
    this.walk = new MasterWalk({
      ...ports,
      recording: options.recording,
      places: options.places,
      onAhead: (root, path, entries) => options.ahead?.note(root, path, entries),
      attributes: { kinds: options.profile.attributeKinds, trusted: options.trusted },
    });
    this.server = new NeedServer({ ...ports, profile: options.profile, dryRun: options.dryRun });
    this.span = beginSpan(ports.clock);
    this.throughput = new Throughput(ports.clock.bootMs());
    const { syncId, method, ignoreSame, dryRun, base } = options;
    ports.session.sendControl({
      kind: 'sync-start',
      syncId,
      method: method === 'block' ? 'block' : 'file',
      ignoreSame,
      dryRun,
      base,
      ...(options.places === undefined ? {} : { targeted: true }),
    });
  }

  get walked(): boolean {
    return this.walkEnded;
  }

  get complete(): boolean {
    return this.done !== undefined;
  }

  close(): void {
    this.server.close();
  }

  // ------------------------------------------------------------- work

  /** True when there is more to do now. */
  pump(more: () => boolean): boolean {
    const { session } = this.ports;
    while (!this.finishSent && !session.closed) {
      if (!more()) return true;
      if (session.roomBytes <= 0) return false;
      if (this.wantsWalk()) this.walkOne();
      else if (this.server.canWork) this.serve(more);
      else if (this.canWalk()) this.walkOne();
      else if (this.server.hasWork || !this.tryFinish()) return false;
    }
    return false;
  }

  private wantsWalk(): boolean {
    return this.canWalk() && this.listed.size < AHEAD_LOW;
  }

  private canWalk(): boolean {
    return !this.walkEnded && this.listed.size < AHEAD_DIRECTORIES && this.listedEntries < AHEAD_ENTRIES;
  }

  private walkOne(): void {
    const { session } = this.ports;
    if (this.walk.done) {
      this.walkEnded = true;
      this.ports.onWalked();
      session.sendControl({ kind: 'sync-walked', syncId: this.options.syncId });
      return;
    }
    this.ports.requireRoots();
    const directory = this.walk.next();
    if (directory === undefined) return;
    this.comparedEntries += directory.entries.length;
    if (this.options.dryRun) this.remarks.note(directory);
    this.currentPath = directory.path;
    if (this.options.method === 'skip') return;
    const number = this.nextDirectory;
    this.nextDirectory += 1;
    const { root, path, entries, attributes } = directory;
    this.listed.set(number, { root, path, entries, attributes });
    this.listedEntries += entries.length;
    const { syncId, profile } = this.options;
    writeListing(directory, { syncId, number, profile }, this.ports.trees[root]!, this.writer, () =>
      session.sendFrame(FrameType.syncDirectory, this.writer),
    );
  }

  private serve(more: () => boolean): void {
    const type = this.server.fill(this.writer, more);
    if (this.writer.payloadBytes > 0) this.ports.session.sendFrame(type, this.writer);
    this.currentPath = this.server.currentPath;
    this.throughput.count(this.ports.clock.bootMs(), this.server.sentBytes);
  }

  /** False while the Replica's answers are awaited. */
  private tryFinish(): boolean {
    if (!this.walkEnded || this.listed.size > 0) return false;
    this.finishSent = true;
    this.ports.session.sendControl({ kind: 'sync-finish', syncId: this.options.syncId });
    return true;
  }

  // ------------------------------------------------------------- what the Replica says

  onNeeds(payload: Uint8Array): void {
    const { syncId, directory, needs } = readNeeds(new ByteReader(payload));
    if (syncId !== this.options.syncId) return;
    const listed = this.listed.get(directory);
    if (listed === undefined) throw new Fault('LINK-FRAME', { reason: `needs of directory ${directory}` });
    this.listed.delete(directory);
    this.listedEntries -= listed.entries.length;
    for (const need of needs) this.addNeed(directory, listed, need);
  }

  private addNeed(directory: number, listed: Listed, need: Need): void {
    const entry = listed.entries[need.index];
    if (entry?.type !== 'file') throw new Fault('LINK-FRAME', { reason: `need of entry ${need.index}` });
    this.server.add({
      directory,
      need: copyNeed(need),
      root: listed.root,
      path: joinPath(listed.path, entry.name),
      entry,
      attributes: saidOf(listed.attributes, entry.name),
    });
  }

  onBlockHashes(payload: Uint8Array): void {
    const run = readBlockHashRun(new ByteReader(payload));
    if (run.syncId === this.options.syncId) this.server.addHashes(run);
  }

  /** True when the message belonged to this synchronization. */
  onControl(message: ControlMessage): boolean {
    if (message.kind === 'sync-done' && message.syncId === this.options.syncId) {
      if (!this.finishSent) throw new Fault('LINK-FRAME', { reason: 'sync-done too early' });
      this.done = message;
      return true;
    }
    if (message.kind !== 'sync-differences' || message.syncId !== this.options.syncId) return false;
    for (const { root, path, difference } of message.differences) {
      if (this.differences.length < REPORTED_DIFFERENCES) this.differences.push({ root, path, kind: difference });
      else this.differencesTruncated = true;
    }
    return true;
  }

  // ------------------------------------------------------------- figures

  progress(): SyncProgress {
    const { sentFiles, sentBytes, neededBytes } = this.server;
    const rate = this.throughput.perSecond(this.ports.clock.bootMs());
    const left = Math.max(0, neededBytes - sentBytes);
    return {
      phase:
        this.done !== undefined
          ? 'done'
          : this.finishSent
            ? 'verifying'
            : this.walkEnded
              ? 'transferring'
              : 'enumerating',
      startedAt: this.span().startedAt,
      comparedEntries: this.comparedEntries,
      ...(this.walkEnded ? { totalEntries: this.comparedEntries } : {}),
      sentFiles,
      sentBytes,
      neededBytes,
      bytesPerSecond: rate,
      ...(this.walkEnded && rate > 0 ? { secondsLeft: left / rate } : {}),
      ...(this.currentPath === '' ? {} : { currentPath: this.currentPath }),
    };
  }

  get sentFiles(): number {
    return this.server.sentFiles;
  }

  get sentBytes(): number {
    return this.server.sentBytes;
  }

  result(): SyncResult {
    const { created, updated, removed, metadataOnly, identical, parked } = this.done!;
    const { files } = this.server;
    return {
      peer: this.options.peer,
      ...this.span(),
      method: this.options.method,
      comparedEntries: this.comparedEntries,
      sentFiles: this.server.sentFiles,
      sentBytes: this.server.sentBytes,
      created,
      updated,
      removed,
      metadataOnly,
      identical,
      parked,
      files: files.slice(0, REPORTED_FILES),
      filesTruncated: this.server.sentFiles > files.length,
      ...(this.options.places === undefined ? {} : { places: this.options.places.length }),
    };
  }

  differenceResult(): DiffResult {
    return {
      identical: this.differences.length === 0,
      differences: this.differences,
      truncated: this.differencesTruncated,
      ...this.remarks.result(this.done?.keptAside),
    };
  }
}

/** The payload it was read from belongs to the link. */
function copyNeed(need: Need): Need {
  return need.kind === 'compare' ? { ...need, hash: need.hash.slice() } : need;
}

/** The Master's side of a link, frame by frame, for tests of the Replica: says what it is told to, also nonsense. */

import type { EngineConfig, EngineNotice } from '../../daemon/engine/engine-protocol.ts';
import { ReplicaEngine } from '../../daemon/engine/replica-engine.ts';
import { BlockHashStream } from '../../daemon/link/block-hash.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { type DataFrameType, FrameWriter, LinkSession } from '../../daemon/link/session.ts';
import type { LinkStream } from '../../daemon/ports.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change, ChangeMetadata } from '../../shared/change.ts';
import type { Fault } from '../../shared/faults.ts';
import { joinPath } from '../../shared/path.ts';
import { writeBatchHeader, writeChange } from '../../shared/protocol/batch-codec.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import { FrameType } from '../../shared/protocol/frame.ts';
import {
  type Need,
  readNeeds,
  writeListedEntry,
  writeListingHeader,
  writeSyncItem,
} from '../../shared/protocol/sync-codec.ts';
import type { ControlMessage } from '../../shared/protocol/wire.ts';
import { SimulatedClock } from './clock.ts';
import { MemorySegmentLog } from './segment-log.ts';
import { MemoryStateFile } from './state-file.ts';
import { MemoryTree } from './tree.ts';
import { MemoryVolume } from './volume.ts';

export const GENERATION = 'a'.repeat(32);
const PROFILE = { posixModes: true, timeGranularityNs: 1, attributeKinds: ALL_KINDS };
const PEER = 'master';

export type ControlOf<Kind extends ControlMessage['kind']> = Extract<ControlMessage, { kind: Kind }>;

/** A Replica's host with its engine, its disks and everything it said. */
export class ReplicaHost {
  readonly clock = new SimulatedClock();
  readonly volume = new MemoryVolume(this.clock);
  readonly tree: MemoryTree;
  readonly spoolLog = new MemorySegmentLog();
  readonly journalLog = new MemorySegmentLog();
  readonly stateFile = new MemoryStateFile();
  readonly lostFile = new MemoryStateFile();
  readonly notices: EngineNotice[] = [];
  readonly config: EngineConfig;
  private readonly hasher: ContentHasher;
  engine: ReplicaEngine;
  onLinkSend: (bytes: Uint8Array) => void = () => {};
  onLinkClose: (reason: string) => void = () => {};

  constructor(
    hasher: ContentHasher,
    options: Partial<EngineConfig> = {},
    tree?: ConstructorParameters<typeof MemoryTree>[0],
  ) {
    this.hasher = hasher;
    this.tree = new MemoryTree(tree ?? { volume: this.volume });
    this.config = {
      scenarioId: 'scenario',
      scenarioName: 'Scenario',
      role: 'replica',
      roots: [{ path: '/memory' }],
      directory: '/memory-state',
      exclude: [],
      fileFilter: [],
      attributeKinds: ALL_KINDS,
      agreedFingerprint: 'agreed',
      epoch: 1,
      limits: { spoolMaxBytes: 2 ** 30, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 },
      ...options,
    };
    this.engine = this.boot();
  }

  boot(): ReplicaEngine {
    const { clock, tree, spoolLog, journalLog, stateFile, lostFile, hasher } = this;
    const excluded = (path: string) => this.config.exclude.includes(path);
    const engine = new ReplicaEngine(
      this.config,
      { clock, trees: [tree], spoolLog, journalLog, stateFile, lostFile, hasher, filters: () => excluded },
      (notice) => {
        if (this.engine !== undefined && this.engine !== engine) return;
        this.notices.push(notice);
        if (notice.type === 'link-send') this.onLinkSend(notice.bytes);
        if (notice.type === 'link-close') this.onLinkClose(notice.fault?.text ?? 'closed');
      },
    );
    this.engine = engine;
    engine.start();
    return engine;
  }

  events(): string[] {
    return this.notices.flatMap((notice) => (notice.type === 'event' ? [notice.code] : []));
  }
}

export class ScriptedMaster {
  private readonly host: ReplicaHost;
  private readonly hasher: ContentHasher;
  readonly session: LinkSession;
  readonly received: ControlMessage[] = [];
  readonly needs: { directory: number; needs: Need[] }[] = [];
  closed: { reason: string; fault: Fault | undefined } | undefined;
  private batch = 0;
  private token = 1_000;
  private readonly writer = new FrameWriter();

  constructor(host: ReplicaHost, hasher: ContentHasher) {
    this.host = host;
    this.hasher = hasher;
    const stream: LinkStream = {
      send: (bytes) => host.engine.handle({ type: 'link-bytes', peer: PEER, bytes: bytes.slice() }),
      onBytes: () => {},
      onClose: () => {},
      close: () => host.engine.handle({ type: 'link-closed', peer: PEER, reason: 'closed by the Master' }),
    };
    this.session = new LinkSession(stream, host.clock, {
      onControl: (message) => this.received.push(message),
      onFrame: (type, payload) => {
        if (type === FrameType.syncBlocks) return false;
        const { directory, needs } = readNeeds(new ByteReader(payload.slice()));
        this.needs.push({ directory, needs });
        return false;
      },
      onClosed: (reason, fault) => {
        this.closed = { reason, fault };
      },
    });
    host.onLinkSend = (bytes) => stream.onBytes(bytes.slice());
    host.onLinkClose = (reason) => stream.onClose(reason);
    host.engine.handle({ type: 'link-open', peer: PEER });
  }

  settle(durationMs = 50): void {
    this.host.clock.advance(durationMs);
  }

  of<Kind extends ControlMessage['kind']>(kind: Kind): ControlOf<Kind>[] {
    return this.received.filter((message): message is ControlOf<Kind> => message.kind === kind);
  }

  hello(change: Partial<ControlOf<'hello'>> = {}): ControlOf<'welcome'> | undefined {
    this.session.sendControl({
      kind: 'hello',
      protocol: 1,
      oldestProtocol: 1,
      scenarioId: 'scenario',
      agreedFingerprint: 'agreed',
      epoch: 1,
      captured: { generation: GENERATION, seq: 1_000_000 },
      rootCount: 1,
      profile: PROFILE,
      caseSensitive: true,
      ...change,
    });
    this.settle();
    return this.of('welcome').at(-1);
  }

  /** A frame of changes. */
  batchOf(changes: readonly Change[], commitSeq: number, capturedMs = 0): void {
    this.batch += 1;
    const times = { oldestMs: capturedMs, newestMs: capturedMs };
    writeBatchHeader(this.writer, { batch: this.batch, commitSeq, ...times, changes: changes.length });
    for (const change of changes) writeChange(this.writer, change);
    this.session.sendFrame(FrameType.batch, this.writer);
  }

  raw(type: DataFrameType, fill: (writer: FrameWriter) => void): void {
    fill(this.writer);
    this.session.sendFrame(type, this.writer);
  }

  startSync(options: Partial<ControlOf<'sync-start'>> = {}): void {
    this.session.sendControl({
      kind: 'sync-start',
      syncId: 1,
      method: 'file',
      ignoreSame: true,
      dryRun: false,
      base: { generation: GENERATION, seq: 0 },
      ...options,
    });
  }

  /** One listing in one part. */
  list(tree: MemoryTree, path: string, directory: number): void {
    const metadata = tree.stat(path)!;
    const attributes = { complete: false, said: new Map() };
    writeListingHeader(
      this.writer,
      { syncId: 1, directory, root: 0, path, metadata, more: false, attributes },
      PROFILE,
    );
    for (const entry of tree.scan(path)) {
      const { name, type, sizeBytes } = entry;
      const link = (type === 'file' || type === 'symlink') && entry.links > 1 ? { linkGroup: entry.id.inode } : {};
      const target = type === 'symlink' ? { target: tree.readLink(joinPath(path, name)) } : {};
      writeListedEntry(this.writer, { name, type, metadata: entry, sizeBytes, ...link, ...target }, PROFILE);
    }
    this.session.sendFrame(FrameType.syncDirectory, this.writer);
  }

  /** A whole synchronization of a tree; returns what the Replica counted. */
  synchronize(tree: MemoryTree, options: Partial<ControlOf<'sync-start'>> = {}): ControlOf<'sync-done'> | undefined {
    this.startSync(options);
    const paths = this.listAll(tree);
    this.session.sendControl({ kind: 'sync-walked', syncId: 1 });
    for (const { directory, needs } of this.needs.splice(0)) {
      for (const need of needs) this.answer(tree, paths[directory]!, directory, need, options.dryRun === true);
    }
    this.session.sendControl({ kind: 'sync-finish', syncId: 1 });
    this.settle(200);
    return this.of('sync-done').at(-1);
  }

  private listAll(tree: MemoryTree): string[] {
    const paths = [''];
    for (let at = 0; at < paths.length; at += 1) {
      const path = paths[at]!;
      this.list(tree, path, at);
      for (const entry of tree.scan(path)) if (entry.type === 'directory') paths.push(joinPath(path, entry.name));
      this.settle();
    }
    return paths;
  }

  private answer(tree: MemoryTree, path: string, directory: number, need: Need, dryRun: boolean): void {
    const entry = tree.scan(path)[need.index]!;
    const file = tree.openRead(joinPath(path, entry.name));
    const content = new Uint8Array(entry.sizeBytes);
    file.read(content, 0, content.length, 0);
    const { index } = need;
    const hash = hashContent(this.hasher, content);
    if (need.kind === 'compare' && Buffer.compare(need.hash, hash) === 0) {
      writeSyncItem(this.writer, { kind: 'same', directory, index, metadata: entry }, PROFILE);
    } else if (dryRun || content.length > 5_000) {
      this.writeLarge(content, need, { directory, index, metadata: entry }, hash, dryRun);
    } else {
      writeSyncItem(this.writer, { kind: 'file', directory, index, metadata: entry, content }, PROFILE);
    }
    this.session.sendFrame(FrameType.syncData, this.writer);
  }

  private writeLarge(
    content: Uint8Array,
    need: Need,
    place: { directory: number; index: number; metadata: ChangeMetadata },
    hash: Uint8Array,
    dryRun: boolean,
  ): void {
    this.token += 1;
    const { token, writer } = this;
    const sizeBytes = content.length;
    writeSyncItem(writer, { kind: 'begin', ...place, token, sizeBytes }, PROFILE);
    if (dryRun) {
      writeSyncItem(writer, { kind: 'abort', token }, PROFILE);
      return;
    }
    // It does not wait for hashes of blocks: everything differs.
    const byBlocks = need.kind === 'blocks';
    const block = byBlocks ? need.blockBytes : 64 * 1024;
    if (byBlocks) writeSyncItem(writer, { kind: 'rest', token }, PROFILE);
    for (let position = 0; position < sizeBytes; position += block) {
      const part = content.subarray(position, position + block);
      const zeros = part.every((byte) => byte === 0);
      if (!zeros) writeSyncItem(writer, { kind: 'data', token, position, content: part }, PROFILE);
      else if (byBlocks) writeSyncItem(writer, { kind: 'hole', token, position, length: part.length }, PROFILE);
    }
    writeSyncItem(writer, { kind: 'end', token, hash }, PROFILE);
  }
}

/** As sender and receiver of a whole file compute it. */
export function hashContent(hasher: ContentHasher, content: Uint8Array): Uint8Array {
  const hashing = new BlockHashStream(hasher, content.length);
  hashing.update(content);
  return hashing.digest();
}

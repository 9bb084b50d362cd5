/**
 * Binary payloads of a synchronization.
 *
 * The Master walks and sends one listing per directory (in parts when it is very large); the Replica encodes its own
 * directory the same way and compares bytes: equal means nothing to do, without decoding anything. Otherwise it decodes,
 * makes directories, links and metadata itself and answers with the indices of the files whose content it needs.
 * Every listing gets exactly one `need` answer, also an empty one; every index asked for gets exactly one answer in data frames.
 */
import { type AttributeBytes, NO_ATTRIBUTES } from '../attributes.ts';
import type { ChangeMetadata, MetadataProfile } from '../change.ts';
import { Fault } from '../faults.ts';
import type { RelativePath } from '../path.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';

export interface ListedEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly metadata: ChangeMetadata;
  /** Files: size in bytes. */
  readonly sizeBytes: number;
  /** Files with more than one name: the same number for every name of one file (the Master's inode); else undefined. */
  readonly linkGroup?: bigint;
  /** Symbolic links: the target. */
  readonly target?: string;
}

const TYPES = ['file', 'directory', 'symlink', 'other'] as const;

export interface ListingHeader {
  readonly syncId: number;
  /** Counts listings from 0; both sides use it to name the directory. */
  readonly directory: number;
  readonly root: number;
  readonly path: RelativePath;
  readonly metadata: ChangeMetadata;
  /** More parts of the same directory follow. */
  readonly more: boolean;
  /** Beside the entries: most have none, and equal entries stay equal bytes. */
  readonly attributes: ListedAttributes;
}

/**
 * What is said about attributes of entries. Of files the Master's record says nothing happened to since they were
 * synchronized last nothing is said, of links and other files it is. A directory's are with its own listing.
 */
export interface ListedAttributes {
  /** Something is said about every entry but directories: about those not in `said`, that they have none. */
  readonly complete: boolean;
  /** By index in the directory; each part says it of its own entries. */
  readonly said: ReadonlyMap<number, AttributeBytes>;
}

export function roundTime(timeNs: bigint, granularityNs: number): bigint {
  if (granularityNs === 1) return timeNs;
  const granularity = BigInt(granularityNs);
  const rest = ((timeNs % granularity) + granularity) % granularity;
  return timeNs - rest;
}

function writeMetadata(writer: ByteWriter, metadata: ChangeMetadata, profile: MetadataProfile): void {
  if (profile.posixModes) writer.varint(metadata.mode).varint(metadata.uid).varint(metadata.gid);
  writer.i64(roundTime(metadata.mtimeNs, profile.timeGranularityNs));
}

/** Metadata with the attributes: of single items, not of listed entries. */
function writeWhole(writer: ByteWriter, metadata: ChangeMetadata, profile: MetadataProfile): void {
  writeMetadata(writer, metadata, profile);
  writeAttributes(writer, metadata.attributes);
}

function readWhole(reader: ByteReader, profile: MetadataProfile): ChangeMetadata {
  return { ...readMetadata(reader, profile), ...readAttributes(reader) };
}

/** 0: nothing is said; else length + 1 and the bytes. */
export function writeAttributes(writer: ByteWriter, attributes: AttributeBytes | undefined): void {
  if (attributes === undefined) writer.u8(0);
  else writer.varint(attributes.length + 1).raw(attributes);
}

/** Copied: unlike contents they are kept until they are applied. */
export function readAttributes(reader: ByteReader): { attributes?: AttributeBytes } {
  const length = reader.varint();
  return length === 0 ? {} : { attributes: length === 1 ? NO_ATTRIBUTES : reader.raw(length - 1).slice() };
}

function readMetadata(reader: ByteReader, profile: MetadataProfile): ChangeMetadata {
  const [mode, uid, gid] = profile.posixModes ? [reader.varint(), reader.varint(), reader.varint()] : [0, 0, 0];
  return { mode, uid, gid, mtimeNs: reader.i64() };
}

export function writeListingHeader(writer: ByteWriter, header: ListingHeader, profile: MetadataProfile): void {
  writer
    .varint(header.syncId)
    .varint(header.directory)
    .u8(header.root)
    .u8(header.more ? 1 : 0)
    .text(header.path);
  writeWhole(writer, header.metadata, profile);
  writer.u8(header.attributes.complete ? 1 : 0).varint(header.attributes.said.size);
  for (const [index, bytes] of header.attributes.said) writer.varint(index).blob(bytes);
}

export function readListingHeader(reader: ByteReader, profile: MetadataProfile): ListingHeader {
  const syncId = reader.varint();
  const directory = reader.varint();
  const root = reader.u8();
  const more = reader.u8() === 1;
  const path = reader.text();
  const metadata = readWhole(reader, profile);
  return { syncId, directory, root, more, path, metadata, attributes: readListedAttributes(reader) };
}

function readListedAttributes(reader: ByteReader): ListedAttributes {
  const complete = reader.u8() === 1;
  const said = new Map<number, AttributeBytes>();
  for (let count = reader.varint(); count > 0; count -= 1) said.set(reader.varint(), reader.blob().slice());
  return { complete, said };
}

/** Canonical bytes of one entry: equal entries give equal bytes (directories leave out their own mtime: it is in their listing). */
export function writeListedEntry(writer: ByteWriter, entry: ListedEntry, profile: MetadataProfile): void {
  writer.u8(TYPES.indexOf(entry.type)).text(entry.name);
  if (entry.type === 'directory') return;
  writeMetadata(writer, entry.metadata, profile);
  if (entry.type === 'symlink') writer.text(entry.target ?? '');
  if (entry.type === 'other') return;
  if (entry.type === 'file') writer.varint(entry.sizeBytes);
  writer.u8(entry.linkGroup === undefined ? 0 : 1);
  if (entry.linkGroup !== undefined) writer.i64(entry.linkGroup);
}

const NO_METADATA: ChangeMetadata = { mode: 0, uid: 0, gid: 0, mtimeNs: 0n };

export function readListedEntry(reader: ByteReader, profile: MetadataProfile): ListedEntry {
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new Fault('LINK-FRAME', { reason: 'entry type' });
  const name = reader.text();
  if (type === 'directory') return { name, type, metadata: NO_METADATA, sizeBytes: 0 };
  const metadata = readMetadata(reader, profile);
  if (type === 'other') return { name, type, metadata, sizeBytes: 0 };
  const target = type === 'symlink' ? { target: reader.text() } : {};
  const sizeBytes = type === 'file' ? reader.varint() : 0;
  const group = reader.u8() === 1 ? { linkGroup: reader.i64() } : {};
  return { name, type, metadata, sizeBytes, ...target, ...group };
}

/** What the Replica wants for one file of a listing. */
export type Need =
  | { readonly index: number; readonly kind: 'whole' }
  /** "Mine has this xxh128 (16 bytes): answer `same` or send it." */
  | { readonly index: number; readonly kind: 'compare'; readonly hash: Uint8Array }
  /**
   * "I have `baseBytes` of it (the file, or what an interrupted synchronization left): the hashes of their blocks follow in
   * syncBlocks frames; send what differs."
   */
  | { readonly index: number; readonly kind: 'blocks'; readonly blockBytes: number; readonly baseBytes: number };

const NEED_KINDS = ['whole', 'compare', 'blocks'] as const;
export const HASH_BYTES = 16;

export function writeNeeds(writer: ByteWriter, syncId: number, directory: number, needs: readonly Need[]): void {
  writer.varint(syncId).varint(directory).varint(needs.length);
  for (const need of needs) {
    writer.varint(need.index).u8(NEED_KINDS.indexOf(need.kind));
    if (need.kind === 'compare') writer.raw(need.hash);
    if (need.kind === 'blocks') writer.varint(need.blockBytes).varint(need.baseBytes);
  }
}

export function readNeeds(reader: ByteReader): { syncId: number; directory: number; needs: Need[] } {
  const syncId = reader.varint();
  const directory = reader.varint();
  const count = reader.varint();
  const needs: Need[] = [];
  for (let i = 0; i < count; i += 1) needs.push(readNeed(reader));
  return { syncId, directory, needs };
}

function readNeed(reader: ByteReader): Need {
  const index = reader.varint();
  const kind = NEED_KINDS[reader.u8()];
  if (kind === 'whole') return { index, kind };
  if (kind === 'compare') return { index, kind, hash: reader.raw(HASH_BYTES) };
  if (kind === 'blocks') return { index, kind, blockBytes: reader.varint(), baseBytes: reader.varint() };
  throw new Fault('LINK-FRAME', { reason: 'need kind' });
}

/** A run of block hashes (xxh128, 16 bytes each) of what the Replica has of one file; runs come in order. */
export interface BlockHashRun {
  readonly syncId: number;
  readonly directory: number;
  readonly index: number;
  /** Number of the first block. */
  readonly first: number;
  readonly hashes: Uint8Array;
}

export function writeBlockHashRun(writer: ByteWriter, { syncId, directory, index, first, hashes }: BlockHashRun): void {
  writer.varint(syncId).varint(directory).varint(index).varint(first).blob(hashes);
}

export function readBlockHashRun(reader: ByteReader): BlockHashRun {
  const [syncId, directory, index, first] = [reader.varint(), reader.varint(), reader.varint(), reader.varint()];
  return { syncId, directory, index, first, hashes: reader.blob() };
}

/** The Master's answers, packed many to a frame. `token` is unique in the link session. */
export type SyncItem =
  | {
      readonly kind: 'file';
      readonly directory: number;
      readonly index: number;
      readonly metadata: ChangeMetadata;
      readonly content: Uint8Array;
    }
  | {
      readonly kind: 'begin';
      readonly directory: number;
      readonly index: number;
      readonly metadata: ChangeMetadata;
      readonly token: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'data'; readonly token: number; readonly position: number; readonly content: Uint8Array }
  /** Blocks: this range is what the Replica has there. */
  | { readonly kind: 'copy'; readonly token: number; readonly position: number; readonly length: number }
  /** Blocks: this range is zeros. */
  | { readonly kind: 'hole'; readonly token: number; readonly position: number; readonly length: number }
  /** Blocks: too much differs to go on comparing; the rest is sent, no more hashes are needed. */
  | { readonly kind: 'rest'; readonly token: number }
  /** Complete; `hash` is the content's (daemon/link/block-hash.ts). Ranges never sent of a whole file are holes. */
  | { readonly kind: 'end'; readonly token: number; readonly hash: Uint8Array }
  | { readonly kind: 'abort'; readonly token: number }
  /** Content is identical (answer to `compare`); set metadata only. */
  | { readonly kind: 'same'; readonly directory: number; readonly index: number; readonly metadata: ChangeMetadata }
  /** Vanished or unreadable on the Master: leave what is there; live replication settles it. */
  | { readonly kind: 'gone'; readonly directory: number; readonly index: number };

const ITEM_KINDS = ['file', 'begin', 'data', 'copy', 'end', 'abort', 'same', 'gone', 'hole', 'rest'] as const;

export function writeSyncItem(writer: ByteWriter, item: SyncItem, profile: MetadataProfile): void {
  writer.u8(ITEM_KINDS.indexOf(item.kind));
  switch (item.kind) {
    case 'file':
      writer.varint(item.directory).varint(item.index);
      writeWhole(writer, item.metadata, profile);
      writer.blob(item.content);
      return;
    case 'begin':
      writer.varint(item.directory).varint(item.index);
      writeWhole(writer, item.metadata, profile);
      writer.varint(item.token).varint(item.sizeBytes);
      return;
    case 'data':
      writer.varint(item.token).varint(item.position).blob(item.content);
      return;
    case 'copy':
    case 'hole':
      writer.varint(item.token).varint(item.position).varint(item.length);
      return;
    case 'end':
      writer.varint(item.token).raw(item.hash);
      return;
    case 'abort':
    case 'rest':
      writer.varint(item.token);
      return;
    case 'same':
      writer.varint(item.directory).varint(item.index);
      writeWhole(writer, item.metadata, profile);
      return;
    case 'gone':
      writer.varint(item.directory).varint(item.index);
  }
}

/** A `file` item up to its content, whose `contentBytes` bytes must follow: the file is read straight into the frame. */
export function writeFileItemHead(
  writer: ByteWriter,
  place: { readonly directory: number; readonly index: number },
  metadata: ChangeMetadata,
  contentBytes: number,
  profile: MetadataProfile,
): void {
  writer.u8(ITEM_KINDS.indexOf('file')).varint(place.directory).varint(place.index);
  writeWhole(writer, metadata, profile);
  writer.varint(contentBytes);
}

/** Head of a `syncContent` frame; the content follows. */
export function writeContentHead(writer: ByteWriter, token: number, position: number): void {
  writer.u32(token).f64(position);
}

/** A `syncContent` frame. Throws `LINK-FRAME` when it is too short. */
export function readContent(payload: Uint8Array): Extract<SyncItem, { readonly kind: 'data' }> {
  const reader = new ByteReader(payload);
  const token = reader.u32();
  const position = reader.f64();
  if (!Number.isSafeInteger(position) || position < 0) throw new Fault('LINK-FRAME', { reason: 'position of a piece' });
  return { kind: 'data', token, position, content: reader.raw(payload.length - reader.at) };
}

/** A `data` item up to its content, whose `contentBytes` bytes must follow. */
export function writeDataItemHead(writer: ByteWriter, token: number, position: number, contentBytes: number): void {
  writer.u8(ITEM_KINDS.indexOf('data')).varint(token).varint(position).varint(contentBytes);
}

export function readSyncItem(reader: ByteReader, profile: MetadataProfile): SyncItem {
  const kind = ITEM_KINDS[reader.u8()];
  switch (kind) {
    case 'file':
      return {
        kind,
        directory: reader.varint(),
        index: reader.varint(),
        metadata: readWhole(reader, profile),
        content: reader.blob(),
      };
    case 'begin':
      return {
        kind,
        directory: reader.varint(),
        index: reader.varint(),
        metadata: readWhole(reader, profile),
        token: reader.varint(),
        sizeBytes: reader.varint(),
      };
    case 'data':
      return { kind, token: reader.varint(), position: reader.varint(), content: reader.blob() };
    case 'copy':
    case 'hole':
      return { kind, token: reader.varint(), position: reader.varint(), length: reader.varint() };
    case 'end':
      return { kind, token: reader.varint(), hash: reader.raw(HASH_BYTES) };
    case 'abort':
    case 'rest':
      return { kind, token: reader.varint() };
    case 'same':
      return { kind, directory: reader.varint(), index: reader.varint(), metadata: readWhole(reader, profile) };
    case 'gone':
      return { kind, directory: reader.varint(), index: reader.varint() };
    default:
      throw new Fault('LINK-FRAME', { reason: 'item kind' });
  }
}

/**
 * Binary payload of a `batch` frame: a header and change records. One frame is the unit of the Replica's spool.
 *
 * header: batch number, commit sequence (0 = the position does not move yet), Master's wall clock in ms of the oldest change
 * in the frame, the same clock when it was sent, number of records. Times and modes travel in full; the profile decides what is applied.
 */
import type { Change, ChangeMetadata } from '../change.ts';
import { Fault } from '../faults.ts';
import { parseRelativePath } from '../path.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { HASH_BYTES, readAttributes, writeAttributes } from './sync-codec.ts';

export interface BatchHeader {
  /** Contiguous in a link session, from 1. */
  readonly batch: number;
  /**
   * After this frame the Replica has everything up to this sequence and nothing behind it but pieces of a file that is
   * still arriving; 0 when the frame ends inside a larger unit. After a cut link the Master goes on exactly behind the
   * last sequence committed; the Replica applies nothing of a unit before its end has arrived.
   */
  readonly commitSeq: number;
  readonly oldestMs: number;
  /** Master's wall clock in ms when the frame was sent: no change or content in it is newer. */
  readonly newestMs: number;
  readonly changes: number;
}

const OPS = [
  'make-directory',
  'put',
  'put-begin',
  'put-data',
  'put-end',
  'put-abort',
  'symlink',
  'link',
  'rename',
  'remove',
  'metadata',
  'patch-begin',
  'patch-data',
] as const;

/** Upper bound of what a record adds beside its content: two paths and fixed fields. */
export const CHANGE_OVERHEAD_BYTES = 2 * 4096 + 80;

export function writeBatchHeader(writer: ByteWriter, header: BatchHeader): void {
  writer.f64(header.batch).f64(header.commitSeq).f64(header.oldestMs).f64(header.newestMs).u32(header.changes);
}

export function readBatchHeader(reader: ByteReader): BatchHeader {
  return {
    batch: reader.f64(),
    commitSeq: reader.f64(),
    oldestMs: reader.f64(),
    newestMs: reader.f64(),
    changes: reader.u32(),
  };
}

function writeMetadata(writer: ByteWriter, metadata: ChangeMetadata): void {
  writer.varint(metadata.mode).varint(metadata.uid).varint(metadata.gid).i64(metadata.mtimeNs);
  writeAttributes(writer, metadata.attributes);
}

function readMetadata(reader: ByteReader): ChangeMetadata {
  return {
    mode: reader.varint(),
    uid: reader.varint(),
    gid: reader.varint(),
    mtimeNs: reader.i64(),
    ...readAttributes(reader),
  };
}

export function writeChange(writer: ByteWriter, change: Change): void {
  writer.u8(OPS.indexOf(change.op));
  switch (change.op) {
    case 'make-directory':
    case 'metadata':
      writer.u8(change.root).text(change.path);
      writeMetadata(writer, change.metadata);
      return;
    case 'put':
      writer.u8(change.root).text(change.path);
      writeMetadata(writer, change.metadata);
      writer.blob(change.content);
      return;
    case 'put-begin':
      writer.u8(change.root).text(change.path);
      writeMetadata(writer, change.metadata);
      writer.varint(change.token).varint(change.sizeBytes);
      return;
    case 'put-data':
      writer.varint(change.token).varint(change.position).blob(change.content);
      return;
    case 'put-end':
      writer.varint(change.token).raw(change.hash);
      return;
    case 'patch-begin':
      writer.u8(change.root).text(change.path);
      writeMetadata(writer, change.metadata);
      writer.varint(change.token).varint(change.sizeBytes).varint(change.baseBytes).i64(change.baseMtimeNs);
      return;
    case 'patch-data':
      writer.varint(change.token).varint(change.position).varint(change.length).varint(change.oldLength);
      writer.blob(change.before).blob(change.content);
      return;
    case 'put-abort':
      writer.varint(change.token);
      return;
    case 'symlink':
      writer.u8(change.root).text(change.path).text(change.target);
      writeMetadata(writer, change.metadata);
      return;
    case 'link':
      writer.u8(change.root).text(change.path).text(change.existing);
      return;
    case 'rename':
      writer.u8(change.root).text(change.path).text(change.from);
      return;
    case 'remove':
      writer.u8(change.root).text(change.path);
  }
}

/** A `put` up to its content, whose `contentBytes` bytes must follow: the file is read straight into the frame. */
export function writePutHead(
  writer: ByteWriter,
  root: number,
  path: string,
  metadata: ChangeMetadata,
  contentBytes: number,
): void {
  writer.u8(OPS.indexOf('put')).u8(root).text(path);
  writeMetadata(writer, metadata);
  writer.varint(contentBytes);
}

/** A `put-data` up to its content, whose `contentBytes` bytes must follow. */
export function writePutDataHead(writer: ByteWriter, token: number, position: number, contentBytes: number): void {
  writer.u8(OPS.indexOf('put-data')).varint(token).varint(position).varint(contentBytes);
}

function readPath(reader: ByteReader): string {
  return parseRelativePath(reader.text());
}

/** Every path is checked here (`PATH-ESCAPE`), before anything else sees it. */
export function readChange(reader: ByteReader): Change {
  const op = OPS[reader.u8()];
  switch (op) {
    case 'make-directory':
    case 'metadata':
      return { op, root: reader.u8(), path: readPath(reader), metadata: readMetadata(reader) };
    case 'put':
      return { op, root: reader.u8(), path: readPath(reader), metadata: readMetadata(reader), content: reader.blob() };
    case 'put-begin':
      return {
        op,
        root: reader.u8(),
        path: readPath(reader),
        metadata: readMetadata(reader),
        token: reader.varint(),
        sizeBytes: reader.varint(),
      };
    case 'put-data':
      return { op, token: reader.varint(), position: reader.varint(), content: reader.blob() };
    case 'put-end':
      return { op, token: reader.varint(), hash: reader.raw(HASH_BYTES) };
    case 'put-abort':
      return { op, token: reader.varint() };
    case 'patch-begin':
      return {
        op,
        root: reader.u8(),
        path: readPath(reader),
        metadata: readMetadata(reader),
        token: reader.varint(),
        sizeBytes: reader.varint(),
        baseBytes: reader.varint(),
        baseMtimeNs: reader.i64(),
      };
    case 'patch-data':
      return {
        op,
        token: reader.varint(),
        position: reader.varint(),
        length: reader.varint(),
        oldLength: reader.varint(),
        before: reader.blob(),
        content: reader.blob(),
      };
    case 'symlink':
      return { op, root: reader.u8(), path: readPath(reader), target: reader.text(), metadata: readMetadata(reader) };
    case 'link':
      return { op, root: reader.u8(), path: readPath(reader), existing: readPath(reader) };
    case 'rename':
      return { op, root: reader.u8(), path: readPath(reader), from: readPath(reader) };
    case 'remove':
      return { op, root: reader.u8(), path: readPath(reader) };
    default:
      throw new Fault('LINK-FRAME', { reason: 'change' });
  }
}

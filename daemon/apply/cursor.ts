/**
 * Reads the changes of the spool in order. A frame is a record; a frame may hold many changes. Changes of a unit whose end
 * has not arrived yet (commit sequence 0) are given out only when they touch nothing but staging.
 */
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { type BatchHeader, readBatchHeader, readChange } from '../../shared/protocol/batch-codec.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import type { ReceivedSpool } from '../spool/received.ts';

/** The next change to look at: batch in the spool, change in the batch. */
export interface CursorPosition {
  readonly batch: number;
  readonly change: number;
}

export interface SpooledChange {
  readonly change: Change;
  readonly at: CursorPosition;
  /** Sequence the unit commits; 0 while it is not known. */
  readonly seq: number;
  readonly masterMs: number;
  /** The last change of its batch; then the batch's own commit sequence, else 0. */
  readonly commits: number;
}

interface DecodedBatch {
  readonly batch: number;
  readonly header: BatchHeader;
  readonly changes: readonly Change[];
}

/** Header and changes of one frame; every path was checked. Throws `LINK-FRAME` or `PATH-ESCAPE`. */
export function decodeBatch(payload: Uint8Array): { header: BatchHeader; changes: Change[] } {
  const reader = new ByteReader(payload);
  const header = readBatchHeader(reader);
  const changes: Change[] = [];
  for (let i = 0; i < header.changes; i += 1) changes.push(readChange(reader));
  return { header, changes };
}

export class ApplyCursor {
  private readonly spool: ReceivedSpool;
  private decoded: DecodedBatch | undefined;
  position: CursorPosition;
  /** One behind the last batch of a complete unit. */
  committedEnd: number;
  /** One behind the last batch that may be given out (see gate.ts). */
  limit = Number.POSITIVE_INFINITY;

  constructor(spool: ReceivedSpool) {
    this.spool = spool;
    this.position = { batch: spool.firstIndex, change: 0 };
    this.committedEnd = spool.firstIndex;
  }

  /** Everything of complete units was given out. */
  get drained(): boolean {
    return this.position.batch >= this.committedEnd;
  }

  /** The next change, without moving; undefined when there is none that may be looked at. */
  peek(): SpooledChange | undefined {
    for (;;) {
      const { batch, change: index } = this.position;
      if (batch >= this.spool.endIndex || batch >= this.limit) return undefined;
      const decoded = this.decode(batch);
      const change = decoded.changes[index];
      if (change === undefined) {
        this.position = { batch: batch + 1, change: 0 };
        continue;
      }
      if (batch >= this.committedEnd && !isStagingOnly(change)) return undefined;
      const last = index === decoded.changes.length - 1;
      return {
        change,
        at: this.position,
        seq: this.seqOf(batch),
        masterMs: decoded.header.oldestMs,
        commits: last ? decoded.header.commitSeq : 0,
      };
    }
  }

  /** Behind the change `peek` gave. */
  advance(): void {
    const { batch, change } = this.position;
    this.position = { batch, change: change + 1 };
  }

  moveTo(position: CursorPosition): void {
    this.position = position;
  }

  private decode(batch: number): DecodedBatch {
    if (this.decoded?.batch !== batch) this.decoded = { batch, ...decodeBatch(this.spool.payload(batch)) };
    return this.decoded;
  }

  /** Content of a piece of a file that was given out before and is still in the spool. */
  contentAt({ batch, change }: CursorPosition): Uint8Array {
    const piece = this.decode(batch).changes[change];
    if (piece?.op !== 'patch-data') throw new Fault('INTERNAL', { reason: `no piece at ${batch}/${change}` });
    return piece.content;
  }

  /** Drops what was decoded: the batches were cut or replaced. */
  forget(): void {
    this.decoded = undefined;
  }

  private seqOf(batch: number): number {
    for (let index = batch; index < this.committedEnd; index += 1) {
      const seq = this.spool.batch(index)!.header.commitSeq;
      if (seq > 0) return seq;
    }
    return 0;
  }
}

const STAGING_ONLY: ReadonlySet<Change['op']> = new Set([
  'put-begin',
  'put-data',
  'put-abort',
  'patch-begin',
  'patch-data',
]);

function isStagingOnly(change: Change): boolean {
  return STAGING_ONLY.has(change.op);
}

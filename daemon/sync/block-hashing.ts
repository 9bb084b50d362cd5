/**
 * Hashes files for comparison by blocks, one after another, when there is nothing more urgent to do. The hashes go out while
 * the file is still being read, so that both hosts read theirs at the same time.
 */
import { Fault } from '../../shared/faults.ts';
import { HASH_BYTES } from '../link/block-hash.ts';
import type { BlockBase } from './block-base.ts';

/** Blocks in one message. */
const RUN_BLOCKS = 64;
/** Hashes of files the Master has not finished yet; beyond that no other file is begun. */
const AHEAD_BYTES = 4 * 1024 * 1024;

export interface BlockFile {
  readonly directory: number;
  readonly index: number;
  readonly base: BlockBase;
}

export class BlockHashing {
  private readonly send: (file: BlockFile, first: number, hashes: Uint8Array) => void;
  private readonly queue: BlockFile[] = [];
  private current: { readonly file: BlockFile; readonly work: Generator<number, void>; sent: number } | undefined;
  /** Bytes of hashes of begun files the Master has not answered. */
  private aheadBytes = 0;

  constructor(send: (file: BlockFile, first: number, hashes: Uint8Array) => void) {
    this.send = send;
  }

  add(file: BlockFile): void {
    this.queue.push(file);
  }

  get hasWork(): boolean {
    return this.current !== undefined || (this.queue.length > 0 && this.aheadBytes < AHEAD_BYTES);
  }

  /** The Master has answered for this file. */
  answered({ base }: BlockFile): void {
    base.stop();
    this.aheadBytes -= base.hashes.hashes.length;
  }

  /** Hashes about a mebibyte. */
  step(): void {
    this.current ??= this.begin();
    if (this.current === undefined) return;
    const { file, work } = this.current;
    try {
      const { value, done } = work.next();
      if (!done && value - this.current.sent >= RUN_BLOCKS) this.sendUpTo(value);
      if (done) this.end();
    } catch (error) {
      // What cannot be read is replaced: without its hashes everything is sent.
      if (Fault.from(error).kind === 'fatal') throw error;
      this.current = undefined;
      this.send(file, 0, NO_HASHES);
    }
  }

  cancel(): void {
    this.current?.work.return();
    this.current = undefined;
    this.queue.length = 0;
  }

  private begin() {
    const file = this.queue.shift();
    if (file === undefined) return undefined;
    this.aheadBytes += file.base.hashes.hashes.length;
    return { file, work: file.base.hashing(), sent: 0 };
  }

  private end(): void {
    const { base } = this.current!.file;
    if (!base.isStopped) this.sendUpTo(base.hashes.hashes.length / HASH_BYTES);
    this.current = undefined;
  }

  private sendUpTo(block: number): void {
    const { current } = this;
    if (current === undefined || block <= current.sent) return;
    const { hashes } = current.file.base.hashes;
    this.send(current.file, current.sent, hashes.subarray(current.sent * HASH_BYTES, block * HASH_BYTES));
    current.sent = block;
  }
}

/** "There are none": the Master sends the whole content. */
const NO_HASHES = new Uint8Array(0);

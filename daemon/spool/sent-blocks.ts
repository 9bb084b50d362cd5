/**
 * Hashes of the blocks of large files as one Replica has, or will have, them: what of a changed file need not be sent again.
 * They are those of the content that was sent last, so they hold as long as everything sent before arrives too: after a cut
 * link only what the Replica has received by then (docs/decisions/0026).
 */
import { type BlockHashes, blockBytesFor } from '../link/block-hash.ts';
import { largeFiles } from '../link/large-files.ts';
import type { EntryStat } from '../ports.ts';

/** Hashes kept for one Replica: of contents of 128 GiB in blocks of 32 KiB. */
const LIMIT_BYTES = 64 * 1024 * 1024;

interface SentContent {
  readonly seq: number;
  readonly blocks: BlockHashes;
}

export class SentBlocks {
  /** By the file's identity, the one used longest ago first. */
  private readonly contents = new Map<string, SentContent>();
  private bytes = 0;

  /** The content was sent, as part of the change `seq`. */
  note(root: number, stat: EntryStat, blocks: BlockHashes, seq: number): void {
    const key = keyOf(root, stat);
    this.drop(key);
    if (blocks.sizeBytes < largeFiles().patchedBytes) return;
    this.contents.set(key, { seq, blocks });
    this.bytes += blocks.hashes.length;
    for (const oldest of this.contents.keys()) {
      if (this.bytes <= LIMIT_BYTES) return;
      this.drop(oldest);
    }
  }

  /** What was sent last of the file; undefined when that is not known or of no use for its present size. */
  of(root: number, stat: EntryStat): BlockHashes | undefined {
    const blocks = this.contents.get(keyOf(root, stat))?.blocks;
    const fits = stat.sizeBytes >= largeFiles().patchedBytes && blocks?.blockBytes === blockBytesFor(stat.sizeBytes);
    return fits ? blocks : undefined;
  }

  forget(root: number, stat: EntryStat): void {
    this.drop(keyOf(root, stat));
  }

  /** A new link session: what was sent behind this position has not arrived. */
  keepUpTo(receivedSeq: number): void {
    for (const [key, { seq }] of this.contents) if (seq > receivedSeq) this.drop(key);
  }

  clear(): void {
    this.contents.clear();
    this.bytes = 0;
  }

  private drop(key: string): void {
    this.bytes -= this.contents.get(key)?.blocks.hashes.length ?? 0;
    this.contents.delete(key);
  }
}

function keyOf(root: number, { id }: EntryStat): string {
  return `${root}:${id.inode}:${id.birthNs}`;
}

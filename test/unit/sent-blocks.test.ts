/** Which content of a large file a Replica is believed to have, and which part of that outlives the process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BlockHashes } from '../../daemon/link/block-hash.ts';
import type { EntryStat } from '../../daemon/ports.ts';
import { SentBlocks } from '../../daemon/spool/sent-blocks.ts';
import type { IndexedEntry } from '../../daemon/store/master-schema.ts';
import { SentBlockStore } from '../../daemon/store/sent-block-store.ts';

const MIB = 1024 * 1024;

function fileStat(inode: bigint, mtimeNs: bigint, sizeBytes = 40 * MIB): EntryStat {
  const times = { mtimeNs, ctimeNs: mtimeNs };
  const id = { inode, birthNs: 7n };
  return { type: 'file', id, sizeBytes, ...times, mode: 0, uid: 0, gid: 0, links: 1, allocatedBytes: sizeBytes };
}

function hashesOf(fill: number, sizeBytes = 40 * MIB): BlockHashes {
  const blocks = new BlockHashes(sizeBytes);
  blocks.hashes.fill(fill);
  return blocks;
}

/** First byte of the hashes the next change would be sent against, and the time of the file then. */
function base(blocks: SentBlocks, inode = 1n): string {
  const found = blocks.of(0, fileStat(inode, 0n), 1_000);
  return found === undefined ? 'none' : `${found.blocks.hashes[0]} at ${found.mtimeNs}`;
}

function reloaded(disk: SentBlockStore, puts: readonly [number, string][] = [], newestSeq = 100): SentBlocks {
  const blocks = new SentBlocks('r', disk);
  blocks.load(
    puts.map(([seq, key]) => [seq, 0, key] as const),
    newestSeq,
  );
  return blocks;
}

test('after a cut link the newest content up to what was received is the base, with its time', (t) => {
  const blocks = new SentBlocks('r');
  blocks.note(0, fileStat(1n, 10n), hashesOf(1), 1);
  blocks.noteTime(0, fileStat(1n, 15n), 2);
  blocks.note(0, fileStat(1n, 30n), hashesOf(3), 3);
  t.is(base(blocks), '3 at 30');
  blocks.keepUpTo(2);
  t.is(base(blocks), '1 at 15');
  blocks.keepUpTo(1);
  t.is(base(blocks), '1 at 10');
  blocks.keepUpTo(0);
  t.is(base(blocks), 'none');
});

test('a content sent whole without its hashes ends what was known', (t) => {
  const blocks = new SentBlocks('r');
  blocks.note(0, fileStat(1n, 10n), hashesOf(1), 1);
  blocks.noteUnknown(0, fileStat(1n, 20n, 5), 2);
  t.is(base(blocks), 'none');
  blocks.noteTime(0, fileStat(1n, 30n), 3);
  t.is(base(blocks), 'none');
  blocks.keepUpTo(1);
  t.is(base(blocks), '1 at 10');
  blocks.note(0, fileStat(1n, 20n, 500), hashesOf(1, 500), 2);
  t.is(base(blocks), 'none', 'too small to be patched');
});

test('what was acknowledged is there after a restart, unless something may have followed it', (t) => {
  const disk = new SentBlockStore(':memory:');
  const blocks = new SentBlocks('r', disk);
  blocks.note(0, fileStat(1n, 10n), hashesOf(1), 1);
  blocks.note(0, fileStat(1n, 50n), hashesOf(5), 5);
  blocks.note(0, fileStat(2n, 20n), hashesOf(2), 2);
  blocks.store(4);
  t.is(base(reloaded(disk)), '1 at 10', 'the one on its way is not stored');
  t.is(base(reloaded(disk, [[5, '1.7']])), 'none');
  t.is(base(reloaded(disk, [[5, '1.7']]), 2n), '2 at 20');
  t.is(base(reloaded(disk, [[1, '1.7']])), '1 at 10');
  const again = reloaded(disk, [[5, '1.7']]);
  again.keepUpTo(4);
  t.is(base(again), '1 at 10', 'what followed has not arrived');
  blocks.store(5);
  t.is(base(reloaded(disk)), '5 at 50');
  t.is(base(reloaded(disk, [], 4)), 'none', 'from a later time than the spool');
  disk.close();
});

test('only what changed is written again, and it is read back exactly', (t) => {
  const disk = new SentBlockStore(':memory:');
  const blocks = new SentBlocks('r', disk);
  const before = hashesOf(1);
  blocks.note(0, fileStat(1n, 10n), before, 1);
  blocks.store(1);
  const after = hashesOf(1);
  after.set(700, new Uint8Array(16).fill(9));
  blocks.note(0, fileStat(1n, 20n), after, 2);
  blocks.store(2);
  t.deepEqual(reloaded(disk).of(0, fileStat(1n, 0n), 1_000)?.blocks, after);
  const grown = hashesOf(4, 41 * MIB + 5);
  const again = reloaded(disk);
  again.note(0, fileStat(1n, 30n, 41 * MIB + 5), grown, 3);
  again.store(3);
  t.deepEqual(reloaded(disk).of(0, fileStat(1n, 0n, 41 * MIB), 1_000)?.blocks, grown);
  const cut = hashesOf(6, 3 * MIB);
  again.note(0, fileStat(1n, 40n, 3 * MIB), cut, 4);
  again.store(4);
  t.deepEqual(reloaded(disk).of(0, fileStat(1n, 0n, 3 * MIB), 1_000)?.blocks, cut);
  disk.close();
});

test('what is cleared, of another history or of another Replica is gone also after a restart', (t) => {
  const disk = new SentBlockStore(':memory:');
  disk.bind('first');
  const stored = () => {
    const blocks = reloaded(disk);
    blocks.note(0, fileStat(1n, 10n), hashesOf(1), 1);
    blocks.store(1);
    return blocks;
  };
  stored().clear();
  t.is(base(reloaded(disk)), 'none');
  stored();
  disk.keepPeers(new Set(['r']));
  disk.bind('first');
  t.is(base(reloaded(disk)), '1 at 10');
  disk.keepPeers(new Set(['other']));
  t.is(base(reloaded(disk)), 'none');
  stored();
  disk.bind('second');
  t.is(base(reloaded(disk)), 'none');
  const blocks = stored();
  blocks.noteUnknown(0, fileStat(1n, 20n, 5), 2);
  blocks.store(2);
  t.is(base(reloaded(disk)), 'none');
  disk.close();
});

test('no more hashes are kept than for 128 GiB: those of the file changed longest ago go, also from the store', (t) => {
  const disk = new SentBlockStore(':memory:');
  const blocks = new SentBlocks('r', disk);
  const size = 60 * 1024 * MIB;
  for (let n = 1; n <= 70; n += 1) {
    blocks.note(0, fileStat(BigInt(n), 1n, size), new BlockHashes(size), n);
    blocks.store(n);
  }
  const isKnown = (one: SentBlocks, n: number) => one.of(0, fileStat(BigInt(n), 1n, size), 1_000) !== undefined;
  t.false(isKnown(blocks, 1));
  t.true(isKnown(blocks, 70));
  const again = reloaded(disk);
  t.false(isKnown(again, 1));
  t.true(isKnown(again, 70));
  disk.close();
});

test('a store that cannot be read is begun anew', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-blocks-'));
  const file = join(directory, 'blocks');
  writeFileSync(file, 'no database at all, but longer than a header of one would be, so that it is looked at');
  const disk = new SentBlockStore(file);
  t.deepEqual(disk.list('r'), []);
  disk.close();
  rmSync(directory, { recursive: true });
});

test('what answers a repair is sent whole under every name; the change after it is a patch again', (t) => {
  const blocks = new SentBlocks('r');
  const size = 40 * MIB;
  const entry = { id: 1, parent: 0, name: 'a', type: 'file', inode: 1n, birthNs: 7n } as const;
  const state = { seq: 12, lookup: () => entry as unknown as IndexedEntry };
  blocks.note(0, fileStat(1n, 5n), hashesOf(1, size), 9);
  blocks.repair(0, ['a', 'b'], state);
  // The first name was refused there; the second must not be sent as what changed since the first.
  blocks.note(0, fileStat(1n, 5n), hashesOf(2, size), 10);
  t.is(blocks.of(0, fileStat(1n, 5n), 12), undefined);
  blocks.note(0, fileStat(1n, 5n), hashesOf(3, size), 12);
  t.is(blocks.of(0, fileStat(1n, 6n), 13)?.blocks.hashes[0], 3);
});

test('a directory that is sent again is sent whole', (t) => {
  const blocks = new SentBlocks('r');
  blocks.repair(0, ['d'], { seq: 12, lookup: () => undefined });
  blocks.note(0, fileStat(1n, 5n), hashesOf(2), 10);
  t.is(blocks.of(0, fileStat(1n, 5n), 12), undefined);
  t.not(blocks.of(0, fileStat(1n, 5n), 13), undefined);
});

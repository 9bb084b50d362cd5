/** A file beyond 4 GiB between two real engines: by blocks, with holes, changed in place. */
import { closeSync, existsSync, ftruncateSync, globSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { eventually, oracle, Pair } from './rig.ts';

const MEMORY = '/dev/shm';
const GIB = 2 ** 30;
const SIZE = 4 * GIB + 12_345_678;

function write(path: string, places: readonly number[], text: string): void {
  const handle = openSync(path, 'r+');
  for (const position of places) writeSync(handle, Buffer.from(text.repeat(1_000)), 0, text.length * 1_000, position);
  closeSync(handle);
}

function makeSparse(path: string, sizeBytes: number): void {
  const handle = openSync(path, 'w');
  ftruncateSync(handle, sizeBytes);
  closeSync(handle);
}

test.serial(
  'A sparse file beyond 4 GiB is synchronized by blocks, changed live, and stays sparse and in place',
  async (t) => {
    // Reading holes costs least there.
    const pair = await Pair.start(existsSync(MEMORY) ? { below: MEMORY } : {});
    try {
      const master = join(pair.masterRoot, 'disk.img');
      const replica = join(pair.replicaRoot, 'disk.img');
      mkdirSync(pair.replicaRoot, { recursive: true });
      makeSparse(master, SIZE);
      write(master, [0, 100_000, GIB + 17, SIZE - 20_000], 'master ');
      makeSparse(replica, SIZE - 5_000_000);
      write(replica, [0, 3 * GIB], 'replica ');
      const before = statSync(replica, { bigint: true }).ino;
      await pair.createScenario();
      await pair.run('--sync', 'block');
      await pair.barrier();
      t.is(statSync(replica, { bigint: true }).ino, before, 'changed in place');
      t.true(statSync(replica).blocks * 512 < 50_000_000, 'still sparse');
      const handle = openSync(master, 'r+');
      writeSync(handle, Buffer.from('live change'), 0, 11, 4 * GIB + 5);
      ftruncateSync(handle, SIZE + 999);
      closeSync(handle);
      await pair.barrier();
      t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
      t.is(statSync(replica, { bigint: true }).ino, before, 'changed in place again');
      const blocksBefore = statSync(replica).blocks;
      write(master, [GIB + 65_536], 'x'.repeat(8_192));
      await pair.barrier();
      t.true((statSync(replica).blocks - blocksBefore) * 512 > 8_000_000, 'takes space');
      // Zeros are written, nobody says that they are a hole.
      write(master, [GIB + 65_536], '\0'.repeat(8_192));
      await pair.barrier();
      t.true((statSync(replica).blocks - blocksBefore) * 512 < 200_000, 'gives it back');
      t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
      t.is(statSync(replica, { bigint: true }).ino, before, 'changed in place each time');
    } finally {
      await pair.remove();
    }
  },
);

/** Position up to which the Master has stored what the Replica has of large files. */
function storedSeq(pair: Pair): number | undefined {
  const [file] = globSync(join(pair.master.data, 'tmp', '*', 'master.sqlite-blocks'));
  if (file === undefined) return undefined;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const row = database.prepare('SELECT max(seq) AS seq FROM content').get() as { seq: number | null };
    return row.seq ?? undefined;
  } finally {
    database.close();
  }
}

test.serial('After kills of both daemons a change of 4 KiB in a file of 2 GiB sends about one block', async (t) => {
  const pair = await Pair.start(existsSync(MEMORY) ? { below: MEMORY } : {});
  const file = join(pair.masterRoot, 'machine.img');
  try {
    makeSparse(file, 2 * GIB);
    write(file, [0, 100_000, GIB, 2 * GIB - 20_000], 'content ');
    await pair.createScenario();
    await pair.run();
    let stored = await eventually('the hashes are stored', 5_000, () => storedSeq(pair));
    for (const [host, place] of [
      [pair.master, GIB + 4_096],
      [pair.replica, GIB - 4_096],
    ] as const) {
      await host.kill();
      await host.start();
      const before = (await pair.master.status(pair.scenario))?.statistics.wireBytes ?? 0;
      const handle = openSync(file, 'r+');
      writeSync(handle, Buffer.alloc(4_096, place % 251), 0, 4_096, place);
      closeSync(handle);
      await pair.barrier();
      const sent = ((await pair.master.status(pair.scenario))?.statistics.wireBytes ?? Number.NaN) - before;
      t.true(sent > 4_096 && sent < 100_000, `${sent} bytes sent after a kill of ${host.name}`);
      t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
      const last = stored;
      stored = await eventually('the new hashes are stored', 5_000, () => {
        const now = storedSeq(pair);
        return now !== undefined && now > last ? now : undefined;
      });
    }
  } finally {
    await pair.remove();
  }
});

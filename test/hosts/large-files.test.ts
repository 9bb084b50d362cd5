/** A file beyond 4 GiB between two real engines: by blocks, with holes, changed in place. */
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { oracle, Pair } from './rig.ts';

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
    } finally {
      await pair.remove();
    }
  },
);

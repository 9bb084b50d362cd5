/** An engine killed in the middle of the first synchronization: the rest is copied, what was there stays as it is. */
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { eventually, Pair } from './rig.ts';

/** A killed process loses nothing that is in the page cache, so memory is as good as a disk, and it is faster. */
const BELOW = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const DIRECTORIES = 30;
const FILES_EACH = 100;
const FILE_BYTES = 12_000;
/** So slow that it is surely under way when half of the files are not there yet. */
const SLOWLY = 10 * 1024 * 1024;

function fill(root: string): void {
  for (let d = 0; d < DIRECTORIES; d += 1) {
    mkdirSync(join(root, `dir${d}`));
    for (let f = 0; f < FILES_EACH; f += 1) {
      writeFileSync(join(root, `dir${d}`, `f${f}`), `${d} ${f}\n`.padEnd(FILE_BYTES, 'x'));
    }
  }
}

/** Of each file in place: what changes when anything is done to it. */
function filesOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { ino, ctimeNs } = lstatSync(path, { bigint: true });
    found.set(path, `${ino} ${ctimeNs}`);
  }
  return found;
}

for (const side of ['master', 'replica'] as const) {
  test(`a ${side} killed in the middle of the first synchronization goes on with what is missing`, async (t) => {
    const pair = await Pair.start({ below: BELOW, settings: { 'link.bandwidthBytesPerSecond': SLOWLY } });
    try {
      fill(pair.masterRoot);
      await pair.createScenario();
      await pair.master.must('run', 'web', '--yes', '--acknowledge-warnings');
      await eventually('a part of the files is on the Replica', 10_000, () =>
        filesOf(pair.replicaRoot).size > 100 ? true : undefined,
      );
      await pair[side].kill();
      if (side === 'master') {
        await eventually('the Replica has done with what came', 10_000, async () =>
          (await pair.replica.status('web'))?.hosts[0]?.health === 'unknown' ? true : undefined,
        );
      }
      const before = filesOf(pair.replicaRoot);
      t.true(before.size > 100 && before.size < DIRECTORIES * FILES_EACH - 500, `${before.size} files were there`);
      t.log(`${before.size} files were there`);
      await pair[side].start();
      await pair.master.must('scenario', 'set', 'web', 'link.bandwidthBytesPerSecond=0');
      await pair.waitFor('protected', 30);
      const after = filesOf(pair.replicaRoot);
      t.deepEqual(
        [...before].filter(([path, is]) => after.get(path) !== is),
        [],
        'files that were there are not touched again',
      );
      const sent = (await pair.master.status('web'))?.statistics.synchronizedFiles ?? 0;
      t.true(sent > 0 && sent <= after.size - before.size, `${sent} files were sent after the kill`);
      t.is(after.size, DIRECTORIES * FILES_EACH);
      t.is(await pair.differences(), '');
    } finally {
      await pair.remove();
    }
  });
}

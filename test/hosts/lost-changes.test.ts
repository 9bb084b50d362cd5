/** Changes no notification told of: made while the engine was down, or while its queue overflowed. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Pair } from './rig.ts';

function fill(root: string): void {
  for (let d = 0; d < 10; d += 1) {
    mkdirSync(join(root, `d${d}`));
    for (let f = 0; f < 100; f += 1) writeFileSync(join(root, `d${d}`, `f${f}`), `${d} ${f}\n`);
  }
}

test.serial(
  'Changes made while the Master engine was dead are found by comparing with what was recorded',
  async (t) => {
    const pair = await Pair.protectedPair({}, fill);
    try {
      // That it is protected is shown a moment before it is durable; a kill between the two costs a synchronization.
      await pair.barrier();
      await pair.master.kill();
      const at = (path: string): string => join(pair.masterRoot, path);
      writeFileSync(at('d0/f0'), 'changed while dead\n');
      rmSync(at('d1'), { recursive: true });
      renameSync(at('d2'), at('moved'));
      renameSync(at('d3/f3'), at('d4/f3-moved'));
      mkdirSync(at('new/tree'), { recursive: true });
      writeFileSync(at('new/tree/file'), 'new\n');
      rmSync(at('d5/f5'));
      mkdirSync(at('d5/f5'));
      await pair.master.start();
      await pair.waitFor('protected');
      t.is(await pair.differences(), '');
      t.is(await pair.master.countEvents('SYN-001'), 1, 'no new synchronization');
      const recovered = (await pair.master.events()).find((event) => event.code === 'CAP-004');
      t.truthy(recovered, 'the recovery is told');
    } finally {
      await pair.remove();
    }
  },
);

test.serial('A Replica that was dead catches up on what it missed', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await pair.replica.kill();
    for (let n = 0; n < 500; n += 1) writeFileSync(join(pair.masterRoot, `d${n % 10}`, `late${n}`), `late ${n}\n`);
    rmSync(join(pair.masterRoot, 'd1'), { recursive: true });
    await pair.replica.start();
    t.is(await pair.differences(), '');
    t.is(await pair.master.countEvents('SYN-001'), 1);
  } finally {
    await pair.remove();
  }
});

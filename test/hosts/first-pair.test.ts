/** The main job: two engines, a scenario, and a Replica that is identical at every moment asked. */
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Load } from './load.ts';
import { oracle, Pair } from './rig.ts';

function fillSite(root: string): void {
  for (let d = 0; d < 20; d += 1) {
    mkdirSync(join(root, `dir${d}`, 'deeper'), { recursive: true });
    for (let f = 0; f < 25; f += 1)
      writeFileSync(join(root, `dir${d}`, f % 2 ? 'deeper' : '', `file${f}`), `${d} ${f}\n`);
  }
  symlinkSync('dir1/file2', join(root, 'link'));
}

test.serial('A directory tree is synchronized, then replicated live, then compared after a stop', async (t) => {
  const pair = await Pair.protectedPair({}, fillSite);
  try {
    t.is(await oracle(pair.masterRoot, pair.replicaRoot), '', 'after the synchronization');
    writeFileSync(join(pair.masterRoot, 'new file'), 'new\n');
    renameSync(join(pair.masterRoot, 'dir3'), join(pair.masterRoot, 'renamed'));
    rmSync(join(pair.masterRoot, 'dir4'), { recursive: true });
    appendFileSync(join(pair.masterRoot, 'dir5', 'file0'), 'more\n');
    t.is(await pair.differences(), '', 'after live changes');
    t.is((await pair.master.command('diff', pair.scenario, '--json')).code, 0, 'diff says identical');

    await pair.stopScenario();
    const stopped = await pair.master.status(pair.scenario);
    t.is(stopped?.state, 'stopped');
    t.is(stopped?.stopReason, 'by-user');
    t.true((await pair.master.events()).some((event) => event.text === 'Stopped by user'));

    writeFileSync(join(pair.masterRoot, 'while stopped'), 'x\n');
    rmSync(join(pair.masterRoot, 'renamed'), { recursive: true });
    await pair.run();
    t.is(await pair.differences(), '', 'after running again');
    const texts = (await pair.master.events()).map((event) => event.text);
    t.true(texts.includes('All modifications during synchronization period are replicated'));
  } finally {
    await pair.remove();
  }
});

test.serial('A Replica root that holds other things becomes identical', async (t) => {
  const pair = await Pair.start();
  try {
    fillSite(pair.masterRoot);
    const at = (...names: string[]): string => join(pair.replicaRoot, ...names);
    mkdirSync(at('dir1', 'file2'), { recursive: true });
    writeFileSync(at('dir1', 'file2', 'extra'), 'a directory where a file belongs');
    writeFileSync(at('dir2'), 'a file where a directory belongs');
    mkdirSync(at('extra', 'tree'), { recursive: true });
    writeFileSync(at('extra', 'tree', 'file'), 'to be removed');
    writeFileSync(at('link'), 'a file where a link belongs');
    mkdirSync(at('dir3'));
    writeFileSync(at('dir3', 'file0'), '9 9\n');
    await pair.createScenario();
    const before = await pair.master.command('diff', pair.scenario, '--json');
    if (before.code !== 4) t.is(before.code, 7, 'diff before the first run, where it is possible, finds differences');
    await pair.run();
    t.is(await pair.differences(), '');
  } finally {
    await pair.remove();
  }
});

test.serial('Changes made during the synchronization arrive too', async (t) => {
  const pair = await Pair.start();
  try {
    for (let n = 0; n < 4_000; n += 1) {
      if (n % 100 === 0) mkdirSync(join(pair.masterRoot, `bulk${n / 100}`));
      writeFileSync(join(pair.masterRoot, `bulk${Math.floor(n / 100)}`, `f${n}`), `file ${n}\n`.repeat(50));
    }
    await pair.createScenario();
    const load = new Load(pair.masterRoot, 11);
    try {
      await pair.run();
    } finally {
      await load.stop();
    }
    t.true(load.changes > 0);
    t.is(await pair.differences(), '');
  } finally {
    await pair.remove();
  }
});

test.serial('Both engines stop and start again under load without a new synchronization', async (t) => {
  const pair = await Pair.protectedPair({}, fillSite);
  const load = new Load(pair.masterRoot, 12);
  try {
    await pair.master.stop();
    await pair.master.start();
    await pair.waitFor('protected');
    await pair.replica.stop();
    await pair.replica.start();
    await pair.waitFor('protected');
    await load.stop();
    t.is(await pair.differences(), '');
    t.is(await pair.master.countEvents('SYN-001'), 1);
  } finally {
    await load.stop();
    await pair.remove();
  }
});

/** What others do to the Replica root: plant links, fill the disk. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { testNeeding } from '../runner/needing.ts';
import { eventually, Pair } from './rig.ts';

const EVENT_TIMEOUT_MS = 60_000;

async function anyEvent(pair: Pair, codes: readonly string[]): Promise<void> {
  await eventually(`one of the events ${codes.join(', ')}`, EVENT_TIMEOUT_MS, async () => {
    const [ours, theirs] = await Promise.all([pair.master.events(), pair.replica.events()]);
    return [...ours, ...theirs].some((event) => codes.includes(event.code)) ? true : undefined;
  });
}

test.serial('A symbolic link planted in the Replica root is never written through', async (t) => {
  const pair = await Pair.protectedPair({}, (root) => {
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir', 'file'), 'before\n');
  });
  try {
    const outside = join(pair.top, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'precious\n');
    rmSync(join(pair.replicaRoot, 'dir'), { recursive: true });
    symlinkSync(outside, join(pair.replicaRoot, 'dir'));
    writeFileSync(join(pair.masterRoot, 'dir', 'file'), 'changed\n');
    writeFileSync(join(pair.masterRoot, 'dir', 'new'), 'new\n');
    rmSync(join(pair.masterRoot, 'dir', 'file'));
    await anyEvent(pair, ['APL-004', 'APL-001']);
    t.deepEqual(readdirSync(outside), ['file']);
    t.is(readFileSync(join(outside, 'file'), 'utf8'), 'precious\n');
    // Running again compares everything: the link goes, what it pointed to stays.
    await pair.stopScenario();
    await pair.run();
    t.is(await pair.differences(), '');
    t.is(readFileSync(join(outside, 'file'), 'utf8'), 'precious\n');
  } finally {
    await pair.remove();
  }
});

test.serial('A link that stands for a directory before the synchronization is replaced, not followed', async (t) => {
  const pair = await Pair.start();
  try {
    const outside = join(pair.top, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'keep'), 'precious\n');
    symlinkSync(outside, join(pair.replicaRoot, 'dir'));
    mkdirSync(join(pair.masterRoot, 'dir', 'sub'), { recursive: true });
    writeFileSync(join(pair.masterRoot, 'dir', 'sub', 'file'), 'x\n');
    await pair.createScenario();
    await pair.run();
    t.is(await pair.differences(), '');
    t.deepEqual(readdirSync(outside), ['keep']);
  } finally {
    await pair.remove();
  }
});

test('A directory that takes the place of the Replica root is left alone until the scenario is run again', async (t) => {
  const pair = await Pair.protectedPair({}, (root) => writeFileSync(join(root, 'first'), 'x\n'));
  try {
    renameSync(pair.replicaRoot, `${pair.replicaRoot}.away`);
    mkdirSync(pair.replicaRoot);
    writeFileSync(join(pair.masterRoot, 'second'), 'y\n');
    await anyEvent(pair, ['ROOT-001']);
    t.deepEqual(readdirSync(pair.replicaRoot), []);
    // A restart does not make it the data either.
    await pair.replica.kill();
    await pair.replica.start();
    writeFileSync(join(pair.masterRoot, 'third'), 'z\n');
    await eventually('the problem in the status', EVENT_TIMEOUT_MS, async () =>
      /missing/.test((await pair.replica.status(pair.scenario))?.problem ?? '') ? true : undefined,
    );
    t.deepEqual(readdirSync(pair.replicaRoot), []);
    rmdirSync(pair.replicaRoot);
    renameSync(`${pair.replicaRoot}.away`, pair.replicaRoot);
    t.is(await pair.differences(), '');
    // Replaced on purpose: running the scenario again takes the new directory.
    await pair.stopScenario();
    renameSync(pair.replicaRoot, `${pair.replicaRoot}.away`);
    mkdirSync(pair.replicaRoot);
    await pair.run();
    t.is(await pair.differences(), '');
    t.deepEqual(readdirSync(pair.replicaRoot).sort(), ['first', 'second', 'third']);
  } finally {
    await pair.remove();
  }
});

testNeeding('mount', 'root')(
  'A Replica whose disk is full says so, and goes on by itself when there is space',
  async (t) => {
    const pair = await Pair.start();
    const volume = join(pair.top, 'replica');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', volume]);
    try {
      mkdirSync(pair.replicaRoot);
      await pair.createScenario();
      writeFileSync(join(pair.masterRoot, 'first'), 'x\n');
      await pair.run();
      writeFileSync(join(volume, 'ballast'), Buffer.alloc(18 * 1024 * 1024, 1));
      for (let n = 0; n < 12; n += 1) writeFileSync(join(pair.masterRoot, `big${n}`), Buffer.alloc(1024 * 1024, n));
      await anyEvent(pair, ['APL-002']);
      rmSync(join(volume, 'ballast'));
      t.is(await pair.differences(), '');
      await anyEvent(pair, ['APL-003']);
      t.is(await pair.master.countEvents('SYN-001'), 1);
    } finally {
      await Promise.all([pair.master.kill(), pair.replica.kill()]);
      execFileSync('umount', ['--lazy', volume]);
      await pair.remove();
    }
  },
);

/** A Master root that vanishes must never empty the Replica. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { testNeeding } from '../runner/needing.ts';
import { eventually, oracle, Pair } from './rig.ts';

function fill(root: string): void {
  mkdirSync(join(root, 'dir'));
  for (let n = 0; n < 50; n += 1) writeFileSync(join(root, 'dir', `f${n}`), `${n}\n`);
}

const EVENT_TIMEOUT_MS = 30_000;
const eventCame = (pair: Pair, code: string): Promise<true> =>
  eventually(`event ${code}`, EVENT_TIMEOUT_MS, async () =>
    (await pair.master.countEvents(code)) > 0 ? true : undefined,
  );

async function heldWithoutLoss(t: { is: (a: unknown, b: unknown, m?: string) => void }, pair: Pair): Promise<void> {
  await eventCame(pair, 'ROOT-001');
  t.is(readdirSync(join(pair.replicaRoot, 'dir')).length, 50, 'nothing was deleted on the Replica');
}

test.serial(
  'A Master root that is moved away deletes nothing on the Replica, and goes on when it is back',
  async (t) => {
    const pair = await Pair.protectedPair({}, fill);
    try {
      renameSync(pair.masterRoot, `${pair.masterRoot}.away`);
      await heldWithoutLoss(t, pair);
      renameSync(`${pair.masterRoot}.away`, pair.masterRoot);
      await eventCame(pair, 'ROOT-002');
      writeFileSync(join(pair.masterRoot, 'after'), 'back\n');
      t.is(await pair.differences(), '');
    } finally {
      await pair.remove();
    }
  },
);

test.serial('A Master root that is moved away while its engine is down deletes nothing either', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await pair.master.kill();
    renameSync(pair.masterRoot, `${pair.masterRoot}.away`);
    mkdirSync(pair.masterRoot);
    await pair.master.start();
    await heldWithoutLoss(t, pair);
    execFileSync('rmdir', [pair.masterRoot]);
    renameSync(`${pair.masterRoot}.away`, pair.masterRoot);
    await eventCame(pair, 'ROOT-002');
    t.is(await pair.differences(), '');
  } finally {
    await pair.remove();
  }
});

testNeeding('mount', 'root')(
  'A Master root whose file system is unmounted deletes nothing on the Replica',
  async (t) => {
    const pair = await Pair.start();
    const device = join(pair.top, 'volume');
    const mount = (...args: string[]): unknown => execFileSync('mount', args);
    const unmount = (path: string): unknown => execFileSync('umount', ['--lazy', path]);
    mkdirSync(device);
    // The volume stays mounted under `device`, so that its files are there again when the root is mounted again.
    mount('-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', device);
    fill(device);
    mount('--bind', device, pair.masterRoot);
    let mounted = true;
    try {
      await pair.createScenario();
      await pair.run();
      t.is(await oracle(pair.masterRoot, pair.replicaRoot, ['/.mainstay']), '');
      unmount(pair.masterRoot);
      mounted = false;
      await heldWithoutLoss(t, pair);
      mount('--bind', device, pair.masterRoot);
      mounted = true;
      await eventCame(pair, 'ROOT-002');
      writeFileSync(join(pair.masterRoot, 'after'), 'back\n');
      t.is(await pair.differences(['/.mainstay']), '');
    } finally {
      await Promise.all([pair.master.kill(), pair.replica.kill()]);
      if (mounted) unmount(pair.masterRoot);
      unmount(device);
      await pair.remove();
    }
  },
);

testNeeding('mount', 'root')(
  'A volume mounted below a Master root is replicated, kept on the Replica while it is unmounted, and equal when it is back',
  async (t) => {
    const pair = await Pair.start();
    const device = join(pair.top, 'volume');
    const place = join(pair.masterRoot, 'data');
    const mount = (...args: string[]): unknown => execFileSync('mount', args);
    const unmount = (path: string): unknown => execFileSync('umount', ['--lazy', path]);
    mkdirSync(device);
    mkdirSync(place);
    mount('-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', device);
    let mounted = false;
    try {
      await pair.createScenario();
      await pair.run();
      mount('--bind', device, place);
      mounted = true;
      await eventCame(pair, 'MNT-003');
      writeFileSync(join(place, 'file'), 'on the volume');
      t.is(await pair.differences(), '');
      unmount(place);
      mounted = false;
      await eventCame(pair, 'MNT-001');
      writeFileSync(join(pair.masterRoot, 'beside'), 'goes on');
      // What is on it now is not known: that must not pass for applied.
      const refused = await pair.master.command('barrier', 'web', '--timeout', '60');
      t.is(refused.code, 4);
      t.regex(refused.stderr, /UNREADABLE.*\(data\)/);
      t.is(readFileSync(join(pair.replicaRoot, 'data', 'file'), 'utf8'), 'on the volume');
      t.is(readFileSync(join(pair.replicaRoot, 'beside'), 'utf8'), 'goes on');
      writeFileSync(join(device, 'meanwhile'), 'changed elsewhere');
      mount('--bind', device, place);
      mounted = true;
      await eventCame(pair, 'MNT-002');
      t.is(await pair.differences(), '');
      t.is(readFileSync(join(pair.replicaRoot, 'data', 'meanwhile'), 'utf8'), 'changed elsewhere');
    } finally {
      await Promise.all([pair.master.kill(), pair.replica.kill()]);
      if (mounted) unmount(place);
      unmount(device);
      await pair.remove();
    }
  },
);

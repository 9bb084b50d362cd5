/** What an operator does about a running pair, on real engines: verify all the time, and restart a host. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually, Pair } from './rig.ts';

function fill(root: string): void {
  for (let n = 0; n < 20; n += 1) {
    mkdirSync(join(root, `d${n % 4}`), { recursive: true });
    writeFileSync(join(root, `d${n % 4}`, `f${n}`), `page ${n}\n`.repeat(n + 1));
  }
}

/** As a bad disk would: size and times stay. */
function spoilByte(file: string, beside: string): void {
  execFileSync('cp', ['--attributes-only', '--preserve=timestamps', file, beside]);
  const handle = openSync(file, 'r+');
  writeSync(handle, '#', 2);
  closeSync(handle);
  execFileSync('touch', ['-r', beside, file]);
  rmSync(beside);
}

test('a byte spoiled on the Replica is found, told and mended; identical is claimed before and after, not between', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    const verifiedAt = async () => (await pair.master.status('web'))?.hosts[1]?.verifiedAt;
    const set = (value: string) =>
      pair.master.must('scenario', 'set', 'web', `replication.continuousVerification=${value}`);
    t.is(await verifiedAt(), undefined, 'nobody has compared yet');
    await set('on');
    const first = await eventually('it is proven', 20_000, verifiedAt);
    spoilByte(join(pair.replicaRoot, 'd1', 'f9'), join(pair.top, 'times'));
    // Switched on again it begins at once.
    await set('off');
    t.is(await eventually('nothing is claimed', 5_000, async () => (await verifiedAt()) ?? 'nothing'), 'nothing');
    await set('on');
    const told = await eventually('it is found', 20_000, async () =>
      (await pair.master.events()).find(({ code }) => code === 'VRF-001'),
    );
    t.regex(told.text, /d1\/f9/);
    const after = await verifiedAt();
    t.true(after === undefined || after >= told.at, 'what was proven before it is withdrawn');
    t.is(await pair.differences(), '');
    await set('off');
    await set('on');
    const again = await eventually('it is proven again', 30_000, verifiedAt);
    t.true(again > first && again >= told.at);
    t.is(await pair.master.countEvents('VRF-001'), 1);
    t.is(await pair.master.countEvents('SYN-001'), 1);
  } finally {
    await pair.remove();
  }
});

test('a host prepared for a restart is drained and held, and goes on by itself afterwards without a synchronization', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    for (const host of [pair.replica, pair.master]) {
      writeFileSync(join(pair.masterRoot, `before-${host.name}`), 'drained\n');
      const { scenarios } = JSON.parse(await pair.master.must('prepare-reboot', host.name, '--yes', '--json')) as {
        scenarios: string[];
      };
      t.deepEqual(scenarios, ['web']);
      const held = await pair.master.status('web');
      t.is(held?.state, 'suspended');
      t.is(held?.hosts[1]?.replica?.pendingChanges, 0, 'nothing is on its way');
      await host.stop();
      writeFileSync(join(pair.masterRoot, `while-${host.name}-is-down`), 'x\n');
      rmSync(join(pair.masterRoot, host === pair.master ? 'd1' : 'd2'), { recursive: true });
      await host.start();
      await pair.waitFor('protected', 30);
      t.is(await pair.differences(), '');
    }
    t.is(await pair.master.countEvents('SYN-001'), 1, 'only the one of the Run');
    t.is(await pair.master.countEvents('SCN-018'), 2, 'it says that it goes on');
  } finally {
    await pair.remove();
  }
});

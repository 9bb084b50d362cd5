/** One Master with two Replicas on three real engines: what each gets, says and keeps when another one is away. */
import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Fleet } from './fleet.ts';
import { eventually } from './rig.ts';

function fill(root: string): void {
  for (let n = 0; n < 40; n += 1) {
    mkdirSync(join(root, `d${n % 4}`), { recursive: true });
    writeFileSync(join(root, `d${n % 4}`, `f${n}`), `page ${n}\n`.repeat(n));
  }
}

test('two Replicas: one is away and comes back without a synchronization, a third one is added alone', async (t) => {
  const fleet = await Fleet.start(['alpha', 'beta', 'gamma', 'delta']);
  try {
    const alpha = fleet.host('alpha');
    const gamma = fleet.host('gamma');
    fill(fleet.root('alpha'));
    await fleet.pair('alpha', 'beta');
    await fleet.pair('alpha', 'gamma');
    await fleet.pair('alpha', 'delta');
    await fleet.create({ beta: {}, gamma: {} });
    await fleet.run();
    t.is(await fleet.differences('beta'), '');
    t.is(await fleet.differences('gamma'), '');

    await gamma.kill();
    writeFileSync(join(fleet.root('alpha'), 'd0', 'new'), 'while gamma is away');
    renameSync(join(fleet.root('alpha'), 'd1'), join(fleet.root('alpha'), 'e1'));
    rmSync(join(fleet.root('alpha'), 'd2'), { recursive: true });
    await eventually('beta has it', 10_000, async () => ((await fleet.oracle('beta')) === '' ? true : undefined));
    t.not(await fleet.oracle('gamma'), '');
    const waiting = await eventually('the status tells the two apart', 10_000, async () => {
      const hosts = (await alpha.status('web'))?.hosts ?? [];
      const [, first, second] = hosts;
      return first?.replica?.link === 'live' && second?.replica?.link === 'down' && second.exposureMs > 0
        ? { first, second }
        : undefined;
    });
    t.is(waiting.first.replica?.pendingChanges, 0);
    t.true((waiting.second.replica?.pendingChanges ?? 0) > 0);
    t.is((await alpha.command('barrier', 'web', '--timeout', '1')).code, 6, 'a barrier counts the one that is away');

    await gamma.start();
    t.is(await fleet.differences('gamma'), '');
    t.is(await fleet.differences('beta'), '');
    t.is(await alpha.countEvents('SYN-001'), 2, 'its changes were in the spool');

    await alpha.must('suspend', 'web', '--replica', 'beta', '--yes');
    writeFileSync(join(fleet.root('alpha'), 'd0', 'suspended'), 'not to beta');
    await eventually('gamma has it', 10_000, async () => ((await fleet.oracle('gamma')) === '' ? true : undefined));
    t.not(await fleet.oracle('beta'), '');
    await alpha.must('resume', 'web', '--replica', 'beta');
    t.is(await fleet.differences('beta'), '');

    writeFileSync(join(fleet.root('gamma'), 'stray'), 'only there');
    const diff = await alpha.command('diff', 'web', '--replica', 'gamma', '--json');
    t.is(diff.code, 7);
    const { differences } = JSON.parse(diff.stdout) as { differences: { path: string; replica: string }[] };
    t.true(differences.some(({ path }) => path === 'stray'));
    t.true(differences.every(({ replica }) => replica === 'gamma'));
    t.is((await alpha.command('diff', 'web', '--replica', 'beta', '--json')).code, 0);
    rmSync(join(fleet.root('gamma'), 'stray'));
    utimesSync(fleet.root('gamma'), new Date(), statSync(fleet.root('alpha')).mtime);

    await fleet.apply({ beta: {}, gamma: {}, delta: {} });
    await fleet.waitFor('protected');
    t.is(await fleet.differences('delta'), '');
    t.is(await fleet.differences('beta'), '');
    t.is(await alpha.countEvents('SYN-001'), 3, 'only the new one was synchronized');

    await fleet.stop();
    for (const host of fleet.hosts) t.like(await host.status('web'), { state: 'stopped', stopReason: 'by-user' });
    await alpha.must('scenario', 'delete', 'web', '--confirm', 'web');
    for (const host of fleet.hosts) t.is(await host.status('web'), undefined);
  } finally {
    await fleet.remove();
  }
});

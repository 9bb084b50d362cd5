/** A Replica that feeds another one, on three real engines: alpha -> beta -> gamma. */
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Fleet } from './fleet.ts';
import { eventually } from './rig.ts';

test('a Replica feeds another one; killed in the middle of changes it goes on, and the top says how both are', async (t) => {
  const fleet = await Fleet.start(['alpha', 'beta', 'gamma']);
  const at = (...parts: string[]) => join(fleet.root('alpha'), ...parts);
  try {
    const [alpha, beta, gamma] = [fleet.host('alpha'), fleet.host('beta'), fleet.host('gamma')];
    for (let n = 0; n < 40; n += 1) {
      mkdirSync(at(`d${n % 4}`), { recursive: true });
      writeFileSync(at(`d${n % 4}`, `f${n}`), `page ${n}\n`.repeat(n));
    }
    symlinkSync('d0/f0', at('link'));
    await fleet.pair('alpha', 'beta');
    await fleet.create({ beta: {}, gamma: { source: 'beta' } });
    t.is((await alpha.command('run', 'web', '--yes', '--wait')).code, 4, 'beta and gamma are not paired yet');
    await fleet.pair('beta', 'gamma');
    await fleet.run();
    t.is(await fleet.differences('beta'), '');
    t.is(await fleet.oracle('gamma'), '', 'a barrier counts the Replicas behind others');
    const [, middle, last] = (await alpha.status('web'))?.hosts ?? [];
    t.like(middle, { name: 'beta', health: 'alive' });
    t.like(last, { name: 'gamma', health: 'alive', lagMs: 0 });
    t.is((await beta.status('web'))?.hosts.length, 3);

    writeFileSync(at('d0', 'live'), 'live');
    renameSync(at('d1'), at('e1'));
    await alpha.must('barrier', 'web', '--replica', 'gamma', '--timeout', '60');
    t.is(await fleet.oracle('gamma'), '', 'the one at the end is waited for through the one that feeds it');

    for (let n = 0; n < 300; n += 1) {
      writeFileSync(at('d0', `burst${n}`), `burst ${n}`);
      if (n === 150) await beta.kill();
    }
    rmSync(at('d2'), { recursive: true });
    writeFileSync(at('d0', 'f0'), 'changed while the one in the middle is away');
    await eventually('the top says that it does not know', 15_000, async () => {
      const hosts = (await alpha.status('web'))?.hosts ?? [];
      return hosts[1]?.health === 'unknown' && hosts[2]?.health === 'unknown' ? true : undefined;
    });
    await beta.start();
    t.is(await fleet.differences('beta'), '');
    t.is(await fleet.oracle('gamma'), '');
    t.is(await alpha.countEvents('SYN-001'), 1);
    t.is(await beta.countEvents('SYN-002'), 1, 'nor was the one behind it synchronized again');

    writeFileSync(join(fleet.root('gamma'), 'stray'), 'only there');
    const diff = await alpha.command('diff', 'web', '--json');
    const { differences } = JSON.parse(diff.stdout) as { differences: { path: string; replica: string }[] };
    t.deepEqual([...new Set(differences.map(({ replica }) => replica))], ['gamma']);
    t.is(readFileSync(join(fleet.root('gamma'), 'd0', 'live'), 'utf8'), 'live');

    await fleet.stop();
    for (const host of [alpha, beta, gamma]) t.like(await host.status('web'), { state: 'stopped' });
    await alpha.must('scenario', 'delete', 'web', '--confirm', 'web');
    for (const host of fleet.hosts) t.is(await host.status('web'), undefined);
  } finally {
    await fleet.remove();
  }
});

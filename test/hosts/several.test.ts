/** One Master with two Replicas on three real engines: what each gets, says and keeps when another one is away. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ReportSummary } from '../../shared/report.ts';
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
      const settled = first?.replica?.link === 'live' && first.replica.pendingChanges === 0;
      return settled && second?.replica?.link === 'down' && second.exposureMs > 0 ? { first, second } : undefined;
    });
    t.true((waiting.second.replica?.pendingChanges ?? 0) > 0);
    t.is((await alpha.command('barrier', 'web', '--timeout', '1')).code, 6, 'a barrier counts the one that is away');
    await alpha.must('barrier', 'web', '--replica', 'beta', '--timeout', '10');

    await gamma.start();
    t.is(await fleet.differences('gamma'), '');
    t.is(await fleet.differences('beta'), '');
    const told = (await alpha.events()).map(({ code, text }) => `${code} ${text}`);
    t.is(await alpha.countEvents('SYN-001'), 2, `its changes were in the spool: ${told.join('; ')}`);

    await alpha.must('suspend', 'web', '--replica', 'beta', '--yes');
    writeFileSync(join(fleet.root('alpha'), 'd0', 'suspended'), 'not to beta');
    await eventually('gamma has it', 10_000, async () => ((await fleet.oracle('gamma')) === '' ? true : undefined));
    t.not(await fleet.oracle('beta'), '');
    await alpha.must('resume', 'web', '--replica', 'beta');
    t.is(await fleet.differences('beta'), '');

    writeFileSync(join(fleet.root('gamma'), 'stray'), 'only there');
    const diff = await alpha.command('diff', 'web', '--replica', 'gamma', '--json');
    t.is(diff.code, 7);
    const diffed = JSON.parse(diff.stdout) as { differences: { path: string; replica: string }[] };
    const { differences } = diffed;
    t.true(differences.some(({ path }) => path === 'stray'));
    t.true(differences.every(({ replica }) => replica === 'gamma'));
    t.is((await alpha.command('diff', 'web', '--replica', 'beta', '--json')).code, 0);
    rmSync(join(fleet.root('gamma'), 'stray'));
    execFileSync('touch', ['-r', fleet.root('alpha'), fleet.root('gamma')]);

    await fleet.apply({ beta: {}, gamma: {}, delta: {} });
    await fleet.waitFor('protected');
    t.is(await fleet.differences('delta'), '');
    t.is(await fleet.differences('beta'), '');
    t.is(await alpha.countEvents('SYN-001'), 3, 'only the new one was synchronized');

    await fleet.stop();
    for (const host of fleet.hosts) t.like(await host.status('web'), { state: 'stopped', stopReason: 'by-user' });
    t.is((await alpha.command('diff', 'web', '--json')).code, 0, 'a stopped scenario can be compared');
    writeFileSync(join(fleet.root('delta'), 'd0', 'stray'), 'only there');
    const stopped = await alpha.command('diff', 'web', '--json');
    t.is(stopped.code, 7);
    t.true((JSON.parse(stopped.stdout) as typeof diffed).differences.some(({ path }) => path === 'd0/stray'));
    t.true(existsSync(join(fleet.root('delta'), 'd0', 'stray')), 'and nothing is changed by it');
    const { reports } = JSON.parse(await alpha.must('reports', 'list', '--json')) as { reports: ReportSummary[] };
    const [report] = reports.filter(({ kind, host }) => kind === 'difference' && host === 'delta');
    t.like(report, { ok: false });
    t.regex(await alpha.must('reports', 'show', report!.id, '--detailed', '--format', 'csv'), /d0\/stray,/);
    await alpha.must('scenario', 'delete', 'web', '--confirm', 'web');
    for (const host of fleet.hosts) t.is(await host.status('web'), undefined);
  } finally {
    await fleet.remove();
  }
});

/** The life of a scenario as an administrator drives it: verify, run, look, stop, edit, restart, lose a host, delete. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { VerificationResult } from '../../shared/results.ts';
import { eventually, oracle, Pair } from './rig.ts';

function fill(root: string): void {
  for (let n = 0; n < 60; n += 1) {
    mkdirSync(join(root, `d${n % 6}`), { recursive: true });
    writeFileSync(join(root, `d${n % 6}`, `f${n}.html`), `page ${n}\n`.repeat(n));
  }
}

async function codes(pair: Pair, host: 'master' | 'replica'): Promise<string[]> {
  return (await pair[host].events()).map((event) => event.code);
}

test('verify, run, report, stop and delete say what happened on both hosts', async (t) => {
  const pair = await Pair.start();
  try {
    fill(pair.masterRoot);
    await pair.createScenario();
    const verified = JSON.parse(await pair.master.must('verify', 'web', '--json')) as VerificationResult;
    t.like(verified, { errors: 0, warnings: 0 });
    // All of it lies on one volume here.
    t.deepEqual(
      verified.findings.map(({ severity, code, host }) => `${severity} ${code} ${host}`),
      ['info SPOOL-VOLUME alpha', 'info SPOOL-VOLUME beta'],
    );
    await pair.run();
    t.is(await pair.differences(), '');

    const status = await pair.master.status('web');
    t.like(status, { state: 'protected', running: true, active: 'alpha', reportedBy: 'alpha' });
    t.is(status?.problem, undefined);
    t.deepEqual(
      status?.hosts.map((host) => [host.name, host.role, host.health]),
      [
        ['alpha', 'active', 'alive'],
        ['beta', 'standby', 'alive'],
      ],
    );
    await eventually('the Replica shows it too', 10_000, async () => {
      const seen = await pair.replica.status('web');
      return seen?.state === 'protected' && seen.reportedBy === 'beta' ? seen : undefined;
    });

    const { reports } = JSON.parse(await pair.master.must('reports', 'list', '--json')) as {
      reports: { id: string; kind: string; ok: boolean }[];
    };
    t.like(reports, [{ kind: 'synchronization', ok: true }]);
    const detailed = await pair.master.must('reports', 'show', reports[0]!.id, '--detailed');
    t.regex(detailed, /Synchronized files: +60/);
    t.true(detailed.includes(`${pair.masterRoot}/d1/f1.html`));

    await pair.stopScenario();
    for (const host of ['master', 'replica'] as const) {
      t.like(await pair[host].status('web'), { state: 'stopped', stopReason: 'by-user', running: false });
      t.deepEqual((await codes(pair, host)).slice(-2), ['SCN-011', 'SCN-012']);
    }
    const order = (await codes(pair, 'master')).filter((code) => /^(SCN|VER|SYN|RPT)/.test(code));
    t.deepEqual(order.slice(0, 4), ['SCN-001', 'VER-001', 'VER-001', 'SCN-010']);
    for (const code of ['SYN-001', 'SYN-002', 'SYN-003', 'RPT-001', 'SCN-014']) {
      t.is(order.filter((one) => one === code).length, 1, code);
    }
    await pair.master.must('scenario', 'delete', 'web', '--confirm', 'web');
    t.is(await pair.master.status('web'), undefined);
    t.is(await pair.replica.status('web'), undefined);
  } finally {
    await pair.remove();
  }
});

test('what verification finds keeps Run from starting, with the reason and the host', async (t) => {
  const pair = await Pair.start();
  try {
    fill(pair.masterRoot);
    await pair.createScenario();
    rmSync(pair.replicaRoot, { recursive: true });
    const verify = await pair.master.command('verify', 'web', '--json');
    t.is(verify.code, 4);
    const { findings } = JSON.parse(verify.stdout) as VerificationResult;
    t.like(findings, [{ severity: 'error', code: 'ROOT-MISSING', host: 'beta' }]);
    t.is((await pair.master.command('run', 'web', '--yes')).code, 4);
    t.like(await pair.master.status('web'), { state: 'stopped', stopReason: 'never-run' });
    mkdirSync(pair.replicaRoot);
    await pair.replica.stop();
    const away = await pair.master.command('verify', 'web', '--json');
    t.is(away.code, 4);
    t.like((JSON.parse(away.stdout) as VerificationResult).findings, [{ code: 'HOST-UNREACHABLE', host: 'beta' }]);
    await pair.replica.start();
    await pair.run();
    t.is(await pair.differences(), '');
  } finally {
    await pair.remove();
  }
});

test('both engines killed at once go on by themselves, and changes made meanwhile arrive', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await Promise.all([pair.master.kill(), pair.replica.kill()]);
    writeFileSync(join(pair.masterRoot, 'while down'), 'new\n');
    rmSync(join(pair.masterRoot, 'd2'), { recursive: true });
    await Promise.all([pair.master.start(), pair.replica.start()]);
    await pair.waitFor('protected');
    t.is(await pair.differences(), '');
    t.is(await pair.master.countEvents('SYN-001'), 1, 'no synchronization');
  } finally {
    await pair.remove();
  }
});

test('a Replica that lost all it knew is prepared and synchronized again by itself', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await pair.replica.stop();
    rmSync(join(pair.replica.data, 'scenarios.json'));
    rmSync(join(pair.replica.data, 'scenarios'), { recursive: true });
    rmSync(pair.replicaRoot, { recursive: true });
    mkdirSync(pair.replicaRoot);
    await pair.replica.start();
    await eventually('it is synchronized again', 90_000, async () =>
      (await pair.master.countEvents('SYN-003')) === 2 ? true : undefined,
    );
    await pair.waitFor('protected');
    t.is(await pair.differences(), '');
    t.true((await codes(pair, 'master')).includes('SYN-006'));
  } finally {
    await pair.remove();
  }
});

test('a running scenario refuses what needs a stop, a second run and another scenario on its roots', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    t.is((await pair.master.command('run', 'web', '--yes')).code, 4);
    t.is((await pair.master.command('scenario', 'set', 'web', 'spool.maxBytes@alpha=1GiB')).code, 4);
    t.is((await pair.master.command('scenario', 'set', 'web', 'replication.preventAutomaticResync=on')).code, 0);
    t.is((await pair.master.command('scenario', 'delete', 'web', '--confirm', 'web')).code, 4);
    const document = {
      name: 'inner',
      serverType: 'custom',
      master: { name: 'alpha', address: pair.master.address },
      replicas: [{ name: 'beta', address: pair.replica.address }],
      roots: [{ master: join(pair.masterRoot, 'd1'), replica: join(pair.top, 'elsewhere') }],
    };
    mkdirSync(join(pair.top, 'elsewhere'));
    const file = join(pair.top, 'inner.json');
    writeFileSync(file, JSON.stringify(document));
    await pair.master.must('scenario', 'create', file);
    const verify = await pair.master.command('verify', 'inner', '--json');
    t.is(verify.code, 4);
    t.like((JSON.parse(verify.stdout) as VerificationResult).findings, [{ code: 'ROOT-OVERLAP', host: 'alpha' }]);
  } finally {
    await pair.remove();
  }
});

test('a suspended Replica applies nothing, also over a restart, and catches up without a synchronization', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await pair.master.must('suspend', 'web', '--yes');
    await pair.waitFor('suspended');
    writeFileSync(join(pair.masterRoot, 'later.html'), 'later\n');
    rmSync(join(pair.masterRoot, 'd3'), { recursive: true });
    await pair.master.kill();
    const alone = await eventually('the Replica notices that its Master is gone', 10_000, async () => {
      const seen = await pair.replica.status('web');
      return seen?.hosts[0]?.health === 'unknown' ? seen : undefined;
    });
    t.deepEqual(
      alone.hosts.map(({ lagKnown }) => lagKnown),
      [false, false],
    );
    const row = (await pair.replica.must('status', 'web')).split('\n').find((text) => text.includes('beta'));
    t.regex(row ?? '', /unknown +unknown/);
    await pair.master.start();
    await pair.waitFor('suspended');
    t.true((await oracle(pair.masterRoot, pair.replicaRoot)).includes('later.html'));
    await pair.master.must('resume', 'web');
    t.is(await pair.differences(), '');
    await pair.waitFor('protected');
    t.is(await pair.master.countEvents('SYN-001'), 1, 'no synchronization');
  } finally {
    await pair.remove();
  }
});

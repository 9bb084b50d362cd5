/** An administrator's first hour with the command line, against real engines. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ScenarioStatus } from '../../shared/status.ts';
import { eventually, mainstay, oracle, Pair } from './rig.ts';

test.serial('from an invitation to a protected folder, a stop and a deletion, by profile', async (t) => {
  const pair = await Pair.start();
  t.teardown(() => pair.remove());
  const profile = join(pair.top, 'profile.json');
  const by = async (expected: number, ...args: string[]) => {
    const result = await mainstay([...args, '--profile', profile]);
    t.is(result.code, expected, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    return result;
  };
  const json = async <T>(...args: string[]) => JSON.parse((await by(0, ...args, '--json')).stdout) as T;

  for (const host of [pair.master, pair.replica]) {
    const invitation = (await host.must('pair', 'invite', '--role', 'super')).trim();
    await by(0, 'pair', 'accept', invitation);
  }
  const { hosts } = await json<{ hosts: { name: string; reachable: boolean }[] }>('hosts');
  t.deepEqual(
    hosts.map((host) => [host.name, host.reachable]),
    [
      ['alpha', true],
      ['beta', true],
    ],
  );

  // The template is a document once names, addresses and roots are changed.
  const template = (await mainstay(['scenario', 'template', 'file-server'])).stdout;
  const file = join(pair.top, 'files.json');
  const edited = template
    .replace('"name": "web-01"', '"name": "alpha"')
    .replace('"web-01.example.org:25000"', `"${pair.master.address}"`)
    .replace('"name": "web-02"', '"name": "beta"')
    .replace('"web-02.example.org:25000"', `"${pair.replica.address}"`)
    .replace('{ "master": "/srv/files" }', JSON.stringify({ master: pair.masterRoot, replica: pair.replicaRoot }));
  writeFileSync(file, edited);
  mkdirSync(join(pair.masterRoot, 'docs'));
  writeFileSync(join(pair.masterRoot, 'docs', 'one.txt'), 'one');
  await by(7, 'scenario', 'plan', file);
  await by(0, 'scenario', 'create', file);
  await by(4, 'scenario', 'create', file);
  await by(0, 'scenario', 'plan', file);
  await by(3, 'verify', 'nothing-of-that-name');

  const verified = await mainstay(['verify', 'files', '--profile', profile]);
  t.true([0, 7].includes(verified.code), verified.stdout);
  await by(4, 'run', 'files');
  const started = await by(0, 'run', 'files', '--yes', '--acknowledge-warnings', '--wait', '--timeout', '60');
  t.is(started.stdout, 'files is protected\n');
  await by(0, 'wait', 'files', '--state', 'protected', '--timeout', '5');
  await by(6, 'wait', 'files', '--state', 'failed', '--timeout', '0.5');

  writeFileSync(join(pair.masterRoot, 'docs', 'two.txt'), 'two');
  await by(0, 'barrier', 'files', '--timeout', '30');
  t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
  t.like(await json('diff', 'files'), { identical: true, differences: [] });
  const { scenarios } = await json<{ scenarios: ScenarioStatus[] }>('status');
  t.like(scenarios[0], { name: 'files', state: 'protected', active: 'alpha', reportedBy: 'alpha' });
  t.deepEqual(
    scenarios[0]!.hosts.map((host) => [host.name, host.role]),
    [
      ['alpha', 'active'],
      ['beta', 'standby'],
    ],
  );
  t.regex((await by(0, 'events', 'files')).stdout, /All modifications during synchronization period are replicated/);
  const { reports } = await json<{ reports: { id: string; kind: string; host: string }[] }>('reports', 'list');
  t.deepEqual(
    reports.map(({ kind, host }) => [kind, host]),
    [
      ['difference', 'beta'],
      ['synchronization', 'beta'],
    ],
  );
  const { id } = reports[1]!;
  const report = await by(0, 'reports', 'show', id, '--detailed');
  t.regex(report.stdout, /docs\/one\.txt/);
  await by(0, 'reports', 'export', id, join(pair.top, 'report.txt'));
  t.regex(readFileSync(join(pair.top, 'report.txt'), 'utf8'), /^Synchronization Report/);
  const made = await json<{ report: { id: string } }>('reports', 'create', 'files');
  t.like(made.report, { kind: 'replication', host: 'alpha', scenario: 'files' });
  t.like(await json('reports', 'show', made.report.id), {
    trigger: 'demand',
    stateAtEnd: 'protected',
    synchronizations: [{ replica: 'beta', method: 'file' }],
  });
  await by(0, 'reports', 'export', made.report.id, '--out', join(pair.top, 'report.html'));
  t.regex(readFileSync(join(pair.top, 'report.html'), 'utf8'), /^<!doctype html>[\s\S]*Replication Report/);
  await by(3, 'reports', 'create', 'nothing');
  await by(3, 'reports', 'show', 'nothing');

  // What is safe can be changed while it runs; the rest says why not.
  await by(0, 'scenario', 'set', 'files', 'synchronization.method=block');
  t.regex((await by(4, 'scenario', 'set', 'files', 'spool.maxBytes@beta=1GiB')).stderr, /Stop the scenario first/);
  t.regex(
    (await by(2, 'scenario', 'set', 'files', 'replication.shares=on')).stderr,
    /comes with share synchronization/,
  );
  await by(4, 'scenario', 'delete', 'files', '--confirm', 'files');

  await by(4, 'stop', 'files');
  t.is((await by(0, 'stop', 'files', '--yes')).stdout, 'Stopped by user\n');
  await by(0, 'wait', 'files', '--state', 'stopped', '--timeout', '10');
  t.regex((await by(0, 'status', 'files')).stdout, /Stopped by user/);
  await by(0, 'scenario', 'delete', 'files', '--confirm', 'files');
  await by(3, 'status', 'files');
  t.true(existsSync(join(pair.replicaRoot, 'docs', 'two.txt')), 'the data stays');
});

test.serial('with one host down the other still answers, and a wait goes on when it is back', async (t) => {
  const pair = await Pair.protectedPair({}, (root) => writeFileSync(join(root, 'a'), 'a'));
  t.teardown(() => pair.remove());
  const profile = join(pair.top, 'profile.json');
  for (const host of [pair.master, pair.replica]) {
    const invitation = (await host.must('pair', 'invite', '--role', 'super')).trim();
    t.is((await mainstay(['pair', 'accept', invitation, '--profile', profile])).code, 0);
  }
  await pair.replica.kill();
  const alone = await mainstay(['status', '--profile', profile]);
  t.is(alone.code, 0);
  t.regex(alone.stderr, /not answering: beta/);
  writeFileSync(join(pair.masterRoot, 'b'), 'b');
  const barrier = await pair.master.command('barrier', pair.scenario, '--timeout', '1');
  t.is(barrier.code, 6, barrier.stderr);

  const waiting = pair.master.command('barrier', pair.scenario, '--timeout', '60');
  await pair.replica.start();
  const done = await waiting;
  t.is(done.code, 0, done.stderr);
  t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');

  await pair.master.kill();
  const silent = await pair.master.command('status');
  t.is(silent.code, 5);
  t.regex(silent.stderr, /^mainstay: LINK-UNREACHABLE/);
  await pair.master.start();
  await eventually('it is protected again', 30_000, async () =>
    (await pair.master.status(pair.scenario))?.state === 'protected' ? true : undefined,
  );
  rmSync(profile);
});

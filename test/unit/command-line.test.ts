import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseScenarioInput } from '../../config/document.ts';
import type { EventQuery } from '../../daemon/services.ts';
import { COMMANDS } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { SyncProgress } from '../../shared/status.ts';
import { runCommandLine } from '../../tui/cli/program.ts';
import { inviteFrom, type RigHost, startRigHost, temporaryDirectory, until } from '../hosts/network-rig.ts';
import { composition, hostStatus, memoryTerminal, run, scenarioStatus } from './command-line-rig.ts';

const input = {
  name: 'shop',
  serverType: 'nginx',
  master: { name: 'alpha', address: '127.0.0.1:1' },
  replicas: [{ name: 'beta', address: '127.0.0.1:2' }],
  roots: [{ master: '/srv/www' }],
};
const document: ScenarioDocument = { ...parseScenarioInput(input), id: 'a'.repeat(32), revision: 3 };
const warning: Finding = {
  severity: 'warning',
  code: 'CLOCK',
  host: 'beta',
  text: 'clocks differ',
  found: '5 s',
  expected: 'under 1 s',
  fix: 'Run a time service.',
};

function writeRunFile(host: RigHost): void {
  writeFileSync(
    join(host.data, 'run.json'),
    JSON.stringify({ address: host.address, deviceId: host.network.deviceId, pid: process.pid }),
  );
}

type Teardown = Parameters<typeof startRigHost>[0];

async function localHost(t: Teardown, handlers: Parameters<typeof startRigHost>[2] = {}): Promise<RigHost> {
  const host = await startRigHost(t, 'alpha', handlers);
  writeRunFile(host);
  host.board.list = [scenarioStatus('shop')];
  return host;
}

test('usage errors name the command, suggest what was meant, and exit with 2', async (t) => {
  for (const [args, expected] of [
    [['staus'], /unknown command 'staus'.*status/],
    [['run', 'x', '--snyc', 'file'], /--snyc.*--sync/],
    [['run', 'x', '--sync', 'fast'], /Allowed choices are file, block, skip/],
    [['wait', 'x'], /--state/],
    [['verify'], /missing required argument 'name'/],
    [['verify', 'a', 'b'], /too many arguments/],
    [['scenario', 'template', 'word'], /Allowed choices are iis, nginx, apache, file-server, custom/],
    [['events', '--since', 'yesterdayish', '--data', '/nowhere'], /neither a time/],
    [['wait', 'x', '--state', 'stopped', '--timeout', 'soon'], /not a time/],
  ] as const) {
    const ran = await run(args);
    t.is(ran.exit, 2, args.join(' '));
    t.regex(ran.stderr, /^mainstay: USAGE: /);
    t.regex(ran.stderr, /^hint: /m);
    t.regex(ran.stderr, expected);
    t.is(ran.stdout, '');
  }
});

test('without a command and without a terminal it says what to do instead of opening the console', async (t) => {
  const ran = await run([]);
  t.is(ran.exit, 2);
  t.regex(ran.stderr, /Usage: mainstay/);
  t.regex(ran.stderr, /mainstay: USAGE: /);
  t.is((await run(['--version'])).stdout, '1.2.3\n');
  t.is((await run(['--help'])).exit, 0);
});

test('every command of the catalogue that names a command-line form has one', async (t) => {
  for (const [name, definition] of Object.entries(COMMANDS)) {
    if (!('cli' in definition)) continue;
    const ran = await run([...String(definition.cli).split(' '), '--help']);
    t.is(ran.exit, 0, name);
    t.regex(ran.stdout, new RegExp(`Usage: mainstay ${definition.cli}\\b`), name);
  }
});

test('a data directory without a running engine, an empty profile and a silent host are told apart', async (t) => {
  const directory = temporaryDirectory(t);
  const none = await run(['status', '--data', directory]);
  t.is(none.exit, 5);
  t.regex(none.stderr, /LINK-UNREACHABLE: .*no engine runs on this data directory/);
  const empty = await run(['status', '--profile', join(directory, 'p.json')]);
  t.is(empty.exit, 2);
  t.regex(empty.stderr, /pair accept INVITE/);
  const host = await localHost(t);
  await host.close();
  const silent = await run(['status', '--data', host.data]);
  t.is(silent.exit, 5);
  t.regex(silent.stderr, /nothing listens there/);
});

test('a console joins with an invitation, is listed, and can ask from then on', async (t) => {
  const host = await localHost(t);
  const profile = join(temporaryDirectory(t), 'profile.json');
  const invited = await run(['pair', 'invite', '--data', host.data, '--role', 'control', '--json']);
  const { invite, role } = invited.json() as { invite: string; role: string };
  t.is(role, 'control');
  const accepted = await run(['pair', 'accept', invite, '--profile', profile, '--json']);
  t.is(accepted.exit, 0, accepted.stderr);
  t.like(accepted.json(), { name: 'alpha', role: 'control', address: host.address });
  t.regex(String(accepted.json().confirmation), /^\d{4}-\d{4}$/);
  const hosts = await run(['hosts', '--profile', profile, '--json']);
  t.like(hosts.json(), { hosts: [{ name: 'alpha', reachable: true, role: 'control', scenarios: 1 }] });
  const list = await run(['pair', 'list', '--data', host.data]);
  t.regex(list.stdout, /console +control/);
  // Rights are the host's to decide.
  const denied = await run(['pair', 'invite', '--profile', profile]);
  t.is(denied.exit, 4);
  t.regex(denied.stderr, /ACCESS-DENIED/);
  const again = await run(['pair', 'accept', invite, '--profile', profile]);
  t.is(again.exit, 4);
  t.regex(again.stderr, /ACCESS-INVITE/);
});

test('a revoked console and a host with another key are named as what they are', async (t) => {
  const host = await localHost(t);
  const profile = join(temporaryDirectory(t), 'profile.json');
  await run(['pair', 'accept', inviteFrom(host, 'admin').invite, '--profile', profile]);
  const { devices } = (await run(['pair', 'list', '--data', host.data, '--json'])).json() as {
    devices: { deviceId: string }[];
  };
  const prefix = devices[0]!.deviceId.slice(0, 12);
  t.is((await run(['pair', 'revoke', prefix, '--data', host.data])).exit, 4);
  t.is((await run(['pair', 'revoke', prefix, '--data', host.data, '--yes'])).exit, 0);
  const refused = await run(['hosts', '--profile', profile]);
  t.is(refused.exit, 5);
  t.regex(refused.stdout, /revoked/);
  t.regex((await run(['status', '--profile', profile])).stderr, /ACCESS-REVOKED/);
  writeFileSync(
    join(host.data, 'run.json'),
    JSON.stringify({ address: host.address, deviceId: 'f'.repeat(64), pid: 1 }),
  );
  t.regex((await run(['status', '--data', host.data])).stderr, /ACCESS-PIN/);
});

test('create reads a commented document, checks it before any host is asked, and names the mistake', async (t) => {
  const received: unknown[] = [];
  const host = await localHost(t, {
    handlers: {
      'scenario.create': ({ document: given }) => {
        received.push(given);
        return { document };
      },
    },
  });
  const files = {
    'good.json': `// the shop\n${JSON.stringify(input).replace(/}$/, ',}')}`,
    'bad.json': JSON.stringify({ ...input, serverTyp: 'x' }),
  };
  const good = await run(['scenario', 'create', 'good.json', '--data', host.data, '--json'], { files });
  t.is(good.exit, 0, good.stderr);
  t.like(good.json(), { name: 'shop', revision: 3 });
  t.like(received[0], { name: 'shop', solution: 'ha' });
  const bad = await run(['scenario', 'create', 'bad.json', '--data', '/nowhere'], { files });
  t.is(bad.exit, 2);
  t.regex(bad.stderr, /SCENARIO-INVALID: .*serverTyp.*did you mean "serverType"/);
  t.is((await run(['scenario', 'create', 'none.json', '--data', host.data], { files })).exit, 3);
});

test('set splits KEY=VALUE, sends the revision it saw, and says what changed', async (t) => {
  const received: unknown[] = [];
  const host = await localHost(t, {
    handlers: {
      'scenario.show': () => document,
      'scenario.set': (args) => {
        received.push(args);
        return { document, changed: ['spool.maxBytes@beta'] };
      },
    },
  });
  const ran = await run(['scenario', 'set', 'shop', 'spool.maxBytes@beta=2 GiB', 'group=a=b', '--data', host.data]);
  t.is(ran.stdout, 'changed: spool.maxBytes@beta\n');
  t.deepEqual(received, [{ name: 'shop', values: { 'spool.maxBytes@beta': '2 GiB', group: 'a=b' }, revision: 3 }]);
  t.is((await run(['scenario', 'set', 'shop', 'oops', '--data', host.data])).exit, 2);
});

test('delete needs the name, plan and diff say by their exit code that there is something to see', async (t) => {
  let deleted = 0;
  const host = await localHost(t, {
    handlers: {
      'scenario.delete': () => {
        deleted += 1;
        return {};
      },
      'scenario.plan': () => ({
        name: 'shop',
        exists: true,
        changes: [
          { key: 'exclude', to: ['x'], blocked: 'Stop it.' },
          { key: 'spool.maxBytes@beta', from: 1073741824 },
        ],
      }),
      'scenario.diff': () => ({
        identical: false,
        differences: [{ root: 0, path: 'a\u001b[31m\nb', kind: 'content', replica: 'beta' }],
        truncated: false,
      }),
    },
  });
  const data = ['--data', host.data];
  for (const options of [[], ['--confirm', 'shup']]) {
    const refused = await run(['scenario', 'delete', 'shop', ...options, ...data]);
    t.is(refused.exit, 4);
    t.regex(refused.stderr, /CONFIRM-NEEDED/);
  }
  t.is(deleted, 0);
  t.is((await run(['scenario', 'delete', 'shop', '--confirm', 'shop', ...data])).exit, 0);
  const typed = await run(['scenario', 'delete', 'shop', ...data], { interactive: true, answers: ['shop'] });
  t.is(typed.exit, 0);
  t.is(deleted, 2);
  const planned = await run(['scenario', 'plan', 'd.json', ...data], { files: { 'd.json': JSON.stringify(input) } });
  t.is(planned.exit, 7);
  t.regex(planned.stdout, /exclude: default -> \["x"\] +NOT NOW: Stop it\./);
  t.regex(planned.stdout, /spool\.maxBytes@beta: 1 GiB -> default/);
  const differs = await run(['diff', 'shop', ...data]);
  t.is(differs.exit, 7);
  t.false(differs.stdout.includes('\u001b'), 'a file name cannot send escape sequences to the terminal');
  t.is(differs.stdout.trim().split('\n').length, 2);
});

test('verify exits with 4 for errors, 7 for warnings only, 0 for neither, and shows how to fix it', async (t) => {
  let findings: readonly Finding[] = [];
  const host = await localHost(t, {
    handlers: {
      'scenario.verify': () => ({
        findings,
        errors: findings.filter((finding) => finding.severity === 'error').length,
        warnings: findings.filter((finding) => finding.severity === 'warning').length,
      }),
    },
  });
  const verify = () => run(['verify', 'shop', '--data', host.data]);
  t.is((await verify()).exit, 0);
  findings = [warning];
  const warned = await verify();
  t.is(warned.exit, 7);
  t.regex(
    warned.stdout,
    /warning: beta: CLOCK: clocks differ\n +found: +5 s\n +expected: under 1 s\n +fix: +Run a time service\./,
  );
  findings = [warning, { ...warning, severity: 'error' }];
  t.is((await verify()).exit, 4);
});

test('run needs a confirmation, shows why it was refused, and waits until it is protected', async (t) => {
  const received: unknown[] = [];
  const host: RigHost = await localHost(t, {
    handlers: {
      'scenario.show': () => ({ ...document, settings: { 'synchronization.method': 'block' } }),
      'scenario.verify': () => ({ findings: [warning], errors: 0, warnings: 1 }),
      'scenario.run': (args) => {
        received.push(args);
        if (!args.acknowledgeWarnings) throw new Fault('SCENARIO-WARNINGS', { name: args.name });
        host.board.list = [scenarioStatus('shop', { state: 'synchronizing' })];
        setTimeout(() => {
          host.board.list = [scenarioStatus('shop')];
          host.board.changed('id-shop');
        }, 150);
        return { state: 'synchronizing' };
      },
    },
  });
  const data = ['--data', host.data];
  t.is((await run(['run', 'shop', ...data])).exit, 4);
  t.is(received.length, 0, 'nothing is started without --yes');
  const refused = await run(['run', 'shop', '--yes', ...data]);
  t.is(refused.exit, 4);
  t.regex(refused.stderr, /clocks differ[\s\S]*SCENARIO-WARNINGS/);
  const ran = await run(['run', 'shop', '--yes', '--acknowledge-warnings', '--wait', '--ignore-same', 'off', ...data]);
  t.is(ran.exit, 0, ran.stderr);
  t.is(ran.stdout, 'shop is protected\n');
  t.deepEqual(received.at(-1), { name: 'shop', sync: 'block', ignoreSame: false, acknowledgeWarnings: true });
  const asked = await run(['run', 'shop', ...data], { interactive: true, answers: ['y', 'yes'] });
  t.is(asked.exit, 0);
  t.deepEqual(asked.terminal.questions, [
    'Acknowledge the warnings? [y/N] ',
    'Are you sure you want to run scenario "shop"? [y/N] ',
  ]);
  const changedMind = await run(['run', 'shop', ...data], { interactive: true, answers: ['y', ''] });
  t.is(changedMind.exit, 4);
});

test('a run that fails meanwhile is reported with its reason, and wait gives up after its time', async (t) => {
  const host: RigHost = await localHost(t, {
    handlers: {
      'scenario.show': () => document,
      'scenario.run': () => {
        host.board.list = [scenarioStatus('shop', { state: 'failed', running: false, problem: 'disk full' })];
        return { state: 'synchronizing' };
      },
    },
  });
  const failed = await run(['run', 'shop', '--yes', '--wait', '--data', host.data]);
  t.is(failed.exit, 4);
  t.regex(failed.stderr, /"shop" is failed: disk full/);
  const late = await run(['wait', 'shop', '--state', 'protected', '--timeout', '0.3', '--data', host.data]);
  t.is(late.exit, 6);
  t.regex(late.stderr, /TIMEOUT/);
  t.is((await run(['wait', 'shop', '--state', 'failed', '--data', host.data])).exit, 0);
  t.is((await run(['wait', 'other', '--state', 'failed', '--data', host.data])).exit, 3);
  t.is((await run(['wait', 'SHOP', '--state', 'failed', '--data', host.data])).exit, 0, 'names are found in any case');
});

test('status of a synchronization shows how far and how fast it is, the time left and the file in hand', async (t) => {
  const host = await localHost(t);
  const sync: SyncProgress = {
    phase: 'transferring',
    startedAt: 0,
    comparedEntries: 500,
    totalEntries: 500,
    sentFiles: 20,
    sentBytes: 5_000_000,
    neededBytes: 10_000_000,
    bytesPerSecond: 1_000_000,
    secondsLeft: 5,
    currentPath: 'site/large.iso',
  };
  host.board.list = [scenarioStatus('shop', { state: 'synchronizing', sync })];
  const { stdout } = await run(['status', '--data', host.data]);
  t.regex(stdout, /50% {2}500 of 500 compared, 20 files 5 MB sent, 1 MB\/s, 5 s left\n {2}site\/large\.iso/);
  host.board.list = [scenarioStatus('shop', { unreadable: 2, specialFiles: 3 })];
  const remarked = await run(['status', '--data', host.data]);
  t.regex(remarked.stdout, /not readable: 2 places[\s\S]*not replicated: 3 sockets, pipes or devices/);
});

test('status has the shape that scripts read, merges hosts, and says which did not answer', async (t) => {
  const alpha = await localHost(t);
  const beta = await startRigHost(t, 'beta');
  const stale = scenarioStatus('shop', { reportedBy: 'beta', hosts: [hostStatus('alpha', { health: 'unknown' })] });
  beta.board.list = [stale, scenarioStatus('mail', { active: 'beta', reportedBy: 'beta' })];
  const profile = join(temporaryDirectory(t), 'profile.json');
  for (const host of [alpha, beta]) await run(['pair', 'accept', inviteFrom(host).invite, '--profile', profile]);
  const ran = await run(['status', '--profile', profile, '--json']);
  const { scenarios } = ran.json() as { scenarios: { name: string; reportedBy: string; hosts: { name: string }[] }[] };
  t.deepEqual(
    scenarios.map((scenario) => [scenario.name, scenario.reportedBy]),
    [
      ['mail', 'beta'],
      ['shop', 'alpha'],
    ],
  );
  t.like(scenarios[1], { state: 'protected', epoch: 1, active: 'alpha' });
  t.like(scenarios[1]!.hosts[1], { name: 'beta', role: 'standby', health: 'alive', gate: 'none', lagMs: 200 });
  t.regex((await run(['status', '--profile', profile])).stdout, /shop +protected[\s\S]*beta +standby +alive/);
  await beta.close();
  const partly = await run(['status', '--profile', profile]);
  t.is(partly.exit, 0);
  t.regex(partly.stderr, /not answering: beta \(never heard\)/);
  t.is((await run(['status', 'nope', '--data', alpha.data])).exit, 3);
  t.is((await run(['status', 'nope', '--profile', profile])).exit, 5, 'the silent host may know it');
  t.is((await run(['status', '--profile', profile, '--host', 'btea'])).exit, 2);
  t.regex((await run(['stats', 'shop', '--data', alpha.data])).stdout, /50,000 files, 1.23 GB/);
});

test('events are lines of one shape; following shows each once, also those a busy push left out', async (t) => {
  const host: RigHost = await localHost(t, {
    handlers: { 'events.query': (query) => ({ events: host.events.query(query as EventQuery) }) },
  });
  host.events.record('SYN-002', {}, 'shop');
  host.events.record('SPL-080', { percent: 81 }, 'shop');
  const listed = await run(['events', '--json', '--data', host.data]);
  const lines = listed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.like(
    lines.find((line) => line.code === 'SPL-080'),
    {
      severity: 'warning',
      scenario: 'shop',
      host: 'alpha',
      text: 'Spool above 80% (81%)',
      data: { percent: 81 },
    },
  );
  const warnings = await run(['events', 'shop', '--severity', 'warning', '--data', host.data]);
  t.is(warnings.stdout.trim().split('\n').length, 1);

  const terminal = memoryTerminal();
  const following = runCommandLine(['events', '--follow', '--json', '--data', host.data], terminal, composition, '1');
  await until('old events are shown', () => terminal.stdout.includes('SPL-080'));
  for (let number = 0; number < 2000; number += 1)
    host.events.record('SYN-005', { path: `f${number}`, reason: 'x' }, 'shop');
  await until('all new events are shown', () => terminal.stdout.split('SYN-005').length > 2000, 15_000);
  terminal.interrupt();
  t.is(await following, 0);
  const numbers = terminal.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { n: number }).n);
  t.is(new Set(numbers).size, numbers.length, 'no event twice');
  t.true(numbers.length >= 2002);
});

test('reports are listed newest first, shown as text or data, and exported to a file', async (t) => {
  const host = await localHost(t, {
    handlers: {
      'reports.list': () => ({
        reports: [
          { id: 'r1', kind: 'synchronization', scenario: 'shop', at: 1000, host: 'beta', ok: true },
          { id: 'r2', kind: 'difference', scenario: 'shop', at: 2000, host: 'beta', ok: false },
        ],
      }),
      'reports.show': ({ id, format, detail }) =>
        format === 'json' ? { id, report: { id, detail } } : { id, text: `Report ${id} ${detail}\n` },
    },
  });
  const data = ['--data', host.data];
  t.regex((await run(['reports', ...data])).stdout, /r2 +Difference Report[\s\S]*r1 +Synchronization Report/);
  t.is((await run(['reports', 'show', 'r1', '--detailed', ...data])).stdout, 'Report r1 detailed\n');
  t.deepEqual((await run(['reports', 'show', 'r1', '--json', ...data])).json(), { id: 'r1', detail: 'summary' });
  const written = async (...args: string[]) => (await run(['reports', ...args, ...data])).terminal.written;
  t.deepEqual(await written('export', 'r1', 'out.txt'), { 'out.txt': 'Report r1 summary\n' });
  t.deepEqual(Object.keys(await written('export', 'r1')), ['r1.html'], 'what can be forwarded, named after the report');
  t.deepEqual(JSON.parse((await written('export', 'r1', '--out', 'r.json'))['r.json'] ?? ''), {
    id: 'r1',
    detail: 'summary',
  });
  t.deepEqual(Object.keys(await written('show', 'r1', '--format', 'csv', '--out', 'r.csv')), ['r.csv']);
  t.is((await run(['reports', 'export', 'r1', 'a.txt', '--out', 'b.txt', ...data])).exit, 2);
  t.is((await run(['reports', 'show', 'r1', '--format', 'pdf', ...data])).exit, 2);
});

test('discover reads a given file without any host; doctor and settings work without one too', async (t) => {
  const found = await run(['discover', '--application', 'nginx', '--config', 'n.conf', '--json'], {
    files: { 'n.conf': 'abc' },
  });
  t.like(found.json(), { application: 'nginx', applicationPools: [{ name: 'n.conf: 3' }] });
  t.is(found.exit, 0);
  const missing = await run(['discover', '--config', 'gone']);
  t.is(missing.exit, 3);
  const doctor = await run(['doctor', '--profile', join(temporaryDirectory(t), 'p.json')]);
  t.is(doctor.exit, 7);
  t.regex(doctor.stdout, /error +here +PROFILE/);
  t.regex((await run(['settings', 'spool.maxBytes'])).stdout, /default +10 GiB/);
  t.regex((await run(['settings', 'spool.maxByte'])).stderr, /did you mean "spool.maxBytes"/);
  t.regex((await run(['settings', 'engine.metricsListen'])).stdout, /not yet effective: comes with metrics/);
});

test('while an engine restarts, a request that was under way is asked again and answered', async (t) => {
  const data = temporaryDirectory(t);
  let started: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => {
    started = resolve;
  });
  const first = await startRigHost(t, 'alpha', {
    data,
    handlers: {
      'scenario.barrier': () => {
        started?.();
        return new Promise(() => undefined);
      },
    },
  });
  writeRunFile(first);
  first.board.list = [scenarioStatus('shop')];
  const waiting = run(['barrier', 'shop', '--timeout', '30', '--data', data]);
  await begun;
  await first.close();
  await startRigHost(t, 'alpha', {
    data,
    listen: first.address,
    handlers: { 'scenario.barrier': () => ({ position: { generation: 'x', seq: 9 }, tookMs: 12 }) },
  });
  const ran = await waiting;
  t.is(ran.exit, 0, ran.stderr);
  t.regex(ran.stdout, /up to 9 is applied/);
  rmSync(join(data, 'run.json'));
});

test('a watched status prints a line for each change, tells of a lost host, and ends when interrupted', async (t) => {
  const host = await localHost(t);
  const terminal = memoryTerminal();
  const watching = runCommandLine(['status', '--watch', '--json', '--data', host.data], terminal, composition, '1');
  const states = () =>
    terminal.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { scenarios: { state: string }[] }).scenarios[0]?.state);
  await until('the first line', () => states().length === 1);
  host.board.list = [scenarioStatus('shop', { state: 'suspended' })];
  host.board.changed('id-shop');
  await until('the change', () => states().length === 2);
  t.deepEqual(states(), ['protected', 'suspended']);
  terminal.interrupt();
  t.is(await watching, 0);

  const human = memoryTerminal({ redraws: true });
  const second = runCommandLine(['status', '--watch', '--data', host.data], human, composition, '1');
  await until('the screen', () => human.stdout.includes('suspended'));
  await host.close();
  await until('the loss', () => /not answering: local \(last heard/.test(human.stderr), 10_000);
  human.interrupt();
  t.is(await second, 0);
});

test('parked items: exit 7 with a list, confirmation before dropping', async (t) => {
  const item = {
    replica: 'beta',
    root: 0,
    path: 'a\u001b[2Jb',
    code: 'FS-DENIED',
    reason: 'no permission',
    hint: 'Give the engine access.',
    attempts: 3,
    nextAttemptAt: 0,
  };
  const asked: string[] = [];
  const answer = (items: unknown[]) => (args: unknown) => {
    asked.push(JSON.stringify(args));
    return { items, dropped: 0 };
  };
  const host = await localHost(t, {
    handlers: {
      'scenario.parked': answer([item]),
      'scenario.parkedRetry': answer([item]),
      'scenario.parkedDrop': answer([item]),
    },
  });
  const access = ['--data', host.data];
  const list = await run(['parked', 'shop', ...access]);
  t.is(list.exit, 7);
  t.regex(list.stdout, /beta.*FS-DENIED.*no permission/);
  t.false(list.stdout.includes('\u001b'));
  t.regex(list.stderr, /hint: Give the engine access/);
  t.is((await run(['parked', 'shop', 'retry', '--replica', 'beta', ...access])).exit, 0);
  t.is(asked.at(-1), '{"name":"shop","replica":"beta"}');
  t.regex((await run(['parked', 'shop', 'drop', ...access])).stderr, /CONFIRM-NEEDED/);
  t.is((await run(['parked', 'shop', 'drop', '--yes', ...access])).exit, 0);
  t.is((await run(['parked', 'shop', 'shake', ...access])).exit, 2);
});

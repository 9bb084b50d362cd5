import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { type DoctorFacts, diagnose } from '../../daemon/doctor.ts';
import { loadHostSettings } from '../../daemon/host-settings.ts';
import { lockDataDirectory } from '../../daemon/store/data-lock.ts';
import { LOG_FILES, openLogFile } from '../../daemon/store/log-file.ts';
import { Fault } from '../../shared/faults.ts';

function place(t: { teardown(run: () => void): void }): string {
  const directory = mkdtempSync(`${tmpdir()}/network-host-`);
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const healthy: DoctorFacts = {
  host: 'web1',
  nodeVersion: 'v24.21.0',
  data: { path: '/data', writable: true, freeBytes: 5e9, mode: 0o700 },
  address: '10.0.0.1:25000',
  loopbackOnly: false,
  loopDelayMs: 3,
  auditBrokenAt: undefined,
  uncleanBefore: false,
  degraded: [],
  peers: [{ name: 'web2', address: '10.0.0.2:25000' }],
};
const codes = (change: Partial<DoctorFacts>) =>
  diagnose({ ...healthy, ...change }).map(({ severity, code }) => `${severity} ${code}`);

test('a healthy host has no findings', (t) => {
  t.deepEqual(codes({}), []);
});

test('doctor names each thing that is wrong, how bad it is, and how to fix it', (t) => {
  const data = healthy.data;
  const degraded = [{ scenario: 'web', reason: 'sysctl -w fs.inotify.max_user_watches=524288' }];
  t.deepEqual(codes({ degraded }), ['warning CAPTURE-DEGRADED']);
  t.regex(diagnose({ ...healthy, degraded })[0]?.found ?? '', /max_user_watches=524288/);
  t.deepEqual(codes({ nodeVersion: 'v20.20.2' }), ['error NODE-VERSION']);
  t.deepEqual(codes({ nodeVersion: 'v22.19.0' }), ['error NODE-VERSION']);
  t.deepEqual(codes({ nodeVersion: 'v22.20.0' }), []);
  t.deepEqual(codes({ data: { ...data, writable: false } }), ['error DATA-WRITE']);
  t.deepEqual(codes({ data: { ...data, freeBytes: 500e6 } }), ['warning DATA-SPACE']);
  t.deepEqual(codes({ data: { ...data, freeBytes: 50e6 } }), ['error DATA-SPACE']);
  t.deepEqual(codes({ data: { ...data, mode: 0o755 } }), ['warning DATA-MODE']);
  t.deepEqual(codes({ loopbackOnly: true }), ['info LISTEN-LOOPBACK']);
  t.deepEqual(codes({ loopDelayMs: 80 }), ['warning LOOP-DELAY']);
  t.deepEqual(codes({ auditBrokenAt: 7 }), ['error AUDIT-CHAIN']);
  t.deepEqual(codes({ uncleanBefore: true }), ['info UNCLEAN-STOP']);
  const gone = { name: 'web2', address: 'a:1', problem: 'no answer' };
  t.deepEqual(codes({ peers: [gone, gone] }), ['error PEER-REACH', 'error PEER-REACH']);
  for (const finding of diagnose({ ...healthy, loopDelayMs: 80, uncleanBefore: true, peers: [gone] })) {
    t.is(finding.host, 'web1');
    t.true(finding.fix.length > 10);
  }
});

test('options win over the settings file, that over the defaults', (t) => {
  const file = () => '{"engine.name": "from-file", "engine.listen": "127.0.0.1:7400"}';
  const options = { data: '/d', config: '/c' };
  t.like(loadHostSettings(options, file), { name: 'from-file', listen: '127.0.0.1:7400', logLevel: 'info' });
  const given = loadHostSettings({ ...options, name: 'given', listen: '[::1]:0' }, file);
  t.like(given, { name: 'given', listen: '[::1]:0' });
  const defaults = loadHostSettings({ data: '/d' }, file);
  t.true(defaults.name.length > 0);
  t.regex(defaults.listen, /^0\.0\.0\.0:\d+$/);
});

test('a settings file that is missing, no object or wrong is refused', (t) => {
  const codeOf = (text: string | undefined) => {
    const fault = t.throws(() => loadHostSettings({ data: '/d', config: '/c' }, () => text), { instanceOf: Fault });
    return fault.code;
  };
  t.is(codeOf(undefined), 'FS-NOT-FOUND');
  for (const text of ['', '{', '7', '[]', 'null', '{"engine.listen": "nowhere"}', '{"unknown": 1}']) {
    t.is(codeOf(text), 'CONFIG-INVALID', text);
  }
});

test('one engine for a data directory; a clean release leaves no trace, a kill does', (t) => {
  const directory = `${place(t)}/data`;
  const first = lockDataDirectory(directory, 4711);
  t.false(first.uncleanBefore);
  t.is(statSync(directory).mode & 0o777, 0o700);
  const fault = t.throws(() => lockDataDirectory(directory, 4712), { instanceOf: Fault });
  t.is(fault.code, 'DATA-LOCKED');
  t.is(fault.details.pid, 4711);
  first.release();
  const second = lockDataDirectory(directory, 4713);
  t.false(second.uncleanBefore);
  second.release();
});

test('the log starts a new file at its size, keeps the last ones, and redacts secrets', (t) => {
  const directory = place(t);
  const log = openLogFile(`${directory}/logs/daemon.log`, 'info', 2_000);
  for (let n = 0; n < 200; n += 1) log.logger.info({ n, invite: 'mainstay1:secret' }, 'a line of the log');
  log.logger.debug('not at this level');
  log.close();
  const names = readdirSync(`${directory}/logs`).sort();
  t.deepEqual(names, ['daemon.log', ...Array.from({ length: LOG_FILES - 1 }, (_, n) => `daemon.log.${n + 1}`)]);
  const newest = readFileSync(`${directory}/logs/daemon.log`, 'utf8');
  t.like(JSON.parse(newest.trimEnd().split('\n').at(-1) ?? ''), { n: 199, msg: 'a line of the log' });
  for (const name of names) {
    t.true(statSync(`${directory}/logs/${name}`).size < 2_500);
    t.false(readFileSync(`${directory}/logs/${name}`, 'utf8').includes('secret'));
  }
});

test('the log goes on in its file after a restart', (t) => {
  const path = `${place(t)}/daemon.log`;
  for (const n of [1, 2]) {
    const log = openLogFile(path, 'info');
    log.logger.info({ n }, 'line');
    log.close();
  }
  t.is(readFileSync(path, 'utf8').trim().split('\n').length, 2);
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openEventLog } from '../../daemon/store/event-log.ts';
import { Fault } from '../../shared/faults.ts';

function fixedClock(start = 1_000) {
  let now = start;
  return { wallMs: () => now, advance: (ms: number) => (now += ms) };
}

function memoryLog(limit?: number) {
  const clock = fixedClock();
  const log = openEventLog({ path: ':memory:', clock, host: 'alpha', ...(limit === undefined ? {} : { limit }) });
  return { log, clock };
}

test('an entry carries the text, severity and hint of the catalogue, filled in', (t) => {
  const { log } = memoryLog();
  const event = log.record('LNK-002', { peer: 'beta', reason: 'reset' }, 'web');
  t.is(event.text, 'Connection to beta lost: reset');
  t.is(event.severity, 'warning');
  t.is(event.host, 'alpha');
  t.is(event.scenario, 'web');
  t.is(event.hint, 'Changes are kept in the spool; it reconnects by itself.');
  t.deepEqual(log.query({ limit: 10 }), [event]);
});

test('a code outside the catalogue is refused as a defect', (t) => {
  const { log } = memoryLog();
  const fault = t.throws(() => log.record('NOPE-1'), { instanceOf: Fault });
  t.is(fault.code, 'INTERNAL');
  t.deepEqual(log.query({ limit: 10 }), []);
});

test('queries filter by scenario, time and least severity; without a cursor the newest are given, oldest first', (t) => {
  const { log, clock } = memoryLog();
  log.record('SCN-001', {}, 'web');
  clock.advance(10);
  log.record('SCN-013', { reason: 'x' }, 'web');
  clock.advance(10);
  log.record('SYN-006', { reason: 'y' }, 'files');
  const codes = (query: Partial<Parameters<typeof log.query>[0]>) =>
    log.query({ limit: 10, ...query }).map((event) => event.code);
  t.deepEqual(codes({}), ['SCN-001', 'SCN-013', 'SYN-006']);
  t.deepEqual(codes({ limit: 2 }), ['SCN-013', 'SYN-006']);
  t.deepEqual(codes({ scenario: 'web' }), ['SCN-001', 'SCN-013']);
  t.deepEqual(codes({ since: 1_010 }), ['SCN-013', 'SYN-006']);
  t.deepEqual(codes({ severity: 'error' }), ['SCN-013']);
  t.deepEqual(codes({ after: 0, limit: 2 }), ['SCN-001', 'SCN-013']);
  t.deepEqual(codes({ after: 2 }), ['SYN-006']);
});

test('the oldest entries go beyond the limit and numbers are never used again', (t) => {
  const { log } = memoryLog(100);
  for (let i = 0; i < 1_000; i += 1) log.record('HST-001', { version: String(i) });
  const kept = log.query({ limit: 10_000 });
  t.is(kept.length, 100);
  t.is(kept[0]?.n, 901);
  t.is(log.record('HST-002').n, 1_001);
});

test('a subscriber gets each entry until it leaves', (t) => {
  const { log } = memoryLog();
  const seen: string[] = [];
  const leave = log.subscribe((event) => seen.push(event.code));
  log.record('HST-001', { version: '1' });
  leave();
  log.record('HST-002');
  t.deepEqual(seen, ['HST-001']);
});

test('what was recorded is there after the process was killed with -9 right after it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'life-events-'));
  const path = join(directory, 'events.db');
  const program = `
    import { openEventLog } from ${JSON.stringify(new URL('../../daemon/store/event-log.js', import.meta.url).href)};
    const log = openEventLog({ path: ${JSON.stringify(path)}, clock: { wallMs: () => 5 }, host: 'alpha' });
    for (let i = 0; i < 50; i += 1) log.record('HST-001', { version: String(i) });
    process.kill(process.pid, 'SIGKILL');
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  t.is(child.signal, 'SIGKILL', child.stderr);
  const log = openEventLog({ path, clock: fixedClock(), host: 'alpha' });
  t.is(log.query({ limit: 100 }).length, 50);
  t.is(log.query({ limit: 100 }).at(-1)?.text, 'Engine started (49)');
  log.close();
  rmSync(directory, { recursive: true });
});

test('a damaged log is set aside and said so, and the daemon goes on', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'life-events-'));
  const path = join(directory, 'events.db');
  writeFileSync(path, 'this is no database at all, just text that is long enough to be read as a header'.repeat(50));
  const log = openEventLog({ path, clock: fixedClock(), host: 'alpha' });
  t.deepEqual(
    log.query({ limit: 10 }).map((event) => event.code),
    ['HST-004'],
  );
  t.true(readFileSync(`${path}.damaged`, 'utf8').startsWith('this is no database'));
  log.close();
  rmSync(directory, { recursive: true });
});

/** The audit walk finds what no notification told of, sends it, and says so; what is only late is not counted. */
import test, { type ExecutionContext } from 'ava';
import type { AuditResult } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();
/** A day is only more turns. */
const PERIOD_MS = 120_000;

function protectedPair(auditPeriodMs: number): EnginePair {
  const pair = new EnginePair(hasher);
  pair.limits = { auditPeriodMs };
  for (const name of ['a', 'a/b', 'c']) pair.user.makeDirectory(name);
  for (let i = 0; i < 30; i += 1) pair.user.writeFile(`a/b/f${i}`, `content ${i}`);
  pair.user.writeFile('c/kept', 'kept');
  pair.user.link('c/kept', 'linked');
  pair.start();
  pair.synchronize();
  pair.run(10_000);
  return pair;
}

/** Changes nobody is told of. */
function changeSilently(pair: EnginePair): void {
  pair.user.writeFile('a/b/f3', 'changed');
  pair.user.makeDirectory('a/new');
  pair.user.writeFile('a/new/file', 'new');
  pair.user.remove('a/b/f4');
  pair.capture.loseSilently();
}

function audits(pair: EnginePair): string[] {
  return pair.events.filter(({ code }) => code === 'CAP-005' || code === 'CAP-006').map(({ code }) => code);
}

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
  pair.close();
}

test('changes that were never notified are found once a period, counted and sent', (t) => {
  const pair = protectedPair(PERIOD_MS);
  changeSilently(pair);
  pair.run(PERIOD_MS - 20_000);
  t.deepEqual(audits(pair), []);
  pair.run(40_000);
  t.deepEqual(audits(pair), ['CAP-006']);
  // Two files and a directory, and the times of the directories they are in.
  const found = pair.events.find(({ code }) => code === 'CAP-006')?.text ?? '';
  t.regex(found, /"differences":[3-5]\b/);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.run(PERIOD_MS + 1_000);
  t.deepEqual(audits(pair), ['CAP-006', 'CAP-005']);
  checkEqual(t, pair);
});

test('the period goes on over a restart, which compares everything itself', (t) => {
  const pair = protectedPair(PERIOD_MS);
  pair.run(PERIOD_MS - 30_000);
  pair.killMaster();
  pair.startMaster();
  pair.connect();
  pair.run(PERIOD_MS - 30_000);
  t.deepEqual(audits(pair), []);
  pair.run(40_000);
  t.deepEqual(audits(pair), ['CAP-005']);
  checkEqual(t, pair);
});

test('a walk that is asked for answers with what it found', (t) => {
  const pair = protectedPair(0);
  pair.run(PERIOD_MS);
  t.deepEqual(audits(pair), []);
  t.like(pair.call({ name: 'audit' }) as AuditResult, { entries: 35, differences: 0 });
  changeSilently(pair);
  const { differences } = pair.call({ name: 'audit' }) as AuditResult;
  t.true(differences >= 3 && differences <= 5, `${differences}`);
  t.deepEqual(audits(pair), ['CAP-005', 'CAP-006']);
  checkEqual(t, pair);
});

test('files that are being written meanwhile are no differences', (t) => {
  const pair = protectedPair(0);
  const id = pair.post({ name: 'audit' });
  for (let second = 0; second < 60; second += 1) {
    pair.user.writeOpen('a/b/f1', `line ${second}`);
    pair.user.writeFile(`c/new${second}`, 'new');
    pair.run(1_000);
  }
  t.like(pair.answerOf(id)?.result, { differences: 0 });
  checkEqual(t, pair);
});

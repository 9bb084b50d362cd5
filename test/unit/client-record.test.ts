/** What a client saw, counted: a wrong gap would make every failover look better or worse than it was. */
import test from 'ava';
import { type Answer, acknowledged, summarize } from '../hosts/client-record.ts';
import { holdsAddress } from '../hosts/namespace-rig.ts';

const at = (endedMs: number, by: string, status = 200): Answer => ({ startedMs: endedMs - 1, endedMs, status, by });

test('The longest gap is between two answers, whatever failed meanwhile', (t) => {
  const failed: Answer = { startedMs: 105, endedMs: 900, error: 'timeout' };
  const answers = [at(100, 'alpha'), failed, at(850, 'beta'), at(110, 'alpha'), at(400, 'alpha', 503), at(860, 'beta')];
  const seen = summarize(answers, { fromMs: 95, toMs: 905 });
  t.deepEqual(seen.longestGap, { fromMs: 110, toMs: 850 });
  t.is(seen.longestGapMs, 740);
  t.deepEqual(seen.answeredBy, ['alpha', 'beta']);
  t.deepEqual([seen.requests, seen.answered], [6, 4]);
  t.deepEqual(seen.failures, { timeout: 1, 'status 503': 1 });
});

test('Silence at the beginning and at the end is a gap too', (t) => {
  t.is(summarize([], { fromMs: 10, toMs: 60 }).longestGapMs, 50);
  t.deepEqual(summarize([at(20, 'a')], { fromMs: 10, toMs: 60 }).longestGap, { fromMs: 20, toMs: 60 });
  t.deepEqual(summarize([at(55, 'a')], { fromMs: 10, toMs: 60 }).longestGap, { fromMs: 10, toMs: 55 });
});

test('Only writes that were answered with success are acknowledged', (t) => {
  const writes = [at(1, 'a', 201), at(2, 'a', 204), at(3, 'a', 507), { startedMs: 4, endedMs: 5, error: 'timeout' }];
  const numbered = writes.map((write, number) => ({ ...write, number }));
  t.deepEqual(
    acknowledged(numbered).map(({ number }) => number),
    [0, 1],
  );
});

test('An address is held when the kernel delivers it locally, not when it only knows the way', (t) => {
  const trie =
    '  |-- 10.9.0.1\n     /24 link UNICAST\n  |-- 10.9.0.10\n     /32 host LOCAL\n  |-- 10.9.0.112\n     /32 host LOCAL\n';
  t.true(holdsAddress(trie, '10.9.0.10'));
  for (const other of ['10.9.0.1', '10.9.0.11', '0.9.0.10']) t.false(holdsAddress(trie, other), other);
});

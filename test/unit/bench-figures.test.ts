/** The benchmark's own arithmetic: a wrong median or verdict would mislead everyone. */
import test from 'ava';
import { formatTable, makeRow, median, percentile } from '../bench/measure.ts';

const WHAT = { id: 'P1', work: 'copy', unit: 's', peerName: 'rsync', note: '' };
const LIMITS = { required: 0.8, goal: 0.6 };

test('Medians and percentiles are values that were measured', (t) => {
  t.is(median([5, 1, 3]), 3);
  t.is(median([4, 1, 3, 2]), 2);
  const values = Array.from({ length: 100 }, (_, n) => n + 1);
  t.is(percentile(values, 0.95), 95);
  t.is(percentile([7], 0.95), 7);
});

test('A row says truthfully whether the goal and the required value are reached', (t) => {
  const row = makeRow(WHAT, { ours: 1.4, peer: 2 }, LIMITS);
  t.is(row.ratio, 0.7);
  t.false(row.met);
  t.true(row.requiredMet);
  t.true(makeRow(WHAT, { ours: 1.2, peer: 2 }, LIMITS).met);
  t.false(makeRow(WHAT, { ours: 1.7, peer: 2 }, LIMITS).requiredMet);
});

test('A row without a figure is not met, it is not measured', (t) => {
  const row = makeRow(WHAT, { ours: undefined, peer: 2 }, LIMITS);
  t.is(row.ratio, null);
  t.is(row.met, null);
  t.regex(formatTable([row]), /not measured/);
});

import test from 'ava';
import { CRON_PATTERN, nextCron } from '../../shared/cron.ts';

/** Local time, as cron has it. */
const at = (text: string) => new Date(text).getTime();
const next = (expression: string, from: string) => {
  const found = nextCron(expression, at(from));
  return found === undefined ? undefined : new Date(found);
};

const CASES: readonly (readonly [string, string, string])[] = [
  ['0 6 * * *', '2026-11-22T05:59:59', '2026-11-22T06:00'],
  ['0 6 * * *', '2026-11-22T06:00', '2026-11-23T06:00'],
  ['*/15 * * * *', '2026-11-22T23:50', '2026-11-23T00:00'],
  ['5-20/5 8-10 * * *', '2026-11-22T10:21', '2026-11-23T08:05'],
  ['0 0 1 * *', '2026-12-01T00:00', '2027-01-01T00:00'],
  ['30 7 * * mon-fri', '2026-11-20T07:30', '2026-11-23T07:30'],
  ['0 22 * * fri-mon', '2026-11-24T00:00', '2026-11-27T22:00'],
  ['0 0 * * 7', '2026-11-23T00:00', '2026-11-29T00:00'],
  ['0 0 13 * fri', '2026-11-01T00:00', '2026-11-06T00:00'],
  ['0 0 29 feb *', '2026-11-22T00:00', '2028-02-29T00:00'],
  ['0 12 31 1,mar *', '2026-02-01T00:00', '2026-03-31T12:00'],
  ['@hourly', '2026-11-22T10:00:30', '2026-11-22T11:00'],
  ['@weekly', '2026-11-22T00:00', '2026-11-29T00:00'],
];
for (const [expression, from, expected] of CASES) {
  test(`after ${from} "${expression}" comes at ${expected}`, (t) => {
    t.deepEqual(next(expression, from), new Date(expected));
  });
}

test('what never comes is said, and what is no expression is refused before it is stored', (t) => {
  t.is(next('0 0 31 feb *', '2026-11-22T00:00'), undefined);
  const pattern = new RegExp(`^${CRON_PATTERN}$`);
  for (const text of [
    '',
    '* * * *',
    '60 * * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '0 0 * 13 *',
    '0 0 * * 8',
    'a b c d e',
    '*/0 * * * *',
  ]) {
    t.notRegex(text, pattern, text);
    t.is(nextCron(text, 0), undefined);
  }
});

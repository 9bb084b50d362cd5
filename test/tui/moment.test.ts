/** Moments as people type them into the filter of rewind points. */
import test from 'ava';
import { parseMoment } from '../../tui/input/moment.ts';

const NOW = new Date(2026, 6, 1, 12, 4, 31).getTime();
const at = (...parts: [number, number, number, number?, number?, number?, number?]) => new Date(...parts).getTime();

test('a time of day is the last one there was: of today, or of yesterday when it is still to come', (t) => {
  t.is(parseMoment('2:55', NOW), at(2026, 6, 1, 2, 55));
  t.is(parseMoment('02:55:07', NOW), at(2026, 6, 1, 2, 55, 7));
  t.is(parseMoment('02:55:07.25', NOW), at(2026, 6, 1, 2, 55, 7, 250));
  t.is(parseMoment('23:10', NOW), at(2026, 5, 30, 23, 10));
});

test('dates, with and without a time, as the list shows them', (t) => {
  t.is(parseMoment('2026-06-30', NOW), at(2026, 5, 30));
  t.is(parseMoment('2026-06-30 14:00', NOW), at(2026, 5, 30, 14));
  t.is(parseMoment(' 2026-06-30T14:00:01 ', NOW), at(2026, 5, 30, 14, 0, 1));
  t.is(parseMoment('Yesterday 14:00', NOW), at(2026, 5, 30, 14));
  t.is(parseMoment('today', NOW), at(2026, 6, 1));
});

test('how long ago', (t) => {
  t.is(parseMoment('2h', NOW), NOW - 2 * 3_600_000);
  t.is(parseMoment('90 min ago', NOW), NOW - 90 * 60_000);
  t.is(parseMoment('1 d 2 h', NOW), NOW - 26 * 3_600_000);
});

test('what is no time is refused instead of guessed', (t) => {
  for (const text of ['', 'soon', '25:00', '2:61', '2026-02-30', '2026-06-30 morning', '12', 'at 2:55', '2026-13-01'])
    t.is(parseMoment(text, NOW), undefined, text);
});

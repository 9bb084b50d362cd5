/** Days and hours as administrators write them, and when something is done by them. */
import test from 'ava';
import {
  covers,
  type LocalHour,
  localClock,
  nextMoment,
  parseSlot,
  type Schedule,
  SLOT_PATTERN,
} from '../../shared/schedule.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A host whose wall clock is UTC: Monday 2026-11-23 begins at this moment. */
const MONDAY = Date.UTC(2026, 10, 23);

function utc(wallMs: number): LocalHour {
  const date = new Date(wallMs);
  return {
    weekday: (date.getUTCDay() + 6) % 7,
    hour: date.getUTCHours(),
    date: date.toISOString().slice(0, 10),
    intoHourMs: wallMs % HOUR,
    epochMs: wallMs,
  };
}

const at = (day: number, hour: number, minutes = 0) => MONDAY + day * DAY + hour * HOUR + minutes * 60_000;
const slot = (text: string) => parseSlot(text) ?? { days: [], fromHour: 0, toHour: 0, rest: 'wrong' };

test('an entry covers its days and hours, over midnight and over the end of the week too', (t) => {
  const inside = (text: string, day: number, hour: number) => covers(slot(text), utc(at(day, hour)));
  t.true(inside('mon-fri 8-18', 0, 8));
  t.false(inside('mon-fri 8-18', 0, 18));
  t.false(inside('mon-fri 8-18', 5, 9));
  t.true(inside('fri 20-6', 5, 5), 'Saturday morning belongs to Friday night');
  t.false(inside('fri 20-6', 4, 5));
  t.true(inside('sat-mon 0-24', 0, 23));
  t.false(inside('sat-mon 0-24', 1, 0));
  t.is(slot('mon-fri 8-18 10MB').rest, '10MB');
  for (const wrong of ['mon', 'mon 8', 'mon 8-25', 'abc 1-2', 'mon-fri  8-9']) t.is(parseSlot(wrong), undefined);
  t.regex('sun 0-24', new RegExp(`^${SLOT_PATTERN}$`));
});

test('the next moment: every period, only within the slots, not on excluded dates', (t) => {
  const next = (schedule: Partial<Schedule>, day: number, hour: number, minutes = 0) => {
    const found = nextMoment(
      { periodMs: HOUR, slots: [], excludedDates: [], ...schedule },
      at(day, hour, minutes),
      utc,
    );
    return found === undefined ? undefined : new Date(found).toISOString().slice(8, 16);
  };
  t.is(next({}, 0, 10, 15), '23T11:00');
  t.is(next({ periodMs: 4 * HOUR }, 0, 10), '23T12:00');
  t.is(next({ periodMs: 20 * 60_000 }, 0, 10, 20), '23T10:40', 'strictly after');
  const night = { slots: [slot('mon-fri 22-4')], periodMs: 3 * HOUR };
  t.is(next(night, 0, 10), '23T22:00', 'a window begins with its first moment');
  t.is(next(night, 0, 22), '24T00:00');
  t.is(next(night, 5, 3), '30T22:00', 'nothing at the weekend');
  t.is(next({ ...night, excludedDates: ['2026-11-24'] }, 0, 23), '25T00:00');
  t.is(next({ slots: [slot('mon 5-6')], excludedDates: ['2026-11-23'] }, 0, 0), '30T05:00');
  t.is(next({ periodMs: 7 * DAY, slots: [slot('tue 0-1')] }, 0, 0), '24T00:00');
});

test('the clock on the wall of this host says the same as its operating system', (t) => {
  const moment = new Date(2026, 10, 25, 14, 30, 5, 250);
  t.deepEqual(
    { ...localClock(moment.getTime()), epochMs: 0 },
    { weekday: 2, hour: 14, date: '2026-11-25', intoHourMs: 30 * 60_000 + 5_250, epochMs: 0 },
  );
  t.is(localClock(moment.getTime()).epochMs % DAY, 14 * HOUR + 30 * 60_000 + 5_250);
});

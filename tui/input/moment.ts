/** Moments as people type them into a filter, in local time: `2:55`, `yesterday 14:00`, `2026-07-01 12:04:31`, `2h` (ago). */
import { parseDuration } from '../../shared/units.ts';

const DAY_MS = 86_400_000;
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;

/** Wall clock in ms; undefined when it is none of these. A time of day that is still to come today was yesterday. */
export function parseMoment(text: string, now: number): number | undefined {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/(?<=\d)t(?=\d)/, ' ')
    .split(/\s+/);
  if (words.length === 1) {
    const [only = ''] = words;
    return timeToday(only, now) ?? dayOf(only, now) ?? ago(only, now);
  }
  if (words.length !== 2) return ago(words.join(' '), now);
  const [date = '', time = ''] = words;
  const day = dayOf(date, now);
  return day === undefined ? ago(text.trim(), now) : onDay(day, time);
}

function timeToday(text: string, now: number): number | undefined {
  const at = onDay(midnight(now), text);
  return at === undefined || at <= now ? at : onDay(midnight(midnight(now) - DAY_MS / 2), text);
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

function dayOf(text: string, now: number): number | undefined {
  if (text === 'today') return midnight(now);
  // Noon of the day before exists on every day, also where clocks are changed.
  if (text === 'yesterday') return midnight(midnight(now) - DAY_MS / 2);
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number);
  const date = new Date(year, month - 1, day);
  return date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : undefined;
}

function onDay(day: number, time: string): number | undefined {
  const match = TIME.exec(time);
  if (match === null) return undefined;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(1, 4).map((part) => Number(part ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return new Date(day).setHours(hours, minutes, seconds, Number((match[4] ?? '').padEnd(3, '0')));
}

function ago(text: string, now: number): number | undefined {
  const ms = parseDuration(text.replace(/ ago$/, ''));
  return ms === undefined ? undefined : now - ms;
}

/** Times and short counts for narrow columns; amounts come from shared/units.ts, so every surface shows the same figures. */
import { formatCount } from '../../shared/units.ts';

/** `0`, `999`, `1.2k`, `34k`, `5.6M`: at most 4 cells. */
export function shortCount(value: number): string {
  if (value < 1000) return String(Math.round(value));
  for (const [limit, unit] of [
    [1e3, 'k'],
    [1e6, 'M'],
    [1e9, 'G'],
  ] as const) {
    const scaled = value / limit;
    if (scaled < 999.5) return `${scaled < 9.95 ? scaled.toFixed(1) : Math.round(scaled)}${unit}`;
  }
  return '>1T';
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Local time of day, `12:04:31`. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local date and time, `2026-07-01 12:04:31`. */
export function dateTime(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(at)}`;
}

/** Time of day when it was today, `2026-07-01 12:04` otherwise. */
export function when(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return sameDay ? timeOfDay(at) : dateTime(at).slice(0, 16);
}

export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${formatCount(amount)} ${amount === 1 ? one : many}`;
}

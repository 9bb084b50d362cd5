/**
 * Cron expressions: minute, hour, day of the month, month, day of the week, on the clock on the wall of the host; or `@hourly`,
 * `@daily`, `@weekly`, `@monthly`. As in other crons, of day of the month and day of the week either one is enough when both
 * are given. Pure but for the host's time zone.
 */
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const NICKNAMES: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
};

interface Field {
  readonly first: number;
  readonly last: number;
  /** Regular expression (text) of one value. */
  readonly value: string;
  /** From `first` on. */
  readonly names?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { first: 0, last: 59, value: '[0-5]?\\d' },
  { first: 0, last: 23, value: '(?:1?\\d|2[0-3])' },
  { first: 1, last: 31, value: '(?:[1-9]|[12]\\d|3[01])' },
  { first: 1, last: 12, value: `(?:[1-9]|1[0-2]|${MONTHS.join('|')})`, names: MONTHS },
  { first: 0, last: 6, value: `(?:[0-7]|${DAYS.join('|')})`, names: DAYS },
];

/** Regular expression (text) of an expression that `nextCron` understands. */
export const CRON_PATTERN = `(?:${Object.keys(NICKNAMES).join('|')}|${FIELDS.map(patternOf).join(' ')})`;

function patternOf({ value }: Field): string {
  const part = `(?:\\*|${value}(?:-${value})?)(?:/[1-9]\\d?)?`;
  return `${part}(?:,${part})*`;
}

interface Cron {
  /** Per field, which values. */
  readonly sets: readonly ReadonlySet<number>[];
  readonly anyDay: boolean;
  readonly anyWeekday: boolean;
}

const YEARS_AHEAD = 5;
const MINUTE_MS = 60_000;

/** The first moment (wall clock, ms) after `wallMs`; undefined: none within five years, or not an expression. */
export function nextCron(expression: string, wallMs: number): number | undefined {
  if (!new RegExp(`^${CRON_PATTERN}$`).test(expression)) return undefined;
  const cron = parse(expression);
  const end = new Date(wallMs).getFullYear() + YEARS_AHEAD;
  let at = new Date(Math.floor(wallMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS);
  while (at.getFullYear() <= end) {
    const next = laterThan(cron, at);
    if (next === undefined) return at.getTime();
    // Where clocks are put back the same hour comes twice: never go back.
    at = next.getTime() > at.getTime() ? next : new Date(at.getTime() + MINUTE_MS);
  }
  return undefined;
}

/** Undefined: `at` fits. Else a later moment before which none does. */
function laterThan({ sets, anyDay, anyWeekday }: Cron, at: Date): Date | undefined {
  const [minutes, hours, days, months, weekdays] = sets as [
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
  ];
  const year = at.getFullYear();
  const month = at.getMonth();
  if (!months.has(month + 1)) return new Date(year, month + 1, 1);
  const day = days.has(at.getDate());
  const weekday = weekdays.has(at.getDay());
  const fits = anyDay || anyWeekday ? day && weekday : day || weekday;
  if (!fits) return new Date(year, month, at.getDate() + 1);
  if (!hours.has(at.getHours())) return new Date(year, month, at.getDate(), at.getHours() + 1);
  return minutes.has(at.getMinutes()) ? undefined : new Date(at.getTime() + MINUTE_MS);
}

function parse(expression: string): Cron {
  const parts = (NICKNAMES[expression] ?? expression).split(' ');
  const sets = FIELDS.map((field, index) => valuesOf(field, parts[index] ?? '*'));
  return { sets, anyDay: parts[2]?.startsWith('*') === true, anyWeekday: parts[4]?.startsWith('*') === true };
}

function valuesOf(field: Field, text: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '*', step] = part.split('/');
    const { from, to } = rangeOf(field, range, step !== undefined);
    const size = field.last - field.first + 1;
    // `fri-mon` goes over the end of the week.
    const count = ((to - from + size) % size) + 1;
    for (let at = 0; at < count; at += Number(step ?? 1)) values.add(((from - field.first + at) % size) + field.first);
  }
  return values;
}

function rangeOf(field: Field, range: string, stepped: boolean): { readonly from: number; readonly to: number } {
  if (range === '*') return { from: field.first, to: field.last };
  const [first = '', last] = range.split('-');
  const from = numberOf(field, first);
  if (last !== undefined) return { from, to: numberOf(field, last) };
  return { from, to: stepped ? field.last : from };
}

function numberOf({ first, last, names }: Field, text: string): number {
  const named = names?.indexOf(text) ?? -1;
  const number = named < 0 ? Number(text) : named + first;
  // Sunday is 7 as well.
  return number > last ? first : number;
}

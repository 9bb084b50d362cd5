/**
 * Days and hours as administrators write them: `mon-fri 8-18`, `sat 20-6` (into Sunday), with or without something behind.
 * Hours are local to the host. Pure.
 */
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAY = `(?:${DAYS.join('|')})`;
const HOUR = '(?:[01]?\\d|2[0-4])';
/** Regular expression (text) of one entry without what is behind. */
export const SLOT_PATTERN = `${DAY}(?:-${DAY})? ${HOUR}-${HOUR}`;
const SLOT = new RegExp(`^(${DAY})(?:-(${DAY}))? (${HOUR})-(${HOUR})(?: (.+))?$`);

export interface Slot {
  /** By day of the week, Monday first. */
  readonly days: readonly boolean[];
  readonly fromHour: number;
  /** Not after `fromHour`: on the next day. */
  readonly toHour: number;
  readonly rest: string;
}

/** A moment as a clock on the wall shows it. */
export interface LocalHour {
  /** Monday is 0. */
  readonly weekday: number;
  readonly hour: number;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** Milliseconds into the hour. */
  readonly intoHourMs: number;
  /** Milliseconds since an arbitrary local midnight; a day is 24 hours. */
  readonly epochMs: number;
}

export type LocalClock = (wallMs: number) => LocalHour;

/** The clock on the wall of this host. */
export function localClock(wallMs: number): LocalHour {
  const date = new Date(wallMs);
  const two = (number: number) => String(number).padStart(2, '0');
  return {
    weekday: (date.getDay() + 6) % 7,
    hour: date.getHours(),
    date: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    intoHourMs: (date.getMinutes() * 60 + date.getSeconds()) * 1000 + date.getMilliseconds(),
    epochMs: wallMs - date.getTimezoneOffset() * 60_000,
  };
}

/** Undefined when it is not one. */
export function parseSlot(text: string): Slot | undefined {
  const match = SLOT.exec(text);
  if (match === null) return undefined;
  const [, from, to = from, fromHour, toHour, rest = ''] = match;
  const first = DAYS.indexOf(from as (typeof DAYS)[number]);
  const last = DAYS.indexOf(to as (typeof DAYS)[number]);
  const length = ((last - first + 7) % 7) + 1;
  const days = DAYS.map((_day, index) => (index - first + 7) % 7 < length);
  return { days, fromHour: Number(fromHour), toHour: Number(toHour), rest };
}

export function covers(slot: Slot, { weekday, hour }: LocalHour): boolean {
  const { days, fromHour, toHour } = slot;
  if (fromHour < toHour) return days[weekday] === true && hour >= fromHour && hour < toHour;
  const yesterday = days[(weekday + 6) % 7] === true;
  return (days[weekday] === true && hour >= fromHour) || (yesterday && hour < toHour);
}

/** When something is done: every `periodMs` (counted from local midnight), only in the slots if there are any. */
export interface Schedule {
  readonly periodMs: number;
  readonly slots: readonly Slot[];
  /** `YYYY-MM-DD`, never on these. */
  readonly excludedDates: readonly string[];
}

const HOUR_MS = 3_600_000;
const HOURS_AHEAD = 24 * 400;

export function isInWindow({ slots, excludedDates }: Schedule, at: LocalHour): boolean {
  if (excludedDates.includes(at.date)) return false;
  return slots.length === 0 || slots.some((slot) => covers(slot, at));
}

/** The first moment after `wallMs` at which something is done; undefined: none within 400 days. */
export function nextMoment(schedule: Schedule, wallMs: number, local: LocalClock): number | undefined {
  let hourMs = wallMs - local(wallMs).intoHourMs;
  let before = isInWindow(schedule, local(hourMs - 1));
  for (let hour = 0; hour < HOURS_AHEAD; hour += 1) {
    const at = local(hourMs);
    const inside = isInWindow(schedule, at);
    const found = inside ? firstInHour(schedule, hourMs, at, wallMs, before) : undefined;
    if (found !== undefined) return found;
    before = inside;
    hourMs += HOUR_MS;
  }
  return undefined;
}

/** A window begins with its first moment; after that the period counts. */
function firstInHour(
  { periodMs }: Schedule,
  hourMs: number,
  at: LocalHour,
  afterMs: number,
  insideBefore: boolean,
): number | undefined {
  if (!insideBefore && hourMs > afterMs) return hourMs;
  const sinceMs = Math.max(0, afterMs + 1 - hourMs);
  const intoMs = Math.ceil((at.epochMs + sinceMs) / periodMs) * periodMs - at.epochMs;
  return intoMs < HOUR_MS ? hourMs + intoMs : undefined;
}

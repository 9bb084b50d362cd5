/**
 * Amounts as people read and write them: bytes, rates, durations, ages, counts. Pure; used by console, command line, reports
 * and the settings catalogue. Sizes are shown decimal (kB, MB, GB: what disks and links are sold in) and read either way.
 */

const DECIMAL_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `1.2 GB`; three significant digits at most, whole bytes below 1 kB. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '—';
  const sign = bytes < 0 ? '-' : '';
  let value = Math.abs(bytes);
  let unit = 0;
  // 999.5 would be shown as 1000: go on to the next unit instead.
  while (value >= 999.5 && unit < DECIMAL_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = unit === 0 ? String(Math.round(value)) : trimZeros(value.toFixed(digits));
  return `${sign}${text} ${DECIMAL_UNITS[unit]}`;
}

/** The same amount without rounding, in the largest unit that divides it: `10 GiB`, `1500 B`. For settings. */
export function formatExactBytes(bytes: number): string {
  let best = `${bytes} B`;
  if (!Number.isSafeInteger(bytes) || bytes === 0) return best;
  for (const [units, base] of [
    [DECIMAL_UNITS, 1000],
    [BINARY_UNITS, 1024],
  ] as const) {
    let value = bytes;
    for (let unit = 1; unit < units.length && value % base === 0; unit += 1) {
      value /= base;
      const text = `${value} ${units[unit]}`;
      if (text.length <= best.length) best = text;
    }
  }
  return best;
}

/** `182 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `50,000`. */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `250 ms`, `1.5 s`, `43 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`: two units at most. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '—';
  const value = Math.max(0, ms);
  if (value < SECOND) return `${Math.round(value)} ms`;
  if (value < 10 * SECOND) return `${trimZeros((Math.floor(value / 100) / 10).toFixed(1))} s`;
  if (value < MINUTE) return `${Math.floor(value / SECOND)} s`;
  if (value < HOUR) return twoUnits(value, MINUTE, 'min', SECOND, 's');
  if (value < DAY) return twoUnits(value, HOUR, 'h', MINUTE, 'min');
  return twoUnits(value, DAY, 'd', HOUR, 'h');
}

/** The same time without rounding, in the largest unit that divides it: `5 min`, `90 s`, `1500 ms`. For settings. */
export function formatExactDuration(ms: number): string {
  if (ms === 0) return '0 s';
  if (ms % DAY === 0) return `${ms / DAY} d`;
  if (ms % HOUR === 0) return `${ms / HOUR} h`;
  if (ms % MINUTE === 0) return `${ms / MINUTE} min`;
  return ms % SECOND === 0 ? `${ms / SECOND} s` : `${ms} ms`;
}

/** `just now`, `43 s ago`, `3 min ago`: one unit, rounded down. */
export function formatAge(ms: number): string {
  if (ms < 2 * SECOND) return 'just now';
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/** Of `part` in `whole`, `12%`; rounded down so that 100% means all of it. */
export function formatPercent(part: number, whole: number): string {
  if (whole <= 0) return '100%';
  return `${Math.min(100, Math.floor((part / whole) * 100))}%`;
}

/** Bytes of `10 GiB`, `500MB`, `64k`, `1500`; `k`, `M`, `G` alone are binary as in other tools. Undefined when it is not a size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp])(ib|b)?|b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const power = match[2] === undefined ? 0 : 'kmgtp'.indexOf(match[2].toLowerCase()) + 1;
  const base = match[3]?.toLowerCase() === 'b' ? 1000 : 1024;
  const bytes = Math.round(Number(match[1]) * base ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  sec: SECOND,
  m: MINUTE,
  min: MINUTE,
  h: HOUR,
  d: DAY,
};

/** Milliseconds of `30 s`, `5min`, `1h 30m`, `100ms`; a unit is required. Undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase();
  if (!/^(\d+(?:\.\d+)?\s*(ms|sec|s|min|m|h|d)\s*)+$/.test(compact)) return undefined;
  let total = 0;
  for (const match of compact.matchAll(/(\d+(?:\.\d+)?)\s*(ms|sec|s|min|m|h|d)/g)) {
    total += Number(match[1]) * DURATION_UNITS[match[2]!]!;
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function twoUnits(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const bigCount = Math.floor(ms / big);
  const smallCount = Math.floor((ms - bigCount * big) / small);
  return smallCount === 0 ? `${bigCount} ${bigName}` : `${bigCount} ${bigName} ${smallCount} ${smallName}`;
}

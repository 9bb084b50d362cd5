/**
 * Keys in the point picker over 100,000 points, in a real pseudo terminal, beside a Node program that only echoes. Counted is the
 * time until the row of the cursor (or the field) is written, which is the frame of that key also while events stream.
 * MAINSTAY_RECORD=FILE writes the table.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Pty, type PtyOptions } from '../tui/pty.ts';

const PLAY = join(import.meta.dirname, '..', 'tui', 'play-recovery.js');
/** Begins the row under the cursor, and the cursor in a field. */
const INVERSE = '\x1b[7m';
const ECHO = `process.stdin.setRawMode(true).on('data', () => process.stdout.write('\\x1b[7m'))`;
/** As a held key repeats. */
const REPEAT_MS = 30;
const MEDIAN_MS = 20;
const NEARLY_ALWAYS_MS = 50;
const DOWN = '\x1b[6~';
const NEXT = '\x1b[B';
const UP = '\x1b[5~';
const ROUNDS = 4;

const KEYS: Readonly<Record<string, readonly string[]>> = {
  'line by line': [...'jjjjjjjjjjkkkkk'],
  'page by page': [DOWN, DOWN, DOWN, DOWN, DOWN, UP, UP, UP],
  'newest and oldest': [...'GgGgGgGgGgGg'],
  'typing a filter': ['f', NEXT, NEXT, NEXT, ...'orders/2026/07', '\x7f', '\x7f', '\x7f'],
};
/** Leaves the filter as it was; not measured: Esc waits for what may follow it. */
const LEAVE = new Set(['typing a filter']);

interface Figures {
  readonly median: number;
  readonly most: number;
}

function figures(times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b);
  const share = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { median: share(0.5), most: share(0.95) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function timesOf(pty: Pty, keys: readonly string[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const key of keys) {
    times.push(await pty.answer(key, INVERSE));
    await pause(REPEAT_MS);
  }
  return times;
}

async function echo(options: PtyOptions): Promise<Figures> {
  const pty = new Pty(`${process.execPath} -e "${ECHO}"`, options);
  try {
    await pty.answer('j', INVERSE);
    return figures(await timesOf(pty, [...'j'.repeat(60)]));
  } finally {
    pty.close();
  }
}

async function picker(options: PtyOptions, eventsPerSecond: number): Promise<ReadonlyMap<string, Figures>> {
  const environment = { NODE_ENV: 'production', MAINSTAY_PLAY_EVENTS: String(eventsPerSecond) };
  const pty = new Pty(`${process.execPath} ${PLAY}`, { ...options, environment });
  try {
    await pty.see(/web-shop/);
    await pause(500);
    await pty.answer('w', INVERSE);
    await pause(500);
    await pty.answer('\r', INVERSE);
    // With everything fetched that is kept.
    await pty.answer('G', 'After synchronization');
    await pty.answer('g', INVERSE);
    const times = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, keys] of Object.entries(KEYS)) {
        const measured = await timesOf(pty, keys);
        times.set(name, [...(times.get(name) ?? []), ...measured]);
        if (LEAVE.has(name)) {
          await pty.answer('\x1b', INVERSE);
          await pause(REPEAT_MS);
        }
      }
    }
    times.set('all', [...times.values()].flat());
    return new Map([...times].map(([name, list]) => [name, figures(list)]));
  } finally {
    pty.close();
  }
}

async function measure(t: ExecutionContext, columns: number, rows: number, eventsPerSecond: number): Promise<void> {
  t.timeout(120_000);
  const size = { columns, rows };
  const bare = await echo(size);
  const rowsOf = await picker(size, eventsPerSecond);
  const ms = ({ median, most }: Figures) => `${median.toFixed(1)} | ${most.toFixed(1)}`;
  const head = `| ${columns}x${rows} | ${eventsPerSecond}`;
  const lines = [...rowsOf].map(([name, row]) => `${head} | ${name} | ${ms(row)} | ${ms(bare)} |`);
  for (const row of lines) t.log(row);
  const { MAINSTAY_RECORD } = process.env;
  if (MAINSTAY_RECORD !== undefined) appendFileSync(MAINSTAY_RECORD, `${lines.join('\n')}\n`);
  for (const [name, { median, most }] of rowsOf) {
    // On a machine that is busy with something else a bare echo is late too: what it takes is not the console's.
    t.true(median <= MEDIAN_MS + bare.median, `${name}: p50 ${median} ms, echo ${bare.median} ms`);
    // Few keys of one kind say nothing of one in twenty.
    if (name !== 'all') continue;
    t.true(most <= NEARLY_ALWAYS_MS + bare.most, `${name}: p95 ${most} ms, echo ${bare.most} ms`);
  }
}

for (const [columns, rows] of [
  [80, 24],
  [120, 36],
] as const) {
  for (const events of [0, 1000]) {
    test.serial(`100,000 points answer keys in a pseudo terminal of ${columns}x${rows}, ${events} events/s`, (t) =>
      measure(t, columns, rows, events),
    );
  }
}

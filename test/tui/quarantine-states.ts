/** States of the console around quarantines. */
import { Fault } from '../../shared/faults.ts';
import type { QuarantineFileResult, QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { ConsoleState } from '../../tui/state.ts';
import type { QuarantinePurpose } from '../../tui/state-roles.ts';
import { bothHosts } from './role-states.ts';
import { NOON } from './sample.ts';
import { after, press, type Size, type } from './states.ts';

const HEAD: QuarantineHead = {
  id: '20260701T110203Z-e8',
  scenario: 'web-shop',
  host: 'web-01',
  at: NOON - 3_748_000,
  epoch: 8,
  generation: 'a'.repeat(32),
  after: 1200,
  through: 1260,
  items: 60,
  bytes: 4_800_000,
};
const OLD: QuarantineHead = {
  ...HEAD,
  id: '20260501T000000Z-e3',
  scenario: 'legacy',
  at: NOON - 5_270_000_000,
  epoch: 3,
  items: 3,
  deleted: true,
};

export function answerKept(
  state: ConsoleState,
  purpose: QuarantinePurpose,
  result: unknown,
  host = 'web-01',
): ConsoleState {
  const outcome =
    result instanceof Fault ? ({ ok: false, fault: result.toDocument() } as const) : ({ ok: true, result } as const);
  return after(state, { type: 'reply', host, purpose, outcome, at: state.now });
}

/** `:quarantine` was chosen; both hosts have answered. */
export function quarantineList(size: Size): ConsoleState {
  const asked = press(type(press(bothHosts(size), ':'), 'quarantine'), 'enter');
  const first = answerKept(asked, { kind: 'quarantines' }, { quarantines: [OLD, HEAD] });
  return answerKept(first, { kind: 'quarantines' }, { quarantines: [] }, 'web-02');
}

const FILE = { root: 0, kind: 'put', type: 'file', sizeBytes: 80_000, mtimeMs: NOON, mode: 0o644 } as const;

export function items(from: number, amount: number): readonly QuarantineItem[] {
  return Array.from({ length: amount }, (_, n) => ({ ...FILE, path: `orders/2026/07/order-${from + n}.json` }));
}

const STRANGE: readonly QuarantineItem[] = [
  { ...FILE, path: 'index.html', sizeBytes: 1_204 },
  { ...FILE, path: 'evil\u001b[2J\u202egnp.exe', sizeBytes: 12 },
  { root: 0, kind: 'rename', type: 'gone', path: 'moved', before: 'where it was', sizeBytes: 0 },
  { root: 0, kind: 'remove', type: 'gone', path: 'removed', sizeBytes: 0 },
  { ...FILE, path: 'log/access.log', torn: true },
];

export function quarantineOpen(size: Size): ConsoleState {
  const opened = press(quarantineList(size), 'enter');
  const page = { quarantines: [HEAD], items: [...STRANGE, ...items(0, 45)], next: 50 };
  const shown = answerKept(opened, { kind: 'quarantine-page', id: HEAD.id, asked: 1, from: 0 }, page);
  const states = page.items.slice(0, 8).map((_, n) => (n % 3 === 0 ? 'differs' : n % 3 === 1 ? 'same' : 'unknown'));
  return answerKept(shown, { kind: 'quarantine-states', id: HEAD.id }, { items: page.items.slice(0, 8), states });
}

const KEPT = {
  type: 'file',
  sizeBytes: 61,
  mtimeMs: NOON - 4_000_000,
  mode: 0o644,
  hash: 'c0ffee'.repeat(10),
} as const;

export const COMPARED: QuarantineFileResult = {
  item: STRANGE[0]!,
  kept: { ...KEPT, text: '<h1>Shop</h1>\n<p>Open until 20:00</p>\n\u001b]52;c;ZXZpbA==\u0007<p>\u202eegap</p>\n' },
  now: [
    { host: 'web-02', same: false, side: { ...KEPT, hash: 'beef'.repeat(16), text: '<h1>Shop</h1>\n<p>Closed</p>\n' } },
    { host: 'web-01', same: true, side: { ...KEPT } },
  ],
};

export function quarantineFile(size: Size): ConsoleState {
  const asked = press(quarantineOpen(size), 'enter');
  return answerKept(asked, { kind: 'quarantine-file', id: HEAD.id, path: 'index.html' }, COMPARED);
}

export function quarantineDiscard(size: Size): ConsoleState {
  return type(press(quarantineOpen(size), 'D'), 'web-');
}

export function quarantineExtract(size: Size): ConsoleState {
  return press(quarantineOpen(size), 'e');
}

export function quarantineReturn(size: Size): ConsoleState {
  return type(press(quarantineFile(size), 't'), 'web-');
}

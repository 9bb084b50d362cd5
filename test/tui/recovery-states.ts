/** The recovery screens as they are after answers of hosts; a pretended history of any length. */
import type { PreviewEntry, PreviewFileResult, PreviewResult } from '../../shared/preview.ts';
import type { RecoveryStatus, RestoreResult, RewindPoint } from '../../shared/rewind.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { ConsoleState, Effect, Outcome, Purpose } from '../../tui/state.ts';
import type { RestoreDialog } from '../../tui/state-recovery.ts';
import { update } from '../../tui/update.ts';
import { NOON, scenario } from './sample.ts';
import { after, connected, fresh, keyPress, press, type Size } from './states.ts';

const MINUTE = 60_000;
const FILES = ['shop/index.html', 'shop/img/summer.jpg', 'shop/css/site.css', 'orders/2026/07/0001.json'] as const;

/** Newest first: a change every second, a bookmark every 40, a synchronization at the beginning. */
export function history(total: number): readonly RewindPoint[] {
  return Array.from({ length: total }, (_, index): RewindPoint => {
    const at = NOON - 30 * MINUTE - index * 1000 - (index % 7) * 111;
    if (index === total - 1) return { id: 'synchronized-1', at, kind: 'synchronized', text: 'After synchronization' };
    if (index % 40 === 5) return { id: `bookmark-${index}`, at, kind: 'bookmark', text: `before deployment ${index}` };
    const path = FILES[index % FILES.length] ?? FILES[0];
    return {
      id: `e${index.toString(36)}`,
      at,
      kind: 'event',
      text: index % 5 === 0 ? 'Deleted' : 'Changed',
      path,
      root: 0,
    };
  });
}

const POINTS = history(200);

/** As a daemon answers `scenario.points`. */
export function pointsAnswer(
  all: readonly RewindPoint[],
  args: unknown,
): { points: readonly RewindPoint[]; total: number } {
  const { filter } = args as {
    filter: {
      kinds?: readonly string[];
      since?: number;
      until?: number;
      text?: string;
      path?: string;
      before?: string;
      limit: number;
    };
  };
  const matching = all.filter(
    ({ kind, at, text, path = '' }) =>
      (filter.kinds?.includes(kind) ?? true) &&
      at >= (filter.since ?? 0) &&
      at <= (filter.until ?? Number.POSITIVE_INFINITY) &&
      `${text} ${path}`.includes(filter.text ?? '') &&
      path.startsWith(filter.path ?? ''),
  );
  const from = filter.before === undefined ? 0 : matching.findIndex(({ id }) => id === filter.before) + 1;
  return { points: matching.slice(from, from + filter.limit), total: matching.length };
}

function entry(path: string, kind: PreviewEntry['kind'], change: Partial<PreviewEntry> = {}): PreviewEntry {
  const side = { type: 'file', sizeBytes: 12_345, mtimeMs: NOON - 60 * MINUTE, mode: 0o644 } as const;
  // biome-ignore lint/suspicious/noThenProperty: how it was then, beside how it is now
  return { root: 0, path, kind, type: 'file', then: side, now: { ...side, sizeBytes: 99, mtimeMs: NOON }, ...change };
}

const ENTRIES: readonly PreviewEntry[] = [
  entry('orders/2026/07/0001.json', 'changed'),
  entry('orders/2026/07/0002.json', 'changed'),
  entry('orders/2026/07/READ_ME_TO_DECRYPT.txt', 'removed'),
  entry('shop/img', 'metadata', { type: 'directory' }),
  entry('shop/img/spring.jpg', 'renamed', { from: 'shop/img/spring.jpg.locked' }),
  entry('shop/img/summer.jpg', 'restored'),
  entry('shop/index.html', 'changed'),
];

export function preview(point: RewindPoint, change: Partial<PreviewResult> = {}): PreviewResult {
  return {
    point,
    counts: { restored: 1, removed: 1, changed: 3, renamed: 1, metadata: 1 },
    bytes: { restored: 12_345, removed: 99, changed: 37_035 },
    entries: ENTRIES,
    total: ENTRIES.length,
    truncated: false,
    steps: 20_312,
    problems: [],
    problemCount: 0,
    tookMs: 12,
    ...change,
  };
}

export const FIGURES = {
  on: true,
  bytes: 41_000_000_000,
  maxBytes: 50_000_000_000,
  keptSince: NOON - 52 * 60 * MINUTE,
  askedMs: 72 * 60 * MINUTE,
  coverage: 0.722,
  bytesPerHour: 820_000_000,
  trimsInMs: 11 * 60 * MINUTE,
  points: 200,
  bookmarks: 5,
  gaps: [{ from: NOON - 60 * 60 * MINUTE, to: NOON - 59 * 60 * MINUTE, reason: 'the volume was full' }],
  pinned: 1,
  freeBytes: 120_000_000_000,
  lastSelfCheck: { at: NOON - 5 * 60 * MINUTE, point: 'e1', identical: true, files: 50_000 },
};

const FILE: PreviewFileResult = {
  point: POINTS[0]!,
  root: 0,
  path: 'shop/index.html',
  // biome-ignore lint/suspicious/noThenProperty: how it was then, beside how it is now
  then: {
    type: 'file',
    sizeBytes: 60,
    mtimeMs: NOON - 60 * MINUTE,
    mode: 0o644,
    text: '<html>\n<body>\n<h1>Shop</h1>\n<p>Open from 9 to 5</p>\n</body>\n</html>\n',
    hash: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
  },
  now: {
    type: 'file',
    sizeBytes: 48,
    mtimeMs: NOON,
    mode: 0o644,
    text: '<html>\n<body>\n<h1>PAY US</h1>\n</body>\n</html>\n',
    hash: '00112233445566778899aabbccddeeff',
  },
  identical: false,
};

export function answerOf(command: string, args: unknown, all = POINTS): unknown {
  switch (command) {
    case 'scenario.points':
      return pointsAnswer(all, args);
    case 'scenario.preview': {
      const { point } = args as { point: string };
      return preview(all.find(({ id }) => id === point) ?? POINTS[0]!);
    }
    case 'scenario.previewFile':
      return FILE;
    case 'scenario.journal':
      return FIGURES;
    case 'scenario.show':
      return {
        id: 'id-web-shop',
        name: 'web-shop',
        master: { name: 'web-01', address: 'web-01:7780' },
        replicas: [{ name: 'web-02', address: 'web-02:7780' }],
        roots: [{ master: '/srv/www/shop' }, { master: '/srv/www/assets', replica: '/data/assets' }],
        revision: 3,
      };
    default:
      return {};
  }
}

export type Answer = (command: string, args: unknown) => unknown;

/** Presses keys one a second; what is asked is answered at once, and a cursor that was moved has rested. */
export function walk(state: ConsoleState, answer: Answer, ...names: readonly string[]): ConsoleState {
  let current = state;
  for (const name of names) current = settle(current, update(current, keyPress(name, current.now + 1000)), answer);
  return current;
}

function settle(
  _before: ConsoleState,
  step: { state: ConsoleState; effects: readonly Effect[] },
  answer: Answer,
): ConsoleState {
  let { state } = step;
  for (const effect of step.effects) {
    if (effect.type === 'settle') {
      const { scenarioId, moves } = effect;
      state = settle(state, update(state, { type: 'settled', scenarioId, moves, at: state.now }), answer);
    }
    if (effect.type !== 'request') continue;
    const result = answer(effect.command, effect.args);
    if (result === undefined) continue;
    const outcome: Outcome = { ok: true, result };
    state = settle(
      state,
      update(state, { type: 'reply', host: effect.host, purpose: effect.purpose, outcome, at: state.now }),
      answer,
    );
  }
  return state;
}

export function reply(state: ConsoleState, purpose: Purpose, outcome: Outcome): ConsoleState {
  return after(state, { type: 'reply', host: 'web-01', purpose, outcome, at: state.now });
}

export const STOPPED: Partial<ScenarioStatus> = { state: 'stopped', stopReason: 'by-user', running: false };

export function stoppedState(size: Size, change: Partial<ScenarioStatus> = {}): ConsoleState {
  return connected(fresh(size), 'web-01', [scenario('web-shop', { ...STOPPED, ...change })]);
}

export function restoreOf(state: ConsoleState): RestoreDialog {
  const dialog = state.dialogs.findLast(({ kind }) => kind === 'restore');
  if (dialog?.kind !== 'restore') throw new Error('the wizard is not open');
  return dialog;
}

export function pushStatus(state: ConsoleState, status: ScenarioStatus): ConsoleState {
  const batch = { scenarios: [status], removedScenarios: [], events: [], eventsDropped: 0 };
  return after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: state.now });
}

export const RECOVERY: RecoveryStatus = {
  method: 'rewind',
  phase: 'rewinding',
  doneSteps: 5_000,
  totalSteps: 20_312,
  path: 'orders/2026/07/0001.json',
  startedAt: NOON + 4_000,
  scenario: 'Recovery scenario of web-shop',
  replica: 'web-02',
};

export const RESTORED: RestoreResult = {
  method: 'rewind',
  replica: 'web-02',
  steps: 20_312,
  foreign: [{ root: 0, path: 'shop/cache/by hand.txt' }],
  foreignCount: 1,
  undoPoint: 'rewind-1',
  tookMs: 65_000,
  undoUntil: NOON + 24 * 60 * MINUTE,
  synchronization: {
    comparedEntries: 50_000,
    sentFiles: 20_001,
    sentBytes: 1_234_567_890,
    created: 1,
    updated: 20_000,
    removed: 1,
    metadataOnly: 3,
    identical: 29_995,
  },
};

/** The pages of the wizard, by name, for golden screens. */
export const RECOVERY_STATES: Readonly<Record<string, (size: Size) => ConsoleState>> = {
  'restore-method': (size) => walk(stoppedState(size), answerOf, 'w'),
  'restore-running': (size) => walk(connected(fresh(size), 'web-01', [scenario('web-shop')]), answerOf, 'w'),
  'restore-points': (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'j', 'j'),
  'restore-filter': (size) => typing(walk(stoppedState(size), answerOf, 'w', 'enter', 'f', 'right', 'down'), '2h'),
  'restore-preview': (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'p', 'j', 'j'),
  'restore-compare': (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'p', 'G', 'enter'),
  'restore-sync': (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'b', 'enter'),
  'restore-confirm': (size) =>
    typing(walk(stoppedState(size), answerOf, 'w', 'enter', 'b', 'enter', 'enter'), 'web-sh'),
  'restore-progress': underWay,
  'restore-failed': (size) => failedState(size),
  'restore-result': (size) =>
    reply(underWay(size), { kind: 'restore', scenarioId: 'id-web-shop' }, { ok: true, result: RESTORED }),
  'restore-undo': (size) => walk(stoppedState(size), answerOf, 'U'),
  'rewind-tab': (size) => walk(stoppedState(size), answerOf, '5'),
  bookmark: (size) => press(connected(fresh(size), 'web-01', [scenario('web-shop')]), 'b'),
};

function typing(state: ConsoleState, text: string): ConsoleState {
  return press(state, ...[...text].map((character) => (character === ' ' ? 'space' : character)));
}

function tick(state: ConsoleState): ConsoleState {
  return after(state, { type: 'tick', at: state.now + 1000 });
}

/** Confirmed, and some seconds into it. */
export function underWay(size: Size): ConsoleState {
  const silent: Answer = (command, args) => (command === 'scenario.restore' ? undefined : answerOf(command, args));
  const asked = walk(
    typing(walk(stoppedState(size), silent, 'w', 'enter', 'b', 'enter', 'enter'), 'web-shop'),
    silent,
    'enter',
  );
  const begun = tick(pushStatus(asked, scenario('web-shop', { ...STOPPED, recovery: RECOVERY })));
  return tick(pushStatus(begun, scenario('web-shop', { ...STOPPED, recovery: { ...RECOVERY, doneSteps: 9_000 } })));
}

function failedState(size: Size): ConsoleState {
  const failed = { ...RECOVERY, doneSteps: 9_100, failed: 'the volume of web-02 is full' };
  return tick(pushStatus(underWay(size), scenario('web-shop', { ...STOPPED, recovery: failed })));
}

/** Points, paths and contents all called the same. */
export function hostileAnswers(nasty: string): Answer {
  const point: RewindPoint = { id: 'e1', at: NOON, kind: 'event', text: nasty, path: `${nasty}/${nasty}`, root: 0 };
  const named: RewindPoint = { id: 'bookmark-1', at: NOON, kind: 'bookmark', text: nasty };
  const entries = [entry(`${nasty}/${nasty}`, 'renamed', { from: nasty }), entry(`${nasty}z`, 'changed')];
  return (command) => {
    switch (command) {
      case 'scenario.points':
        return { points: [point, named], total: 2 };
      case 'scenario.preview':
        return preview(point, {
          entries,
          problems: [{ root: 0, path: nasty, kind: 'lost', reason: nasty }],
          problemCount: 1,
        });
      case 'scenario.previewFile': {
        const { now } = FILE;
        if (now === undefined) throw new Error('the sample file exists now');
        return { ...FILE, path: `${nasty}z`, now: { ...now, text: `${nasty}\n${nasty}` } };
      }
      case 'scenario.journal':
        return { ...FIGURES, gaps: [{ from: NOON, reason: nasty }] };
      default:
        return {};
    }
  };
}

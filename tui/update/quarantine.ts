/** Quarantines: those of all hosts, what is in one page by page, one file against now, extract, discard. Pure. */
import type { QuarantineFileResult, QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import { EMPTY_FIELD, editField, fieldOf, insert } from '../input/field.ts';
import { plural } from '../present/format.ts';
import { keptLines } from '../present/kept-file.ts';
import { clean } from '../present/text.ts';
import { activeHost, scenarioViews } from '../select.ts';
import {
  type ConsoleState,
  closeDialog,
  type Effect,
  type Outcome,
  openDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from '../state.ts';
import type {
  KeptQuarantine,
  OpenedQuarantine,
  QuarantineDialog,
  QuarantinePurpose,
  QuarantineQuestion,
} from '../state-roles.ts';
import { isDeliberate } from './dialogs.ts';
import { type Move, moved } from './navigate.ts';
import type { Press } from './press.ts';
import { heard } from './recovery-answers.ts';

const PAGE_ITEMS = 200;
/** The next page is asked for this many rows before the end. */
const AHEAD = 60;
/** More are found by filtering. */
export const MOST_ITEMS = 20_000;
const COPY_MS = 24 * 3_600_000;
const STATES_MS = 60_000;

// ---------------------------------------------------------------- the list

export function openQuarantines(state: ConsoleState, at: number, scenario: string | undefined): Step {
  const dialog: QuarantineDialog = {
    kind: 'quarantine',
    openedAt: at,
    ...(scenario === undefined ? {} : { scenario }),
    heads: [],
    waiting: [],
    silent: [],
    cursor: 0,
    requests: 0,
  };
  return askAll(openDialog(state, dialog), dialog);
}

function askAll(state: ConsoleState, dialog: QuarantineDialog): Step {
  const up = state.hosts.filter(({ connection }) => connection === 'up');
  const down = state.hosts.filter(({ connection }) => connection !== 'up');
  const silent = down.map(({ name, fault }) => ({ host: name, why: fault?.text ?? 'not connected' }));
  const next = { ...dialog, heads: [], waiting: up.map(({ name }) => name), silent };
  return {
    state: replaceDialog(state, next),
    effects: up.map(({ name }) => ({
      type: 'request',
      host: name,
      command: 'scenario.quarantine',
      args: {},
      purpose: { kind: 'quarantines' },
    })),
  };
}

type Loose = Readonly<Record<string, unknown>>;

/** The answer comes from another host: believe only what has the right shape. */
function headsOf(result: unknown): readonly QuarantineHead[] | undefined {
  const { quarantines } = (result ?? {}) as { quarantines?: unknown };
  if (!Array.isArray(quarantines)) return undefined;
  return quarantines.filter((one: unknown): one is QuarantineHead => {
    const { id, scenario, items, bytes, at } = (one ?? {}) as Loose;
    return (
      [id, scenario].every((text) => typeof text === 'string') && [items, bytes, at].every((n) => typeof n === 'number')
    );
  });
}

function itemsOf(result: unknown): { items: readonly QuarantineItem[]; next?: number } | undefined {
  const { items, next } = (result ?? {}) as Loose;
  if (!Array.isArray(items)) return undefined;
  const known = items.filter((one: unknown): one is QuarantineItem => {
    const { path, kind, type, root } = (one ?? {}) as Loose;
    return [path, kind, type].every((text) => typeof text === 'string') && typeof root === 'number';
  });
  return typeof next === 'number' ? { items: known, next } : { items: known };
}

function fileOf(result: unknown): QuarantineFileResult | undefined {
  const { item, now } = (result ?? {}) as Loose;
  return typeof item === 'object' && item !== null && Array.isArray(now) ? (result as QuarantineFileResult) : undefined;
}

/** The browser, wherever it lies among the open dialogs. */
function change(state: ConsoleState, how: (dialog: QuarantineDialog) => QuarantineDialog): ConsoleState {
  return { ...state, dialogs: state.dialogs.map((dialog) => (dialog.kind === 'quarantine' ? how(dialog) : dialog)) };
}

export function hearQuarantine(state: ConsoleState, host: string, purpose: QuarantinePurpose, outcome: Outcome): Step {
  switch (purpose.kind) {
    case 'quarantines':
      return stay(change(state, (dialog) => withHeads(dialog, host, outcome)));
    case 'quarantine-page':
      return hearPage(state, purpose, outcome);
    case 'quarantine-states':
      return stay(change(state, (dialog) => withStates(dialog, purpose.id, outcome)));
    case 'quarantine-file':
      return stay(change(state, (dialog) => withFile(dialog, purpose.path, outcome)));
    case 'quarantine-done':
      return hearDone(state, purpose, outcome);
  }
}

function withHeads(dialog: QuarantineDialog, host: string, outcome: Outcome): QuarantineDialog {
  if (!dialog.waiting.includes(host)) return dialog;
  const waiting = dialog.waiting.filter((name) => name !== host);
  const answer = heard(outcome, headsOf);
  if ('fault' in answer) return { ...dialog, waiting, silent: [...dialog.silent, { host, why: answer.fault.text }] };
  const mine = ({ scenario }: KeptQuarantine) => Number(scenario === dialog.scenario);
  const heads = [...dialog.heads, ...answer.value.map((head) => ({ ...head, source: host }))].sort(
    (a, b) => mine(b) - mine(a) || b.at - a.at,
  );
  return { ...dialog, waiting, heads };
}

// ---------------------------------------------------------------- one of them

function pageArgs(head: KeptQuarantine, filter: string, from: number) {
  return { name: head.scenario, id: head.id, from, limit: PAGE_ITEMS, ...(filter === '' ? {} : { filter }) };
}

function pageRequest(dialog: QuarantineDialog, opened: OpenedQuarantine, from: number): [QuarantineDialog, Effect] {
  const asked = dialog.requests + 1;
  const { head, filter } = opened;
  const args = pageArgs(head, filter, from);
  const purpose = { kind: 'quarantine-page', id: head.id, asked, from } as const;
  return [
    { ...dialog, requests: asked, opened: { ...opened, asked } },
    { type: 'request', host: head.source, command: 'scenario.quarantine', args, purpose },
  ];
}

function asking(state: ConsoleState, dialog: QuarantineDialog, opened: OpenedQuarantine, from: number): Step {
  const [next, effect] = pageRequest(dialog, opened, from);
  return { state: replaceDialog(state, next), effects: [effect] };
}

/** The page is shown at once; what has become of its items is asked for behind it. */
function hearPage(
  state: ConsoleState,
  purpose: Extract<QuarantinePurpose, { kind: 'quarantine-page' }>,
  outcome: Outcome,
): Step {
  const before = openedIn(state);
  const next = change(state, (dialog) => withPage(dialog, purpose, outcome));
  const opened = openedIn(next);
  const isNew = opened !== undefined && opened !== before && opened.items.length > (before?.items.length ?? 0);
  if (!isNew || before === undefined || opened.head.deleted) return stay(next);
  const { head, filter } = opened;
  const args = { ...pageArgs(head, filter, purpose.from), compare: true };
  const about = { kind: 'quarantine-states', id: head.id } as const;
  const command = 'scenario.quarantine';
  return {
    state: next,
    effects: [{ type: 'request', host: head.source, command, args, purpose: about, timeoutMs: STATES_MS }],
  };
}

function openedIn(state: ConsoleState): OpenedQuarantine | undefined {
  const dialog = state.dialogs.find(({ kind }) => kind === 'quarantine');
  return dialog?.kind === 'quarantine' ? dialog.opened : undefined;
}

export function itemKey({ root, path }: Pick<QuarantineItem, 'root' | 'path'>): string {
  return `${root} ${path}`;
}

function withStates(dialog: QuarantineDialog, id: string, outcome: Outcome): QuarantineDialog {
  const { opened } = dialog;
  if (opened === undefined || opened.head.id !== id || !outcome.ok) return dialog;
  const items = itemsOf(outcome.result)?.items ?? [];
  const { states } = (outcome.result ?? {}) as { states?: unknown };
  if (!Array.isArray(states) || states.length !== items.length) return dialog;
  const known = items.flatMap((item, index) => {
    const told: unknown = states[index];
    return told === 'same' || told === 'differs' || told === 'unknown' ? [[itemKey(item), told] as const] : [];
  });
  return { ...dialog, opened: { ...opened, states: { ...opened.states, ...Object.fromEntries(known) } } };
}

function withPage(
  dialog: QuarantineDialog,
  { id, asked }: Extract<QuarantinePurpose, { kind: 'quarantine-page' }>,
  outcome: Outcome,
): QuarantineDialog {
  const { opened } = dialog;
  if (opened === undefined || opened.head.id !== id || opened.asked !== asked) return dialog;
  const { asked: _answered, next: _old, fault: _before, ...rest } = opened;
  const answer = heard(outcome, itemsOf);
  if ('fault' in answer) return { ...dialog, opened: { ...rest, fault: answer.fault } };
  const { items, next } = answer.value;
  return {
    ...dialog,
    opened: { ...rest, items: [...opened.items, ...items], ...(next === undefined ? {} : { next }) },
  };
}

export function openKept(state: ConsoleState, dialog: QuarantineDialog): Step {
  if (dialog.opened !== undefined) return openFile(state, dialog, dialog.opened);
  const head = dialog.heads[dialog.cursor];
  if (head === undefined) return stay(state);
  return asking(state, dialog, { head, items: [], states: {}, filter: '', cursor: 0 }, 0);
}

function openFile(state: ConsoleState, dialog: QuarantineDialog, { head, items, cursor }: OpenedQuarantine): Step {
  const item = items[cursor];
  if (item === undefined) return stay(state);
  const purpose = { kind: 'quarantine-file', id: head.id, path: item.path } as const;
  const args = { name: head.scenario, id: head.id, root: item.root, path: item.path };
  return {
    state: replaceDialog(state, { ...dialog, file: { item, scroll: 0 } }),
    effects: [{ type: 'request', host: head.source, command: 'scenario.quarantineFile', args, purpose }],
  };
}

function withFile(dialog: QuarantineDialog, path: string, outcome: Outcome): QuarantineDialog {
  const { file } = dialog;
  if (file === undefined || file.item.path !== path) return dialog;
  const answer = heard(outcome, fileOf);
  return { ...dialog, file: 'fault' in answer ? { ...file, fault: answer.fault } : { ...file, result: answer.value } };
}

export function moveKept(state: ConsoleState, dialog: QuarantineDialog, move: Move, page: number): Step {
  const { opened, file } = dialog;
  if (file !== undefined) {
    const last = Math.max(0, keptLines(file).length - page);
    const scroll = moved(move, Math.min(file.scroll, last), last + 1, page);
    return stay(replaceDialog(state, { ...dialog, file: { ...file, scroll } }));
  }
  if (opened === undefined) {
    return stay(
      replaceDialog(state, { ...dialog, cursor: Math.max(0, moved(move, dialog.cursor, dialog.heads.length, page)) }),
    );
  }
  const cursor = Math.max(0, moved(move, opened.cursor, opened.items.length, page));
  const next = { ...opened, cursor };
  const wants = cursor + AHEAD >= opened.items.length && opened.items.length < MOST_ITEMS;
  if (!wants || opened.next === undefined || opened.asked !== undefined)
    return stay(replaceDialog(state, { ...dialog, opened: next }));
  return asking(state, dialog, next, opened.next);
}

export function backFromKept(state: ConsoleState, dialog: QuarantineDialog): Step {
  const { file, opened, ...list } = dialog;
  if (file !== undefined) return stay(replaceDialog(state, opened === undefined ? list : { ...list, opened }));
  return stay(opened === undefined ? closeDialog(state) : replaceDialog(state, list));
}

export function reloadKept(state: ConsoleState, dialog: QuarantineDialog): Step {
  const { opened, file } = dialog;
  if (opened === undefined) return askAll(state, dialog);
  if (file !== undefined) return openFile(state, dialog, opened);
  const { next: _old, asked: _awaited, fault: _before, ...rest } = opened;
  return asking(state, dialog, { ...rest, items: [], states: {}, cursor: 0 }, 0);
}

/** What the cursor is on, for the clipboard. */
export function copyKept(state: ConsoleState, dialog: QuarantineDialog): Step {
  const { opened } = dialog;
  const text = opened === undefined ? dialog.heads[dialog.cursor]?.id : opened.items[opened.cursor]?.path;
  if (text === undefined) return stay(state);
  return { state: withToast(state, 'copied'), effects: [{ type: 'copy', text }] };
}

// ---------------------------------------------------------------- what is typed

export function askFilter(state: ConsoleState, dialog: QuarantineDialog, at: number): Step {
  const question = { kind: 'filter', field: fieldOf(dialog.opened?.filter ?? ''), openedAt: at } as const;
  return stay(replaceDialog(state, { ...dialog, question }));
}

function headAt({ opened, heads, cursor }: QuarantineDialog): KeptQuarantine | undefined {
  return opened?.head ?? heads[cursor];
}

/** In an open quarantine what the cursor is on; in the list all of it. */
export function askExtract(state: ConsoleState, dialog: QuarantineDialog, at: number): Step {
  const head = headAt(dialog);
  if (head === undefined) return stay(state);
  const path = dialog.file?.item.path ?? dialog.opened?.items[dialog.opened.cursor]?.path;
  const question = {
    kind: 'extract',
    field: fieldOf(`/var/tmp/${head.scenario}-${head.id}`),
    openedAt: at,
    ...(path === undefined ? {} : { path }),
  } as const;
  return stay(replaceDialog(state, { ...dialog, question }));
}

export function askDiscard(state: ConsoleState, dialog: QuarantineDialog, at: number): Step {
  if (headAt(dialog) === undefined) return stay(state);
  return stay(replaceDialog(state, { ...dialog, question: { kind: 'discard', field: EMPTY_FIELD, openedAt: at } }));
}

export function askReturn(state: ConsoleState, dialog: QuarantineDialog, at: number): Step {
  const item = dialog.opened?.items[dialog.opened.cursor];
  if (item === undefined) return stay(state);
  const question = { kind: 'return', field: EMPTY_FIELD, openedAt: at, path: item.path, root: item.root } as const;
  return stay(replaceDialog(state, { ...dialog, question }));
}

export function cancelQuestion(state: ConsoleState, dialog: QuarantineDialog): Step {
  const { question, ...rest } = dialog;
  const closed = replaceDialog(state, rest);
  return stay(question?.asked ? withToast(closed, 'the host was already asked') : closed);
}

export function typeKept(
  state: ConsoleState,
  dialog: QuarantineDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  const { question } = dialog;
  if (question === undefined || question.asked) return undefined;
  if (name === 'paste' && (question.kind === 'discard' || question.kind === 'return'))
    return withToast(state, 'pasting is not accepted here: type the name');
  const field =
    name === 'paste' && text !== undefined ? insert(question.field, text) : editField(question.field, name, text);
  return field === undefined ? undefined : replaceDialog(state, { ...dialog, question: { ...question, field } });
}

/** What has to be typed before a quarantine is removed. */
export function nameToType(dialog: QuarantineDialog): string {
  return headAt(dialog)?.scenario ?? '';
}

export function doQuestion(state: ConsoleState, dialog: QuarantineDialog, press: Press): Step {
  const { question, opened } = dialog;
  const head = headAt(dialog);
  if (question === undefined || head === undefined || question.asked) return stay(state);
  const text = question.field.text;
  if (question.kind === 'filter') {
    const { question: _done, ...rest } = dialog;
    if (opened === undefined) return stay(replaceDialog(state, rest));
    return asking(state, rest, { head: opened.head, items: [], states: {}, filter: text.trim(), cursor: 0 }, 0);
  }
  if (!isDeliberate(question.openedAt, press)) return stay(state);
  if (question.kind !== 'extract' && text !== clean(head.scenario))
    return stay(withToast(state, `type the name "${head.scenario}" first`));
  const { fault: _before, ...rest } = question;
  const asked = replaceDialog(state, { ...dialog, question: { ...rest, asked: true } });
  if (question.kind === 'return') return { state: asked, effects: returning(state, head, question) };
  return { state: asked, effects: [doing(head, question.kind, text.trim(), question.path)] };
}

/** Asked of the host that users are on: it is its data that changes. */
function returning(state: ConsoleState, head: KeptQuarantine, { root = 0, path }: QuarantineQuestion): Effect[] {
  const scenario = scenarioViews(state).find(({ status }) => status.name === head.scenario);
  const host = scenario === undefined ? undefined : activeHost(state, scenario);
  if (host === undefined || path === undefined) return [];
  const purpose = { kind: 'quarantine-done', what: 'return', id: head.id } as const;
  const args = { name: head.scenario, id: head.id, root, path };
  return [
    { type: 'request', host: host.name, command: 'scenario.quarantineReturn', args, purpose, timeoutMs: COPY_MS },
  ];
}

function doing(head: KeptQuarantine, what: 'extract' | 'discard', to: string, path: string | undefined): Effect {
  const named = { name: head.scenario, id: head.id };
  const purpose = { kind: 'quarantine-done', what, id: head.id } as const;
  if (what === 'discard')
    return { type: 'request', host: head.source, command: 'scenario.quarantineDiscard', args: named, purpose };
  const args = { ...named, to, ...(path === undefined ? {} : { path }) };
  return {
    type: 'request',
    host: head.source,
    command: 'scenario.quarantineExtract',
    args,
    purpose,
    timeoutMs: COPY_MS,
  };
}

function hearDone(
  state: ConsoleState,
  { what, id }: Extract<QuarantinePurpose, { kind: 'quarantine-done' }>,
  outcome: Outcome,
): Step {
  const dialog = state.dialogs.find((one) => one.kind === 'quarantine');
  const isOpen = dialog?.kind === 'quarantine' && dialog.question?.kind === what && headAt(dialog)?.id === id;
  if (!outcome.ok) {
    const { fault } = outcome;
    if (!isOpen) return stay(withToast(state, fault.text, 'error', fault.hint));
    return stay(
      change(state, ({ question = { kind: what, field: EMPTY_FIELD, openedAt: state.now }, ...rest }) => {
        const { asked: _answered, ...open } = question;
        return { ...rest, question: { ...open, fault, openedAt: state.now } };
      }),
    );
  }
  const closed = change(state, ({ question: _done, ...rest }) => rest);
  if (what === 'extract') return stay(withToast(closed, extractedText(outcome.result)));
  if (what === 'return') {
    const told = withToast(closed, returnedText(outcome.result));
    const top = topDialog(told);
    // What is shown of the file is not so any more.
    return top?.kind === 'quarantine' && top.file !== undefined ? reloadKept(told, top) : stay(told);
  }
  const told = withToast(
    change(closed, ({ opened: _o, file: _f, ...rest }) => ({ ...rest, cursor: 0 })),
    `${id} is discarded`,
  );
  const top = topDialog(told);
  return top?.kind === 'quarantine' ? askAll(told, top) : stay(told);
}

function returnedText(result: unknown): string {
  const { host, kept } = (result ?? {}) as { host?: unknown; kept?: unknown };
  const where = typeof host === 'string' ? host : 'the active host';
  return typeof kept === 'string'
    ? `put back on ${where}; what users had is in quarantine ${kept} there`
    : `put back on ${where}; nothing was there`;
}

function extractedText(result: unknown): string {
  const { files } = (result ?? {}) as { files?: unknown };
  const what = typeof files === 'number' ? plural(files, 'file') : 'it is';
  return `${what} extracted on the host that has the quarantine`;
}

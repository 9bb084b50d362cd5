/** Questions with one line to type: the name of a bookmark, the directory to extract into. Pure. */
import { formatCount } from '../../shared/units.ts';
import { editField, fieldOf, insert } from '../input/field.ts';
import { dateTime } from '../present/format.ts';
import { commandHost, scenarioById, selectedRow, selectedScenario } from '../select.ts';
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
import type { Extraction, PromptDialog, RestoreDialog } from '../state-recovery.ts';
import { rowAt } from './preview-tree.ts';
import { recoveryHost } from './recovery-request.ts';

const BOOKMARK_TIMEOUT_MS = 60_000;
/** What the daemon takes. */
const LONGEST_NAME = 200;

/** The default name holds date and time, as the guide tells it. */
export function openBookmark(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : commandHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const under = selectedRow(state)?.host?.name;
  const replica = under === scenario.status.active ? undefined : under;
  const dialog: PromptDialog = {
    kind: 'prompt',
    what: 'bookmark',
    openedAt: at,
    scenarioId: scenario.id,
    scenario: scenario.status.name,
    host: host.name,
    title: `Rewind bookmark: ${scenario.status.name}`,
    question: 'Name of the bookmark:',
    notes: [
      `Marks the state of now ${replica === undefined ? 'on every Replica' : `on ${replica}`}: data can be set back to it.`,
      'A name that says what is about to happen is easier to find: "before the upgrade".',
    ],
    verb: 'Set bookmark',
    field: fieldOf(`Bookmark ${dateTime(at)}`),
    step: 'question',
    ...(replica === undefined ? {} : { replica }),
  };
  return stay(openDialog(state, dialog));
}

/** Of the row under the cursor of the preview. */
export function openExtract(state: ConsoleState, dialog: RestoreDialog, at: number): Step {
  const row = rowAt(dialog);
  const point = dialog.preview?.result?.point;
  const scenario = scenarioById(state, dialog.scenarioId);
  const host = scenario === undefined ? undefined : recoveryHost(state, scenario, dialog.replica);
  if (row === undefined || point === undefined || host === undefined) return stay(state);
  if (row.entry?.kind === 'removed')
    return stay(withToast(state, 'it did not exist at that point: there is nothing to extract'));
  const prompt: PromptDialog = {
    kind: 'prompt',
    what: 'extract',
    openedAt: at,
    scenarioId: dialog.scenarioId,
    scenario: dialog.scenario,
    host: host.name,
    title: `Extract: ${row.path === '' ? `root ${row.root + 1}` : row.path}`,
    question: 'Into which directory of this computer:',
    notes: [
      `As it was at ${dateTime(point.at)} on ${dialog.replica}. The hosts are not changed.`,
      'It is written below it under its own name, with your rights; nothing that is there is overwritten.',
    ],
    verb: 'Extract',
    field: fieldOf(`restored-${dateTime(point.at).replaceAll(/[^0-9]+/g, '-')}`),
    step: 'question',
    source: { point: point.id, root: row.root, path: row.path, replica: dialog.replica },
  };
  return stay(openDialog(state, prompt));
}

export function typePrompt(
  state: ConsoleState,
  dialog: PromptDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  if (dialog.step !== 'question') return undefined;
  const field =
    name === 'paste' && text !== undefined ? insert(dialog.field, text) : editField(dialog.field, name, text);
  return field === undefined ? undefined : replaceDialog(state, { ...dialog, field });
}

export function enterPrompt(state: ConsoleState, dialog: PromptDialog): Step {
  if (dialog.step === 'asked') return stay(state);
  if (dialog.step === 'failed') return stay(replaceDialog(state, { ...dialog, step: 'question' }));
  const text = dialog.field.text.trim();
  if (text === '')
    return stay(withToast(state, dialog.what === 'bookmark' ? 'a bookmark needs a name' : 'which directory?'));
  const effect = dialog.what === 'bookmark' ? bookmarkRequest(dialog, text) : extraction(dialog, text);
  if (effect === undefined) return stay(state);
  return { state: replaceDialog(state, { ...dialog, step: 'asked' }), effects: [effect] };
}

function bookmarkRequest({ scenario, scenarioId, host, replica }: PromptDialog, text: string): Effect {
  const args = {
    name: scenario,
    text: text.slice(0, LONGEST_NAME),
    timeoutMs: BOOKMARK_TIMEOUT_MS,
    ...(replica === undefined ? {} : { replica }),
  };
  const purpose = { kind: 'bookmark', scenarioId } as const;
  return { type: 'request', host, command: 'scenario.bookmark', args, purpose, timeoutMs: 2 * BOOKMARK_TIMEOUT_MS };
}

function extraction({ scenario, scenarioId, host, source }: PromptDialog, directory: string): Effect | undefined {
  if (source === undefined) return undefined;
  const { replica, point, root, path } = source;
  return { type: 'extract', host, directory, args: { name: scenario, replica, point, root, path }, scenarioId };
}

export function closePrompt(state: ConsoleState, dialog: PromptDialog): Step {
  const closed = closeDialog(state);
  if (dialog.step !== 'asked') return stay(closed);
  return stay(
    withToast(closed, dialog.what === 'bookmark' ? 'the bookmark was already asked for' : 'it is written on'),
  );
}

export function hearPrompt(state: ConsoleState, what: PromptDialog['what'], outcome: Outcome): Step {
  const dialog = topDialog(state);
  const open = dialog?.kind === 'prompt' && dialog.what === what && dialog.step === 'asked';
  if (!outcome.ok) {
    const { fault } = outcome;
    if (open) return stay(replaceDialog(state, { ...dialog, step: 'failed', fault, openedAt: state.now }));
    return stay(withToast(state, fault.text, 'error', fault.hint));
  }
  const said = what === 'bookmark' ? bookmarkSaid(outcome.result) : extractSaid(outcome.result);
  return stay(withToast(open ? closeDialog(state) : state, said));
}

function bookmarkSaid(result: unknown): string {
  const { points } = (result ?? {}) as { points?: unknown };
  const replicas = Array.isArray(points)
    ? points.map((one: unknown) => String((one as { replica?: unknown } | undefined)?.replica)).join(', ')
    : '';
  return replicas === '' ? 'the bookmark is set' : `the bookmark is set on ${replicas}`;
}

function extractSaid(result: unknown): string {
  const { files, present, lost, directory } = result as Extraction;
  const there = present > 0 ? `, ${formatCount(present)} were there already` : '';
  const missing = lost > 0 ? `; ${formatCount(lost)} are lost: see mainstay extract` : '';
  return `extracted ${formatCount(files)} into ${directory}${there}${missing}`;
}

/** How far an extraction is, for its dialog. */
export function hearExtracted(
  state: ConsoleState,
  done: { readonly files: number; readonly bytes: number },
): ConsoleState {
  const dialog = topDialog(state);
  const open = dialog?.kind === 'prompt' && dialog.what === 'extract' && dialog.step === 'asked';
  return open ? replaceDialog(state, { ...dialog, done }) : state;
}

/** The console's one reducer: a state and a message make the next state and what is to be done. Pure. */
import { editField, insert } from './input/field.ts';
import { actionFor, placeOf } from './keys.ts';
import {
  type ConsoleState,
  type Dialog,
  KEY_REPEAT_MS,
  type Message,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from './state.ts';
import { act } from './update/actions.ts';
import { addEvents, documentOf, eventsOf, hearNews, tick } from './update/data.ts';
import { hearConfirmReply, hearRunReply, typeConfirm } from './update/dialogs.ts';
import { typeFilter } from './update/navigate.ts';
import { hearSettled } from './update/point-picker.ts';
import type { Press } from './update/press.ts';
import { hearExtracted } from './update/prompt.ts';
import { hearQuarantine, typeKept } from './update/quarantine.ts';
import { hearDifferences } from './update/recover.ts';
import { hearRecovery, pasteRecovery, typeRecovery } from './update/recovery-input.ts';
import { hearAsked, hearParked } from './update/replica-actions.ts';
import { hearExport, hearReport, hearReports, hearSaved } from './update/reports.ts';
import { followRestore, noteRecovery } from './update/restore-progress.ts';
import { hearRoles } from './update/role-actions.ts';
import { withShownTab } from './update/shown-tab.ts';
import { followSwitch, hearPlan, hearSwitch, typeSwitch } from './update/switch.ts';

export function update(state: ConsoleState, message: Message): Step {
  switch (message.type) {
    case 'extracted':
      return stay(hearExtracted({ ...state, now: message.at }, message));
    case 'settled':
      return hearSettled({ ...state, now: message.at }, message.scenarioId, message.moves);
    case 'key':
      return pressKey({ ...state, now: message.at }, message);
    case 'paste':
      return stay(paste(state, message.text));
    case 'resize':
      return stay({ ...state, columns: message.columns, rows: message.rows });
    case 'tick':
      return withShownTab(followRestore(tick(state, message.at)));
    case 'news':
      return noticed(hearNews(state, message.host, message.news, message.at));
    case 'reply':
      return hearReply(state, message);
  }
}

function noticed({ state, effects }: Step): Step {
  return { state: followSwitch(noteRecovery(state)), effects };
}

function hearReply(state: ConsoleState, message: Extract<Message, { type: 'reply' }>): Step {
  const { purpose, outcome } = message;
  switch (purpose.kind) {
    case 'verify':
    case 'run':
      return hearRunReply(state, purpose, outcome, message.at);
    case 'confirm':
      return hearConfirmReply(state, purpose, outcome, message.at);
    case 'ask':
      return hearAsked(state, purpose, outcome);
    case 'parked':
      return hearParked(state, purpose, outcome);
    case 'roles':
      return hearRoles(state, purpose, outcome);
    case 'switch-plan':
      return hearPlan(state, purpose.scenarioId, outcome);
    case 'switch':
      return hearSwitch({ ...state, now: Math.max(state.now, message.at) }, purpose.scenarioId, outcome);
    case 'quarantines':
    case 'quarantine-page':
    case 'quarantine-states':
    case 'quarantine-file':
    case 'quarantine-done':
      return hearQuarantine({ ...state, now: Math.max(state.now, message.at) }, message.host, purpose, outcome);
    case 'differences':
      return hearDifferences(state, purpose.scenarioId, outcome);
    case 'reports':
      return hearReports(state, message.host, outcome);
    case 'report':
      return hearReport(state, purpose, outcome);
    case 'report-export':
      return hearExport(state, purpose.file, outcome);
    case 'saved':
      return hearSaved(state, outcome);
    case 'points':
    case 'preview':
    case 'preview-file':
    case 'journal':
    case 'bookmark':
    case 'extract':
    case 'restore':
      return hearRecovery({ ...state, now: Math.max(state.now, message.at) }, purpose, outcome);
    case 'history':
      return stay(outcome.ok ? addEvents(state, message.host, eventsOf(outcome.result), false) : state);
    case 'document': {
      if (!outcome.ok) return stay(withToast(state, outcome.fault.text, 'error', outcome.fault.hint));
      const document = documentOf(outcome.result);
      if (document === undefined) return stay(state);
      return stay({ ...state, documents: { ...state.documents, [purpose.scenarioId]: document } });
    }
  }
}

function pressKey(state: ConsoleState, message: Extract<Message, { type: 'key' }>): Step {
  const { name, text, at, burst } = message;
  const repeat = state.lastKey?.name === name && at - state.lastKey.at < KEY_REPEAT_MS;
  const known = { ...state, lastKey: { name, at } };
  const typed = typeInto(known, name, text);
  if (typed !== undefined) return stay(typed);
  const action = actionFor(placeOf(known), name);
  const press: Press = { at, burst, repeat };
  return action === undefined ? stay(known) : act(known, action, press);
}

/** Keys of open text fields come before all actions, except those that leave or move. */
function typeInto(state: ConsoleState, name: string, text: string | undefined): ConsoleState | undefined {
  const dialog = topDialog(state);
  if (dialog !== undefined) return typeIntoDialog(state, dialog, name, text);
  if (state.editing === undefined || actionFor('field', name) !== undefined) return undefined;
  return typeFilter(state, name, text);
}

function typeIntoDialog(
  state: ConsoleState,
  dialog: Dialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  const isAction = actionFor(placeOf(state), name) !== undefined;
  switch (dialog.kind) {
    case 'restore':
    case 'prompt':
      return typeRecovery(state, dialog, name, text);
    case 'quarantine':
      return isAction ? undefined : typeKept(state, dialog, name, text);
    case 'switch':
      return isAction ? undefined : typeSwitch(state, dialog, name, text);
    case 'confirm':
      // y, n and q are letters of a name here; Tab and the arrows between the buttons do not exist.
      if (dialog.typed === undefined || (text === undefined && isAction)) return undefined;
      return typeConfirm(state, dialog, name, text);
    case 'palette': {
      const field = isAction ? undefined : editField(dialog.field, name, text);
      return field === undefined ? undefined : replaceDialog(state, { ...dialog, field, cursor: 0 });
    }
    default:
      return undefined;
  }
}

/** A paste goes into filters and the palette only: never into a question, and outside of fields it is not keys. */
function paste(state: ConsoleState, text: string): ConsoleState {
  const dialog = topDialog(state);
  if (dialog?.kind === 'restore' || dialog?.kind === 'prompt') return pasteRecovery(state, dialog, text);
  if (dialog?.kind === 'quarantine') return typeKept(state, dialog, 'paste', text) ?? state;
  if (dialog?.kind === 'palette')
    return replaceDialog(state, { ...dialog, field: insert(dialog.field, text), cursor: 0 });
  if (dialog !== undefined) {
    return (dialog.kind === 'confirm' && dialog.typed !== undefined) || dialog.kind === 'switch'
      ? withToast(state, 'pasting is not accepted here: type the name')
      : state;
  }
  return state.editing === undefined ? withToast(state, 'a paste was ignored') : typeFilter(state, '', text);
}

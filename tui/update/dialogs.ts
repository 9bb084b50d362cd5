/** The dialogs that do something: run with its verification, and the questions before stop and delete. Pure. */
import type { CommandName } from '../../shared/commands.ts';
import { editField } from '../input/field.ts';
import { clean } from '../present/text.ts';
import { commandHost, type ScenarioView, scenarioById, selectedScenario, worstLag } from '../select.ts';
import {
  type ConfirmDialog,
  type ConsoleState,
  closeDialog,
  DIALOG_GUARD_MS,
  type Effect,
  NO_FIELD,
  type Outcome,
  openDialog,
  type Purpose,
  type RunDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from '../state.ts';
import { findingsOf } from './findings.ts';

export const SYNC_CHOICES = ['file', 'block', 'skip'] as const;

/** A key given to a dialog that has just opened, or one of a burst, was not meant as its answer. */
export function isDeliberate(
  openedAt: number,
  key: { readonly at: number; readonly burst: boolean; readonly repeat: boolean },
): boolean {
  return !key.burst && !key.repeat && key.at - openedAt >= DIALOG_GUARD_MS;
}

// ---------------------------------------------------------------- run

export function openRun(state: ConsoleState, at: number, verifyOnly: boolean): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : commandHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const dialog: RunDialog = {
    kind: 'run',
    openedAt: at,
    scenarioId: scenario.id,
    scenario: scenario.status.name,
    host: host.name,
    verifyOnly,
    step: 'verifying',
    findings: [],
    acknowledged: false,
    choice: { sync: 'file', ignoreSame: true },
    row: 2,
    button: 'cancel',
    scroll: 0,
  };
  return { state: openDialog(state, dialog), effects: [verification(dialog)] };
}

function verification(dialog: RunDialog): Effect {
  return {
    type: 'request',
    host: dialog.host,
    command: 'scenario.verify',
    args: { name: dialog.scenario },
    purpose: { kind: 'verify', scenarioId: dialog.scenarioId },
  };
}

export function verifyAgain(state: ConsoleState, dialog: RunDialog, at: number): Step {
  const next: RunDialog = { ...dialog, step: 'verifying', findings: [], acknowledged: false, openedAt: at, scroll: 0 };
  return { state: replaceDialog(state, next), effects: [verification(next)] };
}

export function hasErrors(dialog: RunDialog): boolean {
  return dialog.findings.some((finding) => finding.severity === 'error');
}

export function hasWarnings(dialog: RunDialog): boolean {
  return dialog.findings.some((finding) => finding.severity === 'warning');
}

export function acknowledge(state: ConsoleState, dialog: RunDialog, at: number): ConsoleState {
  if (dialog.step !== 'findings' || dialog.verifyOnly || hasErrors(dialog)) return state;
  return replaceDialog(state, { ...dialog, step: 'question', acknowledged: true, openedAt: at });
}

export function moveRow(state: ConsoleState, dialog: RunDialog, by: 1 | -1): ConsoleState {
  if (dialog.step === 'findings' || dialog.step === 'failed') {
    return replaceDialog(state, { ...dialog, scroll: Math.max(0, dialog.scroll + by) });
  }
  const row = Math.max(0, Math.min(2, dialog.row + by)) as RunDialog['row'];
  return replaceDialog(state, { ...dialog, row });
}

export function changeChoice(state: ConsoleState, dialog: RunDialog, by: 1 | -1): ConsoleState {
  if (dialog.step !== 'question') return state;
  const { choice } = dialog;
  if (dialog.row === 2)
    return replaceDialog(state, { ...dialog, button: dialog.button === 'cancel' ? 'go' : 'cancel' });
  if (dialog.row === 1)
    return replaceDialog(state, { ...dialog, choice: { ...choice, ignoreSame: !choice.ignoreSame } });
  const at = SYNC_CHOICES.indexOf(choice.sync);
  const sync = SYNC_CHOICES[(at + by + SYNC_CHOICES.length) % SYNC_CHOICES.length] ?? 'file';
  return replaceDialog(state, { ...dialog, choice: { ...choice, sync } });
}

export function startRun(state: ConsoleState, dialog: RunDialog): Step {
  if (dialog.step !== 'question') return stay(state);
  const { sync, ignoreSame } = dialog.choice;
  const effect: Effect = {
    type: 'request',
    host: dialog.host,
    command: 'scenario.run',
    args: { name: dialog.scenario, sync, ignoreSame, acknowledgeWarnings: dialog.acknowledged },
    purpose: { kind: 'run', scenarioId: dialog.scenarioId },
  };
  return { state: replaceDialog(state, { ...dialog, step: 'starting' }), effects: [effect] };
}

export function pressRunButton(state: ConsoleState, dialog: RunDialog, at: number): Step {
  if (dialog.step === 'findings') {
    return stay(dialog.verifyOnly || hasErrors(dialog) ? closeDialog(state) : acknowledge(state, dialog, at));
  }
  if (dialog.step !== 'question') return dialog.step === 'failed' ? stay(closeDialog(state)) : stay(state);
  if (dialog.row !== 2) return stay(replaceDialog(state, { ...dialog, row: 2 }));
  return dialog.button === 'go' ? startRun(state, dialog) : stay(closeDialog(state));
}

export function hearRunReply(
  state: ConsoleState,
  purpose: Purpose & { scenarioId: string },
  outcome: Outcome,
  at: number,
): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'run' || dialog.scenarioId !== purpose.scenarioId)
    return stay(replyWithoutDialog(state, purpose, outcome));
  if (purpose.kind === 'verify' && dialog.step === 'verifying')
    return stay(hearVerification(state, dialog, outcome, at));
  if (purpose.kind !== 'run' || dialog.step !== 'starting') return stay(state);
  if (outcome.ok) return stay(withToast(closeDialog(state), `${dialog.scenario} is starting`));
  return stay(replaceDialog(state, { ...dialog, step: 'failed', fault: outcome.fault, openedAt: at }));
}

function hearVerification(state: ConsoleState, dialog: RunDialog, outcome: Outcome, at: number): ConsoleState {
  if (!outcome.ok) return replaceDialog(state, { ...dialog, step: 'failed', fault: outcome.fault, openedAt: at });
  const findings = findingsOf(outcome.result);
  const serious = findings.some((finding) => finding.severity !== 'info');
  const step = serious || dialog.verifyOnly ? 'findings' : 'question';
  return replaceDialog(state, { ...dialog, findings, step, openedAt: at });
}

/** The dialog was closed before its answer came: a failure must still be seen. */
function replyWithoutDialog(
  state: ConsoleState,
  purpose: Purpose & { scenarioId: string },
  outcome: Outcome,
): ConsoleState {
  if (outcome.ok || purpose.kind === 'verify') return state;
  const name = scenarioById(state, purpose.scenarioId)?.status.name ?? 'the scenario';
  return withToast(state, `${name}: ${outcome.fault.text}`, 'error', outcome.fault.hint);
}

// ---------------------------------------------------------------- stop, delete

/** What must still hold when the answer comes. */
export function basisOf(scenario: ScenarioView | undefined): string {
  if (scenario === undefined) return 'gone';
  const { status } = scenario;
  return `${status.running} ${status.active} ${status.epoch} ${scenario.stale}`;
}

export function openConfirm(
  state: ConsoleState,
  at: number,
  question: Pick<ConfirmDialog, 'command' | 'title' | 'question' | 'impact' | 'verb'> &
    Partial<Pick<ConfirmDialog, 'typed' | 'args' | 'host'>>,
): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : commandHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const dialog: ConfirmDialog = {
    kind: 'confirm',
    openedAt: at,
    args: { name: scenario.status.name },
    host: host.name,
    scenario: scenario.status.name,
    scenarioId: scenario.id,
    field: NO_FIELD,
    button: 'cancel',
    step: 'question',
    basis: basisOf(scenario),
    ...question,
  };
  return stay(openDialog(state, dialog));
}

export function openStop(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return stay(state);
  const { status } = scenario;
  const impact = [
    'Changes made from now on are not replicated until it runs again.',
    'The data on both hosts stays as it is.',
  ];
  if (status.state === 'synchronizing')
    impact.push('Synchronization is not finished; files already copied are not sent again.');
  const pending = Math.max(0, ...status.hosts.map((host) => host.replica?.pendingChanges ?? 0));
  if (pending > 0)
    impact.push(`${pending} changes are not applied on the Replica yet (lag ${Math.ceil(worstLag(status) / 1000)} s).`);
  return openConfirm(state, at, {
    command: 'scenario.stop',
    title: 'Stop',
    question: `Are you sure you want to stop scenario "${status.name}"?`,
    impact,
    verb: 'Stop',
  });
}

export function openDelete(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return stay(state);
  const { status } = scenario;
  return openConfirm(state, at, {
    command: 'scenario.delete',
    title: 'Delete scenario',
    question: `Delete scenario "${status.name}"?`,
    impact: [
      'Its properties are forgotten; the data on both hosts stays.',
      `Active now: ${status.active === '' ? 'none' : status.active}, epoch ${status.epoch}; it stays the active one.`,
      'No standby follows it afterwards.',
      'What hosts keep of it in quarantine stays there (:quarantine lists it).',
    ],
    verb: 'Delete',
    typed: status.name,
  });
}

export function mayConfirm(dialog: ConfirmDialog): boolean {
  return dialog.step === 'question' && (dialog.typed === undefined || dialog.field.text === clean(dialog.typed));
}

export function confirm(state: ConsoleState, dialog: ConfirmDialog): Step {
  if (!mayConfirm(dialog)) return stay(state);
  if (basisOf(scenarioById(state, dialog.scenarioId)) !== dialog.basis) {
    const text = `${dialog.scenario} changed while the question was open; nothing was done`;
    return stay(withToast(closeDialog(state), text, 'error', 'Look at its state, then ask again.'));
  }
  const effect: Effect = {
    type: 'request',
    host: dialog.host,
    command: dialog.command,
    args: dialog.args,
    purpose: { kind: 'confirm', scenarioId: dialog.scenarioId },
  };
  return { state: replaceDialog(state, { ...dialog, step: 'asked' }), effects: [effect] };
}

export function pressConfirmButton(state: ConsoleState, dialog: ConfirmDialog): Step {
  if (dialog.step === 'failed') return stay(closeDialog(state));
  if (dialog.step === 'asked') return stay(state);
  if (dialog.typed !== undefined) return mayConfirm(dialog) ? confirm(state, dialog) : stay(state);
  return dialog.button === 'go' ? confirm(state, dialog) : stay(closeDialog(state));
}

/** Typing into the name field; undefined when the dialog has none or the key is not for it. */
export function typeConfirm(
  state: ConsoleState,
  dialog: ConfirmDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  if (dialog.typed === undefined || dialog.step !== 'question') return undefined;
  const field = editField(dialog.field, name, text);
  return field === undefined ? undefined : replaceDialog(state, { ...dialog, field });
}

const DONE: Partial<Record<CommandName, string>> = {
  'scenario.stop': 'stops',
  'scenario.switchover': 'is switched over; the overview shows each step',
  'scenario.ack': 'may switch over by itself again',
  'scenario.delete': 'is deleted',
  'scenario.suspend': 'is suspended',
  'scenario.brakeRelease': 'goes on',
  'host.prepareReboot': 'is drained and held; the host can be restarted',
  'scenario.parkedDrop': 'forgot its parked items',
  'scenario.run': 'goes on',
  'scenario.undo': 'keeps its data as it was restored',
};

export function hearConfirmReply(
  state: ConsoleState,
  purpose: Purpose & { scenarioId: string },
  outcome: Outcome,
  at: number,
): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'confirm' || dialog.scenarioId !== purpose.scenarioId || dialog.step !== 'asked') {
    return stay(replyWithoutDialog(state, purpose, outcome));
  }
  if (!outcome.ok) return stay(replaceDialog(state, { ...dialog, step: 'failed', fault: outcome.fault, openedAt: at }));
  return stay(withToast(closeDialog(state), `${dialog.scenario} ${DONE[dialog.command] ?? 'was asked'}`));
}

/** The switchover dialog: impact and dry run, what has to be typed, the eight steps, the end. Pure. */
import type { CommandName } from '../../shared/commands.ts';
import type { SwitchoverPlan } from '../../shared/results.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { EMPTY_FIELD, editField } from '../input/field.ts';
import { clean } from '../present/text.ts';
import { type ScenarioView, scenarioById, selectedScenario, switchoverHost } from '../select.ts';
import { reportsOf, switchoverOf } from '../select-roles.ts';
import {
  type ConsoleState,
  closeDialog,
  type Effect,
  type HostView,
  type Outcome,
  openDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from '../state.ts';
import { mayType, type SwitchDialog, type SwitchJob } from '../state-roles.ts';
import { basisOf, isDeliberate } from './dialogs.ts';
import type { Handler, Press } from './press.ts';
import { heard } from './recovery-answers.ts';
import { newestSwitchover } from './switch-progress.ts';

/** A host that was heard this recently is not off: it is asked to take part (the daemons' own limit). */
const HEARD_MS = 15_000;
const FENCING_MS = 900_000;

/** The host that is asked has not heard the active one for so long that only the operator can say what became of it. */
function isSilent(state: ConsoleState, scenario: ScenarioView, host: HostView): boolean {
  const report = reportsOf(state, scenario.id).find((one) => one.host.name === host.name);
  if (report === undefined || report.name === scenario.status.active) return false;
  const peer = report.status.roles?.peer;
  return peer === undefined || peer.role !== 'active' || peer.ageMs + report.ageMs > HEARD_MS;
}

/** A fencing script stands for the operator's word, until it has failed. */
function jobOf(state: ConsoleState, scenario: ScenarioView, host: HostView): SwitchJob {
  if (!isSilent(state, scenario, host)) return 'planned';
  return host.scenarios[scenario.id]?.roles?.automatic?.right === 'fencing' ? 'fenced' : 'stated';
}

function otherHost({ hosts, active }: ScenarioStatus): string {
  return hosts.find(({ name }) => name !== active)?.name ?? 'the standby';
}

/** What the operator states of a host that does not answer. */
export function statementOf(host: string): string {
  return `${host} is fenced`;
}

function fieldsOf(job: SwitchJob, scenario: string, other: string, states: boolean): SwitchDialog['fields'] {
  const name = { wanted: scenario, field: EMPTY_FIELD };
  return job === 'stated' || states ? [{ wanted: statementOf(other), field: EMPTY_FIELD }, name] : [name];
}

export function openSwitchover(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : switchoverHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const { status } = scenario;
  const under = switchoverOf(reportsOf(state, scenario.id));
  const job = jobOf(state, scenario, host);
  const to = job !== 'planned' ? (host.scenarios[scenario.id]?.reportedBy ?? host.name) : otherHost(status);
  const dialog: SwitchDialog = {
    kind: 'switch',
    openedAt: at,
    job,
    scenarioId: scenario.id,
    scenario: status.name,
    host: host.name,
    from: status.active,
    to,
    backward: status.backward === true,
    step: 'question',
    fields: fieldsOf(job, status.name, status.active, false),
    focus: 0,
    basis: '',
    scroll: 0,
  };
  if (under !== undefined) return watch(state, dialog, under.id, under.right === 'planned' ? 'planned' : 'stated');
  return ask(openDialog(state, dialog), dialog);
}

/** One that was begun elsewhere, or before this console was closed. */
function watch(state: ConsoleState, dialog: SwitchDialog, id: string, job: SwitchJob): Step {
  return stay(openDialog(state, { ...dialog, job, step: 'progress', id }));
}

/** The question, with a dry run of this moment. */
function ask(state: ConsoleState, dialog: SwitchDialog): Step {
  const { plan: _old, planFault: _before, ...rest } = dialog;
  const next = { ...rest, basis: switchBasis(state, dialog) };
  const args = { name: dialog.scenario, ...(dialog.job === 'stated' ? { peerIsFenced: true } : {}) };
  const purpose = { kind: 'switch-plan', scenarioId: dialog.scenarioId } as const;
  const effects: Effect[] = mayDryRun(dialog)
    ? [{ type: 'request', host: dialog.host, command: 'scenario.switchoverPlan', args, purpose }]
    : [];
  return { state: replaceDialog(state, next), effects };
}

function mayDryRun({ job }: SwitchDialog): boolean {
  return job !== 'make-master' && job !== 'make-replica';
}

/** What must still hold when it is answered: also whether the other host is silent. */
export function switchBasis(state: ConsoleState, { scenarioId, host }: SwitchDialog): string {
  const scenario = scenarioById(state, scenarioId);
  const asked = state.hosts.find(({ name }) => name === host);
  const silent = scenario !== undefined && asked !== undefined && isSilent(state, scenario, asked);
  return `${basisOf(scenario)} ${silent}`;
}

function planOf(result: unknown): SwitchoverPlan | undefined {
  const { steps, findings, possible } = (result ?? {}) as Partial<SwitchoverPlan>;
  return Array.isArray(steps) && Array.isArray(findings) && typeof possible === 'boolean'
    ? (result as SwitchoverPlan)
    : undefined;
}

/** The dialog of that scenario, wherever it lies among the open ones. */
export function withSwitch(
  state: ConsoleState,
  scenarioId: string,
  change: (dialog: SwitchDialog, put: (next: SwitchDialog) => ConsoleState) => Step,
): Step | undefined {
  const at = state.dialogs.findLastIndex(({ kind }) => kind === 'switch');
  const dialog = state.dialogs[at];
  if (dialog?.kind !== 'switch' || dialog.scenarioId !== scenarioId) return undefined;
  return change(dialog, (next) => ({ ...state, dialogs: state.dialogs.with(at, next) }));
}

export function hearPlan(state: ConsoleState, scenarioId: string, outcome: Outcome): Step {
  const answer = heard(outcome, planOf);
  const heardBy = withSwitch(state, scenarioId, (dialog, put) =>
    stay(put('fault' in answer ? { ...dialog, planFault: answer.fault } : { ...dialog, plan: answer.value })),
  );
  return heardBy ?? stay(state);
}

// ---------------------------------------------------------------- the question

export function isTyped({ fields }: SwitchDialog): boolean {
  return fields.every(({ field, wanted }) => field.text === clean(wanted));
}

export function typeSwitch(
  state: ConsoleState,
  dialog: SwitchDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  const focused = dialog.fields[dialog.focus];
  if (!mayType(dialog) || focused === undefined) return undefined;
  const field = editField(focused.field, name, text);
  if (field === undefined) return undefined;
  return replaceDialog(state, { ...dialog, fields: dialog.fields.with(dialog.focus, { ...focused, field }) });
}

function nextField(state: ConsoleState, dialog: SwitchDialog): Step {
  return stay(replaceDialog(state, { ...dialog, focus: (dialog.focus + 1) % dialog.fields.length }));
}

const COMMANDS: Readonly<Record<SwitchJob, CommandName>> = {
  planned: 'scenario.switchover',
  fenced: 'scenario.switchover',
  stated: 'scenario.switchover',
  'make-master': 'scenario.recoverActive',
  'make-replica': 'scenario.recoverActive',
};

/** Asks for it, when everything is typed and nothing has changed since the question was put. */
function start(state: ConsoleState, dialog: SwitchDialog): Step {
  if (!mayType(dialog)) return stay(state);
  if (!isTyped(dialog)) {
    const at = dialog.fields.findIndex(({ field, wanted }) => field.text !== clean(wanted));
    const wanted = dialog.fields[at]?.wanted ?? '';
    return stay(withToast(replaceDialog(state, { ...dialog, focus: at }), `type "${wanted}" first`));
  }
  if (switchBasis(state, dialog) !== dialog.basis) return refused(state, dialog);
  const { job, scenario, scenarioId, host } = dialog;
  const states = dialog.fields.length > 1 ? { peerIsFenced: true } : {};
  const make = job === 'make-master' ? { make: 'master' } : job === 'make-replica' ? { make: 'replica' } : {};
  const epoch = scenarioById(state, scenarioId)?.status.epoch ?? 0;
  const { fault: _before, ...rest } = dialog;
  const next: SwitchDialog = {
    ...rest,
    step: 'progress',
    scroll: 0,
    openedAt: state.now,
    asked: { at: state.now, epoch, nextEvent: state.nextEventId },
  };
  const effect: Effect = {
    type: 'request',
    host,
    command: COMMANDS[job],
    args: { name: scenario, ...make, ...states },
    purpose: { kind: 'switch', scenarioId },
    // It is answered when the script has ended.
    ...(job === 'fenced' ? { timeoutMs: FENCING_MS } : {}),
  };
  return { state: replaceDialog(state, next), effects: [effect] };
}

/** Something of it is not as it was read: the question is put anew. */
function refused(state: ConsoleState, dialog: SwitchDialog): Step {
  const text = `${dialog.scenario} changed while the question was open; nothing was done`;
  const told = withToast(closeDialog(state), text, 'error', 'Look at its state, then ask again.');
  return stay(told);
}

export function hearSwitch(state: ConsoleState, scenarioId: string, outcome: Outcome): Step {
  const name = scenarioById(state, scenarioId)?.status.name ?? 'the scenario';
  const found = withSwitch(state, scenarioId, (dialog, put) => {
    if (dialog.step !== 'progress') return stay(state);
    if (outcome.ok) {
      const { switchover } = (outcome.result ?? {}) as { switchover?: unknown };
      return stay(put(typeof switchover === 'string' ? { ...dialog, id: switchover } : dialog));
    }
    return refusedBy(state, dialog, put, outcome);
  });
  if (found !== undefined) return found;
  if (outcome.ok) return stay(state);
  return stay(withToast(state, `${name}: ${outcome.fault.text}`, 'error', outcome.fault.hint));
}

/** Back to the question with the reason. A lost connection says nothing of the switchover: it is watched on. */
function refusedBy(
  state: ConsoleState,
  dialog: SwitchDialog,
  put: (next: SwitchDialog) => ConsoleState,
  { fault }: Extract<Outcome, { ok: false }>,
): Step {
  if (fault.code === 'LINK-UNREACHABLE' || fault.code === 'TIMEOUT') return stay(put({ ...dialog, fault }));
  const { asked: _no, ...rest } = dialog;
  // Neither the active host nor the script says that it is off: from here on it is the operator's word.
  const job = fault.code === 'SWITCH-SILENT' || fault.code === 'SWITCH-FENCING' ? 'stated' : dialog.job;
  const fields = fieldsOf(job, dialog.scenario, dialog.from, dialog.fields.length > 1);
  const again: SwitchDialog = {
    ...rest,
    job,
    step: 'question',
    fields,
    focus: 0,
    fault,
    openedAt: state.now,
    scroll: 0,
  };
  return ask(put(again), again);
}

/** The switchover that was asked for is known by its id as soon as a host tells it. */
export function followSwitch(state: ConsoleState): ConsoleState {
  const at = state.dialogs.findLastIndex(({ kind }) => kind === 'switch');
  const dialog = state.dialogs[at];
  if (dialog?.kind !== 'switch' || dialog.step !== 'progress' || dialog.id !== undefined) return state;
  const under = switchoverOf(reportsOf(state, dialog.scenarioId));
  const id = under?.id ?? newestSwitchover(state.events, dialog.scenario, dialog.asked?.nextEvent ?? 0);
  return id === undefined ? state : { ...state, dialogs: state.dialogs.with(at, { ...dialog, id }) };
}

// ---------------------------------------------------------------- keys

function inSwitch(handle: (state: ConsoleState, dialog: SwitchDialog, press: Press) => Step): Handler {
  return (state, press) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'switch' ? handle(state, dialog, press) : stay(state);
  };
}

const scroll = (by: number) =>
  inSwitch((state, dialog) => stay(replaceDialog(state, { ...dialog, scroll: Math.max(0, dialog.scroll + by) })));

export const switchDo = inSwitch((state, dialog, press) => {
  if (!isDeliberate(dialog.openedAt, press)) return stay(state);
  const last = dialog.focus === dialog.fields.length - 1;
  const focused = dialog.fields[dialog.focus];
  // Enter in the first field goes on to the second.
  if (!last && focused !== undefined && focused.field.text === clean(focused.wanted)) return nextField(state, dialog);
  return start(state, dialog);
});

export const switchLeave = inSwitch((state, dialog) => {
  const closed = closeDialog(state);
  if (dialog.step !== 'progress' || dialog.asked === undefined) return stay(closed);
  return stay(withToast(closed, `${dialog.scenario}: it goes on without this window; s shows it again`));
});

export const switchNextField = inSwitch(nextField);
export const switchAgain = inSwitch((state, dialog) =>
  dialog.step === 'question' ? ask(state, { ...dialog, openedAt: state.now }) : stay(state),
);
export const switchUp = scroll(-1);
export const switchDown = scroll(1);
export const switchPageUp = scroll(-8);
export const switchPageDown = scroll(8);

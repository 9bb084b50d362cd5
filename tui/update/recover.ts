/** Recover Active Server: which host, what is known of both, then the question of the switchover dialog. Pure. */
import { mayUse } from '../../shared/commands.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatCount } from '../../shared/units.ts';
import { EMPTY_FIELD } from '../input/field.ts';
import { type ScenarioView, scenarioById, selectedScenario } from '../select.ts';
import { type HostReport, reportsOf } from '../select-roles.ts';
import {
  type ConsoleState,
  closeDialog,
  type Outcome,
  openDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from '../state.ts';
import type { SwitchDialog } from '../state-roles.ts';
import type { Handler } from './press.ts';
import { statementOf, switchBasis, switchDown, switchLeave, switchUp, withSwitch } from './switch.ts';

export type RecoverJob = Extract<SwitchDialog['job'], 'make-master' | 'make-replica'>;
export const RECOVER_JOBS: readonly RecoverJob[] = ['make-master', 'make-replica'];

/** Comparing all files of both hosts. */
const COMPARE_MS = 3_600_000;
const HEARD_MS = 15_000;

/** Master and Replica as the scenario was created, whichever way it goes now. */
export function originalHost({ hosts, backward, active }: ScenarioStatus, job: RecoverJob): string {
  const standby = hosts.find(({ name }) => name !== hosts[0]?.name)?.name ?? active;
  const [first, second] = backward ? [standby, hosts[0]?.name] : [hosts[0]?.name, standby];
  return (job === 'make-master' ? first : second) ?? '';
}

function reportOfHost(state: ConsoleState, scenarioId: string, name: string): HostReport | undefined {
  return reportsOf(state, scenarioId).find((report) => report.name === name && report.live);
}

/** Why a host cannot be made active by the operator's word. */
export function whyNotMake(state: ConsoleState, scenario: ScenarioView, job: RecoverJob): string | undefined {
  const { status } = scenario;
  const name = originalHost(status, job);
  const report = reportOfHost(state, scenario.id, name);
  if (report === undefined) return `this console is not connected to ${name}`;
  const { role } = report.host;
  if (role !== undefined && !mayUse(role, 'scenario.recoverActive')) return `the role ${role} may not do this`;
  const roles = report.status.roles;
  if (roles === undefined) return `${name} has no role yet: run the scenario first`;
  if (roles.role === 'active' && roles.waits === undefined) return `${name} is active already`;
  return undefined;
}

/** The other host does not answer the one that is to be active: it is the operator who says that it is off. */
function needsStatement({ status, ageMs }: HostReport): boolean {
  const peer = status.roles?.peer;
  return peer === undefined || peer.ageMs + ageMs > HEARD_MS;
}

export function whyNotRecoverActive(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return 'no scenario is selected';
  if (state.settings.readonly) return 'this console was started with --readonly';
  const { status } = scenario;
  if (status.roles === undefined) return `${status.name} has no roles yet: run it first`;
  if (scenario.stale) return `no connected host knows ${status.name}`;
  const reports = reportsOf(state, scenario.id).filter(({ live }) => live);
  const isSettled = reports.some(({ status: { roles } }) => roles?.role === 'active' && roles.waits === undefined);
  if (isSettled && status.running)
    return `${status.active} is active and it runs: switch over (s), or stop it first (x)`;
  return undefined;
}

export function openRecover(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return stay(state);
  const { status } = scenario;
  const job = whyNotMake(state, scenario, 'make-replica') === undefined ? 'make-replica' : 'make-master';
  const dialog: SwitchDialog = {
    kind: 'switch',
    openedAt: at,
    job,
    scenarioId: scenario.id,
    scenario: status.name,
    host: '',
    from: '',
    to: '',
    backward: false,
    step: 'choice',
    fields: [],
    focus: 0,
    basis: '',
    scroll: 0,
  };
  return stay(openDialog(state, dialog));
}

function choose(state: ConsoleState, dialog: SwitchDialog): Step {
  const scenario = scenarioById(state, dialog.scenarioId);
  const { job } = dialog;
  if (scenario === undefined || (job !== 'make-master' && job !== 'make-replica')) return stay(state);
  const reason = whyNotMake(state, scenario, job);
  if (reason !== undefined) return stay(withToast(state, reason));
  const to = originalHost(scenario.status, job);
  const report = reportOfHost(state, scenario.id, to);
  if (report === undefined) return stay(state);
  const from = scenario.status.hosts.find(({ name }) => name !== to)?.name ?? 'the other host';
  const name = { wanted: dialog.scenario, field: EMPTY_FIELD };
  const fields = needsStatement(report) ? [{ wanted: statementOf(from), field: EMPTY_FIELD }, name] : [name];
  const next: SwitchDialog = {
    ...dialog,
    step: 'question',
    openedAt: state.now,
    host: report.host.name,
    from,
    to,
    fields,
    focus: 0,
    scroll: 0,
  };
  const asked = { ...next, basis: switchBasis(state, next) };
  return stay(replaceDialog(state, asked));
}

function inSwitch(handle: (state: ConsoleState, dialog: SwitchDialog) => Step): Handler {
  return (state) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'switch' ? handle(state, dialog) : stay(state);
  };
}

const otherRow = inSwitch((state, dialog) =>
  stay(replaceDialog(state, { ...dialog, job: dialog.job === 'make-master' ? 'make-replica' : 'make-master' })),
);

/** Rows are chosen from before the question, read afterwards. */
export const rowUp: Handler = (state, press) => (isChoice(state) ? otherRow : switchUp)(state, press);
export const rowDown: Handler = (state, press) => (isChoice(state) ? otherRow : switchDown)(state, press);

function isChoice(state: ConsoleState): boolean {
  const dialog = topDialog(state);
  return dialog?.kind === 'switch' && dialog.step === 'choice';
}

export const chooseRow: Handler = (state, press) => {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'switch' || press.repeat) return stay(state);
  return dialog.step === 'choice' ? choose(state, dialog) : switchLeave(state, press);
};

/** Both hosts compare; nothing is changed. */
export const countDifferences = inSwitch((state, dialog) => {
  const scenario = scenarioById(state, dialog.scenarioId);
  const host =
    scenario === undefined ? undefined : reportOfHost(state, scenario.id, scenario.status.hosts[0]?.name ?? '');
  if (host === undefined) return stay(withToast(state, 'the Master of now is not connected: nothing can be compared'));
  const purpose = { kind: 'differences', scenarioId: dialog.scenarioId } as const;
  return {
    state: replaceDialog(state, { ...dialog, differences: { asked: true } }),
    effects: [
      {
        type: 'request',
        host: host.host.name,
        command: 'scenario.diff',
        args: { name: dialog.scenario },
        purpose,
        timeoutMs: COMPARE_MS,
      },
    ],
  };
});

export function hearDifferences(state: ConsoleState, scenarioId: string, outcome: Outcome): Step {
  const text = outcome.ok ? differencesText(outcome.result) : `not comparable now: ${outcome.fault.text}`;
  const found = withSwitch(state, scenarioId, (dialog, put) =>
    stay(put({ ...dialog, differences: { asked: true, text } })),
  );
  return found ?? stay(state);
}

function differencesText(result: unknown): string {
  const { identical, differences, truncated } = (result ?? {}) as Record<string, unknown>;
  if (identical === true) return 'none: both hosts have the same';
  if (!Array.isArray(differences)) return 'the host answered something this console does not understand';
  return `${truncated === true ? 'at least ' : ''}${formatCount(differences.length)} entries differ`;
}

export const leaveChoice: Handler = (state, press) => {
  const dialog = topDialog(state);
  return dialog?.kind === 'switch' && dialog.step === 'choice' ? stay(closeDialog(state)) : switchLeave(state, press);
};

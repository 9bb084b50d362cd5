/** Who is active: the switchover and its dry run, acknowledgement, what is in quarantine. Pure. */
import type { CommandName } from '../../shared/commands.ts';
import type { QuarantineHead } from '../../shared/quarantine.ts';
import type { SwitchoverPlan } from '../../shared/results.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import type { ROLE_BINDINGS } from '../keys-roles.ts';
import { planLines } from '../present/switchover.ts';
import { selectedScenario, switchoverHost } from '../select.ts';
import {
  type ConsoleState,
  type HostView,
  type ListDialog,
  type Outcome,
  openDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
} from '../state.ts';
import { openConfirm } from './dialogs.ts';
import type { Handler } from './press.ts';

/** Without the active host it is the operator who says that it is off. */
function isForced(status: ScenarioStatus, host: HostView): boolean {
  return host.name !== status.active && status.roles?.role !== 'active';
}

function openSwitchover(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : switchoverHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const { status } = scenario;
  const forced = isForced(status, host);
  const next = status.hosts.find(({ name }) => name !== status.active)?.name ?? 'the standby';
  return openConfirm(state, at, {
    command: 'scenario.switchover',
    title: status.backward ? 'Switchback' : 'Switchover',
    question: forced
      ? `Make ${host.name} active although ${status.active} does not answer?`
      : `Move the users of "${status.name}" from ${status.active} to ${next}?`,
    impact: forced ? forcedImpact(status, host.name) : plannedImpact(status, next),
    verb: 'Switch over',
    typed: status.name,
    args: { name: status.name, ...(forced ? { peerIsFenced: true } : {}) },
    host: host.name,
  });
}

function plannedImpact(status: ScenarioStatus, next: string): string[] {
  const lag = Math.max(0, ...status.hosts.map((host) => host.replica?.lagMs ?? 0));
  return [
    `Active now: ${status.active}, epoch ${status.epoch}. Afterwards: ${next}, epoch ${status.epoch + 1}.`,
    `Users are cut off while the last changes are applied (lag now ${formatDuration(lag)}).`,
    'Data at risk: none; everything is on the new active host before the roles change.',
  ];
}

function forcedImpact(status: ScenarioStatus, next: string): string[] {
  const own = status.hosts.find(({ name }) => name === next);
  const known = own?.lagKnown !== false;
  return [
    `${status.active} must be OFF: with two active hosts, changes of one of them are lost.`,
    `Active afterwards: ${next}, epoch ${status.epoch + 1}.`,
    known
      ? `Data at risk: ${formatDuration(own?.exposureMs ?? 0)} of changes, ${formatBytes(own?.exposureBytes ?? 0)}.`
      : `Data at risk: what ${status.active} had not sent; how much is not known here.`,
    `When ${status.active} is back, what only it has goes to quarantine.`,
  ];
}

function ask(state: ConsoleState, at: number, title: string, command: CommandName, host: HostView, name: string): Step {
  const scenario = selectedScenario(state)!;
  const dialog: ListDialog = { kind: 'list', openedAt: at, title, scenarioId: scenario.id, scroll: 0 };
  return {
    state: openDialog(state, dialog),
    effects: [
      {
        type: 'request',
        host: host.name,
        command,
        args: { name },
        purpose: { kind: 'roles', scenarioId: scenario.id },
      },
    ],
  };
}

function openPlan(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : switchoverHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const { name } = scenario.status;
  return ask(state, at, `Dry run of a switchover: ${name}`, 'scenario.switchoverPlan', host, name);
}

/** The host under consideration is the one that is not active: only it lost its role. */
function openQuarantine(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return stay(state);
  const { name, active } = scenario.status;
  const knowing = state.hosts.filter((host) => host.connection === 'up' && host.scenarios[scenario.id] !== undefined);
  const host = knowing.find((one) => one.name !== active) ?? knowing[0];
  if (host === undefined) return stay(state);
  return ask(state, at, `Quarantine of ${name} on ${host.name}`, 'scenario.quarantine', host, name);
}

function openAcknowledge(state: ConsoleState, at: number): Step {
  const name = selectedScenario(state)?.status.name ?? '';
  return openConfirm(state, at, {
    command: 'scenario.ack',
    title: 'Acknowledge',
    question: `Acknowledge the automatic switchover of "${name}"?`,
    impact: ['The next automatic switchover may happen from now on.'],
    verb: 'Acknowledge',
  });
}

/** The answer comes from another host: believe only what has the right shape. */
export function hearRoles(state: ConsoleState, purpose: { readonly scenarioId: string }, outcome: Outcome): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'list' || dialog.scenarioId !== purpose.scenarioId) return stay(state);
  const rows = outcome.ok ? rowsOf(outcome.result) : [outcome.fault.text, outcome.fault.hint];
  return stay(replaceDialog(state, { ...dialog, rows }));
}

function rowsOf(result: unknown): readonly string[] {
  const { steps, quarantines } = (result ?? {}) as Partial<SwitchoverPlan> & { quarantines?: unknown };
  if (Array.isArray(steps)) return planLines(result as SwitchoverPlan);
  if (!Array.isArray(quarantines)) return ['the host answered something this console does not understand'];
  if (quarantines.length === 0) return ['Nothing is in quarantine.'];
  return (quarantines as QuarantineHead[]).map(
    ({ id, items, bytes, epoch }) =>
      `${id}  ${formatCount(items)} changes, ${formatBytes(bytes)}, behind epoch ${epoch}; see \`mainstay quarantine\``,
  );
}

export const ROLE_HANDLERS: Readonly<Record<keyof typeof ROLE_BINDINGS, Handler>> = {
  switchover: (state, press) => openSwitchover(state, press.at),
  'switchover-plan': (state, press) => openPlan(state, press.at),
  acknowledge: (state, press) => openAcknowledge(state, press.at),
  quarantine: (state, press) => openQuarantine(state, press.at),
};

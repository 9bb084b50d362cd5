/** Who is active: the switchover and its dry run, acknowledgement, what is in quarantine. Pure. */
import type { CommandName } from '../../shared/commands.ts';
import type { SwitchoverPlan } from '../../shared/results.ts';
import type { ROLE_BINDINGS } from '../keys-roles.ts';
import type { SWITCH_BINDINGS } from '../keys-switch.ts';
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
import { goToPane } from './navigate.ts';
import type { Handler } from './press.ts';
import { openQuarantines } from './quarantine.ts';
import { chooseRow, countDifferences, leaveChoice, openRecover, rowDown, rowUp } from './recover.ts';
import { withShownTab } from './shown-tab.ts';
import {
  openSwitchover,
  switchAgain,
  switchDo,
  switchDown,
  switchLeave,
  switchNextField,
  switchPageDown,
  switchPageUp,
  switchUp,
} from './switch.ts';

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

function openShadow(state: ConsoleState, at: number, on: boolean): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : switchoverHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const { name } = scenario.status;
  return openConfirm(state, at, {
    command: 'scenario.shadow',
    args: { name, on },
    host: host.name,
    title: 'Shadow mode',
    question: on ? `Turn shadow mode of "${name}" on?` : `Turn shadow mode of "${name}" off?`,
    impact: on
      ? [
          'When the active host is down, nothing is switched over by itself: an event only says that it would have been.',
        ]
      : ['When the active host is down, the standby takes over by itself, if the scenario says so.'],
    verb: on ? 'Turn it on' : 'Turn it off',
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
  const { steps } = (result ?? {}) as Partial<SwitchoverPlan>;
  if (Array.isArray(steps)) return planLines(result as SwitchoverPlan);
  return ['the host answered something this console does not understand'];
}

export const ROLE_HANDLERS: Readonly<Record<keyof typeof ROLE_BINDINGS, Handler>> = {
  switchover: (state, press) => openSwitchover(state, press.at),
  'recover-active': (state, press) => openRecover(state, press.at),
  'shadow-on': (state, press) => openShadow(state, press.at, true),
  'shadow-off': (state, press) => openShadow(state, press.at, false),
  'switchover-plan': (state, press) => openPlan(state, press.at),
  'ha-tab': (state) => withShownTab({ ...goToPane(state, 'detail'), tab: 'ha', detailScroll: 0 }),
  acknowledge: (state, press) => openAcknowledge(state, press.at),
  quarantine: (state, press) => openQuarantines(state, press.at, selectedScenario(state)?.status.name),
};

export const SWITCH_HANDLERS: Readonly<Record<keyof typeof SWITCH_BINDINGS, Handler>> = {
  'switch-up': rowUp,
  'switch-down': rowDown,
  'switch-page-up': switchPageUp,
  'switch-page-down': switchPageDown,
  'switch-choose': chooseRow,
  'switch-differences': countDifferences,
  'switch-again': switchAgain,
  'switch-help': (state, press) =>
    stay(openDialog(state, { kind: 'help', openedAt: press.at, place: 'switch', scroll: 0 })),
  'switch-leave': leaveChoice,
  'switch-name-do': switchDo,
  'switch-name-next': switchNextField,
  'switch-name-up': switchUp,
  'switch-name-down': switchDown,
  'switch-name-page-up': switchPageUp,
  'switch-name-page-down': switchPageDown,
  'switch-name-leave': switchLeave,
};

/** Actions that change who is active, or show why (see keys.ts). */
import { type CommandName, mayUse } from '../shared/commands.ts';
import { refusal, selectedScenario, switchoverHost } from './select.ts';
import { reportsOf, verdictOf } from './select-roles.ts';
import type { ConsoleState } from './state.ts';
import { whyNotRecoverActive } from './update/recover.ts';

function whyNotSwitchover(state: ConsoleState, command: CommandName = 'scenario.switchover'): string | undefined {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return 'no scenario is selected';
  if (state.settings.readonly) return 'this console was started with --readonly';
  const { status } = scenario;
  if (status.roles === undefined) return `${status.name} has no roles yet: run it first`;
  const host = switchoverHost(state, scenario);
  if (host === undefined) return `no connected host knows ${status.name}`;
  if (host.role !== undefined && !mayUse(host.role, command)) return `the role ${host.role} may not do this`;
  return undefined;
}

function whyNotPlan(state: ConsoleState): string | undefined {
  const refused = whyNotSwitchover(
    { ...state, settings: { ...state.settings, readonly: false } },
    'scenario.switchoverPlan',
  );
  if (refused !== undefined) return refused;
  return selectedScenario(state)?.status.roles?.switchover === undefined ? undefined : 'a switchover is under way';
}

function whyNotShadow(on: boolean) {
  return (state: ConsoleState): string | undefined => {
    const scenario = selectedScenario(state);
    if (scenario === undefined) return 'no scenario is selected';
    const refused = whyNotSwitchover(state, 'scenario.shadow');
    if (refused !== undefined) return refused;
    const verdict = verdictOf(reportsOf(state, scenario.id))?.verdict;
    if (verdict === undefined) return undefined;
    if (on && verdict.shadow === true) return 'it is on already';
    return on || verdict.shadow === true ? undefined : 'it is off already';
  };
}

function whyNotAcknowledge(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  const refused = refusal(state, scenario, 'scenario.ack');
  if (refused !== undefined) return refused;
  return scenario?.status.roles?.unacknowledged === true ? undefined : 'there is nothing to acknowledge';
}

const everywhere = { keys: [], place: 'everywhere' } as const;

export const ROLE_BINDINGS = {
  switchover: {
    ...everywhere,
    keys: ['s'],
    title: 'switchover',
    help: 'Moves users to the standby host (of a backward scenario: the switchback), after its name was typed',
    danger: 'typed',
    footer: 7.5,
    disabled: (state: ConsoleState) => whyNotSwitchover(state),
  },
  'switchover-plan': {
    ...everywhere,
    title: 'dry run of a switchover',
    help: 'Every step with its commands and records, what stands in the way, how long it takes; changes nothing',
    danger: 'safe',
    disabled: whyNotPlan,
  },
  'recover-active': {
    ...everywhere,
    title: 'recover active server',
    help: 'Recover Active Server: makes the Master or the Replica active by your word, when it is not known which one is',
    danger: 'typed',
    disabled: whyNotRecoverActive,
  },
  'shadow-on': {
    ...everywhere,
    title: 'shadow mode on',
    help: 'The standby only says when and why it would have switched over by itself',
    danger: 'confirm',
    disabled: whyNotShadow(true),
  },
  'shadow-off': {
    ...everywhere,
    title: 'shadow mode off',
    help: 'The standby does again what the scenario says when the active host is down',
    danger: 'confirm',
    disabled: whyNotShadow(false),
  },
  'ha-tab': {
    ...everywhere,
    keys: ['6'],
    title: 'roles and health',
    help: 'HA tab: why a switchover can or cannot start by itself now, roles of both hosts, every check of Is Alive',
    danger: 'safe',
    disabled: (state: ConsoleState) => (selectedScenario(state) === undefined ? 'no scenario is selected' : undefined),
  },
  acknowledge: {
    ...everywhere,
    title: 'acknowledge switchover',
    help: 'An automatic switchover was seen: the next one may happen',
    danger: 'confirm',
    disabled: whyNotAcknowledge,
  },
  quarantine: {
    ...everywhere,
    title: 'quarantine',
    help: 'Quarantine: what hosts had that the ones which took over lack, also of deleted scenarios; compare, extract, discard',
    danger: 'safe',
    disabled: ({ hosts }: ConsoleState) =>
      hosts.some(({ connection }) => connection === 'up') ? undefined : 'no host is connected',
  },
} as const;

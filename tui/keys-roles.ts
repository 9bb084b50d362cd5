/** Actions that change who is active, or show why (see keys.ts). */
import { mayUse } from '../shared/commands.ts';
import { refusal, selectedScenario, switchoverHost } from './select.ts';
import type { ConsoleState } from './state.ts';

function whyNotSwitchover(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return 'no scenario is selected';
  if (state.settings.readonly) return 'this console was started with --readonly';
  const { status } = scenario;
  if (status.roles === undefined) return `${status.name} has no roles yet: run it first`;
  const host = switchoverHost(state, scenario);
  if (host === undefined) return `no connected host knows ${status.name}`;
  if (host.role !== undefined && !mayUse(host.role, 'scenario.switchover'))
    return `the role ${host.role} may not do this`;
  return status.roles.switchover === undefined ? undefined : 'a switchover is under way';
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
    disabled: whyNotSwitchover,
  },
  'switchover-plan': {
    ...everywhere,
    title: 'dry run of a switchover',
    help: 'Every step with its commands and records, what stands in the way, how long it takes; changes nothing',
    danger: 'safe',
    disabled: whyNotSwitchover,
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
    help: 'What a host had that the host which took over lacks',
    danger: 'safe',
    disabled: (state: ConsoleState) => (selectedScenario(state) === undefined ? 'no scenario is selected' : undefined),
  },
} as const;

/** Actions on the Replicas of the selected scenario; offered in the palette (see keys.ts). */
import type { CommandName } from '../shared/commands.ts';
import { refusal, selectedRow, selectedScenario } from './select.ts';
import type { ConsoleState } from './state.ts';

/** Why a command on a running scenario cannot be given now. */
function whyNotRunning(command: CommandName) {
  return (state: ConsoleState): string | undefined => {
    const scenario = selectedScenario(state);
    const refused = refusal(state, scenario, command);
    if (refused !== undefined || scenario === undefined) return refused;
    return scenario.status.running ? undefined : `${scenario.status.name} is not running`;
  };
}

function whyNotCollecting(state: ConsoleState): string | undefined {
  const refused = whyNotRunning('scenario.sendNow')(state);
  if (refused !== undefined || selectedScenario(state)?.status.nextSendAt !== undefined) return refused;
  return 'changes are sent as they happen';
}

function parkedIn(state: ConsoleState): number {
  const hosts = selectedScenario(state)?.status.hosts ?? [];
  return hosts.reduce((sum, { replica }) => sum + (replica?.parked ?? 0), 0);
}

function whyNotParked(command: CommandName) {
  return (state: ConsoleState): string | undefined =>
    whyNotRunning(command)(state) ?? (parkedIn(state) === 0 ? 'nothing is parked' : undefined);
}

const everywhere = { keys: [], place: 'everywhere' } as const;

export const REPLICA_BINDINGS = {
  suspend: {
    ...everywhere,
    title: 'suspend',
    help: 'Sends nothing to the Replicas until resume; changes are kept in the spool',
    danger: 'confirm',
    disabled: whyNotRunning('scenario.suspend'),
  },
  resume: {
    ...everywhere,
    title: 'resume',
    help: 'Goes on with suspended Replicas where they were',
    danger: 'safe',
    disabled: whyNotRunning('scenario.resume'),
  },
  parked: {
    ...everywhere,
    title: 'parked items',
    help: 'What could not be applied on a Replica, why, and when it is tried again',
    danger: 'safe',
    disabled: whyNotParked('scenario.parked'),
  },
  'audit-walk': {
    ...everywhere,
    title: 'audit walk',
    help: 'Compares everything below the Master roots with what was recorded, now, and sends what was missed',
    danger: 'safe',
    disabled: whyNotRunning('scenario.audit'),
  },
  rehearse: {
    ...everywhere,
    title: 'test Replica',
    help: 'Assured Recovery: uses and checks the copy through a writable view, undoes everything, goes on without a synchronization',
    danger: 'safe',
    disabled: whyNotRunning('scenario.rehearse'),
  },
  'rehearse-begin': {
    ...everywhere,
    title: 'begin Replica test',
    help: 'Opens the writable view and leaves it open for tests by hand; apply stands until the test is ended',
    danger: 'safe',
    disabled: whyNotRunning('scenario.rehearse'),
  },
  'rehearse-end': {
    ...everywhere,
    title: 'end Replica test',
    help: 'Undoes what a test wrote and lets apply go on',
    danger: 'safe',
    disabled: (state: ConsoleState) =>
      whyNotRunning('scenario.rehearse')(state) ??
      (selectedScenario(state)?.status.state === 'rehearsing' ? undefined : 'no test is under way'),
  },
  'send-now': {
    ...everywhere,
    title: 'send now',
    help: 'Scheduled replication: sends now what was collected, and says when it is applied',
    danger: 'safe',
    disabled: whyNotCollecting,
  },
  'brake-release': {
    ...everywhere,
    title: 'release brake',
    help: 'Takes the mass-change brake off: what it holds is applied on the Replicas',
    danger: 'confirm',
    disabled: (state: ConsoleState) =>
      whyNotRunning('scenario.brakeRelease')(state) ??
      (selectedScenario(state)?.status.brake === undefined ? 'the mass-change brake is not on' : undefined),
  },
  'prepare-reboot': {
    ...everywhere,
    title: 'prepare restart',
    help: 'Drains and holds the scenarios of the selected host, which go on by themselves when it is back',
    danger: 'confirm',
    disabled: (state: ConsoleState) =>
      whyNotRunning('host.prepareReboot')(state) ??
      (selectedRow(state)?.host === undefined ? 'select the host that will be restarted' : undefined),
  },
  'parked-retry': {
    ...everywhere,
    title: 'retry parked',
    help: 'Asks for everything parked again at once',
    danger: 'safe',
    disabled: whyNotParked('scenario.parkedRetry'),
  },
  'parked-drop': {
    ...everywhere,
    title: 'drop parked',
    help: 'Forgets what is parked; it stays different until a comparison',
    danger: 'confirm',
    disabled: whyNotParked('scenario.parkedDrop'),
  },
} as const;

/** Whom the recovery screens ask, and how an answer finds its screen again. Pure. */
import { type CommandName, mayUse } from '../../shared/commands.ts';
import { refusal, type ScenarioView, scenarioById } from '../select.ts';
import { type ConsoleState, type HostView, type Purpose, type Step, stay } from '../state.ts';
import type { RestoreDialog } from '../state-recovery.ts';

export function replicasOf({ status }: ScenarioView): readonly string[] {
  return status.hosts.filter(({ name }) => name !== status.active).map(({ name }) => name);
}

/** The active host's daemon when it is connected, else the Replica's own: the past can be looked at without the Master. */
export function recoveryHost(state: ConsoleState, scenario: ScenarioView, replica: string): HostView | undefined {
  const reporting = state.hosts.filter((host) => host.connection === 'up' && host.scenarios[scenario.id] !== undefined);
  const of = (name: string) => reporting.find((host) => host.scenarios[scenario.id]?.reportedBy === name);
  return of(scenario.status.active) ?? of(replica);
}

/** Why a command about the past of a Replica cannot be given now. Looking is not refused by `--readonly`. */
export function whyNotRecover(
  state: ConsoleState,
  scenario: ScenarioView | undefined,
  replica: string | undefined,
  command: CommandName,
  masterNeeded: boolean,
): string | undefined {
  if (scenario === undefined) return 'no scenario is selected';
  const looking = mayUse('view', command) || command === 'scenario.previewFile' || command === 'scenario.extract';
  if (masterNeeded) return refusal(state, scenario, command);
  if (state.settings.readonly && !looking) return 'this console was started with --readonly';
  const [first = ''] = replicasOf(scenario);
  const host = recoveryHost(state, scenario, replica ?? first);
  if (host === undefined) return `neither ${scenario.status.active} nor ${replica ?? first} is connected`;
  if (host.role !== undefined && !mayUse(host.role, command)) return `the role ${host.role} may not do this`;
  return undefined;
}

/** Asks the host that knows of this Replica; without one, the answer is that there is none. */
export function askRecovery(
  state: ConsoleState,
  dialog: Pick<RestoreDialog, 'scenarioId' | 'scenario' | 'replica'>,
  command: CommandName,
  args: Readonly<Record<string, unknown>>,
  purpose: Purpose,
  timeoutMs?: number,
): Step {
  const scenario = scenarioById(state, dialog.scenarioId);
  // The name of a host that is not connected: the store answers at once that it cannot be reached.
  const active = scenario?.status.active ?? '';
  const host = (scenario === undefined ? undefined : recoveryHost(state, scenario, dialog.replica))?.name ?? active;
  const named = { name: dialog.scenario, replica: dialog.replica, ...args };
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  return { state, effects: [{ type: 'request', host, command, args: named, purpose, ...limit }] };
}

/** The wizard of that scenario, wherever it lies among the open dialogs; nothing happens when it was closed. */
export function withRestore(
  state: ConsoleState,
  scenarioId: string,
  change: (dialog: RestoreDialog, put: (next: RestoreDialog) => ConsoleState) => Step,
): Step {
  const at = state.dialogs.findLastIndex(({ kind }) => kind === 'restore');
  const dialog = state.dialogs[at];
  if (dialog?.kind !== 'restore' || dialog.scenarioId !== scenarioId) return stay(state);
  return change(dialog, (next) => ({ ...state, dialogs: state.dialogs.with(at, next) }));
}

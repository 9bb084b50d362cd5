/** Actions on the Replicas of the selected scenario: suspend, resume, parked items. Pure. */
import type { CommandName } from '../../shared/commands.ts';
import type { CommandResults } from '../../shared/results.ts';
import { describeBrake } from '../../shared/status.ts';
import { commandHost, scenarioById, selectedRow, selectedScenario } from '../select.ts';
import {
  type ConsoleState,
  type ListDialog,
  type Outcome,
  openDialog,
  type Purpose,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from '../state.ts';
import { openConfirm } from './dialogs.ts';

export function openSuspend(state: ConsoleState, at: number): Step {
  const name = selectedScenario(state)?.status.name ?? '';
  return openConfirm(state, at, {
    command: 'scenario.suspend',
    title: 'Suspend',
    question: `Suspend replication of "${name}"?`,
    impact: [
      'Its Replicas take changes into their spools and apply none until it is resumed.',
      'No synchronization is needed afterwards.',
    ],
    verb: 'Suspend',
  });
}

export function openBrakeRelease(state: ConsoleState, at: number): Step {
  const { name, brake } = selectedScenario(state)?.status ?? { name: '' };
  return openConfirm(state, at, {
    command: 'scenario.brakeRelease',
    title: 'Release the mass-change brake',
    question: `Let the Replicas of "${name}" apply what the brake holds?`,
    impact: [
      `On the Master ${brake === undefined ? 'nothing was changed' : describeBrake(brake)}.`,
      'The Replicas still have what they had not applied by then; afterwards they are as the Master is.',
    ],
    verb: 'Release',
  });
}

/** The host of the row under the cursor, with all scenarios its Master knows it in. */
export function openPrepareReboot(state: ConsoleState, at: number): Step {
  const row = selectedRow(state);
  if (row?.host === undefined) return stay(state);
  const { name } = row.host;
  return openConfirm(state, at, {
    command: 'host.prepareReboot',
    args: { host: name },
    title: 'Prepare for a restart',
    question: `Prepare "${name}" for a restart?`,
    impact: [
      `Everything changed until now is applied first; then the scenarios of ${row.scenario.status.active} that use it are held.`,
      'They go on by themselves when it is back, without a synchronization.',
    ],
    verb: 'Prepare',
  });
}

export function openParkedDrop(state: ConsoleState, at: number): Step {
  const name = selectedScenario(state)?.status.name ?? '';
  return openConfirm(state, at, {
    command: 'scenario.parkedDrop',
    title: 'Drop parked items',
    question: `Forget the parked items of "${name}"?`,
    impact: [
      'They stay different on the Replica until a comparison or a later change mends them.',
      'The scenario says that it is not proven identical until then.',
    ],
    verb: 'Drop',
  });
}

/** A safe command on the selected scenario; its answer is a line. */
export function askReplica(
  state: ConsoleState,
  command: CommandName,
  said: string,
  more: Readonly<Record<string, string>> = {},
): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : commandHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  return {
    state,
    effects: [
      {
        type: 'request',
        host: host.name,
        command,
        args: { name: scenario.status.name, ...more },
        purpose: { kind: 'ask', scenarioId: scenario.id, said },
      },
    ],
  };
}

/** Tests the Replica the selection is on; else the only one. */
export function testReplica(state: ConsoleState, action: 'run' | 'begin' | 'end', said: string): Step {
  const host = selectedRow(state)?.host?.name;
  const isMaster = host === undefined || host === selectedScenario(state)?.status.hosts[0]?.name;
  return askReplica(state, 'scenario.rehearse', said, { action, ...(isMaster ? {} : { replica: host }) });
}

const REPORTS_HINT = 'The Assured Recovery Report in the Report Center has the details.';

/** What failed in a test of a Replica; undefined for every other answer. */
function failedCheck(result: unknown): string | undefined {
  const test = (result as Partial<CommandResults['scenario.rehearse']> | undefined)?.result;
  const check = test?.checks.find(({ passed }) => !passed);
  return check === undefined ? undefined : `${check.name}: ${check.text}`;
}

export function hearAsked(state: ConsoleState, purpose: Extract<Purpose, { kind: 'ask' }>, outcome: Outcome): Step {
  const name = scenarioById(state, purpose.scenarioId)?.status.name ?? 'the scenario';
  const failed = outcome.ok ? failedCheck(outcome.result) : undefined;
  if (failed !== undefined) return stay(withToast(state, `${name}: the test FAILED: ${failed}`, 'error', REPORTS_HINT));
  if (outcome.ok) return stay(withToast(state, `${name}: ${purpose.said}`));
  return stay(withToast(state, `${name}: ${outcome.fault.text}`, 'error', outcome.fault.hint));
}

export function openParked(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  const host = scenario === undefined ? undefined : commandHost(state, scenario);
  if (scenario === undefined || host === undefined) return stay(state);
  const dialog: ListDialog = {
    kind: 'list',
    openedAt: at,
    title: `Parked items: ${scenario.status.name}`,
    scenarioId: scenario.id,
    scroll: 0,
  };
  return {
    state: openDialog(state, dialog),
    effects: [
      {
        type: 'request',
        host: host.name,
        command: 'scenario.parked',
        args: { name: scenario.status.name },
        purpose: { kind: 'parked', scenarioId: scenario.id },
      },
    ],
  };
}

export function hearParked(state: ConsoleState, purpose: { scenarioId: string }, outcome: Outcome): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'list' || dialog.scenarioId !== purpose.scenarioId) return stay(state);
  const rows = outcome.ok ? parkedRows(outcome.result) : [outcome.fault.text, outcome.fault.hint];
  return stay(replaceDialog(state, { ...dialog, rows }));
}

/** The answer comes from another host: believe only what has the right shape. */
function parkedRows(result: unknown): readonly string[] {
  const items = (result as { items?: unknown } | undefined)?.items;
  if (!Array.isArray(items)) return ['the host answered something this console does not understand'];
  const rows = items.flatMap((item: unknown) => {
    const { replica, path, reason, attempts } = (item ?? {}) as Record<string, unknown>;
    if (typeof path !== 'string') return [];
    return [`${String(replica)}  ${path}`, `    ${String(reason)} (tried ${String(attempts)} times)`];
  });
  return rows.length > 0 ? rows : ['Nothing is parked.'];
}

/** The history each Replica keeps: asked for when someone looks, and again while he does. Pure. */

import { scenarioById, selectedScenario } from '../select.ts';
import { type ConsoleState, type Outcome, type Step, stay } from '../state.ts';
import type { JournalView, RecoveryPurpose } from '../state-recovery.ts';
import { figuresOf, heard } from './recovery-answers.ts';
import { askRecovery, replicasOf } from './recovery-request.ts';

/** Figures older than this are asked for anew while they are on screen. */
const FRESH_MS = 10_000;

function keyOf(scenarioId: string, replica: string): string {
  return `${scenarioId}/${replica}`;
}

export function journalOf(
  state: Pick<ConsoleState, 'journals'>,
  scenarioId: string,
  replica: string,
): JournalView | undefined {
  return state.journals[keyOf(scenarioId, replica)];
}

function put(state: ConsoleState, scenarioId: string, replica: string, view: JournalView): ConsoleState {
  return { ...state, journals: { ...state.journals, [keyOf(scenarioId, replica)]: view } };
}

export function askJournal(state: ConsoleState, scenarioId: string, replica: string): Step {
  const scenario = scenarioById(state, scenarioId);
  if (scenario === undefined || replica === '') return stay(state);
  const known = journalOf(state, scenarioId, replica);
  const asked = put(state, scenarioId, replica, { ...known, askedAt: state.now });
  const purpose: RecoveryPurpose = { kind: 'journal', scenarioId, replica };
  return askRecovery(asked, { scenarioId, scenario: scenario.status.name, replica }, 'scenario.journal', {}, purpose);
}

export function hearJournal(
  state: ConsoleState,
  purpose: Extract<RecoveryPurpose, { kind: 'journal' }>,
  outcome: Outcome,
): Step {
  const { scenarioId, replica } = purpose;
  const askedAt = journalOf(state, scenarioId, replica)?.askedAt ?? state.now;
  const answer = heard(outcome, figuresOf);
  const view = 'fault' in answer ? { askedAt, fault: answer.fault } : { askedAt, figures: answer.value };
  return stay(put(state, scenarioId, replica, view));
}

/** While the Rewind tab is looked at: the figures of every Replica of the selected scenario. */
export function withJournal(state: ConsoleState): Step {
  const scenario = selectedScenario(state);
  if (scenario === undefined || scenario.stale || state.tab !== 'rewind') return stay(state);
  let step = stay(state);
  for (const replica of replicasOf(scenario)) {
    const known = journalOf(step.state, scenario.id, replica);
    if (known !== undefined && state.now - known.askedAt < FRESH_MS) continue;
    const asked = askJournal(step.state, scenario.id, replica);
    step = { state: asked.state, effects: [...step.effects, ...asked.effects] };
  }
  return step;
}

/** What the shown tab of the selected scenario needs and does not have yet is asked for. Pure. */

import { selectedScenario } from '../select.ts';
import type { ConsoleState, Step } from '../state.ts';
import { withJournal } from './journal.ts';
import { askDocument, withDocument } from './navigate.ts';

export function withShownTab(state: ConsoleState): Step {
  if (state.tab === 'rewind') return withJournal(state);
  if (state.tab !== 'ha') return withDocument(state);
  const scenario = selectedScenario(state);
  return scenario === undefined ? { state, effects: [] } : askDocument(state, scenario.id);
}

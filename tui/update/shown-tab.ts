/** What the shown tab of the selected scenario needs and does not have yet is asked for. Pure. */
import type { ConsoleState, Step } from '../state.ts';
import { withJournal } from './journal.ts';
import { withDocument } from './navigate.ts';

export function withShownTab(state: ConsoleState): Step {
  return state.tab === 'rewind' ? withJournal(state) : withDocument(state);
}

/** Rows of the tabs of a scenario that are text only; a tab may be longer than its pane. */
import { layoutOf } from '../layout.ts';
import { type ScenarioView, selectedScenario } from '../select.ts';
import type { ConsoleState } from '../state.ts';
import { availabilityLines } from './availability.ts';
import { FRAME_COLUMNS } from './frame.ts';
import { journalLines } from './journal.ts';
import { type Line, line, restyle, span } from './line.ts';
import { staleText } from './overview.ts';
import { rootLines } from './roots.ts';

export function detailRows(state: ConsoleState): readonly Line[] {
  const scenario = selectedScenario(state);
  const area = layoutOf(state).panes.detail;
  if (scenario === undefined || area === undefined) return [];
  // A column for the border on each side, and one before the text.
  const width = area.width - FRAME_COLUMNS - 1;
  switch (state.tab) {
    case 'rewind':
      return journalLines(state, scenario, width);
    case 'roots':
      return rootsOf(state, scenario, width);
    case 'ha':
      return availabilityLines(state, scenario, width);
    case 'overview':
      return [];
  }
}

function rootsOf(state: ConsoleState, scenario: ScenarioView, width: number): readonly Line[] {
  const document = state.documents[scenario.id];
  if (!scenario.stale) return rootLines(document, width);
  const old = document === undefined ? [] : rootLines(document, width).map((row) => restyle(row, 'dim'));
  return [line(span(staleText(scenario, state.now), 'warning')), ...old];
}

/** Manual recovery for the state at hand (shared/guidance.ts) as lines. */
import { guidanceOf } from '../../shared/guidance.ts';
import type { ScenarioView } from '../select.ts';
import { reportsOf } from '../select-roles.ts';
import type { ConsoleState } from '../state.ts';
import { paragraph } from './dialogs.ts';
import { type Line, line, span } from './line.ts';

/** Nothing when no hand is needed. */
export function guidanceLines(state: ConsoleState, scenario: ScenarioView, width: number): readonly Line[] {
  const live = reportsOf(state, scenario.id).filter(({ live: isLive }) => isLive);
  const found = guidanceOf(live.map(({ status }) => status));
  if (found.length === 0) return [];
  return [
    line(span('What to do now', 'accent')),
    ...found.flatMap(({ state: what, steps }) => [
      ...paragraph(`${what}.`, width, 'warning'),
      ...steps.flatMap((step, index) =>
        paragraph(step, width - 5).map((row, at) => line(at === 0 ? `  ${index + 1}. ` : '     ', ...row)),
      ),
    ]),
    [],
  ];
}

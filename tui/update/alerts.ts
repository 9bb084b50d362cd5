/** What an alert is about, for the keys that lead from it to where something can be done. Pure. */
import type { BrakeStatus } from '../../shared/status.ts';
import { alertRows, scenarioViews } from '../select.ts';
import { type ConsoleState, topDialog } from '../state.ts';

/** The mass-change brake the alert under the cursor tells of, and of which scenario. */
export function brakeUnderCursor(
  state: ConsoleState,
): { readonly scenarioId: string; readonly brake: BrakeStatus } | undefined {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'alerts') return undefined;
  const alert = alertRows(state)[dialog.cursor];
  const name = alert?.scenario;
  const view = scenarioViews(state).find(({ status }) => status.name === name && status.brake !== undefined);
  const brake = view?.status.brake;
  return view === undefined || brake === undefined ? undefined : { scenarioId: view.id, brake };
}

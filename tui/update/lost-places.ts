/** Places that a point cannot give back: what was kept of them is missing or damaged. Known from the list, a preview, or a refusal. Pure. */
import type { PreviewProblem, PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { type ConsoleState, NO_FIELD, replaceDialog, type Step, stay } from '../state.ts';
import type { PointList, RestoreDialog } from '../state-recovery.ts';

/** What a preview found is remembered as long as the list is. */
export function withLoss(list: PointList, pointId: string, { problems }: PreviewResult): PointList {
  const count = problems.filter(({ kind }) => kind === 'lost').length;
  return count === (list.lost[pointId] ?? 0) ? list : { ...list, lost: { ...list.lost, [pointId]: count } };
}

/** Places that are known to be lost at a point. */
export function lostAt({ lost }: Pick<PointList, 'lost'>, point: RewindPoint): number {
  return lost[point.id] ?? (typeof point.lost === 'number' ? point.lost : 0);
}

/** What the point that was taken cannot give back. */
export interface Loss {
  readonly count: number;
  /** Those that are known by name. */
  readonly places: readonly Pick<PreviewProblem, 'path' | 'reason'>[];
  /** The host refused for it; else only the preview said so. */
  readonly refused?: string;
}

/** Undefined: nothing is known to be lost, or nothing is rewound. */
export function lossOf(dialog: RestoreDialog): Loss | undefined {
  const { job, method, point, preview, list, fault } = dialog;
  if (job === 'undo' || method === 'master' || point === undefined) return undefined;
  const problems = preview?.pointId === point.id ? (preview.result?.problems ?? []) : [];
  const places = problems.filter(({ kind }) => kind === 'lost');
  const refused = fault?.code === 'POINT-INCOMPLETE' ? fault.text : undefined;
  const count = Math.max(places.length, lostAt(list, point), refused === undefined ? 0 : 1);
  return count === 0 ? undefined : { count, places, ...(refused === undefined ? {} : { refused }) };
}

/** Only something that is lost and was not accepted yet stands in the way. */
export function whyNotWithLoss(dialog: RestoreDialog): string | undefined {
  if (dialog.acceptLost || lossOf(dialog) === undefined) return undefined;
  return 'the point cannot give everything back; Tab accepts that, Esc leads back to pick a younger one';
}

/** What was typed so far was typed for something else. */
export function toggleAccept(state: ConsoleState, dialog: RestoreDialog): Step {
  if (lossOf(dialog) === undefined) return stay(state);
  const { acceptLost: before, ...rest } = dialog;
  const next = { ...rest, typed: NO_FIELD, openedAt: state.now };
  return stay(replaceDialog(state, before ? next : { ...next, acceptLost: true }));
}

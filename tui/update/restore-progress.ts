/** A restore under way, as the status of its scenario tells it: pace, the end of one that was only watched. Pure. */
import type { RecoveryStatus } from '../../shared/rewind.ts';
import { scenarioById } from '../select.ts';
import { type ConsoleState, replaceDialog, topDialog } from '../state.ts';
import type { RestoreDialog } from '../state-recovery.ts';

/** Older figures count less in the pace: it follows within some seconds and does not jump. */
const WEIGHT_OF_NEW = 0.3;
/** An answer that was asked for here comes at the latest this long after the status says it is over. */
const ANSWER_DUE_MS = 5_000;

export function recoveryOf(state: ConsoleState, dialog: RestoreDialog): RecoveryStatus | undefined {
  return scenarioById(state, dialog.scenarioId)?.status.recovery;
}

/** A restore by somebody else while the question is open: what is said there is no longer so, however short it was. */
export function noteRecovery(state: ConsoleState): ConsoleState {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'restore' || dialog.step !== 'confirm' || recoveryOf(state, dialog) === undefined) return state;
  const { preview: _before, ...rest } = dialog;
  return replaceDialog(state, { ...rest, basis: 'restored meanwhile' });
}

/** Once a second. */
export function followRestore(state: ConsoleState): ConsoleState {
  const at = state.dialogs.findLastIndex(({ kind }) => kind === 'restore');
  const dialog = state.dialogs[at];
  if (dialog?.kind !== 'restore' || dialog.step !== 'progress') return state;
  const next = followed(state, dialog);
  return next === dialog ? state : { ...state, dialogs: state.dialogs.with(at, next) };
}

function followed(state: ConsoleState, dialog: RestoreDialog): RestoreDialog {
  const scenario = scenarioById(state, dialog.scenarioId);
  if (scenario === undefined || scenario.stale) return dialog;
  const { recovery } = scenario.status;
  const { seen } = dialog;
  if (recovery !== undefined) {
    const pace = paceOf(dialog, recovery, state.now);
    const { pace: _before, ...rest } = dialog;
    const kept = seen !== undefined && isOther(seen.status, recovery) ? rest : dialog;
    return { ...kept, seen: { status: recovery, at: state.now }, ...(pace === undefined ? {} : { pace }) };
  }
  // Asked for here: its answer says more than its absence. Seen by nobody yet: it has not begun.
  const { askedAt, fault } = dialog;
  const waited = state.now - (seen?.at ?? askedAt ?? state.now) >= ANSWER_DUE_MS;
  const over = (seen !== undefined || fault !== undefined) && (askedAt === undefined || waited);
  return over ? { ...dialog, step: 'result', openedAt: state.now, scroll: 0, outcome: { kind: 'over' } } : dialog;
}

/** Another phase or another host has a pace of its own. */
function isOther(before: RecoveryStatus, now: RecoveryStatus): boolean {
  return before.phase !== now.phase || before.replica !== now.replica;
}

function paceOf({ seen, pace }: RestoreDialog, now: RecoveryStatus, at: number): RestoreDialog['pace'] {
  if (seen === undefined || isOther(seen.status, now) || at <= seen.at) return undefined;
  const seconds = (at - seen.at) / 1000;
  const steps = Math.max(0, now.doneSteps - seen.status.doneSteps) / seconds;
  const bytes = Math.max(0, (now.doneBytes ?? 0) - (seen.status.doneBytes ?? 0)) / seconds;
  const blend = (old: number | undefined, fresh: number) =>
    old === undefined ? fresh : old + WEIGHT_OF_NEW * (fresh - old);
  return { stepsPerSecond: blend(pace?.stepsPerSecond, steps), bytesPerSecond: blend(pace?.bytesPerSecond, bytes) };
}

/** Part done and time left of the phase; undefined while its extent is not known. */
export function estimate({ pace }: RestoreDialog, status: RecoveryStatus): { fraction?: number; leftMs?: number } {
  const { doneSteps, totalSteps, doneBytes = 0, totalBytes = 0 } = status;
  const byBytes = totalBytes > 0;
  const [done, total] = byBytes ? [doneBytes, totalBytes] : [doneSteps, totalSteps];
  if (total <= 0) return {};
  const perSecond = (byBytes ? pace?.bytesPerSecond : pace?.stepsPerSecond) ?? 0;
  const fraction = Math.min(1, done / total);
  return perSecond > 0 ? { fraction, leftMs: (Math.max(0, total - done) / perSecond) * 1000 } : { fraction };
}

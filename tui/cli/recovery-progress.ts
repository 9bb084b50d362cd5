/** A restore or its undo under way, in one line: part done, rate, time left. */
import type { RecoveryStatus } from '../../shared/rewind.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../shared/units.ts';
import { bar, safe } from './text.ts';

/** A rate over less than that says nothing. */
const SHORTEST_MS = 500;

export interface Pace {
  readonly stepsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What is under way, as long as its figures can be compared: one phase on one host. */
export function partOf({ undo, phase, replica }: RecoveryStatus): string {
  return `${undo === true ? 'undo ' : ''}${phase} ${replica}`;
}

/** How fast the part under way is, over all of it that was seen. */
export class PaceMeter {
  #first: { readonly part: string; readonly steps: number; readonly bytes: number; readonly at: number } | undefined;

  /** `at`: monotonic, ms. Undefined: not seen for long enough. */
  seen(status: RecoveryStatus, at: number): Pace | undefined {
    const { doneSteps: steps, doneBytes: bytes = 0 } = status;
    const part = partOf(status);
    const first = this.#first;
    if (first?.part !== part || steps < first.steps || bytes < first.bytes) {
      this.#first = { part, steps, bytes, at };
      return undefined;
    }
    const ms = at - first.at;
    if (ms < SHORTEST_MS) return undefined;
    const perSecond = (now: number, before: number) => ((now - before) / ms) * 1000;
    return { stepsPerSecond: perSecond(steps, first.steps), bytesPerSecond: perSecond(bytes, first.bytes) };
  }
}

export function recoveryText(status: RecoveryStatus, pace?: Pace): string {
  const { doneSteps, totalSteps, doneBytes, totalBytes, path, waits } = status;
  const share = totalSteps === 0 ? undefined : Math.min(1, doneSteps / totalSteps);
  const head = share === undefined ? words(status) : `${words(status)} ${bar(share, 22)} ${Math.floor(share * 100)}%`;
  const figures = [
    `${formatCount(doneSteps)}${totalSteps === 0 ? '' : ` of ${formatCount(totalSteps)}`} ${status.phase === 'rewinding' ? 'changes taken back' : 'compared'}`,
    ...(doneBytes === undefined ? [] : [`${formatBytes(doneBytes)}${ofBytes(totalBytes)} sent`]),
    ...paceWords(status, pace),
    ...(waits === undefined ? [] : [`waits: ${safe(waits)}`]),
    ...(path === undefined ? [] : [safe(path)]),
  ];
  return `${head}  ${figures.join(', ')}`;
}

function words({ undo, phase, replica }: RecoveryStatus): string {
  return undo === true && phase === 'rewinding' ? `undo on ${safe(replica)}` : phase;
}

function ofBytes(total: number | undefined): string {
  return total === undefined || total === 0 ? '' : ` of ${formatBytes(total)}`;
}

/** By the steps: bytes are known only bit by bit. */
function paceWords({ doneSteps, totalSteps }: RecoveryStatus, pace: Pace | undefined): string[] {
  if (pace === undefined) return [];
  const { stepsPerSecond, bytesPerSecond } = pace;
  const rate = bytesPerSecond > 0 ? formatRate(bytesPerSecond) : `${formatCount(Math.round(stepsPerSecond))} a second`;
  if (stepsPerSecond <= 0) return bytesPerSecond > 0 ? [rate] : [];
  if (totalSteps === 0) return [rate];
  return [rate, `${formatDuration((Math.max(0, totalSteps - doneSteps) / stepsPerSecond) * 1000)} left`];
}

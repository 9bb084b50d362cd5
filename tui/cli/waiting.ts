/** Waiting for a scenario, with progress: a bar on a terminal, plain lines otherwise. */
import { Fault } from '../../shared/faults.ts';
import type { ScenarioState } from '../../shared/scenario.ts';
import type { ScenarioStatus, SyncProgress } from '../../shared/status.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../shared/units.ts';
import type { CommonOptions, Context } from './context.ts';
import { LiveView } from './live.ts';
import { DONE } from './options.ts';
import { type Pace, PaceMeter, partOf, recoveryText } from './recovery-progress.ts';
import { bar, safe } from './text.ts';

/** How often progress is printed where it cannot redraw. */
const LINE_EVERY_MS = 5_000;
const REDRAW_EVERY_MS = 200;

export async function waitForState(
  context: Context,
  options: CommonOptions,
  name: string,
  state: ScenarioState,
  limitMs: number | undefined,
): Promise<number> {
  const reached = await follow(context, options, name, limitMs, `"${name}" to be ${state}`, (scenario) =>
    scenario?.state === state ? 'reached' : 'wait',
  );
  return finish(context, options, reached);
}

/** After a run was started: until protected; throws `SCENARIO-STATE` when it fails or is stopped instead. */
export async function waitForProtection(
  context: Context,
  options: CommonOptions,
  name: string,
  limitMs: number | undefined,
): Promise<number> {
  let ran = false;
  const reached = await follow(context, options, name, limitMs, `"${name}" to be protected`, (scenario) => {
    if (scenario === undefined) return 'wait';
    if (scenario.state === 'protected') return 'reached';
    if (scenario.running) ran = true;
    return scenario.state === 'failed' || (ran && scenario.state === 'stopped') ? 'impossible' : 'wait';
  });
  return finish(context, options, reached);
}

function finish(context: Context, options: CommonOptions, scenario: ScenarioStatus): number {
  if (options.json === true) context.json(scenario);
  else context.terminal.out(`${safe(scenario.name)} is ${scenario.state}\n`);
  return DONE;
}

type Judgement = 'reached' | 'impossible' | 'wait';

async function follow(
  context: Context,
  options: CommonOptions,
  name: string,
  limitMs: number | undefined,
  what: string,
  judge: (scenario: ScenarioStatus | undefined) => Judgement,
): Promise<ScenarioStatus> {
  const { terminal } = context;
  const clients = await context.clients(options);
  const started = terminal.monotonicNow();
  const view = new LiveView(clients, () => terminal.monotonicNow());
  const progress = new ProgressLines(context, options.json === true);
  try {
    for (;;) {
      const scenario = view.scenario(name);
      const judgement = judge(scenario);
      if (judgement !== 'wait') {
        progress.end();
        if (judgement === 'reached') return scenario!;
        const reason = scenario!.problem ?? 'see `mainstay events`';
        throw new Fault('SCENARIO-STATE', { name, state: scenario!.state, reason });
      }
      if (view.complete() && scenario === undefined) throw missing(name, view);
      progress.show(scenario);
      const left = limitMs === undefined ? LINE_EVERY_MS : limitMs - (terminal.monotonicNow() - started);
      if (left <= 0) throw new Fault('TIMEOUT', { seconds: Math.round(limitMs! / 1000), what });
      await view.changed(Math.min(left, LINE_EVERY_MS));
    }
  } finally {
    progress.end();
    view.end();
  }
}

function missing(name: string, view: LiveView): Fault {
  return view.silent()[0]?.fault ?? new Fault('SCENARIO-NOT-FOUND', { name });
}

/** Prints what a synchronization does, at a bounded rate, on standard error. */
class ProgressLines {
  readonly #context: Context;
  readonly #quiet: boolean;
  readonly #redraws: boolean;
  readonly #pace = new PaceMeter();
  #shownAt = Number.NEGATIVE_INFINITY;
  #shownState: string | undefined;
  #open = false;

  constructor(context: Context, quiet: boolean) {
    this.#context = context;
    this.#quiet = quiet;
    this.#redraws = context.terminal.redraws && context.terminal.interactive;
  }

  show(scenario: ScenarioStatus | undefined): void {
    if (scenario === undefined || this.#quiet) return;
    const now = this.#context.terminal.monotonicNow();
    const { recovery } = scenario;
    const state = recovery === undefined ? scenario.state : partOf(recovery);
    const pace = recovery && this.#pace.seen(recovery, now);
    const sameState = state === this.#shownState;
    if (sameState && now - this.#shownAt < (this.#redraws ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    if (sameState && scenario.sync === undefined && recovery === undefined) return;
    this.#shownAt = now;
    this.#shownState = state;
    const columns = this.#redraws ? this.#context.terminal.columns : Number.POSITIVE_INFINITY;
    const text = progressText(scenario, columns, pace);
    if (this.#redraws) this.#context.terminal.err(`\r\u001b[K${text}`);
    else this.#context.note(text);
    this.#open = this.#redraws;
  }

  end(): void {
    if (this.#open) this.#context.terminal.err('\r\u001b[K');
    this.#open = false;
  }
}

/** While `work` is done: how far the restore of the scenario is, or its undo. */
export async function withProgress<Result>(
  context: Context,
  options: CommonOptions,
  name: string,
  work: Promise<Result>,
): Promise<Result> {
  const { terminal } = context;
  const view = new LiveView(await context.clients(options), () => terminal.monotonicNow());
  const progress = new ProgressLines(context, false);
  let over = false;
  const ended = work.finally(() => {
    over = true;
    view.end();
  });
  // Told by whoever awaits the work.
  ended.catch(() => undefined);
  while (!over) {
    const scenario = view.scenario(name);
    if (scenario?.recovery !== undefined) progress.show(scenario);
    await view.changed(REDRAW_EVERY_MS);
  }
  progress.end();
  return await ended;
}

export function progressText(scenario: ScenarioStatus, columns: number, pace?: Pace): string {
  const { sync, recovery } = scenario;
  if (recovery !== undefined) return recoveryText(recovery, pace).slice(0, Math.max(20, columns - 1));
  if (sync === undefined || scenario.state !== 'synchronizing') return `${safe(scenario.name)}: ${scenario.state}`;
  const figures = [
    `${formatCount(sync.comparedEntries)}${sync.totalEntries === undefined ? '' : ` of ${formatCount(sync.totalEntries)}`} compared`,
    `${formatCount(sync.sentFiles)} files ${formatBytes(sync.sentBytes)} sent`,
    formatRate(sync.bytesPerSecond),
    ...(sync.secondsLeft === undefined ? [] : [`${formatDuration(sync.secondsLeft * 1000)} left`]),
  ].join(', ');
  const share = shareDone(sync);
  const head = share === undefined ? sync.phase : `${bar(share, 22)} ${Math.floor(share * 100)}%`;
  return `${head}  ${figures}`.slice(0, Math.max(20, columns - 1));
}

/** Known only when the walk is over: before that any percentage would be invented. */
function shareDone(sync: SyncProgress): number | undefined {
  if (sync.totalEntries === undefined) return undefined;
  const compared = sync.totalEntries === 0 ? 1 : sync.comparedEntries / sync.totalEntries;
  const sent = sync.neededBytes === 0 ? 1 : sync.sentBytes / sync.neededBytes;
  return Math.max(0, Math.min(compared, sent, 1));
}

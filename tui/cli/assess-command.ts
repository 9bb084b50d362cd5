/** `mainstay assess`: how much changes on a Master. */
import { renderReport } from '../../shared/report-text.ts';
import type { CommandResults } from '../../shared/results.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, timeoutOf } from './options.ts';
import { safe } from './text.ts';

export interface AssessOptions extends CommonOptions {
  readonly for?: string;
  readonly stop?: boolean;
  readonly detailed?: boolean;
}

type Answer = CommandResults['scenario.assess'];

/** Walking through the roots comes first. */
const START_TIMEOUT_MS = 60 * 60_000;

/** Starts it, or shows what was counted so far when it is under way. */
export async function assess(context: Context, options: AssessOptions, name: string): Promise<number> {
  const limitMs = timeoutOf(options.for);
  const client = await context.forScenario(name, options);
  const request = (action: 'start' | 'stop') =>
    ask<Answer>(client, 'scenario.assess', { name, action }, START_TIMEOUT_MS);
  let answer = await request(options.stop === true ? 'stop' : 'start');
  if (limitMs !== undefined && options.stop !== true) {
    context.note(`measuring "${safe(name)}" for ${options.for}`);
    await new Promise((resolve) => setTimeout(resolve, limitMs));
    answer = await request('stop');
  }
  if (options.json === true) context.json(answer);
  else {
    const text = renderReport(answer.report, options.detailed === true ? 'detailed' : 'summary');
    context.terminal.out(text.split('\n').map(safe).join('\n'));
    if (answer.running) context.note(`it goes on; end it with: mainstay assess ${safe(name)} --stop`);
  }
  return DONE;
}

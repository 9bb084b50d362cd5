/** `mainstay parked`: what could not be applied on a Replica. */
import { Fault } from '../../shared/faults.ts';
import type { ParkedResult } from '../../shared/results.ts';
import { formatDuration } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, FOUND } from './options.ts';
import { safe, table } from './text.ts';

type ParkedOptions = CommonOptions & { readonly replica?: string };

/** Exit 0 when nothing is parked (or `retry`/`drop` was done), 7 when the list has items. */
export async function parked(context: Context, options: ParkedOptions, name: string, action = 'list'): Promise<number> {
  if (!['list', 'retry', 'drop'].includes(action)) {
    throw new Fault('USAGE', { reason: `"${action}" is none of: list, retry, drop` });
  }
  const client = await context.forScenario(name, options);
  const args = { name, ...(options.replica === undefined ? {} : { replica: options.replica }) };
  if (action === 'retry') {
    const result = await ask<ParkedResult>(client, 'scenario.parkedRetry', args);
    return done(context, options, result, 'asked for again');
  }
  if (action === 'drop') {
    const question = `Drop the parked items of "${safe(name)}"? They stay different until a comparison mends them.`;
    await context.confirm(question, `Dropping the parked items of "${name}"`, options);
    const result = await ask<ParkedResult>(client, 'scenario.parkedDrop', args);
    return done(context, options, result, 'dropped; not proven identical until the next comparison');
  }
  const result = await ask<ParkedResult>(client, 'scenario.parked', args);
  if (options.json === true) context.json(result);
  else show(context, result);
  return result.items.length > 0 ? FOUND : DONE;
}

function done(context: Context, options: CommonOptions, result: ParkedResult, what: string): number {
  if (options.json === true) context.json(result);
  else context.terminal.out(`${result.items.length} ${result.items.length === 1 ? 'item' : 'items'} ${what}\n`);
  return DONE;
}

function show(context: Context, { items, dropped }: ParkedResult): void {
  const { terminal } = context;
  if (items.length === 0) terminal.out('nothing is parked\n');
  else {
    const now = terminal.wallNow();
    const rows = items.map((item) => [
      item.replica,
      String(item.root),
      item.path,
      item.code,
      String(item.attempts),
      item.nextAttemptAt <= now ? 'now' : `in ${formatDuration(item.nextAttemptAt - now)}`,
      item.reason,
    ]);
    terminal.out(table(['REPLICA', 'ROOT', 'PATH', 'CODE', 'TRIES', 'NEXT TRY', 'REASON'], rows));
    for (const hint of new Set(items.map((item) => item.hint))) context.note(`hint: ${safe(hint)}`);
  }
  if (dropped > 0) context.note(`${dropped} dropped since the last synchronization: not proven identical`);
}

/** Data Rewind: `bookmark`, `points`, `restore`, `undo`. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults } from '../../shared/results.ts';
import { REWIND_POINT_KINDS, type RewindPointKind, type RewindResult } from '../../shared/rewind.ts';
import { formatCount, formatDuration } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { choice, DONE, FOUND, type Register, timeoutOf, withAccess } from './options.ts';
import { safe, table } from './text.ts';

/** Setting data back takes as long as the disks need. */
const REWIND_TIMEOUT_MS = 24 * 3_600_000;
const BOOKMARK_TIMEOUT_MS = 60_000;
const ONE_REPLICA = ['--replica <host>', 'this Replica'] as const;

export function addRecoveryCommands(program: Command, register: Register): void {
  const command = (name: string, description: string) =>
    withAccess(program.command(name).description(description)).argument('<name>', 'the scenario');
  register(
    command('bookmark', 'mark the state of now as a point to set data back to')
      .argument('[text]', 'its name (default: date and time)')
      .option('--replica <host>', 'only on this Replica')
      .option('--timeout <time>', 'give up waiting for the Replicas after that: seconds, or 5min'),
    bookmark,
  );
  register(
    command('points', 'rewind points of a Replica, newest first; a file event is the moment right before the change')
      .option(...ONE_REPLICA)
      .addOption(choice('--kind <kind>', 'only points of this kind', [...REWIND_POINT_KINDS]))
      .option('--filter <text>', 'only points whose path or text contains it')
      .option('--since <time>', 'not older than that: a date, or 2h')
      .option('--until <time>', 'not newer than that: a date, or 2h')
      .option('--limit <n>', 'at most so many', '100'),
    points,
  );
  register(
    command('restore', 'set the data of a stopped scenario back to a rewind point')
      .addOption(
        choice('--method <method>', 'rewind-replica: on the Replica only; the Master is left as it is', [
          'rewind-replica',
        ]).makeOptionMandatory(),
      )
      .requiredOption('--at <point>', 'id of the point, see `mainstay points`')
      .option(...ONE_REPLICA)
      .option('--confirm <name>', 'the name of the scenario, typed'),
    restore,
  );
  register(
    command('undo', 'give back the data that the last rewind of a stopped scenario replaced')
      .option(...ONE_REPLICA)
      .option('--confirm <name>', 'the name of the scenario, typed'),
    undo,
  );
}

type ReplicaOption = CommonOptions & { readonly replica?: string };

function on({ replica }: ReplicaOption): { replica?: string } {
  return replica === undefined ? {} : { replica };
}

async function bookmark(
  context: Context,
  options: ReplicaOption & { readonly timeout?: string },
  name: string,
  given?: string,
): Promise<number> {
  const client = await context.forScenario(name, options);
  const text = given ?? `Bookmark ${new Date(context.terminal.wallNow()).toISOString().slice(0, 19).replace('T', ' ')}`;
  const timeoutMs = timeoutOf(options.timeout) ?? BOOKMARK_TIMEOUT_MS;
  const args = { name, text, timeoutMs, ...on(options) };
  const result = await ask<CommandResults['scenario.bookmark']>(client, 'scenario.bookmark', args, 2 * timeoutMs);
  if (options.json === true) context.json(result);
  else
    for (const { replica, point } of result.points)
      context.terminal.out(`${point.id}  ${safe(replica)}  ${safe(text)}\n`);
  return DONE;
}

type PointsOptions = ReplicaOption & {
  readonly kind?: RewindPointKind;
  readonly filter?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
};

async function points(context: Context, options: PointsOptions, name: string): Promise<number> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1)
    throw new Fault('USAGE', { reason: '--limit must be a whole number above 0' });
  const now = context.terminal.wallNow();
  const filter = {
    limit,
    ...(options.kind === undefined ? {} : { kinds: [options.kind] }),
    ...(options.filter === undefined ? {} : { text: options.filter }),
    ...(options.since === undefined ? {} : { since: momentOf(options.since, now) }),
    ...(options.until === undefined ? {} : { until: momentOf(options.until, now) }),
  };
  const client = await context.forScenario(name, options);
  const list = await ask<CommandResults['scenario.points']>(client, 'scenario.points', {
    name,
    filter,
    ...on(options),
  });
  if (options.json === true) {
    for (const point of list.points) context.json(point);
    return DONE;
  }
  const rows = list.points.map(({ id, at, kind, text, path }) => [
    id,
    new Date(at).toISOString().replace('T', ' ').slice(0, 23),
    kind,
    text,
    path ?? '',
  ]);
  if (rows.length === 0) context.terminal.out('no rewind points\n');
  else context.terminal.out(table(['POINT', 'AT (UTC)', 'KIND', 'WHAT', 'PATH'], rows));
  if (list.total > rows.length) context.note(`${list.total - rows.length} more; see --limit, --filter, --since`);
  return DONE;
}

function momentOf(text: string, now: number): number {
  const date = Date.parse(text);
  if (!Number.isNaN(date)) return date;
  const age = timeoutOf(text);
  if (age === undefined) throw new Fault('USAGE', { reason: `"${text}" is neither a date nor a time like 2h` });
  return now - age;
}

async function restore(
  context: Context,
  options: ReplicaOption & { readonly at: string },
  name: string,
): Promise<number> {
  const impact = 'The data of the Replica is set back; the Master is left as it is. `mainstay undo` takes it back.';
  await context.confirmName(name, impact, `Restoring "${name}"`, options);
  const client = await context.forScenario(name, options);
  const args = { name, method: 'rewind-replica', point: options.at, ...on(options) };
  return show(context, options, name, await ask<RewindResult>(client, 'scenario.restore', args, REWIND_TIMEOUT_MS));
}

async function undo(context: Context, options: ReplicaOption, name: string): Promise<number> {
  const impact = 'The Replica gets the data back that it had before its last rewind.';
  await context.confirmName(name, impact, `Undoing the last rewind of "${name}"`, options);
  const client = await context.forScenario(name, options);
  return show(
    context,
    options,
    name,
    await ask<RewindResult>(client, 'scenario.undo', { name, ...on(options) }, REWIND_TIMEOUT_MS),
  );
}

function show(context: Context, options: CommonOptions, name: string, result: RewindResult): number {
  if (options.json === true) context.json(result);
  else {
    const { terminal } = context;
    terminal.out(
      `${safe(name)}: ${formatCount(result.steps)} changes taken back in ${formatDuration(result.tookMs)}\n`,
    );
    terminal.out(`undo point: ${result.undoPoint}\n`);
    for (const { path } of result.foreign) terminal.out(`changed by others, left as it is: ${safe(path)}\n`);
    context.note('the next run compares the Replica with the Master again');
  }
  return result.foreignCount > 0 ? FOUND : DONE;
}

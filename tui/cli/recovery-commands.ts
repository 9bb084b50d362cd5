/** Data Rewind: `bookmark`, `points`, `restore`, `undo`. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import { formatMoment } from '../../shared/report.ts';
import type { CommandResults } from '../../shared/results.ts';
import {
  RESTORE_METHODS,
  REWIND_POINT_KINDS,
  type RestoreMethod,
  type RestoreResult,
  type RewindPointKind,
  type RewindResult,
  type UndoResult,
} from '../../shared/rewind.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { choice, DONE, FOUND, type Register, timeoutOf, withAccess } from './options.ts';
import { safe, table } from './text.ts';
import { withProgress } from './waiting.ts';

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
      .option(
        '--path <path>',
        'only changes of that file or folder, or of what matches a pattern such as sites/**/*.php',
      )
      .option('--before <point>', 'only points older than this one: the next page')
      .option('--since <time>', 'not older than that: a date, or 2h')
      .option('--until <time>', 'not newer than that: a date, or 2h')
      .option('--limit <n>', 'at most so many', '100'),
    points,
  );
  register(
    command('restore', 'bring the data of a stopped scenario back from a Replica')
      .addOption(
        choice(
          '--method <method>',
          'master: replace all data on the Master with the data on the Replica; rewind: set the Replica back and synchronize it back to the Master; rewind-replica: set the Replica back and leave the Master as it is',
          [...RESTORE_METHODS],
        ).makeOptionMandatory(),
      )
      .option('--at <point>', 'id of the point to set back to, see `mainstay points`')
      .addOption(
        choice('--sync <method>', 'how it is synchronized back to the Master', ['block', 'file']).default('block'),
      )
      .option('--accept-lost', 'also to a point with places that cannot be given back: they stay as they are')
      .option(...ONE_REPLICA)
      .option('--wait', 'show the progress')
      .option('--confirm <name>', 'the name of the scenario, typed'),
    restore,
  );
  register(
    command('undo', 'give back the data that the last restore of a stopped scenario replaced, on all its hosts')
      .option(...ONE_REPLICA)
      .option('--wait', 'show the progress')
      .option('--forget', 'the opposite: keep the data as it is now and remove what the restore replaced on the Master')
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
  readonly path?: string;
  readonly before?: string;
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
    ...(options.path === undefined ? {} : { path: options.path }),
    ...(options.before === undefined ? {} : { before: options.before }),
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
  const rows = list.points.map(({ id, at, kind, text, path, lost }) => [
    id,
    new Date(at).toISOString().replace('T', ' ').slice(0, 23),
    kind,
    lost === undefined ? text : `${text} ! DAMAGED ${formatCount(lost)}`,
    path ?? '',
  ]);
  if (rows.length === 0) context.terminal.out('no rewind points\n');
  else context.terminal.out(table(['POINT', 'AT (UTC)', 'KIND', 'WHAT', 'PATH'], rows));
  if (list.points.some(({ lost }) => lost !== undefined)) context.note(DAMAGED_NOTE);
  if (list.total > rows.length) context.note(`${list.total - rows.length} more; see --limit, --filter, --since`);
  return DONE;
}

const DAMAGED_NOTE =
  '! DAMAGED: so many places cannot be given back there, what was kept of them is missing or damaged; `mainstay preview` names them';

function momentOf(text: string, now: number): number {
  const date = Date.parse(text);
  if (!Number.isNaN(date)) return date;
  const age = timeoutOf(text);
  if (age === undefined) throw new Fault('USAGE', { reason: `"${text}" is neither a date nor a time like 2h` });
  return now - age;
}

type RestoreOptions = ReplicaOption & {
  readonly method: RestoreMethod;
  readonly at?: string;
  readonly sync: 'block' | 'file';
  readonly wait?: boolean;
  readonly acceptLost?: boolean;
};

const IMPACT: Readonly<Record<RestoreMethod, string>> = {
  master: 'All data of the Master is replaced with the data of the Replica.',
  rewind: 'The Replica is set back to the point; then all data of the Master is replaced with it.',
  'rewind-replica': 'The data of the Replica is set back; the Master is left as it is.',
};

async function restore(context: Context, options: RestoreOptions, name: string): Promise<number> {
  const { method, at, sync } = options;
  if (method !== 'master' && at === undefined)
    throw new Fault('USAGE', { reason: `--method ${method} needs --at POINT: see \`mainstay points\`` });
  const impact = `${IMPACT[method]} Stop what writes there before. \`mainstay undo\` takes it back.`;
  await context.confirmName(name, impact, `Restoring "${name}"`, options);
  const client = await context.forScenario(name, options);
  const accepts = options.acceptLost === true ? { acceptLost: true } : {};
  const args = { name, method, sync, ...(at === undefined ? {} : { point: at }), ...accepts, ...on(options) };
  const asked = ask<RestoreResult>(client, 'scenario.restore', args, REWIND_TIMEOUT_MS);
  const result = await (options.wait === true || context.terminal.redraws
    ? withProgress(context, options, name, asked)
    : asked);
  if (options.json === true) context.json(result);
  else showRestored(context, name, result);
  return result.foreignCount > 0 ? FOUND : DONE;
}

function showRestored(context: Context, name: string, result: RestoreResult): void {
  const { terminal } = context;
  const { synchronization, undoPoint, undoUntil } = result;
  if (result.method !== 'master') showSteps(context, name, result);
  if (undoPoint !== undefined) terminal.out(`undo point: ${undoPoint}\n`);
  if (synchronization !== undefined) {
    const { created, updated, removed, sentBytes } = synchronization;
    const figures = [
      `${formatCount(created)} created`,
      `${formatCount(updated)} changed`,
      `${formatCount(removed)} removed`,
      `${formatBytes(sentBytes)} sent`,
    ];
    terminal.out(`${safe(name)}: the Master has the data of ${safe(result.replica)}: ${figures.join(', ')}\n`);
  }
  if (undoUntil !== undefined) terminal.out(`\`mainstay undo\` is possible until ${formatMoment(undoUntil)}\n`);
  context.note('the next run compares the hosts again and sends only what differs');
}

function showSteps(context: Context, name: string, result: Pick<RewindResult, 'steps' | 'tookMs' | 'foreign'>): void {
  const { terminal } = context;
  terminal.out(`${safe(name)}: ${formatCount(result.steps)} changes taken back in ${formatDuration(result.tookMs)}\n`);
  for (const { path, lost } of result.foreign) {
    if (lost === undefined) terminal.out(`changed by others, left as it is: ${safe(path)}\n`);
    else terminal.out(`cannot be given back, left as it is: ${safe(path)} (${safe(lost)})\n`);
  }
}

type UndoOptions = ReplicaOption & { readonly forget?: boolean; readonly wait?: boolean };

async function undo(context: Context, options: UndoOptions, name: string): Promise<number> {
  const forget = options.forget === true;
  const impact = forget
    ? 'What the last restore replaced on the Master is removed for good.'
    : 'The hosts get the data back that they had before the last restore; what was changed there since goes.';
  await context.confirmName(
    name,
    impact,
    `${forget ? 'Forgetting' : 'Undoing'} the last restore of "${name}"`,
    options,
  );
  const client = await context.forScenario(name, options);
  const args = { name, forget, ...on(options) };
  const asked = ask<UndoResult>(client, 'scenario.undo', args, REWIND_TIMEOUT_MS);
  const shown = !forget && (options.wait === true || context.terminal.redraws);
  const result = await (shown ? withProgress(context, options, name, asked) : asked);
  if (options.json === true) context.json(result);
  else if (forget) context.terminal.out(`${safe(name)}: the restore is confirmed\n`);
  else {
    showSteps(context, name, result);
    for (const { host, steps } of result.hosts) context.terminal.out(`${safe(host)}: ${formatCount(steps)} changes\n`);
    context.note('the next run compares the hosts again');
  }
  return result.foreignCount > 0 ? FOUND : DONE;
}

/** `mainstay group …`: scenarios that are switched over together. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { GroupRun, GroupRunMember, GroupStatus } from '../../shared/group.ts';
import type { CommandResults } from '../../shared/results.ts';
import { formatDuration } from '../../shared/units.ts';
import type { DaemonClient } from '../client.ts';
import { planLines } from '../present/switchover.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, REFUSED, type Register, timeoutOf, withAccess, withYes } from './options.ts';
import { safe, table } from './text.ts';

const LOOK_MS = 500;
const FAILED = 1;
const ANSWER_MS = 60_000;

export function addGroupCommands(program: Command, register: Register): void {
  const group = program.command('group').description('scenarios that are switched over together, in their order');
  const command = (name: string, description: string) => withAccess(group.command(name).description(description));
  register(
    command('create', 'make a group, or replace one of that name; all hosts of its scenarios get it')
      .argument('<name>', 'its name')
      .argument('<scenarios...>', 'its scenarios, in the order in which they are switched over')
      .option('--limit <time>', 'a scenario that is not over by then has failed: seconds, or 5min (default: 10min)'),
    create,
  );
  register(command('list', 'groups with their last switchover'), list);
  register(
    command('show', 'its scenarios as they are now, and its last switchover').argument('<name>', 'the group'),
    show,
  );
  register(
    withYes(command('delete', 'forget a group; its scenarios stay'))
      .argument('<name>', 'the group')
      .option('--confirm <name>', 'the name once more'),
    remove,
  );
  register(
    withYes(command('switchover', 'switch its scenarios over one after the other; stops at the first that fails'))
      .argument('<name>', 'the group')
      .option('--confirm <name>', 'the name once more')
      .option('--to <host>', 'the host that is to be active in all of them; those that are there already are left out')
      .option('--continue', 'go on with what the last one did not do')
      .option('--dry-run', 'only print what each would do; exit 4 when one of them would be refused')
      .option('--peer-is-fenced', 'you state that the active host is off')
      .option('--wait', 'wait until it is over; exit 1 when one has failed'),
    switchover,
  );
}

type CreateOptions = CommonOptions & { readonly limit?: string };

async function create(context: Context, options: CreateOptions, name: string, scenarios: string[]): Promise<number> {
  const client = await context.forScenario(scenarios[0]!, options);
  const limitMs = timeoutOf(options.limit);
  const args = { name, scenarios, ...(limitMs === undefined ? {} : { limitMs }) };
  const result = await ask<CommandResults['group.create']>(client, 'group.create', args);
  if (options.json === true) context.json(result);
  else context.terminal.out(`group ${safe(name)}: ${scenarios.map(safe).join(', ')}\n`);
  tellMissed(context, result.missed);
  return DONE;
}

function tellMissed(context: Context, missed: readonly string[]): void {
  if (missed.length > 0) context.note(`not told yet, and told later: ${missed.map(safe).join(', ')}`);
}

interface Found {
  readonly client: DaemonClient;
  readonly status: GroupStatus;
}

/** On every host that answers. Throws `GROUP-NOT-FOUND`, or why a host that may have it does not answer. */
async function everywhere(context: Context, options: CommonOptions, name?: string): Promise<Found[]> {
  const { up, down } = await context.reachable(options);
  const found: Found[] = [];
  for (const client of up) {
    const { groups } = await ask<CommandResults['group.list']>(client, 'group.list', {});
    for (const status of groups) {
      if (name === undefined || status.group.name.toLowerCase() === name.toLowerCase()) found.push({ client, status });
    }
  }
  if (name !== undefined && found.length === 0) throw down[0]?.fault ?? new Fault('GROUP-NOT-FOUND', { name });
  return found;
}

/** Of several reports of one group, the one with the newest switchover. */
function newest(found: readonly Found[]): Found[] {
  const byName = new Map<string, Found>();
  for (const one of found) {
    const known = byName.get(one.status.group.name);
    if (known === undefined || (one.status.run?.startedAt ?? 0) > (known.status.run?.startedAt ?? 0))
      byName.set(one.status.group.name, one);
  }
  return [...byName.values()];
}

async function list(context: Context, options: CommonOptions): Promise<number> {
  const found = newest(await everywhere(context, options));
  if (options.json === true) context.json({ groups: found.map(({ status }) => status) });
  else if (found.length === 0) context.terminal.out('there is no group\n');
  else {
    const rows = found.map(({ status: { group, run } }) => [
      safe(group.name),
      group.scenarios.map(safe).join(', '),
      run?.state ?? '-',
    ]);
    context.terminal.out(table(['GROUP', 'SCENARIOS', 'LAST SWITCHOVER'], rows));
  }
  return DONE;
}

async function show(context: Context, options: CommonOptions, name: string): Promise<number> {
  const [found] = newest(await everywhere(context, options, name));
  if (found === undefined) throw new Fault('GROUP-NOT-FOUND', { name });
  const { status } = found;
  if (options.json === true) context.json(status);
  else {
    const rows = status.members.map(({ scenario, state, active }) => [
      safe(scenario),
      state ?? 'not known here',
      safe(active ?? '-'),
    ]);
    context.terminal.out(table(['SCENARIO', 'STATE', 'ACTIVE'], rows));
    for (const line of status.run === undefined ? [] : runLines(status.run)) context.terminal.out(`${line}\n`);
  }
  return DONE;
}

function runLines({ state, members }: GroupRun): string[] {
  return [`last switchover: ${state}`, ...members.map((member) => `  ${memberText(member)}`)];
}

function memberText({ scenario, to, state, tookMs, reason }: GroupRunMember): string {
  const took = tookMs === undefined ? '' : ` after ${formatDuration(tookMs)}`;
  return `${safe(scenario)} to ${safe(to)}: ${state}${took}${reason === undefined ? '' : ` (${safe(reason)})`}`;
}

type RemoveOptions = CommonOptions & { readonly yes?: boolean };

async function remove(context: Context, options: RemoveOptions, name: string): Promise<number> {
  const [found] = newest(await everywhere(context, options, name));
  if (options.yes !== true)
    await context.confirmName(name, `The group "${safe(name)}" is forgotten.`, `Deleting "${name}"`, options);
  const result = await ask<CommandResults['group.delete']>(found!.client, 'group.delete', { name });
  if (options.json === true) context.json({ deleted: name, ...result });
  else context.terminal.out(`group ${safe(name)} deleted\n`);
  tellMissed(context, result.missed);
  return DONE;
}

type SwitchoverOptions = CommonOptions & {
  readonly to?: string;
  readonly continue?: boolean;
  readonly dryRun?: boolean;
  readonly peerIsFenced?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
};

async function switchover(context: Context, options: SwitchoverOptions, name: string): Promise<number> {
  const client = await chosen(context, options, name);
  const args = {
    name,
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.continue === true ? { resume: true } : {}),
    ...(options.peerIsFenced === true ? { peerIsFenced: true } : {}),
  };
  if (options.dryRun === true) return await dryRun(context, options, client, args);
  const impact = `Users of every scenario of "${safe(name)}" are cut off for a moment, one scenario after the other.`;
  if (options.yes !== true) await context.confirmName(name, impact, `Switching "${name}" over`, options);
  const begun = await ask<CommandResults['group.switchover']>(client, 'group.switchover', args, ANSWER_MS);
  const run = options.wait === true ? await waited(context, options, client, begun) : begun.run;
  if (options.json === true) context.json({ name, run });
  else for (const line of runLines(run)) context.terminal.out(`${line}\n`);
  return run.state === 'failed' || run.state === 'interrupted' ? FAILED : DONE;
}

/** Goes on where the last one was; else best on a host that is not active, because it may be the active one that is dying. */
async function chosen(context: Context, options: SwitchoverOptions, name: string): Promise<DaemonClient> {
  const found = await everywhere(context, options, name);
  if (options.continue === true) return newest(found)[0]!.client;
  for (const { client, status } of found) {
    const { daemon } = await context.snapshot(client);
    if (status.members.every(({ active }) => active !== undefined && active !== daemon.name)) return client;
  }
  return found[0]!.client;
}

async function dryRun(
  context: Context,
  options: SwitchoverOptions,
  client: DaemonClient,
  args: Record<string, unknown>,
): Promise<number> {
  const plan = await ask<CommandResults['group.plan']>(client, 'group.plan', args, ANSWER_MS);
  if (options.json === true) context.json(plan);
  else {
    for (const member of plan.members) if (member.state === 'already') context.terminal.out(`${memberText(member)}\n`);
    for (const one of plan.plans) for (const line of planLines(one)) context.terminal.out(`${line}\n`);
  }
  return plan.plans.every(({ possible }) => possible) ? DONE : REFUSED;
}

/** Says each member when its turn comes and when it is over, on standard error. */
async function waited(
  context: Context,
  options: SwitchoverOptions,
  client: DaemonClient,
  { name, run: begun }: CommandResults['group.switchover'],
): Promise<GroupRun> {
  let run = begun;
  let shown = '';
  while (run.state === 'running') {
    await context.terminal.sleep(LOOK_MS);
    const status = await ask<GroupStatus>(client, 'group.show', { name });
    run = status.run ?? run;
    const text =
      run.members
        .filter(({ state }) => state !== 'waiting')
        .map(memberText)
        .at(-1) ?? '';
    if (text !== shown && options.json !== true) context.note(text);
    shown = text;
  }
  return run;
}

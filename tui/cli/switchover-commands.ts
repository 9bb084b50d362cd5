/** Who is active: switchover and switchback, their dry run, Recover Active Server, acknowledgement. */
import { Argument, type Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults, SwitchoverPlan, SwitchoverResult } from '../../shared/results.ts';
import { STEP_TITLES } from '../../shared/role.ts';
import { formatDuration } from '../../shared/units.ts';
import type { DaemonClient } from '../client.ts';
import { planLines } from '../present/switchover.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { LiveView } from './live.ts';
import { choice, DONE, REFUSED, type Register, timeoutOf, withAccess, withYes } from './options.ts';
import type { QuarantineOptions } from './quarantine-command.ts';
import { safe } from './text.ts';

/** How long a switchover is waited for unless said otherwise. */
const WAIT_MS = 600_000;
const LOOK_MS = 1_000;

export function addSwitchoverCommands(program: Command, register: Register): void {
  const command = (name: string, description: string) =>
    withYes(withAccess(program.command(name).description(description)))
      .argument('<name>', 'the scenario')
      .option('--confirm <name>', 'the name once more');
  register(
    command('switchover', 'move the users to the standby host; of a backward scenario it is the switchback')
      .option('--dry-run', 'only print every step with its commands and records; exit 4 when it would be refused')
      .option('--peer-is-fenced', 'you state that the active host is off: the standby takes over without it')
      .option('--to <host>', 'the host that is to be active, to be sure')
      .option('--wait', 'wait until it is over')
      .option('--timeout <time>', 'wait no longer: seconds, or 5min'),
    switchover,
  );
  register(
    command('recover-active', 'make one of the hosts active by your word, when it is not known which one is')
      .addOption(choice('--make <which>', 'the host to be active', ['master', 'replica']).makeOptionMandatory())
      .option('--peer-is-fenced', 'you state that the other host is off')
      .option('--accept-incomplete', 'even when what this host has is no whole copy of one moment'),
    recoverActive,
  );
  register(
    withAccess(
      program.command('ack').description('an automatic switchover was seen: the next one may happen'),
    ).argument('<name>', 'the scenario'),
    acknowledge,
  );
  register(
    withYes(withAccess(program.command('quarantine').description('what hosts had that the ones which took over lack')))
      .argument('[name]', 'the scenario, also one that is deleted; without it all are listed')
      .argument('[action]', 'list (default), show, compare, return, extract, discard')
      .argument('[id]', 'the quarantine (default: the newest)')
      .option('--confirm <name>', 'the name once more')
      .option('--to <directory>', 'extract: a new directory on the host that has it')
      .option('--path <path>', 'compare (default: all of it), return: this file; extract: only this file or folder')
      .option('--root <number>', 'compare, return: the root it lies in, from 1 on (default: the first)'),
    async (context, options: QuarantineOptions, name?: string, action?: string, id?: string) => {
      const { quarantine } = await import('./quarantine-command.ts');
      return quarantine(context, options, name, action, id);
    },
  );
  register(
    withAccess(program.command('shadow').description('only say when and why a switchover would have started by itself'))
      .argument('<name>', 'the scenario')
      .addArgument(new Argument('<state>', 'on or off').choices(['on', 'off'])),
    shadow,
  );
}

type SwitchoverOptions = CommonOptions & {
  readonly dryRun?: boolean;
  readonly peerIsFenced?: boolean;
  readonly to?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
};

async function switchover(context: Context, options: SwitchoverOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const fenced = options.peerIsFenced === true ? { peerIsFenced: true } : {};
  if (options.dryRun === true) return await dryRun(context, options, client, name);
  const impact = options.peerIsFenced
    ? `The standby of "${safe(name)}" becomes active without the other host. If that one is not really off, both take users and one side's changes are lost.`
    : `Users of "${safe(name)}" are cut off for a moment and led to the standby host.`;
  await confirm(context, options, name, impact, `Switching "${name}" over`);
  const timeoutMs = timeoutOf(options.timeout) ?? WAIT_MS;
  const args = {
    name,
    ...fenced,
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.wait === true ? { wait: true, timeoutMs } : {}),
  };
  const work = ask<SwitchoverResult>(client, 'scenario.switchover', args, timeoutMs + 30_000);
  const result = options.wait === true ? await withSteps(context, options, name, work) : await work;
  return told(context, options, name, result);
}

function told(context: Context, options: CommonOptions, name: string, result: SwitchoverResult): number {
  if (options.json === true) context.json({ name, ...result });
  else if (result.over) {
    const took = result.tookMs === undefined ? '' : ` after ${formatDuration(result.tookMs)}`;
    context.terminal.out(`${safe(result.active)} is active in "${safe(name)}" (epoch ${result.epoch})${took}\n`);
  } else context.terminal.out(`the switchover of "${safe(name)}" goes on; see \`mainstay status\`\n`);
  return DONE;
}

/** A statement or a confirmation, typed or by option. */
async function confirm(
  context: Context,
  options: CommonOptions,
  name: string,
  impact: string,
  what: string,
): Promise<void> {
  if (options.yes === true) return;
  await context.confirmName(name, impact, what, options);
}

async function dryRun(
  context: Context,
  options: SwitchoverOptions,
  client: DaemonClient,
  name: string,
): Promise<number> {
  const args = { name, ...(options.peerIsFenced === true ? { peerIsFenced: true } : {}) };
  const plan = await ask<SwitchoverPlan>(client, 'scenario.switchoverPlan', args, 60_000);
  if (options.json === true) context.json(plan);
  else for (const line of planLines(plan)) context.terminal.out(`${line}\n`);
  return plan.possible ? DONE : REFUSED;
}

type RecoverOptions = CommonOptions & {
  readonly make: 'master' | 'replica';
  readonly peerIsFenced?: boolean;
  readonly acceptIncomplete?: boolean;
};

async function recoverActive(context: Context, options: RecoverOptions, name: string): Promise<number> {
  const { up } = await context.reachable(options);
  let chosen: DaemonClient | undefined;
  for (const client of up) {
    const { daemon, scenarios } = await context.snapshot(client);
    const found = scenarios.find((scenario) => scenario.name.toLowerCase() === name.toLowerCase());
    if (found === undefined) continue;
    const asMaster = found.backward === true ? found.hosts[1] : found.hosts[0];
    const asReplica = found.backward === true ? found.hosts[0] : found.hosts[1];
    if ((options.make === 'master' ? asMaster : asReplica)?.name === daemon.name) chosen = client;
  }
  if (chosen === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name });
  const impact = `The ${options.make} of "${safe(name)}" becomes active. What only the other host has is kept in quarantine when it comes back, and is in use no more.`;
  await confirm(context, options, name, impact, `Recover Active Server of "${name}"`);
  const args = {
    name,
    make: options.make,
    ...(options.peerIsFenced === true ? { peerIsFenced: true } : {}),
    ...(options.acceptIncomplete === true ? { acceptIncomplete: true } : {}),
  };
  const result = await ask<SwitchoverResult>(chosen, 'scenario.recoverActive', args);
  return told(context, options, name, result);
}

async function acknowledge(context: Context, options: CommonOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const result = await ask<CommandResults['scenario.ack']>(client, 'scenario.ack', { name });
  if (options.json === true) context.json({ name, ...result });
  else context.terminal.out(result.acknowledged ? 'acknowledged\n' : 'there was nothing to acknowledge\n');
  return DONE;
}

async function shadow(context: Context, options: CommonOptions, name: string, state: 'on' | 'off'): Promise<number> {
  const client = await context.forScenario(name, options);
  const args = { name, on: state === 'on' };
  const result = await ask<CommandResults['scenario.shadow']>(client, 'scenario.shadow', args);
  if (options.json === true) context.json({ name, ...result });
  else {
    context.terminal.out(
      result.shadow
        ? `${safe(result.host)} only says when it would have switched over by itself (event HLT-006)\n`
        : 'shadow mode is off\n',
    );
  }
  return DONE;
}

/** Says each step when it begins, on standard error. */
async function withSteps<Result>(
  context: Context,
  options: CommonOptions,
  name: string,
  work: Promise<Result>,
): Promise<Result> {
  const view = new LiveView(await context.clients(options), () => context.terminal.monotonicNow());
  let over = false;
  let shown = '';
  const ended = work.finally(() => {
    over = true;
    view.end();
  });
  // Told by whoever awaits the work.
  ended.catch(() => undefined);
  while (!over) {
    const under = view.scenario(name)?.roles?.switchover;
    const text =
      under === undefined
        ? ''
        : `${STEP_TITLES[under.step]}${under.problem === undefined ? '' : `: ${safe(under.problem)}`}`;
    if (text !== shown && text !== '' && options.json !== true) context.note(text);
    shown = text;
    await view.changed(LOOK_MS);
  }
  return await ended;
}

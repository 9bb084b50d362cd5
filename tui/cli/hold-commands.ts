/** Held Replicas: `brake` and `prepare-reboot`. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults } from '../../shared/results.ts';
import { describeBrake } from '../../shared/status.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, FOUND, type Register, timeoutOf, withAccess, withYes } from './options.ts';
import { safe } from './text.ts';

const DRAIN_TIMEOUT_MS = 60_000;

export function addHoldCommands(program: Command, register: Register): void {
  register(
    withYes(withAccess(program.command('brake').description('the mass-change brake; exit 7 when it is on')))
      .argument('<name>', 'the scenario')
      .argument('[action]', 'status (default), release: apply what it holds'),
    brake,
  );
  register(
    withAccess(
      program
        .command('give-up-spool')
        .description('on a Replica whose spool is gone for good: begin a new one without its Master'),
    )
      .argument('<name>', 'the scenario')
      .option('--confirm <name>', 'the name once more'),
    giveUpSpool,
  );
  register(
    withYes(
      withAccess(
        program
          .command('prepare-reboot')
          .description('drain and hold the scenarios of a host; they go on by themselves when it is back'),
      ),
    )
      .argument('<host>', 'the host that will be restarted')
      .option('--timeout <time>', 'give up draining after that: seconds, or 5min'),
    prepareReboot,
  );
}

async function brake(context: Context, options: CommonOptions, name: string, action = 'status'): Promise<number> {
  if (action !== 'status' && action !== 'release') {
    throw new Fault('USAGE', { reason: `"${action}" is none of: status, release` });
  }
  const client = await context.forScenario(name, options);
  if (action === 'status') {
    const { scenarios } = await context.snapshot(client);
    const found = scenarios.find((scenario) => scenario.name.toLowerCase() === name.toLowerCase())?.brake;
    if (options.json === true) context.json({ name, on: found !== undefined, ...found });
    else if (found === undefined) context.terminal.out('the brake is off\n');
    else {
      const when = new Date(found.at).toISOString().slice(0, 19);
      context.terminal.out(
        `the brake is on since ${when}Z: ${describeBrake(found)}; the Replicas apply nothing behind position ${found.seq}\n`,
      );
    }
    return found === undefined ? DONE : FOUND;
  }
  const question = `Apply what the brake of "${safe(name)}" holds on its Replicas?`;
  await context.confirm(question, `Releasing the brake of "${name}"`, options);
  const result = await ask<CommandResults['scenario.brakeRelease']>(client, 'scenario.brakeRelease', { name });
  if (options.json === true) context.json({ name, ...result });
  else context.terminal.out(result.released ? 'the brake is released\n' : 'the brake was not on\n');
  return DONE;
}

async function giveUpSpool(context: Context, options: CommonOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const impact = `What "${safe(name)}" had received and not applied on this Replica is given up; the next Run compares everything. If the volume of the spool only is not mounted, mount it instead.`;
  await context.confirmName(name, impact, `Giving up the spool of "${name}"`, options);
  const { path } = await ask<CommandResults['scenario.giveUpSpool']>(client, 'scenario.giveUpSpool', { name });
  if (options.json === true) context.json({ name, path });
  else context.terminal.out(`the spool ${safe(path)} is given up; a new one was begun\n`);
  return DONE;
}

type RebootOptions = CommonOptions & { readonly timeout?: string };

/** Every host that answers is asked: each knows the scenarios it is the Master of. */
async function prepareReboot(context: Context, options: RebootOptions, host: string): Promise<number> {
  const timeoutMs = timeoutOf(options.timeout) ?? DRAIN_TIMEOUT_MS;
  await context.confirm(`Prepare "${safe(host)}" for a restart?`, `Preparing "${host}" for a restart`, options);
  const { up } = await context.reachable(options);
  const scenarios: string[] = [];
  for (const client of up) {
    const args = { host, timeoutMs };
    const result = await ask<CommandResults['host.prepareReboot']>(
      client,
      'host.prepareReboot',
      args,
      // Each of its scenarios is drained in turn.
      24 * timeoutMs,
    );
    scenarios.push(...result.scenarios);
  }
  if (options.json === true) context.json({ host, scenarios });
  else if (scenarios.length === 0) context.terminal.out(`no running scenario of the hosts asked uses ${safe(host)}\n`);
  else {
    context.terminal.out(
      `drained and held: ${scenarios.map(safe).join(', ')}; ${safe(host)} can be restarted, replication goes on by itself\n`,
    );
  }
  return DONE;
}

/** The life of a scenario: verify, run, stop, wait, barrier, diff. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import { remarkText } from '../../shared/remarks.ts';
import type { CommandResults, Difference, Finding, VerificationResult } from '../../shared/results.ts';
import { SCENARIO_STATES, type ScenarioDocument, type ScenarioState } from '../../shared/scenario.ts';
import { formatCount, formatDuration } from '../../shared/units.ts';
import type { DaemonClient } from '../client.ts';
import type { AssessOptions } from './assess-command.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { addHoldCommands } from './hold-commands.ts';
import { choice, DONE, FOUND, REFUSED, type Register, switchOf, timeoutOf, withAccess, withYes } from './options.ts';
import { safe, table } from './text.ts';

const BARRIER_TIMEOUT_MS = 60_000;
/** Comparing reads every file; it may take as long as the disks need. */
const DIFF_TIMEOUT_MS = 24 * 3_600_000;
const VERIFY_TIMEOUT_MS = 10 * 60_000;
const STOP_TIMEOUT_MS = 5 * 60_000;

export function addLifeCommands(program: Command, register: Register): void {
  const command = (name: string, description: string) =>
    withAccess(program.command(name).description(description)).argument('<name>', 'the scenario');
  const timeout = ['--timeout <time>', 'give up after that: seconds, or 5min'] as const;
  register(command('verify', 'check Master and Replicas; exit 4 with errors, 7 with warnings only'), verify);
  register(
    withYes(command('run', 'verify, synchronize, then replicate in real time'))
      .addOption(
        choice('--sync <method>', 'how to synchronize (default: as the scenario says)', ['file', 'block', 'skip']),
      )
      .addOption(choice('--ignore-same <switch>', 'skip files of the same size and time', ['on', 'off']))
      .option('--acknowledge-warnings', 'run in spite of warnings of the verification')
      .option('--wait', 'wait until it is protected')
      .option(...timeout),
    run,
  );
  register(withYes(command('stop', 'stop replication')), stop);
  register(
    withYes(command('suspend', 'let a Replica take changes into its spool and apply none until it is resumed')).option(
      '--replica <host>',
      'only this Replica',
    ),
    suspend,
  );
  register(command('resume', 'go on with a suspended Replica').option('--replica <host>', 'only this Replica'), resume);
  register(
    withYes(command('parked', 'what could not be applied on a Replica, and why; exit 7 when there is something'))
      .argument('[action]', 'list (default), retry: ask for all of it at once, drop: forget it')
      .option('--replica <host>', 'only this Replica'),
    async (context, options: ReplicaOptions, name: string, action?: string) => {
      const { parked } = await import('./parked-command.ts');
      return parked(context, options, name, action);
    },
  );
  addHoldCommands(program, register);
  addWaitingCommands(program, register);
  register(
    command('wait', 'wait for a state')
      .addOption(choice('--state <state>', 'the state', SCENARIO_STATES).makeOptionMandatory())
      .option(...timeout),
    async (context, options: CommonOptions & { state: ScenarioState; timeout?: string }, name: string) => {
      const { waitForState } = await import('./waiting.ts');
      return waitForState(context, options, name, options.state, timeoutOf(options.timeout));
    },
  );
  register(
    command('assess', 'measure how much changes on the Master, without a Replica; suggests bandwidth and spool')
      .option('--for <time>', 'measure for so long, then end it and print the report: seconds, or 2h')
      .option('--stop', 'end it; the report is stored')
      .option('--detailed', 'with every minute'),
    async (context, options: AssessOptions, name: string) =>
      (await import('./assess-command.ts')).assess(context, options, name),
  );
  register(
    command('diff', 'compare without transferring; exit 7 when different')
      .option('--replica <host>', 'only this Replica')
      .addOption(choice('--ignore-same <switch>', 'trust files of the same size and time', ['on', 'off'])),
    diff,
  );
}

function addWaitingCommands(program: Command, register: Register): void {
  const command = (name: string, description: string) =>
    withAccess(program.command(name).description(description))
      .argument('<name>', 'the scenario')
      .option('--timeout <time>', 'give up after that: seconds, or 5min');
  register(
    command('barrier', 'wait until every change made before now is applied on every Replica').option(
      '--replica <host>',
      'only this Replica counts',
    ),
    barrier,
  );
  register(
    command('send-now', 'scheduled replication: send now what was collected, and wait for it').option(
      '--replica <host>',
      'wait for this Replica only',
    ),
    sendNow,
  );
  register(
    command('audit-walk', 'compare the Master roots with the record now; exit 7 when changes had been missed'),
    auditWalk,
  );
}

async function verify(context: Context, options: CommonOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const result = await askVerification(client, name);
  if (options.json === true) context.json(result);
  else {
    showFindings((text) => context.terminal.out(text), result.findings);
    context.terminal.out(summaryOf(result));
  }
  if (result.errors > 0) return REFUSED;
  return result.warnings > 0 ? FOUND : DONE;
}

function askVerification(client: DaemonClient, name: string): Promise<VerificationResult> {
  return ask<VerificationResult>(client, 'scenario.verify', { name }, VERIFY_TIMEOUT_MS);
}

function summaryOf({ errors, warnings }: VerificationResult): string {
  if (errors + warnings === 0) return 'Verification completed successfully\n';
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  return `${count(errors, 'error')}, ${count(warnings, 'warning')}\n`;
}

function showFindings(write: (text: string) => void, findings: readonly Finding[]): void {
  for (const finding of findings) {
    write(`${finding.severity}: ${safe(finding.host)}: ${safe(finding.code)}: ${safe(finding.text)}\n`);
    if (finding.found !== undefined) write(`  found:    ${safe(finding.found)}\n`);
    if (finding.expected !== undefined) write(`  expected: ${safe(finding.expected)}\n`);
    if (finding.fix !== '') write(`  fix:      ${safe(finding.fix)}\n`);
  }
}

interface RunOptions extends CommonOptions {
  readonly sync?: 'file' | 'block' | 'skip';
  readonly ignoreSame?: 'on' | 'off';
  readonly acknowledgeWarnings?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
}

async function run(context: Context, options: RunOptions, name: string): Promise<number> {
  const limitMs = timeoutOf(options.timeout);
  const client = await context.forScenario(name, options);
  const { settings } = await ask<ScenarioDocument>(client, 'scenario.show', { name });
  const { settingOf } = await import('../../config/catalogue.ts');
  const acknowledgeWarnings = await prepareRun(context, client, options, name);
  const args = {
    name,
    sync: options.sync ?? settingOf(settings, 'synchronization.method'),
    ignoreSame: switchOf(options.ignoreSame) ?? settingOf(settings, 'synchronization.ignoreSame'),
    acknowledgeWarnings,
  };
  const { state } = await start(context, client, args);
  if (options.wait !== true) {
    if (options.json === true) context.json({ name, state });
    else context.terminal.out(`${safe(name)} is ${state}; follow it with: mainstay status ${safe(name)} --watch\n`);
    return DONE;
  }
  const { waitForProtection } = await import('./waiting.ts');
  return waitForProtection(context, options, name, limitMs);
}

/** On a terminal: shows the verification and asks, as the console does. Returns whether warnings are acknowledged. */
async function prepareRun(context: Context, client: DaemonClient, options: RunOptions, name: string): Promise<boolean> {
  const acknowledged = options.acknowledgeWarnings === true;
  if (options.yes === true || !context.terminal.interactive) {
    await context.confirm('', `Running "${name}"`, options);
    return acknowledged;
  }
  const result = await askVerification(client, name);
  showFindings((text) => context.terminal.err(text), result.findings);
  if (result.errors > 0) throw new Fault('SCENARIO-ERRORS', { name });
  if (result.warnings > 0 && !acknowledged) {
    await context.confirm('Acknowledge the warnings?', `Acknowledging the warnings of "${name}"`, options);
  }
  await context.confirm(`Are you sure you want to run scenario "${safe(name)}"?`, `Running "${name}"`, options);
  return acknowledged || result.warnings > 0;
}

/** Refused for what verification found: shows it, so that nobody has to ask again. */
async function start(
  context: Context,
  client: DaemonClient,
  args: { readonly name: string },
): Promise<CommandResults['scenario.run']> {
  try {
    return await ask<CommandResults['scenario.run']>(client, 'scenario.run', args, VERIFY_TIMEOUT_MS);
  } catch (error) {
    const refused = error instanceof Fault && ['SCENARIO-WARNINGS', 'SCENARIO-ERRORS'].includes(error.code);
    if (refused) {
      const { findings } = await askVerification(client, args.name);
      showFindings(
        (text) => context.terminal.err(text),
        findings.filter((finding) => finding.severity !== 'info'),
      );
    }
    throw error;
  }
}

async function stop(context: Context, options: CommonOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  await context.confirm(`Stop scenario "${safe(name)}"?`, `Stopping "${name}"`, options);
  const result = await ask<CommandResults['scenario.stop']>(client, 'scenario.stop', { name }, STOP_TIMEOUT_MS);
  if (options.json === true) context.json({ name, ...result });
  else context.terminal.out('Stopped by user\n');
  return DONE;
}

type ReplicaOptions = CommonOptions & { readonly replica?: string };

async function suspend(context: Context, options: ReplicaOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  await context.confirm(`Suspend replication of "${safe(name)}"?`, `Suspending "${name}"`, options);
  const args = { name, ...(options.replica === undefined ? {} : { replica: options.replica }) };
  const result = await ask<CommandResults['scenario.suspend']>(client, 'scenario.suspend', args);
  return showState(context, options, name, result.state);
}

async function resume(context: Context, options: ReplicaOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const args = { name, ...(options.replica === undefined ? {} : { replica: options.replica }) };
  const result = await ask<CommandResults['scenario.resume']>(client, 'scenario.resume', args);
  return showState(context, options, name, result.state);
}

function showState(context: Context, options: CommonOptions, name: string, state: ScenarioState): number {
  if (options.json === true) context.json({ name, state });
  else context.terminal.out(`${safe(name)}: ${state}\n`);
  return DONE;
}

type WaitOptions = ReplicaOptions & { readonly timeout?: string };

function barrier(context: Context, options: WaitOptions, name: string): Promise<number> {
  return waitForApply(context, options, name, 'scenario.barrier');
}

function sendNow(context: Context, options: WaitOptions, name: string): Promise<number> {
  return waitForApply(context, options, name, 'scenario.sendNow');
}

/** As long as a walk over many millions of files takes. */
const AUDIT_TIMEOUT_MS = 3_600_000;

async function auditWalk(context: Context, options: WaitOptions, name: string): Promise<number> {
  const timeoutMs = timeoutOf(options.timeout) ?? AUDIT_TIMEOUT_MS;
  const client = await context.forScenario(name, options);
  const args = { name, timeoutMs };
  const result = await ask<CommandResults['scenario.audit']>(client, 'scenario.audit', args, timeoutMs + 5_000);
  if (options.json === true) context.json({ name, ...result });
  else {
    const { entries, differences, tookMs } = result;
    const found = differences === 0 ? 'no change had been missed' : `${formatCount(differences)} had changed unnoticed`;
    context.terminal.out(`${formatCount(entries)} entries compared: ${found} (${formatDuration(tookMs)})\n`);
  }
  return result.differences === 0 ? DONE : FOUND;
}

async function waitForApply(
  context: Context,
  options: WaitOptions,
  name: string,
  command: 'scenario.barrier' | 'scenario.sendNow',
): Promise<number> {
  const timeoutMs = timeoutOf(options.timeout) ?? BARRIER_TIMEOUT_MS;
  const client = await context.forScenario(name, options);
  // The daemon keeps the time; a little more here so that its own answer arrives.
  const args = { name, timeoutMs, ...(options.replica === undefined ? {} : { replica: options.replica }) };
  const result = await ask<CommandResults['scenario.barrier']>(client, command, args, timeoutMs + 5_000);
  if (options.json === true) context.json({ name, ...result });
  else {
    const { position, tookMs } = result;
    const where = options.replica === undefined ? 'every Replica' : safe(options.replica);
    context.terminal.out(`every change up to ${position.seq} is applied on ${where} (${formatDuration(tookMs)})\n`);
  }
  return DONE;
}

interface DiffOptions extends CommonOptions {
  readonly replica?: string;
  readonly ignoreSame?: 'on' | 'off';
}

async function diff(context: Context, options: DiffOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const ignoreSame = switchOf(options.ignoreSame);
  const args = {
    name,
    ...(options.replica === undefined ? {} : { replica: options.replica }),
    ...(ignoreSame === undefined ? {} : { ignoreSame }),
  };
  const result = await ask<CommandResults['scenario.diff']>(client, 'scenario.diff', args, DIFF_TIMEOUT_MS);
  if (options.json === true) context.json(result);
  else {
    showDifferences(context, result.differences, result.truncated);
    for (const one of result.remarks ?? []) context.note(`${one.replica}, root ${one.root}: ${remarkText(one)}`);
  }
  return result.identical ? DONE : FOUND;
}

function showDifferences(context: Context, differences: readonly Difference[], truncated: boolean): void {
  if (differences.length === 0) {
    context.terminal.out('identical\n');
    return;
  }
  const rows = differences.map((each) => [each.kind, each.replica ?? '', String(each.root ?? 0), each.path]);
  context.terminal.out(table(['KIND', 'REPLICA', 'ROOT', 'PATH'], rows));
  if (truncated) context.note('the list was cut; there are more differences');
}

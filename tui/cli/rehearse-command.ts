/** `mainstay rehearse`: Assured Recovery. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { RehearsalResult } from '../../shared/rehearsal.ts';
import type { CommandResults } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, FOUND, type Register, withAccess } from './options.ts';
import { safe, table } from './text.ts';

/** A test lasts as long as the limits of its checks say. */
const RUN_TIMEOUT_MS = 24 * 3_600_000;

interface RehearseOptions extends CommonOptions {
  readonly replica?: string;
  readonly begin?: boolean;
  readonly end?: boolean;
  readonly show?: boolean;
  readonly schedule?: string;
  readonly suspend?: boolean;
  readonly unsuspend?: boolean;
}

export function addRehearseCommand(program: Command, register: Register): void {
  register(
    withAccess(
      program
        .command('rehearse')
        .description(
          'test that a Replica can serve: apply stands, the copy is used through a writable view, all is undone; exit 7 when a check failed',
        ),
    )
      .argument('<name>', 'the scenario')
      .option('--replica <host>', 'this Replica')
      .option('--begin', 'only open the view, for tests by hand')
      .option('--end', 'end a test that was begun: undo what it wrote, let apply go on')
      .option('--show', 'whether a test is under way')
      .option('--schedule <cron>', 'test it at these times (`0 3 * * sun`); `none`: on demand only')
      .option('--suspend', 'scheduled tests do not start until --unsuspend')
      .option('--unsuspend', 'scheduled tests start again'),
    rehearse,
  );
}

async function rehearse(context: Context, options: RehearseOptions, name: string): Promise<number> {
  const { schedule } = options;
  const switches = (['begin', 'end', 'show', 'suspend', 'unsuspend'] as const).filter((key) => options[key] === true);
  if (switches.length + (schedule === undefined ? 0 : 1) > 1) {
    throw new Fault('USAGE', { reason: 'give one of --begin, --end, --show, --schedule, --suspend, --unsuspend' });
  }
  if (schedule !== undefined) {
    return await set(context, options, name, 'tasks.integrityTestingSchedule', schedule === 'none' ? '' : schedule);
  }
  const [action = 'run'] = switches;
  if (action === 'suspend' || action === 'unsuspend') {
    return await set(context, options, name, 'tasks.suspended', action === 'suspend');
  }
  const client = await context.forScenario(name, options);
  const args = { name, action, ...(options.replica === undefined ? {} : { replica: options.replica }) };
  const answer = await ask<CommandResults['scenario.rehearse']>(client, 'scenario.rehearse', args, RUN_TIMEOUT_MS);
  if (options.json === true) context.json(answer);
  else print(context, name, answer);
  return answer.result?.passed === false ? FOUND : DONE;
}

async function set(
  context: Context,
  options: RehearseOptions,
  name: string,
  key: string,
  value: string | boolean,
): Promise<number> {
  const client = await context.forScenario(name, options);
  const document = await ask<ScenarioDocument>(client, 'scenario.show', { name });
  const replica = options.replica ?? onlyReplica(document);
  const values = { [`${key}@${replica}`]: value };
  const { revision } = document;
  const result = await ask<CommandResults['scenario.set']>(client, 'scenario.set', { name, values, revision });
  if (options.json === true) context.json(result);
  else {
    const text = result.changed.length === 0 ? 'nothing changed' : `changed: ${safe(result.changed.join(', '))}`;
    context.terminal.out(`${text}\n`);
    if (document.settings['general.integrityTesting'] !== true && key === 'tasks.integrityTestingSchedule') {
      context.note('the scenario was created without Replica Integrity Testing: it is tested on demand only');
    }
  }
  return DONE;
}

function onlyReplica({ name, replicas }: ScenarioDocument): string {
  const [first, ...others] = replicas;
  if (first !== undefined && others.length === 0) return first.name;
  const names = replicas.map((one) => one.name).join(', ');
  throw new Fault('USAGE', { reason: `"${name}" has several Replicas; name one of ${names} by --replica.` });
}

function print(context: Context, name: string, answer: CommandResults['scenario.rehearse']): void {
  const { terminal } = context;
  const { replica, state, result } = answer;
  if (result !== undefined) {
    printResult(context, name, result);
    return;
  }
  if (state === undefined) terminal.out(`${safe(replica)} is not being tested\n`);
  else {
    const left = Math.max(0, state.endsBy - terminal.wallNow());
    terminal.out(
      `${safe(replica)} is being tested at position ${formatCount(state.position.seq)}: use its roots, then \`mainstay rehearse ${safe(name)} --end\`; it ends by itself in ${formatDuration(left)}\n`,
    );
  }
}

function printResult(context: Context, name: string, result: RehearsalResult): void {
  const { terminal } = context;
  const { replica, passed, checks, undone, inUse, report } = result;
  if (checks.length > 0) {
    const rows = checks.map((check) => [
      check.passed ? 'passed' : 'FAILED',
      check.name,
      formatDuration(check.tookMs),
      check.text,
    ]);
    terminal.out(table(['RESULT', 'CHECK', 'TOOK', 'FOUND'], rows));
    terminal.out(`${safe(replica)} ${passed ? 'passed' : 'FAILED'}: ${safe(name)}\n`);
  }
  terminal.out(
    `undone: ${formatCount(undone.entries)} entries, ${formatBytes(undone.bytes)}; apply goes on without a synchronization\n`,
  );
  for (const path of inUse) context.note(`still open in a program, which sees the old view: ${safe(path)}`);
  if (report !== undefined) context.note(`report on ${safe(replica)}: ${report}`);
}

/** The tree of commands. Everything heavy is imported by the action that needs it: `--help` must be quick. */
import { Command, CommanderError } from 'commander';
import { Fault } from '../../shared/faults.ts';
import { type Composition, Context } from './context.ts';
import { addExtractCommand } from './extract-command.ts';
import { addGroupCommands } from './group-commands.ts';
import { addHostCommands } from './host-commands.ts';
import { addJournalCommand } from './journal-command.ts';
import { addLifeCommands } from './life-commands.ts';
import { addLookCommands } from './look-commands.ts';
import type { Register } from './options.ts';
import { addPairCommands } from './pair-commands.ts';
import { addPreviewCommands } from './preview-commands.ts';
import { addRecoveryCommands } from './recovery-commands.ts';
import { addRehearseCommand } from './rehearse-command.ts';
import { addScenarioCommands } from './scenario-commands.ts';
import { addScriptCommands } from './script-commands.ts';
import { addSwitchoverCommands } from './switchover-commands.ts';
import type { Terminal } from './terminal.ts';
import { safe } from './text.ts';

/** Runs one command line (without program name) and returns the exit code. */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  composition: Composition,
  version: string,
): Promise<number> {
  const context = new Context(terminal, composition);
  let exit = 0;
  const program = buildProgram(version, (command, action) => {
    command.action(async (...given: unknown[]) => {
      const self = given.pop() as Command;
      given.pop();
      exit = await action(context, self.opts(), ...(given as never[]));
    });
  });
  for (const command of allCommands(program)) prepare(command, terminal);
  try {
    if (args.length === 0) return await openConsole(context, program);
    await program.parseAsync(withDefaultCommand(args), { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error, terminal);
  } finally {
    context.close();
  }
}

/** The tree of commands; `register` connects each with what it does. */
export function buildProgram(version: string, register: Register): Command {
  const program = new Command('mainstay')
    .description(
      'High availability for web and file servers. Without a command on a terminal it opens the console.\nExit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 6 timed out, 7 done and found differences or findings.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError(true);
  addHostCommands(program, register);
  addPairCommands(program, register);
  addScenarioCommands(program, register);
  addLifeCommands(program, register);
  addSwitchoverCommands(program, register);
  addGroupCommands(program, register);
  addRecoveryCommands(program, register);
  addPreviewCommands(program, register);
  addExtractCommand(program, register);
  addJournalCommand(program, register);
  addRehearseCommand(program, register);
  addLookCommands(program, register);
  addScriptCommands(program, register);
  return program;
}

const OWN_OPTIONS = new Set(['-h', '--help', '-V', '--version']);

/** `mainstay --profile FILE` means the console with that profile: options without a command are the console's. */
function withDefaultCommand(args: readonly string[]): string[] {
  const first = args[0] ?? '';
  return first.startsWith('-') && !OWN_OPTIONS.has(first) ? ['console', ...args] : [...args];
}

async function openConsole(context: Context, program: Command): Promise<number> {
  if (context.terminal.interactive && context.terminal.redraws) return context.composition.runConsole({});
  context.terminal.err(program.helpInformation());
  return report(
    new Fault('USAGE', { reason: 'no command given, and without a terminal there is no console' }),
    context.terminal,
  );
}

/** Errors in one form on stderr; usage errors of the parser as well. */
function prepare(command: Command, terminal: Terminal): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => terminal.out(text),
    writeErr: (text) => terminal.err(text),
    getOutHelpWidth: () => Math.min(120, terminal.columns),
    outputError: (text) => {
      const reason = text
        .replace(/^error: /, '')
        .trim()
        .replace(/\n+/g, ' ');
      terminal.err(`mainstay: USAGE: ${safe(reason)}\nhint: See \`${commandPath(command)} --help\`.\n`);
    },
  });
}

function commandPath(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

function report(error: unknown, terminal: Terminal): number {
  const fault = Fault.from(error);
  terminal.err(`mainstay: ${fault.code}: ${safe(fault.message)}\nhint: ${safe(fault.hint)}\n`);
  if (fault.code === 'INTERNAL' && terminal.environment.MAINSTAY_DEBUG !== undefined) {
    terminal.err(`${fault.cause instanceof Error ? fault.cause.stack : String(fault.cause)}\n`);
  }
  return fault.exitCode;
}

/** Options that several commands share, and how a command is connected to what it does. */
import { type Command, Option } from 'commander';
import { Fault } from '../../shared/faults.ts';
import { parseDuration } from '../../shared/units.ts';
import type { CommonOptions, Context } from './context.ts';

/** Does the command; its value is the exit code (CLI contract). */
export type Action<Options> = (context: Context, options: Options, ...args: never[]) => Promise<number>;
export type Register = <Options extends CommonOptions>(command: Command, action: Action<Options>) => void;

export const DONE = 0;
export const REFUSED = 4;
export const FOUND = 7;

/** `--json`, and how to reach the host. */
export function withAccess(command: Command): Command {
  return withJson(command)
    .option('--data <dir>', 'ask the engine of this computer with that data directory')
    .option('--profile <file>', 'profile of hosts (default: $MAINSTAY_PROFILE, else the one of the user)')
    .option('--host <name>', 'ask this host of the profile');
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

export function withYes(command: Command): Command {
  return command.option('-y, --yes', 'do not ask for confirmation');
}

export function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices([...choices]);
}

/** `--timeout 90`, `--timeout 5min`: milliseconds; throws `USAGE`. */
export function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms === undefined || ms <= 0) throw new Fault('USAGE', { reason: `"${text}" is not a time such as 90 or 5min` });
  return Math.round(ms);
}

/** `on`/`off` of an option. */
export function switchOf(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'on';
}

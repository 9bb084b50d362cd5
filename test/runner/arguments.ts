/** Arguments of the test programs: `--help` explains them, what they do not know is refused with exit 2. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** `usage`: what `--help` prints, and what a wrong argument is answered with. */
export function parseArguments<Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  explainWhenAsked(usage, process.argv.slice(2));
  try {
    return parseArgs(config);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage);
  }
}

export function explainWhenAsked(usage: string, args: readonly string[]): void {
  if (!args.includes('--help') && !args.includes('-h')) return;
  process.stdout.write(`${usage.trim()}\n`);
  process.exit(0);
}

/** The whole number `text` that was given as `--name`, not below `least`. */
export function wholeNumber(usage: string, name: string, text: string, least = 1): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= least) return number;
  return refuse(`--${name} must be a whole number from ${least} on, not "${text}"`, usage);
}

export function refuse(problem: string, usage: string): never {
  process.stderr.write(`${problem}\n\n${usage.trim()}\n`);
  process.exit(2);
}

/** `mainstay extract`: files and folders as they were at a rewind point, written on this computer. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults } from '../../shared/results.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { type Ask, type Extracted, takeOut } from './extraction.ts';
import { DONE, type Register, withAccess } from './options.ts';
import { safe } from './text.ts';

const ASK_TIMEOUT_MS = 600_000;
const PROGRESS_MS = 500;
const FAILED = 1;

export function addExtractCommand(program: Command, register: Register): void {
  register(
    withAccess(
      program
        .command('extract')
        .description('take a file or folder out of a rewind point; hosts and their data are not touched'),
    )
      .argument('<name>', 'the scenario')
      .argument('<path>', 'relative to its root; . is the whole root')
      .requiredOption('--at <point>', 'id of the point, see `mainstay points`')
      .requiredOption('--to <dir>', 'directory on this computer; what is extracted appears in it under its own name')
      .option(
        '--overwrite',
        'replace what is there; without it, what is there as it should be is left and anything else refused',
      )
      .option('--replica <host>', 'of this Replica')
      .option('--root <n>', 'number of the root, the first is 0', '0'),
    extract,
  );
}

interface ExtractOptions extends CommonOptions {
  readonly at: string;
  readonly to: string;
  readonly overwrite?: boolean;
  readonly replica?: string;
  readonly root: string;
}

async function extract(context: Context, options: ExtractOptions, name: string, wanted: string): Promise<number> {
  if (!/^\d{1,3}$/.test(options.root)) throw new Fault('USAGE', { reason: '--root must be a number, the first is 0' });
  const path = wanted
    .replace(/^\.?\/+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
  const client = await context.forScenario(name, options);
  const replica = options.replica === undefined ? {} : { replica: options.replica };
  const asking: Ask = (command, args) => ask(client, command, args, ASK_TIMEOUT_MS);
  const source = { ask: asking, path, args: { name, point: options.at, root: Number(options.root), ...replica } };
  await ask<CommandResults['scenario.extract']>(client, 'scenario.extract', { ...source.args, path }, ASK_TIMEOUT_MS);
  const progress = await takeOut(source, options.to, options.overwrite === true, progressLine(context));
  if (context.terminal.interactive) context.terminal.err('\r\x1b[K');
  if (options.json === true) context.json({ to: options.to, ...progress });
  else {
    const { files, bytes, present, lost } = progress;
    context.terminal.out(`${formatCount(files)} extracted, ${formatBytes(bytes)}\n`);
    if (present > 0) context.terminal.out(`${formatCount(present)} were there already\n`);
    for (const one of lost) context.terminal.err(`lost: ${safe(one.path)}: ${safe(one.reason)}\n`);
  }
  return progress.lost.length > 0 ? FAILED : DONE;
}

/** On a terminal, now and then: how far it is. */
function progressLine(context: Context): (progress: Extracted, path: string) => void {
  const { terminal } = context;
  let shownMs = terminal.monotonicNow();
  return ({ files, bytes }, path) => {
    const now = terminal.monotonicNow();
    if (now - shownMs < PROGRESS_MS || !terminal.interactive) return;
    shownMs = now;
    terminal.err(`\r\x1b[K${formatCount(files)}, ${formatBytes(bytes)}: ${safe(path).slice(-60)}`);
  };
}

/** `mainstay extract`: files and folders as they were at a rewind point, written on this computer. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import { baseName, isWithin } from '../../shared/path.ts';
import type { ExtractContent, ExtractEntry, ExtractList } from '../../shared/preview.ts';
import type { CommandResults } from '../../shared/results.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import type { DaemonClient } from '../client.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { ExtractTarget } from './extract-target.ts';
import { DONE, type Register, withAccess } from './options.ts';
import { safe } from './text.ts';

const ASK_TIMEOUT_MS = 600_000;
/** Files up to this size come with the list. */
const INLINE_BYTES = 256 * 1024;
const PIECE_BYTES = 4 * 1024 * 1024;
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

interface Source {
  readonly client: DaemonClient;
  readonly args: { readonly name: string; readonly point: string; readonly root: number; readonly replica?: string };
  readonly path: string;
}

interface Progress {
  files: number;
  bytes: number;
  /** Left as they were: complete already. */
  present: number;
  readonly lost: { readonly path: string; readonly reason: string }[];
}

async function extract(context: Context, options: ExtractOptions, name: string, wanted: string): Promise<number> {
  if (!/^\d{1,3}$/.test(options.root)) throw new Fault('USAGE', { reason: '--root must be a number, the first is 0' });
  const path = wanted
    .replace(/^\.?\/+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
  const client = await context.forScenario(name, options);
  const replica = options.replica === undefined ? {} : { replica: options.replica };
  const source = { client, path, args: { name, point: options.at, root: Number(options.root), ...replica } };
  await ask<CommandResults['scenario.extract']>(client, 'scenario.extract', { ...source.args, path }, ASK_TIMEOUT_MS);
  const target = new ExtractTarget(options.to, options.overwrite === true);
  const progress: Progress = { files: 0, bytes: 0, present: 0, lost: [] };
  try {
    await copy(context, source, target, progress);
  } finally {
    target.end();
  }
  if (options.json === true) context.json({ to: options.to, ...progress });
  else {
    const { files, bytes, present, lost } = progress;
    context.terminal.out(`${formatCount(files)} extracted, ${formatBytes(bytes)}\n`);
    if (present > 0) context.terminal.out(`${formatCount(present)} were there already\n`);
    for (const one of lost) context.terminal.err(`lost: ${safe(one.path)}: ${safe(one.reason)}\n`);
  }
  return progress.lost.length > 0 ? FAILED : DONE;
}

async function copy(context: Context, source: Source, target: ExtractTarget, progress: Progress): Promise<void> {
  const { client, args, path } = source;
  let shownMs = context.terminal.monotonicNow();
  for (let after: string | undefined; ; ) {
    const page = { ...args, path, limit: 2000, inlineBytes: INLINE_BYTES, ...(after === undefined ? {} : { after }) };
    const list = await ask<ExtractList>(client, 'scenario.extractList', page, ASK_TIMEOUT_MS);
    for (const entry of list.entries) {
      // A host that says otherwise is broken or hostile.
      if (!isWithin(entry.path, path)) throw new Fault('PATH-ESCAPE', { path: entry.path });
      await take(source, target, progress, entry);
      const now = context.terminal.monotonicNow();
      if (now - shownMs < PROGRESS_MS || !context.terminal.interactive) continue;
      shownMs = now;
      const { files, bytes } = progress;
      context.terminal.err(`\r\x1b[K${formatCount(files)}, ${formatBytes(bytes)}: ${safe(entry.path).slice(-60)}`);
    }
    if (list.next === undefined) break;
    after = list.next;
  }
  if (context.terminal.interactive) context.terminal.err('\r\x1b[K');
}

/** Below the target it has the name of what was asked for. */
function placeOf(entry: ExtractEntry, path: string): string {
  return path === '' ? entry.path : baseName(path) + entry.path.slice(path.length);
}

async function take(source: Source, target: ExtractTarget, progress: Progress, entry: ExtractEntry): Promise<void> {
  const place = placeOf(entry, source.path);
  if (entry.lost !== undefined || entry.type === 'other') {
    progress.lost.push({ path: entry.path, reason: entry.lost ?? 'it is neither a file nor a link' });
    return;
  }
  if (entry.type === 'directory') target.directory(place, entry);
  else if (entry.type === 'symlink') target.symlink(place, entry);
  else if (target.isDone(place, entry)) {
    progress.present += 1;
    return;
  } else await takeFile(source, target, progress, entry, place);
  progress.files += 1;
}

async function takeFile(
  { client, args }: Source,
  target: ExtractTarget,
  progress: Progress,
  entry: ExtractEntry,
  place: string,
): Promise<void> {
  const file = target.file(place, entry);
  try {
    if (entry.data !== undefined) {
      const bytes = Buffer.from(entry.data, 'base64');
      file.write(bytes, 0);
      progress.bytes += bytes.length;
    } else {
      for (let position: number | undefined = 0; position !== undefined; ) {
        const piece = { ...args, path: entry.path, position, length: PIECE_BYTES };
        const content: ExtractContent = await ask(client, 'scenario.extractRead', piece, ASK_TIMEOUT_MS);
        for (const one of content.pieces) {
          const bytes = Buffer.from(one.data, 'base64');
          file.write(bytes, one.position);
          progress.bytes += bytes.length;
        }
        position = content.next;
      }
    }
    file.commit();
  } finally {
    file.discard();
  }
}

/** Looking into the past: `preview`, `extract`. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { PreviewEntry, PreviewFileResult, PreviewKind, PreviewResult, PreviewSide } from '../../shared/preview.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { unifiedDifference } from './difference-text.ts';
import { DONE, FOUND, type Register, withAccess } from './options.ts';
import { safe } from './text.ts';

const LOOK_TIMEOUT_MS = 600_000;

interface PastOptions extends CommonOptions {
  readonly at: string;
  readonly replica?: string;
  readonly root?: string;
}

export function addPreviewCommands(program: Command, register: Register): void {
  register(
    withAccess(
      program.command('preview').description('what setting data back to a rewind point would do; nothing is touched'),
    )
      .argument('<name>', 'the scenario')
      .argument('[path]', 'only what is at or below it, relative to its root; of a file, how it differs')
      .requiredOption('--at <point>', 'id of the point, see `mainstay points`')
      .option('--replica <host>', 'this Replica')
      .option('--root <n>', 'number of the root, the first is 0 (default: all)')
      .option('--file', 'show how the file at the path differs')
      .option('--limit <n>', 'at most so many entries', '1000'),
    preview,
  );
}

type PreviewOptions = PastOptions & { readonly limit: string; readonly file?: boolean };

function rootOf({ root }: PastOptions): number | undefined {
  if (root === undefined) return undefined;
  if (!/^\d{1,3}$/.test(root)) throw new Fault('USAGE', { reason: '--root must be a number, the first is 0' });
  return Number(root);
}

/** As people write it: without slashes around it. */
function relative(path: string): string {
  return path
    .replace(/^\.?\/+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
}

async function preview(context: Context, options: PreviewOptions, name: string, path?: string): Promise<number> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 0) throw new Fault('USAGE', { reason: '--limit must be a whole number' });
  const root = rootOf(options);
  const wanted = path === undefined ? undefined : relative(path);
  if (options.file === true) {
    if (wanted === undefined) throw new Fault('USAGE', { reason: '--file needs the path of a file' });
    await compareFile(context, options, name, root ?? 0, wanted);
    return DONE;
  }
  const where = { ...(root === undefined ? {} : { root }), ...(wanted === undefined ? {} : { path: wanted }) };
  const args = { ...common(options, name), ...where, limit };
  const client = await context.forScenario(name, options);
  const result = await ask<PreviewResult>(client, 'scenario.preview', args, LOOK_TIMEOUT_MS);
  if (options.json === true) context.json(result);
  else {
    showPreview(context, name, result);
    const [only] = result.entries;
    // The path of a file: what is in it is what one wants to see.
    if (result.total === 1 && only?.path === wanted && only?.type === 'file' && only.kind === 'changed')
      await compareFile(context, options, name, only.root, only.path);
  }
  return result.problemCount > 0 ? FOUND : DONE;
}

function common({ at, replica }: PastOptions, name: string): { name: string; point: string; replica?: string } {
  return { name, point: at, ...(replica === undefined ? {} : { replica }) };
}

async function compareFile(
  context: Context,
  options: PastOptions,
  name: string,
  root: number,
  path: string,
): Promise<void> {
  const client = await context.forScenario(name, options);
  const args = { ...common(options, name), root, path };
  showFile(context, options, await ask<PreviewFileResult>(client, 'scenario.previewFile', args, LOOK_TIMEOUT_MS));
}

const SIGNS: Readonly<Record<PreviewKind, string>> = {
  restored: '+',
  removed: '-',
  changed: '~',
  renamed: '>',
  metadata: '.',
};

function showPreview(context: Context, name: string, result: PreviewResult): void {
  const { out } = context.terminal;
  const { counts, bytes, point, entries } = result;
  out(`${safe(name)} at ${new Date(point.at).toISOString()} (${safe(point.text)})\n`);
  out(`  comes back  ${formatCount(counts.restored)}, ${formatBytes(bytes.restored)}\n`);
  out(`  is lost     ${formatCount(counts.removed)}, ${formatBytes(bytes.removed)}\n`);
  out(`  changes     ${formatCount(counts.changed)}, ${formatBytes(bytes.changed)}\n`);
  out(`  renamed     ${formatCount(counts.renamed)}\n`);
  out(`  attributes  ${formatCount(counts.metadata)}\n`);
  const roots = new Set(entries.map(({ root }) => root));
  let shown: string[] = [];
  let root = -1;
  for (const entry of entries) {
    if (entry.root !== root) {
      root = entry.root;
      shown = [];
      if (roots.size > 1) out(`root ${root}:\n`);
    }
    shown = showEntry(out, entry, shown);
  }
  for (const { path, kind, reason } of result.problems) out(`! ${kind}: ${safe(path)}: ${safe(reason)}\n`);
  if (result.truncated) context.note(`${formatCount(result.total - entries.length)} more; see --limit or a path`);
  context.note(
    `${formatCount(result.steps)} changes looked at in ${formatDuration(result.tookMs)}; nothing was touched`,
  );
}

/** A line for each directory on the way that was not shown yet. Returns where it is now. */
function showEntry(out: (text: string) => void, entry: PreviewEntry, shown: readonly string[]): string[] {
  const parts = entry.path.split('/');
  let same = 0;
  while (same < parts.length - 1 && shown[same] === parts[same]) same += 1;
  for (let depth = same; depth < parts.length - 1; depth += 1) out(`  ${'  '.repeat(depth)}${safe(parts[depth]!)}/\n`);
  const directory = entry.type === 'directory' ? '/' : '';
  const name = parts.at(-1) === '' ? '.' : parts.at(-1)!;
  const size = entry.type === 'file' ? `  ${sizesOf(entry)}` : '';
  const from = entry.from === undefined ? '' : `  now ${safe(entry.from)}`;
  out(`${SIGNS[entry.kind]} ${'  '.repeat(parts.length - 1)}${safe(name)}${directory}${size}${from}\n`);
  return entry.type === 'directory' ? parts : parts.slice(0, -1);
}

function sizesOf({ then, now }: PreviewEntry): string {
  if (then === undefined || now === undefined || then.sizeBytes === now.sizeBytes)
    return formatBytes((then ?? now)?.sizeBytes ?? 0);
  return `${formatBytes(now.sizeBytes)} now, ${formatBytes(then.sizeBytes)} then`;
}

function showFile(context: Context, options: CommonOptions, result: PreviewFileResult): void {
  if (options.json === true) {
    context.json(result);
    return;
  }
  const { out } = context.terminal;
  const { now, then, identical } = result;
  out(`now:  ${describe(now)}\nthen: ${describe(then)}\n`);
  if (identical) out('the same\n');
  else if ([now, then].every((side) => side === undefined || side.text !== undefined)) {
    for (const line of unifiedDifference(now?.text ?? '', then?.text ?? '')) out(`${safe(line)}\n`);
  }
}

function describe(side: PreviewSide | undefined): string {
  if (side === undefined) return 'not there';
  const { type, sizeBytes, mtimeMs, mode, target, hash } = side;
  const what = target === undefined ? formatBytes(sizeBytes) : `-> ${safe(target)}`;
  const sum = hash === undefined ? '' : `, xxh128 ${hash}`;
  return `${type}, ${what}, ${new Date(mtimeMs).toISOString()}, mode ${mode.toString(8)}${sum}`;
}

/** `mainstay journal`: the history a Replica keeps, against what was asked for. */
import type { Command } from 'commander';
import { formatMoment } from '../../shared/report.ts';
import type { CommandResults } from '../../shared/results.ts';
import type { JournalFigures } from '../../shared/rewind.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, type Register, withAccess } from './options.ts';
import { safe } from './text.ts';

const ASK_TIMEOUT_MS = 120_000;

export function addJournalCommand(program: Command, register: Register): void {
  register(
    withAccess(program.command('journal').description('history a Replica keeps: how far back, bytes, growth, gaps'))
      .argument('<name>', 'the scenario')
      .option('--replica <host>', 'this Replica'),
    journal,
  );
}

async function journal(
  context: Context,
  options: CommonOptions & { readonly replica?: string },
  name: string,
): Promise<number> {
  const client = await context.forScenario(name, options);
  const args = { name, ...(options.replica === undefined ? {} : { replica: options.replica }) };
  const figures = await ask<CommandResults['scenario.journal']>(client, 'scenario.journal', args, ASK_TIMEOUT_MS);
  if (options.json === true) context.json(figures);
  else context.terminal.out(`${linesOf(figures, context.terminal.wallNow()).join('\n')}\n`);
  return DONE;
}

function linesOf(figures: JournalFigures, now: number): string[] {
  if (!figures.on) return ['Data Rewind is off: no history is kept'];
  const { keptSince, askedMs, coverage, bytes, maxBytes, freeBytes, points, bookmarks, gaps, pinned } = figures;
  const kept =
    keptSince === undefined ? 'nothing yet' : `${formatDuration(now - keptSince)}, since ${formatMoment(keptSince)}`;
  return [
    `Kept      ${kept}`,
    `Asked     ${formatDuration(askedMs)}; ${Math.floor(coverage * 100)} % of it is kept`,
    `On disk   ${formatBytes(bytes)} of at most ${formatBytes(maxBytes)}; ${formatBytes(freeBytes)} free`,
    `Growth    ${growthOf(figures)}`,
    `Points    ${formatCount(points)}, ${formatCount(bookmarks)} of them bookmarks`,
    ...(gaps.length === 0 ? ['Gaps      none'] : []),
    ...gaps.map(({ from, reason }) => `Gap       nothing before ${formatMoment(from)}: ${safe(reason)}`),
    ...(pinned === 0 ? [] : [`Pinned    ${pinned} look into it: what they need is not removed`]),
    ...checkOf(figures),
  ];
}

function growthOf({ bytesPerHour, trimsInMs }: JournalFigures): string {
  if (bytesPerHour === undefined) return 'not known yet';
  const rate = `${formatBytes(bytesPerHour)} an hour`;
  return trimsInMs === undefined
    ? `${rate}; the room suffices`
    : `${rate}; older points go in ${formatDuration(trimsInMs)} for want of room`;
}

function checkOf({ lastSelfCheck }: JournalFigures): string[] {
  if (lastSelfCheck === undefined) return [];
  const { at, point, identical, files } = lastSelfCheck;
  return [
    `Checked   ${formatMoment(at)}, ${point}: ${formatCount(files)} files ${identical ? 'identical' : 'DIFFERENT'}`,
  ];
}

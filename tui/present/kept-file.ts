/** A kept file against what is under its name now: lines of a text, else what it is. Contents are hostile: only spans draw them. */
import type { PreviewSide } from '../../shared/preview.ts';
import type { QuarantineFileResult, QuarantineItem } from '../../shared/quarantine.ts';
import { unifiedDifference } from '../cli/difference-text.ts';
import type { QuarantineDialog } from '../state-roles.ts';
import { differenceLine, sideLine } from './compare.ts';
import { type Line, line, span } from './line.ts';

/** More lines of one file are not looked at in a terminal: extract it. */
const MOST_LINES = 20_000;

type OpenedFile = NonNullable<QuarantineDialog['file']>;

let cache: { readonly result: QuarantineFileResult; readonly lines: readonly Line[] } | undefined;

export function keptLines({ item, result, fault }: OpenedFile): readonly Line[] {
  if (fault !== undefined) return [...aboutItem(item), [], line(span(fault.text, 'error')), line(fault.hint)];
  if (result === undefined) return [...aboutItem(item), [], line(span('Comparing with what users have now…', 'busy'))];
  if (cache?.result === result) return cache.lines;
  const lines = [...aboutItem(item), ...sides(result), [], ...content(result)];
  cache = { result, lines };
  return lines;
}

const CHANGES: Readonly<Record<string, string>> = {
  put: 'written',
  remove: 'removed',
  rename: 'renamed',
  'make-directory': 'made',
  symlink: 'link made',
  link: 'name added',
  metadata: 'metadata',
};

export function changeWord({ kind }: QuarantineItem): string {
  return CHANGES[kind] ?? kind;
}

function aboutItem(item: QuarantineItem): Line[] {
  const was = item.before === undefined ? '' : `, before: ${item.before}`;
  return [
    line(span('Path  ', 'dim'), span(item.path, 'strong')),
    line(span('Done  ', 'dim'), `${changeWord(item)} on the old active host${was}`),
    ...(item.torn ? [line(span('It was written to all the time: a mixture of several moments', 'warning'))] : []),
    ...(item.missing === undefined ? [] : [line(span(`Not kept: ${item.missing}`, 'warning'))]),
  ];
}

function sides({ kept, now }: QuarantineFileResult): Line[] {
  return [
    kept === undefined ? line(span('Kept  ', 'dim'), span('it was gone there', 'strong')) : sideLine('Kept', kept),
    ...now.map(({ host, side, same, unknown }) => {
      const where = line(span('Now   ', 'dim'), `${host}: `);
      if (unknown !== undefined) return [...where, span('unknown', 'warning'), ...line(` (${unknown})`)];
      const [, ...what] = sideLine('', side);
      return [...where, same ? span('the same', 'good') : span('DIFFERS', 'error'), ...line(', '), ...what];
    }),
    ...(now.length === 0 ? [line(span('Its scenario is deleted: there is nothing to compare with', 'dim'))] : []),
  ];
}

function isText(side: PreviewSide | undefined): boolean {
  return side === undefined || side.text !== undefined;
}

function content({ kept, now }: QuarantineFileResult): Line[] {
  const against = now.find(({ unknown }) => unknown === undefined);
  if (kept === undefined && against?.side === undefined) return [];
  if (against?.same) return [line(span('The content is the same.', 'good')), ...preview(kept)];
  if (against === undefined || against.side === undefined) return preview(kept);
  if (!isText(kept) || !isText(against.side))
    return [line('The content differs; it is not shown (no text, or larger than 256 KiB). e extracts it.')];
  const rows = unifiedDifference(against.side.text ?? '', kept?.text ?? '');
  return [
    line(span(`- on ${against.host} now`, 'error'), '   ', span('+ in quarantine', 'good')),
    ...limited(rows).map(differenceLine),
  ];
}

function preview(kept: PreviewSide | undefined): Line[] {
  if (kept === undefined || kept.type !== 'file') return [];
  if (kept.text === undefined) return [line('It is no text, or larger than 256 KiB. e extracts it.')];
  return [line(span('Kept content', 'accent')), ...limited(kept.text.split('\n')).map((row) => line(row))];
}

function limited(rows: readonly string[]): readonly string[] {
  return rows.length <= MOST_LINES ? rows : [...rows.slice(0, MOST_LINES), '...'];
}

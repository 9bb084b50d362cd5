/** Tables in a given width: columns that do not fit go, the least important first; one column takes what is left. */
import { type Line, line, type Span, type Style, span } from './line.ts';
import { clean, fitText } from './text.ts';

export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly align?: 'right';
  /** Takes the space that is left over. */
  readonly grows?: true;
  /** Columns with higher numbers go first when there is no room; 0 always stays. */
  readonly drop: number;
  readonly cell: (row: Row) => string | readonly [string, Style];
}

function chosen<Row>(columns: readonly Column<Row>[], width: number): readonly Column<Row>[] {
  let kept = [...columns];
  const used = () => kept.reduce((sum, column) => sum + column.width + 1, 0);
  while (used() > width) {
    const worst = kept.reduce((most, column) => Math.max(most, column.drop), 0);
    if (worst === 0) break;
    kept = kept.filter((column) => column.drop !== worst);
  }
  return kept;
}

/** A head and one line a row, each at most `width` cells. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): readonly Line[] {
  const kept = chosen(columns, width);
  const spare = width - kept.reduce((sum, column) => sum + column.width + 1, 0);
  const widthOfColumn = (column: Column<Row>) => column.width + (column.grows ? Math.max(0, spare) : 0);
  const head = kept.map((column) =>
    span(`${fitText(column.title, widthOfColumn(column), column.align ?? 'left')} `, 'dim'),
  );
  const body = rows.map((row) => {
    const cells: Span[] = [];
    for (const column of kept) {
      const cell = column.cell(row);
      const [text, style] = typeof cell === 'string' ? [cell, 'plain' as const] : cell;
      cells.push(span(fitText(clean(text), widthOfColumn(column), column.align ?? 'left'), style), span(' '));
    }
    return line(...cells);
  });
  return [line(...head), ...body];
}

/** Figures: medians, percentiles, ratios, and one table for all rows. Pure. */

export interface Row {
  readonly id: string;
  readonly work: string;
  readonly unit: string;
  readonly ours: number | null;
  readonly peer: number | null;
  readonly peerName: string;
  readonly ratio: number | null;
  /** What we are after, ours / peer. */
  readonly goal: number;
  /** What must be reached to call the work done. */
  readonly required: number;
  /** Whether `goal` / `required` is reached; null when a side could not be measured. */
  readonly met: boolean | null;
  readonly requiredMet: boolean | null;
  readonly note: string;
}

export interface Limits {
  readonly required: number;
  readonly goal: number;
}

/** The value below which `share` of the values lie (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

const rounded = (value: number): number => Number(value.toPrecision(4));

export function makeRow(
  what: { id: string; work: string; unit: string; peerName: string; note: string },
  figures: { ours: number | undefined; peer: number | undefined },
  limits: Limits,
): Row {
  const { ours, peer } = figures;
  const ratio = ours === undefined || peer === undefined ? null : rounded(ours / peer);
  return {
    ...what,
    ours: ours === undefined ? null : rounded(ours),
    peer: peer === undefined ? null : rounded(peer),
    ratio,
    ...limits,
    met: ratio === null ? null : ratio <= limits.goal,
    requiredMet: ratio === null ? null : ratio <= limits.required,
  };
}

function verdict(row: Row): string {
  if (row.ratio === null) return 'not measured';
  if (row.met) return 'goal met';
  if (row.requiredMet) return 'required met';
  return `missed by ${(row.ratio / row.required).toFixed(2)}x`;
}

export function formatTable(rows: readonly Row[]): string {
  const cell = (value: number | null): string => (value === null ? '-' : String(value));
  const lines = rows.map((row) => [
    row.id,
    row.work,
    `${cell(row.ours)} ${row.unit}`,
    `${cell(row.peer)} ${row.unit}`,
    row.peerName,
    cell(row.ratio),
    `${row.required} / ${row.goal}`,
    verdict(row),
  ]);
  const table = [['id', 'work', 'ours', 'peer', 'peer program', 'ratio', 'required / goal', 'result'], ...lines];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  return table
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

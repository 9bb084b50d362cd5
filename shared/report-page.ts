/** What every rendering of a report shows, in its order: a verdict, key figures, facts, tables, charts. Pure. */
import type { ReportDetail } from './report.ts';
import { formatCount, formatDuration } from './units.ts';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

export interface Column {
  readonly title: string;
  /** Numbers end at the same place. */
  readonly right?: boolean;
  /** Paths may be broken anywhere. */
  readonly path?: boolean;
}

export interface FactSection {
  readonly kind: 'facts';
  /** Absent: goes on where the one before ended. */
  readonly title?: string;
  readonly facts: readonly Fact[];
}

export interface TableSection {
  readonly kind: 'table';
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** Said when there is no row. */
  readonly empty: string;
  /** What the list leaves out. */
  readonly note?: string;
}

export interface TextSection {
  readonly kind: 'text';
  readonly title: string;
  readonly lines: readonly string[];
}

/** Only drawn: the figures are in a table as well. */
export interface ChartSection {
  readonly kind: 'chart';
  readonly title: string;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly shown: string }[];
}

export type Section = FactSection | TableSection | TextSection | ChartSection;

export interface ReportPage {
  readonly id: string;
  readonly title: string;
  readonly detail: ReportDetail;
  readonly scenario: string;
  readonly subtitle: string;
  readonly verdict: { readonly good: boolean; readonly text: string };
  /** The few figures that are read first. */
  readonly key: readonly Fact[];
  readonly sections: readonly Section[];
}

export function fact(label: string, value: string): Fact {
  return { label, value };
}

/** `1 file`, `2,000 files`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function spanOf(startedAt: number, finishedAt: number): string {
  return formatDuration(Math.max(0, finishedAt - startedAt));
}

/** Reports as plain text: every line is safe for a terminal, whatever the names in it are. Pure. */
import type { Report, ReportDetail } from './report.ts';
import { pageOf } from './report-content.ts';
import type { Section, TableSection } from './report-page.ts';
import { visible } from './visible.ts';

const LABEL_WIDTH = 32;

/** `detailed` also lists single files or minutes. */
export function renderReport(report: Report, detail: ReportDetail): string {
  const page = pageOf(report, detail);
  const title = `${page.title} (${detail === 'summary' ? 'Summary' : 'Detailed'})`;
  const blocks = page.sections.map(linesOf).filter((lines) => lines.length > 0);
  const lines = [title, '', page.verdict.text, ...blocks.flatMap((block) => ['', ...block])];
  return `${lines.map(visible).join('\n')}\n`;
}

function linesOf(section: Section): string[] {
  switch (section.kind) {
    case 'facts': {
      const facts = section.facts.map(({ label, value }) => `${`${label}:`.padEnd(LABEL_WIDTH)}${value}`);
      return section.title === undefined ? facts : [section.title, ...facts.map((line) => `  ${line}`)];
    }
    case 'text':
      return [section.title, ...section.lines.map((line) => `  ${line}`)];
    case 'table':
      return tableLines(section);
    case 'chart':
      return [];
  }
}

function tableLines({ title, columns, rows: given, empty, note }: TableSection): string[] {
  if (given.length === 0) return [title, `  ${empty}`];
  const rows = [columns.map((column) => column.title), ...given].map((row) => row.map(visible));
  const widths = columns.map((_, column) => rows.reduce((most, row) => Math.max(most, lengthOf(row[column] ?? '')), 0));
  const lineOf = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, widths[column]! - lengthOf(cell)));
        return columns[column]!.right ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [title, ...rows.map((row) => `  ${lineOf(row)}`), ...(note === undefined ? [] : [`  ${note}`])];
}

function lengthOf(text: string): number {
  return [...text].length;
}

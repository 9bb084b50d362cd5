/** Rows of the event stream. */
import type { Severity } from '../../shared/events.ts';
import type { StoredEvent } from '../state.ts';
import { timeOfDay, when } from './format.ts';
import { type Line, line, type Style, span } from './line.ts';
import { clean, fitText } from './text.ts';

export const SEVERITY_WORDS: Readonly<Record<Severity, string>> = {
  info: 'INFO',
  warning: 'WARN',
  error: 'ERR ',
  critical: 'CRIT',
};

export const SEVERITY_STYLES: Readonly<Record<Severity, Style>> = {
  info: 'dim',
  warning: 'warning',
  error: 'error',
  critical: 'critical',
};

export interface EventRowOptions {
  readonly now: number;
  readonly width: number;
}

const COLUMNS_FROM = 100;

/**
 * Columns where there is room: `12:04:30 WARN intranet web-02 SPL-080 Spool above 80% (81%)`. In narrow panes the words come
 * first and what tells where they belong follows: `12:04:30 WARN Spool above 80% (81%)  intranet/web-02 SPL-080`.
 */
export function eventRow(event: StoredEvent, options: EventRowOptions): Line {
  const { record } = event;
  const severity = span(SEVERITY_WORDS[record.severity] ?? 'INFO', SEVERITY_STYLES[record.severity] ?? 'dim');
  if (options.width < COLUMNS_FROM) {
    const where = record.scenario === undefined ? record.host : `${record.scenario}/${record.host}`;
    return line(
      span(timeOfDay(record.at), 'dim'),
      ' ',
      severity,
      ' ',
      record.text,
      span(`  ${where} ${record.code}`, 'dim'),
    );
  }
  return line(
    span(when(record.at, options.now), 'dim'),
    ' ',
    severity,
    ` ${fitText(clean(record.scenario ?? '-'), 14)} ${fitText(clean(record.host), 12)} `,
    span(fitText(clean(record.code), 8), 'dim'),
    ' ',
    record.text,
  );
}

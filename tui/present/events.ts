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

const NAMES_FROM = 90;

/** `12:04:30 WARN web-02 SPL-080 spool above 80% (81%)`; the scenario's name where there is room. */
export function eventRow(event: StoredEvent, options: EventRowOptions): Line {
  const { record } = event;
  const wide = options.width >= NAMES_FROM;
  const today = when(record.at, options.now).length === 8;
  const time = today || !wide ? timeOfDay(record.at) : when(record.at, options.now);
  return line(
    span(time, 'dim'),
    ' ',
    span(SEVERITY_WORDS[record.severity] ?? 'INFO', SEVERITY_STYLES[record.severity] ?? 'dim'),
    ' ',
    wide ? `${fitText(clean(record.scenario ?? '-'), 14)} ` : '',
    fitText(clean(record.host), wide ? 12 : 9),
    ' ',
    span(fitText(clean(record.code), 8), 'dim'),
    ' ',
    record.text,
  );
}

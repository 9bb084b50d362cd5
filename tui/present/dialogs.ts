/** What stands in dialogs, as lines. The frame and the place on the screen are the component's. */
import type { FaultDocument } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { Field } from '../input/field.ts';
import { bindingOf, keyName, whyDisabled } from '../keys.ts';
import type { Alert } from '../select.ts';
import type { ConfirmDialog, ConsoleState, EventDialog, PaletteDialog, RunDialog } from '../state.ts';
import { hasErrors, hasWarnings, mayConfirm, SYNC_CHOICES } from '../update/dialogs.ts';
import { paletteEntries } from '../update/palette.ts';
import { SEVERITY_STYLES, SEVERITY_WORDS } from './events.ts';
import { dateTime, plural, when } from './format.ts';
import { type Line, line, restyle, type Span, type Style, span } from './line.ts';
import { clean, fitText, widthOf, wrap } from './text.ts';

export function paragraph(text: string, width: number, style: Style = 'plain'): Line[] {
  return wrap(clean(text), width).map((part) => line(span(part, style)));
}

/** The cursor of a field is an inverse cell: it is there in every terminal, whatever the hardware cursor does. */
export function fieldSpans(field: Field, width: number): Line {
  const before = clean(field.text.slice(0, field.cursor));
  const rest = clean(field.text.slice(field.cursor));
  const at = [...rest][0] ?? ' ';
  const shown = widthOf(before) > width - 2 ? `…${[...before].slice(-(width - 4)).join('')}` : before;
  return line(shown, span(at, 'inverse'), [...rest].slice(1).join(''));
}

export function button(title: string, focused: boolean, enabled = true): Span {
  if (!enabled) return span(`[ ${title} ]`, 'dim');
  return focused ? span(`[>${title}<]`, 'inverse') : span(`[ ${title} ]`, 'plain');
}

export function faultLines(fault: FaultDocument, width: number): Line[] {
  return [...paragraph(`${fault.code}: ${fault.text}`, width, 'error'), ...paragraph(fault.hint, width)];
}

// ---------------------------------------------------------------- run

const SYNC_WORDS: Readonly<Record<(typeof SYNC_CHOICES)[number], string>> = {
  file: 'File Synchronization',
  block: 'Block Synchronization',
  skip: 'Skip Synchronization',
};
const SYNC_HELP: Readonly<Record<(typeof SYNC_CHOICES)[number], string>> = {
  file: 'Compares files and sends whole ones; best for many small files.',
  block: 'Sends only the blocks that differ; best for large files.',
  skip: 'Copies nothing: only when certain that the files are identical.',
};

export function runLines(dialog: RunDialog, width: number, height: number): readonly Line[] {
  switch (dialog.step) {
    case 'verifying':
      return [
        ...paragraph(`Verifying "${dialog.scenario}" on its hosts…`, width),
        [],
        line(span('Nothing is changed by this.', 'dim')),
      ];
    case 'findings':
      return findingLines(dialog, width, height);
    case 'question':
      return questionLines(dialog, width);
    case 'starting':
      return paragraph(`Asking ${dialog.host} to run "${dialog.scenario}"…`, width);
    case 'failed':
      return [...(dialog.fault === undefined ? [] : faultLines(dialog.fault, width)), [], line(button('Close', true))];
  }
}

function findingLines(dialog: RunDialog, width: number, height: number): readonly Line[] {
  const errors = dialog.findings.filter((finding) => finding.severity === 'error').length;
  const warnings = dialog.findings.filter((finding) => finding.severity === 'warning').length;
  const head: Line[] = [line(...summary(errors, warnings)), []];
  const body = dialog.findings.flatMap((finding) => oneFinding(finding, width));
  const room = Math.max(1, height - head.length - 2);
  const top = Math.max(0, Math.min(dialog.scroll, body.length - room));
  const more =
    body.length > room
      ? span(`  ${top + 1}-${Math.min(top + room, body.length)} of ${body.length}, j/k`, 'dim')
      : undefined;
  return [...head, ...body.slice(top, top + room), [], line(...findingButtons(dialog), more)];
}

const FINDING_WORDS = { error: 'ERROR', warning: 'WARN ', info: 'ok   ' } as const;
const FINDING_STYLES = { error: 'error', warning: 'warning', info: 'dim' } as const;

function oneFinding(finding: Finding, width: number): Line[] {
  const where = [finding.host ?? '', finding.code ?? ''].filter((part) => part !== '').join(' ');
  const fix = finding.fix ?? '';
  const body = wrap(clean(findingText(finding)), width - 8).map((text) => line(`      ${text}`));
  const help =
    fix === '' ? [] : wrap(clean(`Fix: ${fix}`), width - 8).map((text) => line(span(`      ${text}`, 'dim')));
  const head = line(
    span(FINDING_WORDS[finding.severity], FINDING_STYLES[finding.severity]),
    ' ',
    span(where, 'strong'),
  );
  return [head, ...body, ...help];
}

function findingText(finding: Finding): string {
  const found = finding.found === undefined ? '' : `found ${finding.found}`;
  const expected = finding.expected === undefined ? '' : `expected ${finding.expected}`;
  const detail = [found, expected].filter((part) => part !== '').join(', ');
  return detail === '' ? finding.text : `${finding.text}: ${detail}`;
}

function summary(errors: number, warnings: number): Span[] {
  if (errors + warnings === 0) return [span('Verification completed successfully', 'good')];
  const parts = [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : ''].filter(
    Boolean,
  );
  return [span(`Verification found ${parts.join(' and ')}`, errors > 0 ? 'error' : 'warning')];
}

function findingButtons(dialog: RunDialog): Span[] {
  if (dialog.verifyOnly) return [button('Close', true)];
  if (hasErrors(dialog)) return [button('Close', true), span('  errors block Run', 'error')];
  return hasWarnings(dialog) ? [button('Acknowledge the warnings and go on', true)] : [button('Close', true)];
}

function questionLines(dialog: RunDialog, width: number): readonly Line[] {
  const { choice, row } = dialog;
  const gutter = (at: number) => span(row === at ? '> ' : '  ', 'strong');
  const methods = SYNC_CHOICES.map((method) => {
    const chosen = method === choice.sync;
    return span(`${chosen ? '(*)' : '( )'} ${SYNC_WORDS[method]}  `, row === 0 && chosen ? 'inverse' : 'plain');
  });
  const stacked = methods.reduce((sum, part) => sum + widthOf(part.text), 2) > width;
  const method = stacked
    ? methods.map((part, index) => line(index === 0 ? gutter(0) : '  ', part))
    : [line(gutter(0), ...methods)];
  const box = `[${choice.ignoreSame ? 'x' : ' '}] Ignore files of same size/time`;
  const verified = dialog.acknowledged
    ? span('Warnings acknowledged', 'warning')
    : span('Verification completed successfully', 'good');
  return [
    ...paragraph(`Are you sure you want to run scenario "${clean(dialog.scenario)}"?`, width, 'strong'),
    line(verified),
    [],
    ...method,
    ...paragraph(`    ${SYNC_HELP[choice.sync]}`, width, choice.sync === 'skip' ? 'warning' : 'dim'),
    [],
    line(gutter(1), span(box, row === 1 ? 'inverse' : 'plain')),
    [],
    line(
      gutter(2),
      button('Cancel', row === 2 && dialog.button === 'cancel'),
      '  ',
      button('Run', row === 2 && dialog.button === 'go'),
    ),
  ];
}

// ---------------------------------------------------------------- questions

export function confirmLines(dialog: ConfirmDialog, width: number): readonly Line[] {
  if (dialog.step === 'failed') {
    return [...(dialog.fault === undefined ? [] : faultLines(dialog.fault, width)), [], line(button('Close', true))];
  }
  if (dialog.step === 'asked') return paragraph(`Asking ${dialog.host}…`, width);
  const lines: Line[] = [...paragraph(dialog.question, width, 'strong'), []];
  for (const text of dialog.impact) lines.push(...paragraph(`- ${text}`, width));
  lines.push([]);
  if (dialog.typed === undefined) {
    lines.push(line(button('Cancel', dialog.button === 'cancel'), '  ', button(dialog.verb, dialog.button === 'go')));
    return lines;
  }
  lines.push(line(`Type the name `, span(clean(dialog.typed), 'strong'), ' to go on:'));
  lines.push(line('> ', ...fieldSpans(dialog.field, width - 4)));
  lines.push(
    [],
    line(button('Cancel', !mayConfirm(dialog)), '  ', button(dialog.verb, mayConfirm(dialog), mayConfirm(dialog))),
  );
  return lines;
}

// ---------------------------------------------------------------- event, alerts, palette

export function eventLines(dialog: EventDialog, width: number): readonly Line[] {
  const { record } = dialog.event;
  const lines: Line[] = [
    line(
      span(SEVERITY_WORDS[record.severity], SEVERITY_STYLES[record.severity]),
      ' ',
      span(record.code, 'strong'),
      `  ${dateTime(record.at)}`,
    ),
    line(span('Host     ', 'dim'), record.host),
    line(span('Scenario ', 'dim'), record.scenario ?? '-'),
    [],
    ...paragraph(record.text, width, 'strong'),
  ];
  if (record.hint !== undefined) lines.push([], ...paragraph(`What to do: ${record.hint}`, width));
  const details = Object.entries(record.data ?? {});
  if (details.length > 0) lines.push([]);
  for (const [key, value] of details) lines.push(...paragraph(`${key}: ${value}`, width, 'dim'));
  return lines;
}

export function alertRow(alert: Alert, now: number, selected: boolean): Line {
  const style = alert.severity === 'warning' ? 'warning' : alert.severity === 'error' ? 'error' : 'critical';
  const time = alert.at === undefined ? 'now' : when(alert.at, now);
  const kind = alert.eventId === undefined ? span('NOW ', 'strong') : span('past', 'dim');
  const content = line(
    kind,
    ' ',
    span(SEVERITY_WORDS[alert.severity], style),
    ` ${fitText(time, time.length > 8 ? 16 : 8)} `,
    span(alert.where, 'strong'),
    `  ${alert.text}`,
    alert.hint === undefined ? '' : span(`  ${alert.hint}`, 'dim'),
  );
  return selected ? restyle(line('>', ...content), 'inverse') : line(' ', ...content);
}

export function paletteLines(
  state: ConsoleState,
  dialog: PaletteDialog,
  width: number,
  height: number,
): readonly Line[] {
  const entries = paletteEntries(dialog.field.text);
  const cursor = Math.min(dialog.cursor, entries.length - 1);
  const room = Math.max(1, height - 2);
  const top = Math.max(0, Math.min(cursor - Math.floor(room / 2), entries.length - room));
  const rows = entries.slice(top, top + room).map(({ action }, index) => {
    const binding = bindingOf(action);
    const reason = whyDisabled(state, action);
    const keys = fitText(binding.keys.map(keyName).join(' '), 10);
    const content = line(
      fitText(` ${binding.title}`, 18),
      span(keys, 'key'),
      ' ',
      reason === undefined ? binding.help : span(`not now: ${reason}`, 'dim'),
    );
    const shown = reason === undefined ? content : restyle(content, 'dim');
    return top + index === cursor ? restyle(line('>', ...shown), 'inverse') : line(' ', ...shown);
  });
  if (entries.length === 0) rows.push(line(span('  nothing has these letters', 'dim')));
  return [line(':', ...fieldSpans(dialog.field, width - 2)), [], ...rows];
}

/** A question with one line to type, as lines. */
import { formatBytes, formatCount } from '../../shared/units.ts';
import type { PromptDialog } from '../state-recovery.ts';
import { button, faultLines, fieldSpans, paragraph } from './dialogs.ts';
import { type Line, line } from './line.ts';

export function promptLines(dialog: PromptDialog, width: number): readonly Line[] {
  const { step, fault, question, notes, verb, field, done, host } = dialog;
  if (step === 'asked') {
    const so = done === undefined ? '' : `${formatCount(done.files)} files, ${formatBytes(done.bytes)}`;
    return [...paragraph(`Asking ${host}…`, width), line(so)];
  }
  if (step === 'failed') {
    return [...(fault === undefined ? [] : faultLines(fault, width)), [], line(button('Back', true))];
  }
  return [
    ...paragraph(question, width, 'strong'),
    line('> ', ...fieldSpans(field, width - 4)),
    [],
    ...notes.flatMap((note) => paragraph(note, width, 'dim')),
    [],
    line(button(verb, true), '  Esc cancels'),
  ];
}

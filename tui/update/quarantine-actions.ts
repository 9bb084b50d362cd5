/** What the keys of the browser of quarantines do (see keys-quarantine.ts). Pure. */
import type { QUARANTINE_BINDINGS } from '../keys-quarantine.ts';
import { quarantineRows } from '../layout.ts';
import { type ConsoleState, closeDialog, openDialog, type Step, stay, topDialog } from '../state.ts';
import type { QuarantineDialog } from '../state-roles.ts';
import type { Move } from './navigate.ts';
import type { Handler, Press } from './press.ts';
import {
  askDiscard,
  askExtract,
  askFilter,
  askReturn,
  backFromKept,
  cancelQuestion,
  copyKept,
  doQuestion,
  moveKept,
  openKept,
  reloadKept,
} from './quarantine.ts';

function inBrowser(handle: (state: ConsoleState, dialog: QuarantineDialog, press: Press) => Step): Handler {
  return (state, press) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'quarantine' ? handle(state, dialog, press) : stay(state);
  };
}

const move = (how: Move): Handler => inBrowser((state, dialog) => moveKept(state, dialog, how, quarantineRows(state)));

export const QUARANTINE_HANDLERS: Readonly<Record<keyof typeof QUARANTINE_BINDINGS, Handler>> = {
  'kept-up': move('up'),
  'kept-down': move('down'),
  'kept-page-up': move('page-up'),
  'kept-page-down': move('page-down'),
  'kept-top': move('top'),
  'kept-bottom': move('bottom'),
  'kept-open': inBrowser(openKept),
  'kept-filter': inBrowser((state, dialog, { at }) => askFilter(state, dialog, at)),
  'kept-extract': inBrowser((state, dialog, { at }) => askExtract(state, dialog, at)),
  'kept-return': inBrowser((state, dialog, { at }) => askReturn(state, dialog, at)),
  'kept-discard': inBrowser((state, dialog, { at }) => askDiscard(state, dialog, at)),
  'kept-reload': inBrowser(reloadKept),
  'kept-copy': inBrowser(copyKept),
  'kept-help': (state, press) =>
    stay(openDialog(state, { kind: 'help', openedAt: press.at, place: 'quarantine', scroll: 0 })),
  'kept-back': inBrowser(backFromKept),
  'kept-leave': (state) => stay(closeDialog(state)),
  'kept-do': inBrowser(doQuestion),
  'kept-cancel': inBrowser(cancelQuestion),
};

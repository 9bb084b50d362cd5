/** What the keys of the recovery screens do (see keys-recovery.ts). Pure. */

import { placeOf } from '../keys.ts';
import type { RECOVERY_BINDINGS } from '../keys-recovery.ts';
import { restoreDialog } from '../keys-recovery.ts';
import { pickerRows, previewTreeRows } from '../layout.ts';
import { selectedScenario } from '../select.ts';
import { type ConsoleState, closeDialog, openDialog, type Step, stay, topDialog, withToast } from '../state.ts';
import { NO_FILTER, type PromptDialog, type RestoreDialog } from '../state-recovery.ts';
import { brakeUnderCursor } from './alerts.ts';
import { isDeliberate, openConfirm, openStop } from './dialogs.ts';
import { withJournal } from './journal.ts';
import { toggleAccept } from './lost-places.ts';
import { goToPane, type Move } from './navigate.ts';
import {
  acceptFilter,
  askPoints,
  cancelFilter,
  listAnew,
  moveFilter,
  movePoints,
  nextBookmark,
  openFilter,
  pointAt,
} from './point-picker.ts';
import type { Handler, Press } from './press.ts';
import { enterTree, moveTree, nextKind, setOpen } from './preview-tree.ts';
import { closePrompt, enterPrompt, openBookmark, openExtract } from './prompt.ts';
import { openReports } from './reports.ts';
import {
  changeReplica,
  goBack,
  goForth,
  leave,
  lookCloser,
  moveRow,
  openBeforeBrake,
  openCancel,
  openHistory,
  openRestore,
  openUndo,
  pick,
  startRestore,
} from './restore.ts';
import { recoveryOf } from './restore-progress.ts';

/** Row of the text field in the filter pane. */
const TEXT_ROW = 4;

function inRestore(handle: (state: ConsoleState, dialog: RestoreDialog, press: Press) => Step): Handler {
  return (state, press) => {
    const dialog = restoreDialog(state);
    return dialog === undefined ? stay(state) : handle(state, dialog, press);
  };
}

function inPrompt(handle: (state: ConsoleState, dialog: PromptDialog) => Step): Handler {
  return (state) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'prompt' ? handle(state, dialog) : stay(state);
  };
}

const points = (move: Move): Handler =>
  inRestore((state, dialog) => movePoints(state, dialog, move, pickerRows(state)));
const tree = (move: Move): Handler =>
  inRestore((state, dialog) => moveTree(state, dialog, move, previewTreeRows(state)));

/** Enter held down must not run through the pages; a page just opened was not read yet. */
const forth = inRestore((state, dialog, press) => (press.repeat ? stay(state) : goForth(state, dialog)));

const begin = inRestore((state, dialog, press) =>
  isDeliberate(dialog.openedAt, press) ? startRestore(state, dialog) : stay(state),
);

const openBefore: Handler = (state, press) => {
  const found = brakeUnderCursor(state);
  if (found === undefined) return stay(state);
  const { scenarioId, brake } = found;
  return openBeforeBrake({ ...closeDialog(state), selected: `s:${scenarioId}` }, press.at, brake);
};

const copyPoint = inRestore((state, dialog) => {
  const point = pointAt(dialog);
  if (point === undefined) return stay(state);
  return { state: withToast(state, `copied ${point.id}`), effects: [{ type: 'copy', text: point.id }] };
});

/** Stops the scenario that is to be restored, or the restore itself. */
const stop = inRestore((state, dialog, press) =>
  dialog.step === 'progress' ? openCancel(state, dialog, press.at) : openStop(onScenario(state, dialog), press.at),
);

function onScenario(state: ConsoleState, { scenarioId }: RestoreDialog): ConsoleState {
  return selectedScenario(state)?.id === scenarioId ? state : { ...state, selected: `s:${scenarioId}` };
}

/** The opposite of undo. */
function openForget(state: ConsoleState, at: number): Step {
  const scenario = selectedScenario(state);
  if (scenario === undefined) return stay(state);
  const { name } = scenario.status;
  return openConfirm(state, at, {
    command: 'scenario.undo',
    args: { name, forget: true },
    title: 'Confirm the last restore',
    question: `Keep the data of "${name}" as the last restore left it?`,
    impact: [
      'What the restore replaced on the Master is removed there: it cannot be undone any more.',
      'The history of the Replica stays.',
    ],
    verb: 'Confirm',
    typed: name,
  });
}

const goOn = inRestore((state, dialog, press) => {
  const recovery = recoveryOf(state, dialog);
  if (recovery === undefined) return stay(state);
  return openConfirm(onScenario(state, dialog), press.at, {
    command: 'scenario.run',
    args: { name: recovery.scenario },
    title: 'Go on with the restore',
    question: `Run "${recovery.scenario}" again?`,
    impact: [`It failed: ${recovery.failed ?? ''}`, 'It goes on where it was.'],
    verb: 'Run it',
  });
});

const remove = inRestore((state, dialog, press) => {
  const recovery = recoveryOf(state, dialog);
  if (recovery === undefined) return stay(state);
  return openConfirm(onScenario(state, dialog), press.at, {
    command: 'scenario.delete',
    args: { name: recovery.scenario },
    title: 'Remove the Recovery scenario',
    question: `Remove "${recovery.scenario}"?`,
    impact: [
      `It failed: ${recovery.failed ?? ''}`,
      'The original scenario comes back; the data stays as it is now, partly restored.',
    ],
    verb: 'Remove',
  });
});

const help: Handler = (state, press) =>
  stay(openDialog(state, { kind: 'help', openedAt: press.at, place: placeOf(state), scroll: 0 }));

export const RECOVERY_HANDLERS: Readonly<Record<keyof typeof RECOVERY_BINDINGS, Handler>> = {
  restore: (state, press) => openRestore(state, press.at),
  bookmark: (state, press) => openBookmark(state, press.at),
  history: (state, press) => openHistory(state, press.at),
  'undo-restore': (state, press) => openUndo(state, press.at),
  'forget-restore': (state, press) => openForget(state, press.at),
  'journal-tab': (state) => withJournal({ ...goToPane(state, 'detail'), tab: 'rewind' }),
  'alert-history': openBefore,

  'restore-up': inRestore((state, dialog) => moveRow(state, dialog, -1)),
  'restore-down': inRestore((state, dialog) => moveRow(state, dialog, 1)),
  'restore-left': inRestore((state, dialog) => changeReplica(state, dialog, -1)),
  'restore-right': inRestore((state, dialog) => changeReplica(state, dialog, 1)),
  'restore-next': forth,
  'restore-stop': stop,
  'restore-continue': goOn,
  'restore-remove': remove,
  'restore-reports': inRestore((state, dialog, press) => openReports(state, press.at, dialog.scenario)),
  'restore-undo': inRestore((state, dialog, press) => openUndo(onScenario(closeDialog(state), dialog), press.at)),
  'restore-help': help,
  'restore-back': inRestore(goBack),
  'restore-leave': inRestore(leave),

  'name-do': begin,
  'name-up': inRestore((state, dialog) => moveRow(state, dialog, -1)),
  'name-down': inRestore((state, dialog) => moveRow(state, dialog, 1)),
  'name-accept': inRestore((state, dialog, press) => (press.repeat ? stay(state) : toggleAccept(state, dialog))),
  'name-back': inRestore(goBack),

  'points-up': points('up'),
  'points-down': points('down'),
  'points-page-up': points('page-up'),
  'points-page-down': points('page-down'),
  'points-top': points('top'),
  'points-bottom': points('bottom'),
  'points-pick': forth,
  'points-preview': inRestore(lookCloser),
  'points-restore': inRestore(pick),
  'points-bookmark': inRestore((state, dialog) => nextBookmark(state, dialog, 1)),
  'points-bookmark-newer': inRestore((state, dialog) => nextBookmark(state, dialog, -1)),
  'points-filter': inRestore((state, dialog) => openFilter(state, dialog, 0)),
  'points-search': inRestore((state, dialog) => openFilter(state, dialog, TEXT_ROW)),
  'points-clear': inRestore((state, dialog) => listAnew(state, dialog, NO_FILTER)),
  'points-reload': inRestore((state, dialog) => askPoints(state, dialog, false)),
  'points-copy': copyPoint,
  'points-help': help,
  'points-back': inRestore(goBack),
  'points-leave': inRestore(leave),

  'filter-up': inRestore((state, dialog) => moveFilter(state, dialog, -1)),
  'filter-down': inRestore((state, dialog) => moveFilter(state, dialog, 1)),
  'filter-apply': inRestore(acceptFilter),
  'filter-back': inRestore(cancelFilter),

  'preview-up': tree('up'),
  'preview-down': tree('down'),
  'preview-page-up': tree('page-up'),
  'preview-page-down': tree('page-down'),
  'preview-top': tree('top'),
  'preview-bottom': tree('bottom'),
  'preview-open': inRestore((state, dialog) => setOpen(state, dialog, true)),
  'preview-close': inRestore((state, dialog) => setOpen(state, dialog, false)),
  'preview-enter': inRestore((state, dialog, press) => enterTree(state, dialog, press.at)),
  'preview-take': inRestore(pick),
  'preview-kind': inRestore(nextKind),
  'preview-extract': inRestore((state, dialog, press) => openExtract(state, dialog, press.at)),
  'preview-help': help,
  'preview-back': inRestore(goBack),
  'preview-leave': inRestore(leave),

  'prompt-do': inPrompt(enterPrompt),
  'prompt-close': inPrompt(closePrompt),
};

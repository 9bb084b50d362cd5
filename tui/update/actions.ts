/** What each action of the catalogue does to the state. Pure; the compiler sees to it that none is missing. */
import { type ActionId, bindingOf, placeOf, whyDisabled } from '../keys.ts';
import { compareLines } from '../present/compare.ts';
import { eventRow } from '../present/events.ts';
import { helpLines } from '../present/help.ts';
import { lineText } from '../present/line.ts';
import { alertRows, eventWindow, selectedRow } from '../select.ts';
import {
  type ConsoleState,
  closeDialog,
  NO_FIELD,
  openDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withoutToast,
  withToast,
} from '../state.ts';
import { moveOrScroll } from './detail-scroll.ts';
import {
  acknowledge,
  changeChoice,
  confirm,
  isDeliberate,
  moveRow,
  openDelete,
  openRun,
  openStop,
  pressConfirmButton,
  pressRunButton,
  startRun,
  verifyAgain,
} from './dialogs.ts';
import {
  endFilter,
  expand,
  goBack,
  goToPane,
  type Move,
  moved,
  nextPane,
  nextProblem,
  nextSeverity,
  nextTab,
  startFilter,
  togglePause,
  toggleScope,
} from './navigate.ts';
import { paletteEntries } from './palette.ts';
import type { Handler, Press } from './press.ts';
import { QUARANTINE_HANDLERS } from './quarantine-actions.ts';
import { RECOVERY_HANDLERS } from './recovery-actions.ts';
import {
  askReplica,
  openBrakeRelease,
  openParked,
  openParkedDrop,
  openPrepareReboot,
  openSuspend,
  testReplica,
} from './replica-actions.ts';
import {
  enterReports,
  exportOpened,
  leaveReports,
  moveReports,
  moveSideways,
  openReports,
  switchTable,
  toggleDetail,
} from './reports.ts';
import { ROLE_HANDLERS, SWITCH_HANDLERS } from './role-actions.ts';
import { withShownTab } from './shown-tab.ts';

const movement =
  (move: Move): Handler =>
  (state) =>
    withShownTab(moveOrScroll(state, move));

const pane =
  (name: Parameters<typeof goToPane>[1]): Handler =>
  (state) =>
    withShownTab(goToPane(state, name));

/** Only for the dialog of that kind, which is on top when the key got here. */
function inRun(handle: (state: ConsoleState, dialog: Parameters<typeof startRun>[1], press: Press) => Step): Handler {
  return (state, press) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'run' ? handle(state, dialog, press) : stay(state);
  };
}

function inConfirm(
  handle: (state: ConsoleState, dialog: Parameters<typeof confirm>[1], press: Press) => Step,
): Handler {
  return (state, press) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'confirm' ? handle(state, dialog, press) : stay(state);
  };
}

const close: Handler = (state) => stay(closeDialog(state));

/** Sheets: help and event scroll, alerts have a cursor. */
function sheetMove(move: Move): Handler {
  return (state) => {
    const dialog = topDialog(state);
    const page = Math.max(1, state.rows - 8);
    if (dialog?.kind === 'help') {
      const total = helpLines(dialog.place).length;
      return stay(replaceDialog(state, { ...dialog, scroll: moved(move, dialog.scroll, total, page) }));
    }
    if (dialog?.kind === 'list') {
      const total = dialog.rows?.length ?? 0;
      return stay(replaceDialog(state, { ...dialog, scroll: moved(move, dialog.scroll, total, page) }));
    }
    if (dialog?.kind === 'compare') {
      const total = compareLines(dialog).length;
      return stay(replaceDialog(state, { ...dialog, scroll: moved(move, dialog.scroll, total, page) }));
    }
    if (dialog?.kind === 'alerts') {
      const total = alertRows(state).length;
      return stay(replaceDialog(state, { ...dialog, cursor: moved(move, dialog.cursor, total, page) }));
    }
    return stay(state);
  };
}

function movePalette(by: 1 | -1): Handler {
  return (state) => {
    const dialog = topDialog(state);
    if (dialog?.kind !== 'palette') return stay(state);
    const total = paletteEntries(dialog.field.text).length;
    return stay(replaceDialog(state, { ...dialog, cursor: moved(by > 0 ? 'down' : 'up', dialog.cursor, total, 1) }));
  };
}

/** The row under the cursor as text, for the clipboard. */
function copied(state: ConsoleState): string {
  const dialog = topDialog(state);
  if (dialog?.kind === 'event') return JSON.stringify(dialog.event.record);
  if (state.pane === 'events') {
    const event = eventWindow(state, 1).cursor;
    return event === undefined ? '' : lineText(eventRow(event, { now: state.now, width: 10_000 }));
  }
  if (state.pane === 'hosts') return state.hosts[state.hostCursor]?.address ?? '';
  const row = selectedRow(state);
  return row?.host?.name ?? row?.scenario.status.name ?? '';
}

const copy: Handler = (state) => {
  const text = copied(state);
  if (text === '') return stay(state);
  return { state: withToast(state, 'copied'), effects: [{ type: 'copy', text }] };
};

function openHelp(state: ConsoleState, press: Press): ConsoleState {
  return openDialog(state, { kind: 'help', openedAt: press.at, place: placeOf(state), scroll: 0 });
}

const openEvent: Handler = (state, press) => {
  const event = eventWindow(state, 1).cursor;
  if (event === undefined) return stay(state);
  return stay(openDialog(state, { kind: 'event', openedAt: press.at, event }));
};

const openAlerts: Handler = (state, press) => {
  const seen = { ...state, acknowledgedEvent: state.nextEventId - 1 };
  return stay(openDialog(withoutToast(seen), { kind: 'alerts', openedAt: press.at, cursor: 0 }));
};

const closeRun: Handler = (state) => {
  const dialog = topDialog(state);
  const closed = closeDialog(state);
  const asked = dialog?.kind === 'run' && dialog.step === 'starting';
  return stay(asked ? withToast(closed, `${dialog.scenario}: the host was already asked to run it`) : closed);
};

const closeConfirm: Handler = (state) => {
  const dialog = topDialog(state);
  const closed = closeDialog(state);
  const asked = dialog?.kind === 'confirm' && dialog.step === 'asked';
  return stay(asked ? withToast(closed, `${dialog.scenario}: the host was already asked`) : closed);
};

/** Yes by its letter: nothing when it may be a slip, and nothing when the dialog wants something else first. */
const yesToRun = inRun((state, dialog, press) => {
  return isDeliberate(dialog.openedAt, press) ? startRun(state, dialog) : stay(state);
});

const yesToConfirm = inConfirm((state, dialog, press) => {
  if (dialog.typed !== undefined || !isDeliberate(dialog.openedAt, press)) return stay(state);
  return confirm(state, dialog);
});

/** The action under the palette's cursor. `act` is the reducer's own, which refuses what is disabled with the reason. */
function chosenInPalette(state: ConsoleState): ActionId | undefined {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'palette') return undefined;
  const entries = paletteEntries(dialog.field.text);
  return entries[Math.min(dialog.cursor, entries.length - 1)]?.action;
}

const choosePalette: Handler = (state, press) => {
  const action = chosenInPalette(state);
  return action === undefined ? stay(state) : act(closeDialog(state), action, press);
};

const HANDLERS: Readonly<Record<ActionId, Handler>> = {
  help: (state, press) => stay(openHelp(state, press)),
  palette: (state, press) =>
    stay(openDialog(state, { kind: 'palette', openedAt: press.at, field: NO_FIELD, cursor: 0 })),
  filter: (state) => stay(startFilter(state)),
  alerts: openAlerts,
  quit: (state) => ({ state, effects: [{ type: 'quit' }] }),
  redraw: (state) => ({ state, effects: [{ type: 'redraw' }] }),
  back: (state) => stay(goBack(state)),
  'next-pane': (state) => withShownTab(nextPane(state, 1)),
  'previous-pane': (state) => withShownTab(nextPane(state, -1)),
  'pane-tree': pane('tree'),
  'pane-detail': pane('detail'),
  'pane-events': pane('events'),
  'pane-hosts': pane('hosts'),
  'next-tab': (state) => withShownTab(nextTab(state, 1)),
  'previous-tab': (state) => withShownTab(nextTab(state, -1)),
  up: movement('up'),
  down: movement('down'),
  'page-up': movement('page-up'),
  'page-down': movement('page-down'),
  top: movement('top'),
  bottom: movement('bottom'),
  copy,
  run: (state, press) => openRun(state, press.at, false),
  stop: (state, press) => openStop(state, press.at),
  verify: (state, press) => openRun(state, press.at, true),
  delete: (state, press) => openDelete(state, press.at),
  ...ROLE_HANDLERS,
  ...SWITCH_HANDLERS,
  ...QUARANTINE_HANDLERS,
  suspend: (state, press) => openSuspend(state, press.at),
  resume: (state) => askReplica(state, 'scenario.resume', 'goes on'),
  'send-now': (state) => askReplica(state, 'scenario.sendNow', 'what was collected is applied on every Replica'),
  'audit-walk': (state) => askReplica(state, 'scenario.audit', 'the audit walk is over; the events say what it found'),
  rehearse: (state) => testReplica(state, 'run', 'the Replica passed its test; what the test wrote is undone'),
  'rehearse-begin': (state) => testReplica(state, 'begin', 'the copy can be used now; end the test afterwards'),
  'rehearse-end': (state) => testReplica(state, 'end', 'the test is over; what it wrote is undone'),
  parked: (state, press) => openParked(state, press.at),
  'brake-release': (state, press) => openBrakeRelease(state, press.at),
  'prepare-reboot': (state, press) => openPrepareReboot(state, press.at),
  'parked-retry': (state) => askReplica(state, 'scenario.parkedRetry', 'parked items are asked for again'),
  'parked-drop': (state, press) => openParkedDrop(state, press.at),
  open: (state) => withShownTab(goToPane(state, 'detail')),
  expand: (state) => stay(expand(state, true)),
  collapse: (state) => stay(expand(state, false)),
  'open-event': openEvent,
  severity: (state) => stay(nextSeverity(state)),
  scope: (state) => stay(toggleScope(state)),
  pause: (state) => stay(togglePause(state)),
  'next-match': (state) => withShownTab(nextProblem(state, 1)),
  'previous-match': (state) => withShownTab(nextProblem(state, -1)),
  'run-up': inRun((state, dialog) => stay(moveRow(state, dialog, -1))),
  'run-down': inRun((state, dialog) => stay(moveRow(state, dialog, 1))),
  'run-left': inRun((state, dialog) => stay(changeChoice(state, dialog, -1))),
  'run-right': inRun((state, dialog) => stay(changeChoice(state, dialog, 1))),
  'run-enter': inRun((state, dialog, press) =>
    isDeliberate(dialog.openedAt, press) ? pressRunButton(state, dialog, press.at) : stay(state),
  ),
  'run-yes': yesToRun,
  'run-acknowledge': inRun((state, dialog, press) =>
    stay(isDeliberate(dialog.openedAt, press) ? acknowledge(state, dialog, press.at) : state),
  ),
  'run-again': inRun((state, dialog, press) =>
    dialog.step === 'verifying' || dialog.step === 'starting' ? stay(state) : verifyAgain(state, dialog, press.at),
  ),
  'run-cancel': closeRun,
  'confirm-switch': inConfirm((state, dialog) =>
    stay(replaceDialog(state, { ...dialog, button: dialog.button === 'cancel' ? 'go' : 'cancel' })),
  ),
  'confirm-enter': inConfirm((state, dialog, press) =>
    isDeliberate(dialog.openedAt, press) ? pressConfirmButton(state, dialog) : stay(state),
  ),
  'confirm-yes': yesToConfirm,
  'confirm-cancel': closeConfirm,
  ...RECOVERY_HANDLERS,
  reports: (state, press) => openReports(state, press.at),
  'report-now': (state) => askReplica(state, 'reports.create', 'its Replication Report is ready (R)'),
  'reports-up': (state) => moveReports(state, 'up'),
  'reports-down': (state) => moveReports(state, 'down'),
  'reports-page-up': (state) => moveReports(state, 'page-up'),
  'reports-page-down': (state) => moveReports(state, 'page-down'),
  'reports-top': (state) => moveReports(state, 'top'),
  'reports-bottom': (state) => moveReports(state, 'bottom'),
  'reports-left': (state) => moveSideways(state, -1),
  'reports-right': (state) => moveSideways(state, 1),
  'reports-switch': switchTable,
  'reports-enter': enterReports,
  'reports-detail': toggleDetail,
  'reports-export': exportOpened,
  'reports-help': (state, press) => stay(openHelp(state, press)),
  'reports-back': leaveReports,
  'sheet-close': close,
  'sheet-up': sheetMove('up'),
  'sheet-down': sheetMove('down'),
  'sheet-page-up': sheetMove('page-up'),
  'sheet-page-down': sheetMove('page-down'),
  'sheet-top': sheetMove('top'),
  'sheet-bottom': sheetMove('bottom'),
  'sheet-copy': copy,
  'palette-up': movePalette(-1),
  'palette-down': movePalette(1),
  'palette-do': choosePalette,
  'palette-close': close,
  'field-accept': (state) => stay(endFilter(state, true)),
  'field-cancel': (state) => stay(endFilter(state, false)),
  'field-up': movement('up'),
  'field-down': movement('down'),
};

/** Does an action, or says why not. */
export function act(state: ConsoleState, action: ActionId, press: Press): Step {
  const reason = whyDisabled(state, action);
  if (reason !== undefined) return stay(withToast(state, `${bindingOf(action).title}: ${reason}`));
  return HANDLERS[action](state, press);
}

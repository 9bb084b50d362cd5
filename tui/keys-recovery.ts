/** Data Rewind: how its screens are opened, and their keys (see keys.ts). */
import { refusal, selectedScenario } from './select.ts';
import { type ConsoleState, topDialog } from './state.ts';
import type { RestoreDialog } from './state-recovery.ts';
import { brakeUnderCursor } from './update/alerts.ts';
import { lossOf } from './update/lost-places.ts';
import { rowAt } from './update/preview-tree.ts';
import { replicasOf, whyNotRecover } from './update/recovery-request.ts';
import { whyNoUndo } from './update/restore.ts';
import { recoveryOf } from './update/restore-progress.ts';

export function restoreDialog(state: ConsoleState): RestoreDialog | undefined {
  const dialog = topDialog(state);
  return dialog?.kind === 'restore' ? dialog : undefined;
}

function whyNotBookmark(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  const refused = refusal(state, scenario, 'scenario.bookmark');
  if (refused !== undefined || scenario === undefined) return refused;
  const { status } = scenario;
  if (!status.running) return `${status.name} is not running`;
  return status.state === 'synchronizing' ? 'bookmarks cannot be set during synchronization' : undefined;
}

function whyNotLook(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  if (scenario !== undefined && replicasOf(scenario).length === 0) return 'it has no Replica';
  return whyNotRecover(state, scenario, undefined, 'scenario.points', false);
}

function whyNotRestore(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  if (scenario?.status.recovery !== undefined) return undefined;
  return whyNotLook(state) ?? whyNotRecover(state, scenario, undefined, 'scenario.restore', false);
}

function inStep(...steps: readonly RestoreDialog['step'][]) {
  return (state: ConsoleState) => {
    const dialog = restoreDialog(state);
    return dialog !== undefined && steps.includes(dialog.step) ? undefined : 'not at this step';
  };
}

function whyNotStopHere(state: ConsoleState): string | undefined {
  const dialog = restoreDialog(state);
  if (dialog?.step === 'progress') {
    if (dialog.job === 'undo') return 'an undo is not stopped half way';
    return refusal(state, selectedScenario(state), 'scenario.stop');
  }
  if (dialog?.step !== 'method') return 'not at this step';
  return selectedScenario(state)?.status.running === true
    ? refusal(state, selectedScenario(state), 'scenario.stop')
    : 'it does not run';
}

function whyNotFailed(state: ConsoleState): string | undefined {
  const dialog = restoreDialog(state);
  if (dialog?.step !== 'progress') return 'not at this step';
  if (state.settings.readonly) return 'this console was started with --readonly';
  return recoveryOf(state, dialog)?.failed === undefined ? 'it has not failed' : undefined;
}

function whyNothingLost(state: ConsoleState): string | undefined {
  const dialog = restoreDialog(state);
  return dialog !== undefined && lossOf(dialog) !== undefined ? undefined : 'nothing is known to be lost';
}

function whyNoRow(state: ConsoleState): string | undefined {
  const dialog = restoreDialog(state);
  return dialog !== undefined && rowAt(dialog) !== undefined ? undefined : 'nothing is under the cursor';
}

const everywhere = { place: 'everywhere', danger: 'safe' } as const;
const page = { place: 'restore', danger: 'safe', hidden: true } as const;
const named = { place: 'restore-name', danger: 'safe', hidden: true } as const;
const points = { place: 'points', danger: 'safe', hidden: true } as const;
const filter = { place: 'point-filter', danger: 'safe', hidden: true } as const;
const preview = { place: 'preview', danger: 'safe', hidden: true } as const;
const prompt = { place: 'prompt', danger: 'safe', hidden: true } as const;

export const RECOVERY_BINDINGS = {
  restore: {
    ...everywhere,
    keys: ['w'],
    title: 'rewind',
    help: 'Restore Data: sets data back to a rewind point, or gives the Master the data of a Replica',
    danger: 'typed',
    footer: 7.2,
    disabled: whyNotRestore,
  },
  bookmark: {
    ...everywhere,
    keys: ['b'],
    title: 'bookmark',
    help: 'Set Rewind Bookmark: marks the state of now, to set data back to',
    footer: 7.4,
    disabled: whyNotBookmark,
  },
  history: {
    ...everywhere,
    keys: ['H'],
    title: 'history',
    help: 'Rewind points of a Replica and what going back to one would do; changes nothing, also while it runs',
    disabled: whyNotLook,
  },
  'undo-restore': {
    ...everywhere,
    keys: ['U'],
    title: 'undo restore',
    help: 'Gives back the data that the last rewind or reverse synchronization replaced',
    danger: 'typed',
    disabled: whyNoUndo,
  },
  'forget-restore': {
    ...everywhere,
    keys: [],
    title: 'confirm restore',
    help: 'The data stays as the last restore left it: what was kept on the Master to undo it is removed for good',
    danger: 'typed',
    disabled: whyNoUndo,
  },
  'journal-tab': {
    ...everywhere,
    keys: ['5'],
    title: 'rewind statistics',
    help: 'How much history is kept, how fast it grows, its gaps and its last self-check',
    disabled: whyNotLook,
  },
  'alert-history': {
    place: 'sheet',
    danger: 'safe',
    hidden: true,
    keys: ['H', 'p'],
    title: 'before it',
    help: 'Alerts: the data as it was right before the mass change, and what going back would do',
    footer: 0.5,
    disabled: (state: ConsoleState) =>
      brakeUnderCursor(state) === undefined ? 'no mass-change brake is under the cursor' : undefined,
  },

  'restore-up': { ...page, keys: ['k', 'up', 'shift-tab'], title: 'up', help: 'One row up' },
  'restore-down': { ...page, keys: ['j', 'down', 'tab'], title: 'down', help: 'One row down' },
  'restore-left': { ...page, keys: ['h', 'left'], title: 'left', help: 'Previous choice' },
  'restore-right': {
    ...page,
    keys: ['l', 'right', 'space'],
    title: 'choose',
    help: 'Next choice: another Replica, another method',
    footer: 3,
    disabled: inStep('method', 'sync'),
  },
  'restore-next': {
    ...page,
    keys: ['enter'],
    title: 'go on',
    help: 'On to the next page; at the end: closes the wizard',
    footer: 1,
    disabled: inStep('method', 'sync', 'result'),
  },
  'restore-stop': {
    ...page,
    keys: ['x'],
    title: 'stop',
    help: 'Stops the running scenario first, or cancels the restore under way; asks before',
    footer: 2,
    disabled: whyNotStopHere,
  },
  'restore-continue': {
    ...page,
    keys: ['c'],
    title: 'continue',
    help: 'A restore that failed: goes on where it was',
    footer: 2.2,
    disabled: whyNotFailed,
  },
  'restore-remove': {
    ...page,
    keys: ['d'],
    title: 'remove',
    help: 'A restore that failed: removes the Recovery scenario; asks before',
    footer: 2.4,
    disabled: whyNotFailed,
  },
  'restore-reports': {
    ...page,
    keys: ['R'],
    title: 'report',
    help: 'The Report Center, with the Synchronization Report of the restore',
    footer: 2,
    disabled: inStep('result'),
  },
  'restore-undo': {
    ...page,
    keys: ['U'],
    title: 'undo',
    help: 'Gives back the data that was replaced',
    footer: 2.5,
    disabled: inStep('result'),
  },
  'restore-help': { ...page, keys: ['?'], title: 'help', help: 'Keys of this place', footer: 8 },
  'restore-back': {
    ...page,
    keys: ['esc'],
    title: 'back',
    help: 'One step back; nothing that was chosen is lost',
    footer: 9,
  },
  'restore-leave': {
    ...page,
    keys: ['q', 'ctrl-c'],
    title: 'close',
    help: 'Closes the wizard; a restore under way goes on',
  },

  'name-do': {
    ...named,
    keys: ['enter'],
    title: 'do it',
    help: 'Does it, once the name is typed',
    danger: 'typed',
    footer: 1,
  },
  'name-up': { ...named, keys: ['up'], title: 'up', help: 'One row up in what is said above' },
  'name-down': { ...named, keys: ['down'], title: 'down', help: 'One row down in what is said above', footer: 3 },
  'name-accept': {
    ...named,
    keys: ['tab'],
    title: 'accept the loss',
    help: 'Accepts, or not, that places which cannot be given back stay as they are',
    footer: 1.5,
    disabled: whyNothingLost,
  },
  'name-back': { ...named, keys: ['esc', 'ctrl-c'], title: 'back', help: 'One step back; nothing happens', footer: 2 },

  'points-up': { ...points, keys: ['k', 'up'], title: 'newer', help: 'One point newer' },
  'points-down': { ...points, keys: ['j', 'down'], title: 'older', help: 'One point older' },
  'points-page-up': { ...points, keys: ['pgup'], title: 'page up', help: 'One page newer' },
  'points-page-down': { ...points, keys: ['pgdn', 'space'], title: 'page down', help: 'One page older' },
  'points-top': { ...points, keys: ['g', 'home'], title: 'newest', help: 'The newest point' },
  'points-bottom': {
    ...points,
    keys: ['G', 'end'],
    title: 'oldest',
    help: 'The oldest point; fetches all that lie between',
  },
  'points-pick': {
    ...points,
    keys: ['enter'],
    title: 'select',
    help: 'Takes this point; when only looking: its preview',
    footer: 1,
  },
  'points-preview': {
    ...points,
    keys: ['p', 'l', 'right', 'tab'],
    title: 'preview',
    help: 'What going back to this point would bring back and lose, as a tree',
    footer: 2,
  },
  'points-restore': {
    ...points,
    keys: ['w'],
    title: 'restore to it',
    help: 'Looking only: on to the restore wizard with this point',
    footer: 2.5,
    disabled: (state: ConsoleState) => (restoreDialog(state)?.looking === true ? undefined : 'Enter takes this point'),
  },
  'points-bookmark': { ...points, keys: ['b'], title: 'bookmark', help: 'The next older bookmark', footer: 4 },
  'points-bookmark-newer': { ...points, keys: ['B'], title: 'newer bookmark', help: 'The next newer bookmark' },
  'points-filter': { ...points, keys: ['f'], title: 'filter', help: 'Filter by type, time, path and text', footer: 3 },
  'points-search': { ...points, keys: ['/'], title: 'text', help: 'Filter by text', footer: 5 },
  'points-clear': { ...points, keys: ['c'], title: 'all', help: 'Lists all points again, without a filter', footer: 6 },
  'points-reload': { ...points, keys: ['u'], title: 'reload', help: 'Fetches the points anew', footer: 7 },
  'points-copy': {
    ...points,
    keys: ['y'],
    title: 'copy',
    help: 'Copies the id of the point, for `mainstay restore --at`',
  },
  'points-help': { ...points, keys: ['?'], title: 'help', help: 'Keys of this place', footer: 8 },
  'points-back': {
    ...points,
    keys: ['esc', 'h', 'left'],
    title: 'back',
    help: 'One step back; nothing that was chosen is lost',
    footer: 9,
  },
  'points-leave': { ...points, keys: ['q', 'ctrl-c'], title: 'close', help: 'Closes the wizard' },

  'filter-up': { ...filter, keys: ['up', 'shift-tab'], title: 'up', help: 'Previous field' },
  'filter-down': { ...filter, keys: ['down', 'tab'], title: 'next field', help: 'Next field', footer: 2 },
  'filter-apply': { ...filter, keys: ['enter'], title: 'apply', help: 'Lists the points that match', footer: 1 },
  'filter-back': { ...filter, keys: ['esc', 'ctrl-c'], title: 'undo', help: 'Back to the filter as it was', footer: 3 },

  'preview-up': { ...preview, keys: ['k', 'up'], title: 'up', help: 'One row up' },
  'preview-down': { ...preview, keys: ['j', 'down'], title: 'down', help: 'One row down' },
  'preview-page-up': { ...preview, keys: ['pgup'], title: 'page up', help: 'One page up' },
  'preview-page-down': { ...preview, keys: ['pgdn', 'space'], title: 'page down', help: 'One page down' },
  'preview-top': { ...preview, keys: ['g', 'home'], title: 'top', help: 'First row' },
  'preview-bottom': { ...preview, keys: ['G', 'end'], title: 'bottom', help: 'Last row' },
  'preview-open': { ...preview, keys: ['l', 'right'], title: 'open', help: 'Opens a directory' },
  'preview-close': {
    ...preview,
    keys: ['h', 'left'],
    title: 'close',
    help: 'Closes a directory, or goes to the one above',
  },
  'preview-enter': {
    ...preview,
    keys: ['enter'],
    title: 'compare',
    help: 'Compares the file with what it is now; opens and closes a directory',
    footer: 1,
    disabled: whyNoRow,
  },
  'preview-take': {
    ...preview,
    keys: ['w'],
    title: 'restore to it',
    help: 'Takes this point, on with the wizard',
    footer: 2,
  },
  'preview-kind': {
    ...preview,
    keys: ['t'],
    title: 'what',
    help: 'Only what comes back, is lost, changes, …',
    footer: 3,
  },
  'preview-extract': {
    ...preview,
    keys: ['e'],
    title: 'extract',
    help: 'Writes the file or folder as it was at this point into a directory of this computer',
    footer: 4,
    disabled: whyNoRow,
  },
  'preview-help': { ...preview, keys: ['?'], title: 'help', help: 'Keys of this place', footer: 8 },
  'preview-back': { ...preview, keys: ['esc'], title: 'back', help: 'Back to the points', footer: 9 },
  'preview-leave': { ...preview, keys: ['q', 'ctrl-c'], title: 'close', help: 'Closes the wizard' },

  'prompt-do': { ...prompt, keys: ['enter'], title: 'do', help: 'Does it with what is typed', footer: 1 },
  'prompt-close': {
    ...prompt,
    keys: ['esc', 'ctrl-c'],
    title: 'cancel',
    help: 'Closes this; nothing happens',
    footer: 2,
  },
} as const;

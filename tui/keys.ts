/**
 * The binding catalogue: every action once, with its keys, where it means something, what it does, how dangerous it is, and
 * why it cannot be done now. Footer, help sheet and palette are generated from it; a test looks for clashes.
 * No function keys, no Ctrl-A/Ctrl-B (tmux, screen), no action on Ctrl with a letter except redraw.
 */
import type { Danger } from '../shared/commands.ts';
import { QUARANTINE_BINDINGS } from './keys-quarantine.ts';
import { RECOVERY_BINDINGS } from './keys-recovery.ts';
import { REPLICA_BINDINGS } from './keys-replica.ts';
import { REPORT_BINDINGS } from './keys-reports.ts';
import { ROLE_BINDINGS } from './keys-roles.ts';
import { SWITCH_BINDINGS } from './keys-switch.ts';
import { eventWindow, refusal, selectedScenario, visibleEvents } from './select.ts';
import { type ConsoleState, type Dialog, type Place, type RunDialog, topDialog } from './state.ts';
import type { RestoreDialog } from './state-recovery.ts';
import { mayType } from './state-roles.ts';

export interface Binding {
  readonly keys: readonly string[];
  readonly place: Place;
  /** One or two words for the footer and the palette. */
  readonly title: string;
  readonly help: string;
  readonly danger: Danger;
  /** Shown in the footer; lower comes first. */
  readonly footer?: number;
  /** Not offered in the palette: movements and answers of dialogs. */
  readonly hidden?: true;
  /** Why it cannot be done now. */
  readonly disabled?: (state: ConsoleState) => string | undefined;
}

function define<const T extends Record<string, Binding>>(catalogue: T): T {
  return catalogue;
}

const scenarioNeeded = (state: ConsoleState) =>
  selectedScenario(state) === undefined ? 'no scenario is selected' : undefined;

function whyNotRun(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  const refused = refusal(state, scenario, 'scenario.run');
  if (refused !== undefined || scenario === undefined) return refused;
  if (scenario.status.running) return `${scenario.status.name} runs already`;
  return undefined;
}

function whyNotStop(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  const refused = refusal(state, scenario, 'scenario.stop');
  if (refused !== undefined || scenario === undefined) return refused;
  if (!scenario.status.running) return `${scenario.status.name} is not running`;
  return undefined;
}

function whyNotDelete(state: ConsoleState): string | undefined {
  const scenario = selectedScenario(state);
  const refused = refusal(state, scenario, 'scenario.delete');
  if (refused !== undefined || scenario === undefined) return refused;
  return scenario.status.running ? `${scenario.status.name} is running; stop it first` : undefined;
}

function whyNotVerify(state: ConsoleState): string | undefined {
  return refusal(state, selectedScenario(state), 'scenario.verify');
}

function inStep(...steps: readonly RunDialog['step'][]) {
  return (state: ConsoleState) => {
    const dialog = topDialog(state);
    return dialog?.kind === 'run' && steps.includes(dialog.step) ? undefined : 'not at this step';
  };
}

function whyNotAcknowledge(state: ConsoleState): string | undefined {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'run' || dialog.step !== 'findings' || dialog.verifyOnly)
    return 'there is nothing to acknowledge';
  return dialog.findings.some((finding) => finding.severity === 'error') ? 'errors block Run' : undefined;
}

function whyNotYes(state: ConsoleState): string | undefined {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'confirm' || dialog.step !== 'question') return 'it was asked already';
  return dialog.typed === undefined ? undefined : 'type the name instead';
}

export const BINDINGS = define({
  help: { keys: ['?'], place: 'everywhere', title: 'help', help: 'Keys of this place', danger: 'safe', footer: 1 },
  palette: {
    keys: [':'],
    place: 'everywhere',
    title: 'palette',
    help: 'Every action, found by typing',
    danger: 'safe',
    footer: 3,
    hidden: true,
  },
  filter: {
    keys: ['/'],
    place: 'everywhere',
    title: 'filter',
    help: 'Filters scenarios or events, by the pane',
    danger: 'safe',
    footer: 2,
  },
  alerts: {
    keys: ['!'],
    place: 'everywhere',
    title: 'alerts',
    help: 'What is wrong now, and the warnings and errors so far',
    danger: 'safe',
    footer: 8,
  },
  quit: {
    keys: ['q', 'ctrl-c'],
    place: 'everywhere',
    title: 'quit',
    help: 'Leaves the console; scenarios go on running',
    danger: 'safe',
    footer: 99,
  },
  redraw: { keys: ['ctrl-l'], place: 'everywhere', title: 'redraw', help: 'Draws the screen anew', danger: 'safe' },
  back: {
    keys: ['esc'],
    place: 'everywhere',
    title: 'back',
    help: 'Closes what is open, clears a filter, goes back to the scenarios',
    danger: 'safe',
    hidden: true,
  },
  'next-pane': {
    keys: ['tab'],
    place: 'everywhere',
    title: 'next pane',
    help: 'Goes to the next pane',
    danger: 'safe',
    footer: 4,
    hidden: true,
  },
  'previous-pane': {
    keys: ['shift-tab'],
    place: 'everywhere',
    title: 'previous pane',
    help: 'Goes to the previous pane',
    danger: 'safe',
    hidden: true,
  },
  'pane-tree': { keys: ['1'], place: 'everywhere', title: 'scenarios', help: 'Goes to the scenarios', danger: 'safe' },
  'pane-detail': {
    keys: ['2'],
    place: 'everywhere',
    title: 'detail',
    help: 'Goes to the selected scenario',
    danger: 'safe',
  },
  'pane-events': { keys: ['3'], place: 'everywhere', title: 'events', help: 'Goes to the events', danger: 'safe' },
  'pane-hosts': { keys: ['4'], place: 'everywhere', title: 'hosts', help: 'Goes to the hosts', danger: 'safe' },
  'next-tab': {
    keys: [']'],
    place: 'everywhere',
    title: 'next tab',
    help: 'Next tab of the selected scenario',
    danger: 'safe',
  },
  'previous-tab': {
    keys: ['['],
    place: 'everywhere',
    title: 'previous tab',
    help: 'Previous tab of the selected scenario',
    danger: 'safe',
  },
  up: { keys: ['k', 'up'], place: 'everywhere', title: 'up', help: 'One row up', danger: 'safe', hidden: true },
  down: { keys: ['j', 'down'], place: 'everywhere', title: 'down', help: 'One row down', danger: 'safe', hidden: true },
  'page-up': {
    keys: ['pgup'],
    place: 'everywhere',
    title: 'page up',
    help: 'One page up',
    danger: 'safe',
    hidden: true,
  },
  'page-down': {
    keys: ['pgdn'],
    place: 'everywhere',
    title: 'page down',
    help: 'One page down',
    danger: 'safe',
    hidden: true,
  },
  top: { keys: ['g', 'home'], place: 'everywhere', title: 'top', help: 'First row', danger: 'safe', hidden: true },
  bottom: {
    keys: ['G', 'end'],
    place: 'everywhere',
    title: 'bottom',
    help: 'Last row; in the events: live again',
    danger: 'safe',
    hidden: true,
  },
  copy: { keys: ['y'], place: 'everywhere', title: 'copy', help: 'Copies the selected row (OSC 52)', danger: 'safe' },

  run: {
    keys: ['r'],
    place: 'everywhere',
    title: 'run',
    help: 'Verifies, asks, synchronizes, then replicates in real time',
    danger: 'confirm',
    footer: 5,
    disabled: whyNotRun,
  },
  stop: {
    keys: ['x'],
    place: 'everywhere',
    title: 'stop',
    help: 'Stops replication of the selected scenario, after a question',
    danger: 'confirm',
    footer: 6,
    disabled: whyNotStop,
  },
  verify: {
    keys: ['v'],
    place: 'everywhere',
    title: 'verify',
    help: 'Checks Master and Replicas and shows what was found',
    danger: 'safe',
    footer: 7,
    disabled: whyNotVerify,
  },
  delete: {
    keys: [],
    place: 'everywhere',
    title: 'delete scenario',
    help: 'Forgets a stopped scenario after its name was typed; the data on both hosts stays',
    danger: 'typed',
    disabled: whyNotDelete,
  },

  ...ROLE_BINDINGS,
  ...SWITCH_BINDINGS,
  ...QUARANTINE_BINDINGS,
  ...REPLICA_BINDINGS,
  ...REPORT_BINDINGS,
  ...RECOVERY_BINDINGS,

  open: {
    keys: ['enter'],
    place: 'tree',
    title: 'open',
    help: 'Shows the selected scenario',
    danger: 'safe',
    footer: 4.5,
    disabled: scenarioNeeded,
    hidden: true,
  },
  expand: {
    keys: ['l', 'right'],
    place: 'tree',
    title: 'expand',
    help: 'Shows the hosts of the scenario',
    danger: 'safe',
    hidden: true,
  },
  collapse: {
    keys: ['h', 'left'],
    place: 'tree',
    title: 'collapse',
    help: 'Hides the hosts of the scenario',
    danger: 'safe',
    hidden: true,
  },
  'open-event': {
    keys: ['enter'],
    place: 'events',
    title: 'detail',
    help: 'The whole event, with what to do about it',
    danger: 'safe',
    footer: 4.5,
    hidden: true,
    disabled: (state) => (visibleEvents(state).length === 0 ? 'there is no event' : undefined),
  },
  severity: {
    keys: ['S'],
    place: 'events',
    title: 'severity',
    help: 'Least severity shown: info, warning, error, critical',
    danger: 'safe',
    footer: 4.7,
  },
  scope: {
    keys: ['a'],
    place: 'events',
    title: 'all/this',
    help: 'Events of all scenarios, or only of the selected one',
    danger: 'safe',
    footer: 4.8,
  },
  pause: {
    keys: ['p', 'space'],
    place: 'events',
    title: 'pause',
    help: 'Stops the stream for reading, or lets it run again',
    danger: 'safe',
    footer: 4.6,
    disabled: (state) => (eventWindow(state, 1).total === 0 ? 'there is no event' : undefined),
  },
  'next-match': {
    keys: ['n'],
    place: 'everywhere',
    title: 'next problem',
    help: 'Next scenario that needs attention; in the events: next warning or worse',
    danger: 'safe',
  },
  'previous-match': {
    keys: ['N'],
    place: 'everywhere',
    title: 'previous problem',
    help: 'The one before',
    danger: 'safe',
  },

  // ---- dialogs
  'run-up': {
    keys: ['k', 'up', 'shift-tab'],
    place: 'run',
    title: 'up',
    help: 'Previous line',
    danger: 'safe',
    hidden: true,
  },
  'run-down': {
    keys: ['j', 'down', 'tab'],
    place: 'run',
    title: 'down',
    help: 'Next line',
    danger: 'safe',
    hidden: true,
  },
  'run-left': {
    keys: ['h', 'left'],
    place: 'run',
    title: 'left',
    help: 'Previous choice',
    danger: 'safe',
    hidden: true,
  },
  'run-right': {
    keys: ['space', 'l', 'right'],
    place: 'run',
    title: 'choose',
    help: 'Next choice',
    danger: 'safe',
    hidden: true,
    footer: 2,
    disabled: inStep('question'),
  },
  'run-enter': {
    keys: ['enter'],
    place: 'run',
    title: 'press',
    help: 'Presses the button that has the cursor',
    danger: 'safe',
    hidden: true,
    footer: 3,
    disabled: inStep('question', 'findings', 'failed'),
  },
  'run-yes': {
    keys: ['y'],
    place: 'run',
    title: 'run',
    help: 'Runs the scenario',
    danger: 'confirm',
    hidden: true,
    footer: 1,
    disabled: inStep('question'),
  },
  'run-acknowledge': {
    keys: ['a'],
    place: 'run',
    title: 'acknowledge',
    help: 'Acknowledges the warnings',
    danger: 'safe',
    hidden: true,
    footer: 1,
    disabled: whyNotAcknowledge,
  },
  'run-again': {
    keys: ['v'],
    place: 'run',
    title: 'verify again',
    help: 'Verifies again',
    danger: 'safe',
    hidden: true,
    footer: 2,
    disabled: inStep('question', 'findings', 'failed'),
  },
  'run-cancel': {
    keys: ['esc', 'n', 'q', 'ctrl-c'],
    place: 'run',
    title: 'cancel',
    help: 'Closes the dialog; nothing happens',
    danger: 'safe',
    hidden: true,
    footer: 9,
  },
  'confirm-switch': {
    keys: ['tab', 'shift-tab', 'left', 'right'],
    place: 'confirm',
    title: 'button',
    help: 'The other button',
    danger: 'safe',
    hidden: true,
  },
  'confirm-enter': {
    keys: ['enter'],
    place: 'confirm',
    title: 'press',
    help: 'Presses the button that has the cursor',
    danger: 'safe',
    hidden: true,
    footer: 3,
  },
  'confirm-yes': {
    keys: ['y'],
    place: 'confirm',
    title: 'yes',
    help: 'Does it',
    danger: 'confirm',
    hidden: true,
    footer: 1,
    disabled: whyNotYes,
  },
  'confirm-cancel': {
    keys: ['esc', 'n', 'q', 'ctrl-c'],
    place: 'confirm',
    title: 'no',
    help: 'Closes the dialog; nothing happens',
    danger: 'safe',
    hidden: true,
    footer: 2,
  },
  'sheet-close': {
    keys: ['esc', 'q', 'enter', '?', 'ctrl-c'],
    place: 'sheet',
    title: 'close',
    help: 'Closes this',
    danger: 'safe',
    hidden: true,
    footer: 1,
  },
  'sheet-up': { keys: ['k', 'up'], place: 'sheet', title: 'up', help: 'One row up', danger: 'safe', hidden: true },
  'sheet-down': {
    keys: ['j', 'down'],
    place: 'sheet',
    title: 'down',
    help: 'One row down',
    danger: 'safe',
    hidden: true,
    footer: 2,
  },
  'sheet-page-up': {
    keys: ['pgup'],
    place: 'sheet',
    title: 'page up',
    help: 'One page up',
    danger: 'safe',
    hidden: true,
  },
  'sheet-page-down': {
    keys: ['pgdn', 'space'],
    place: 'sheet',
    title: 'page down',
    help: 'One page down',
    danger: 'safe',
    hidden: true,
  },
  'sheet-top': { keys: ['g', 'home'], place: 'sheet', title: 'top', help: 'First row', danger: 'safe', hidden: true },
  'sheet-bottom': {
    keys: ['G', 'end'],
    place: 'sheet',
    title: 'bottom',
    help: 'Last row',
    danger: 'safe',
    hidden: true,
  },
  'sheet-copy': {
    keys: ['y'],
    place: 'sheet',
    title: 'copy',
    help: 'Copies what is shown (OSC 52)',
    danger: 'safe',
    hidden: true,
    footer: 3,
  },
  'palette-up': {
    keys: ['up', 'ctrl-p', 'shift-tab'],
    place: 'palette',
    title: 'up',
    help: 'Previous action',
    danger: 'safe',
    hidden: true,
  },
  'palette-down': {
    keys: ['down', 'ctrl-n', 'tab'],
    place: 'palette',
    title: 'down',
    help: 'Next action',
    danger: 'safe',
    hidden: true,
    footer: 2,
  },
  'palette-do': {
    keys: ['enter'],
    place: 'palette',
    title: 'do',
    help: 'Does the action under the cursor',
    danger: 'safe',
    hidden: true,
    footer: 1,
  },
  'palette-close': {
    keys: ['esc', 'ctrl-c'],
    place: 'palette',
    title: 'close',
    help: 'Closes the palette',
    danger: 'safe',
    hidden: true,
    footer: 3,
  },
  'field-accept': {
    keys: ['enter'],
    place: 'field',
    title: 'keep',
    help: 'Keeps the filter',
    danger: 'safe',
    hidden: true,
    footer: 1,
  },
  'field-cancel': {
    keys: ['esc', 'ctrl-c'],
    place: 'field',
    title: 'undo',
    help: 'Back to the filter before',
    danger: 'safe',
    hidden: true,
    footer: 2,
  },
  'field-up': { keys: ['up'], place: 'field', title: 'up', help: 'One row up', danger: 'safe', hidden: true },
  'field-down': { keys: ['down'], place: 'field', title: 'down', help: 'One row down', danger: 'safe', hidden: true },
});

export type ActionId = keyof typeof BINDINGS;
export const ACTION_IDS = Object.keys(BINDINGS) as readonly ActionId[];

export function bindingOf(action: ActionId): Binding {
  return BINDINGS[action];
}

const byPlace = new Map<Place, Map<string, ActionId>>();
for (const action of ACTION_IDS) {
  const binding = bindingOf(action);
  const keys = byPlace.get(binding.place) ?? new Map<string, ActionId>();
  for (const key of binding.keys) keys.set(key, action);
  byPlace.set(binding.place, keys);
}

/** The action of a key: of the place itself, else what holds everywhere (panes only). */
export function actionFor(place: Place, key: string): ActionId | undefined {
  const own = byPlace.get(place)?.get(key);
  if (own !== undefined) return own;
  return isPane(place) ? byPlace.get('everywhere')?.get(key) : undefined;
}

export function isPane(place: Place): boolean {
  return place === 'tree' || place === 'detail' || place === 'events' || place === 'hosts';
}

function placeOfStep({ step, editing }: RestoreDialog): Place {
  if (editing !== undefined) return 'point-filter';
  if (step === 'confirm') return 'restore-name';
  return step === 'points' || step === 'preview' ? step : 'restore';
}

/** Where the next key goes. */
export function placeOf(state: ConsoleState): Place {
  const dialog = state.dialogs.at(-1);
  if (dialog !== undefined) return placeOfDialog(dialog);
  return state.editing === undefined ? state.pane : 'field';
}

function placeOfDialog(dialog: Dialog): Place {
  switch (dialog.kind) {
    case 'restore':
      return placeOfStep(dialog);
    case 'quarantine':
      return dialog.question === undefined ? 'quarantine' : 'quarantine-field';
    case 'switch':
      return mayType(dialog) ? 'switch-name' : 'switch';
    case 'prompt':
    case 'run':
    case 'confirm':
    case 'palette':
    case 'reports':
      return dialog.kind;
    default:
      return 'sheet';
  }
}

/** Actions of a place in the order of the catalogue; a pane has its own ones first. */
export function actionsIn(place: Place): readonly ActionId[] {
  const own = ACTION_IDS.filter((action) => bindingOf(action).place === place);
  return isPane(place) ? [...own, ...ACTION_IDS.filter((action) => bindingOf(action).place === 'everywhere')] : own;
}

export function whyDisabled(state: ConsoleState, action: ActionId): string | undefined {
  return bindingOf(action).disabled?.(state);
}

const KEY_NAMES: Readonly<Record<string, string>> = {
  enter: 'Enter',
  esc: 'Esc',
  tab: 'Tab',
  'shift-tab': 'Shift-Tab',
  space: 'Space',
  up: 'Up',
  down: 'Down',
  left: 'Left',
  right: 'Right',
  pgup: 'PgUp',
  pgdn: 'PgDn',
  home: 'Home',
  end: 'End',
};

/** A key as people write it: `Ctrl-L`, `Esc`, `G`. */
export function keyName(key: string): string {
  const named = KEY_NAMES[key];
  if (named !== undefined) return named;
  return key.startsWith('ctrl-') ? `Ctrl-${key.slice(5).toUpperCase()}` : key;
}

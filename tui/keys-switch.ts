/** The switchover dialog: its keys (see keys.ts). While something is to be typed, letters are letters. */
import { type ConsoleState, topDialog } from './state.ts';
import type { SwitchDialog } from './state-roles.ts';

function dialogOf(state: ConsoleState): SwitchDialog | undefined {
  const dialog = topDialog(state);
  return dialog?.kind === 'switch' ? dialog : undefined;
}

function inStep(...steps: readonly SwitchDialog['step'][]) {
  return (state: ConsoleState) => {
    const dialog = dialogOf(state);
    return dialog !== undefined && steps.includes(dialog.step) ? undefined : 'not at this step';
  };
}

function whyOneField(state: ConsoleState): string | undefined {
  return (dialogOf(state)?.fields.length ?? 0) > 1 ? undefined : 'there is one field only';
}

const page = { place: 'switch', danger: 'safe', hidden: true } as const;
const named = { place: 'switch-name', danger: 'safe', hidden: true } as const;

export const SWITCH_BINDINGS = {
  'switch-up': { ...page, keys: ['k', 'up'], title: 'up', help: 'One row up' },
  'switch-down': { ...page, keys: ['j', 'down'], title: 'down', help: 'One row down', footer: 4 },
  'switch-page-up': { ...page, keys: ['pgup'], title: 'page up', help: 'One page up' },
  'switch-page-down': { ...page, keys: ['pgdn', 'space'], title: 'page down', help: 'One page down' },
  'switch-choose': {
    ...page,
    keys: ['enter'],
    title: 'go on',
    help: 'Recover Active Server: on with the host under the cursor; else closes the window',
    footer: 1,
    disabled: inStep('choice', 'progress'),
  },
  'switch-differences': {
    ...page,
    keys: ['d'],
    title: 'differences',
    help: 'Recover Active Server: compares both hosts and counts the files that differ; changes nothing',
    footer: 2,
    disabled: inStep('choice'),
  },
  'switch-again': {
    ...page,
    keys: ['u'],
    title: 'dry run again',
    help: 'Asks both hosts anew what stands in the way',
    footer: 3,
    disabled: inStep('question'),
  },
  'switch-help': { ...page, keys: ['?'], title: 'help', help: 'Keys of this place', footer: 8 },
  'switch-leave': {
    ...page,
    keys: ['esc', 'q', 'ctrl-c'],
    title: 'close',
    help: 'Closes the window; a switchover under way goes on',
    footer: 9,
  },

  'switch-name-do': {
    ...named,
    keys: ['enter'],
    title: 'do it',
    help: 'Does it, once all is typed',
    danger: 'typed',
    footer: 1,
  },
  'switch-name-next': {
    ...named,
    keys: ['tab', 'shift-tab'],
    title: 'next field',
    help: 'The other field',
    footer: 3,
    disabled: whyOneField,
  },
  'switch-name-up': { ...named, keys: ['up'], title: 'up', help: 'One row up in what is said above' },
  'switch-name-down': {
    ...named,
    keys: ['down'],
    title: 'down',
    help: 'One row down in what is said above',
    footer: 4,
  },
  'switch-name-page-up': { ...named, keys: ['pgup'], title: 'page up', help: 'One page up in what is said above' },
  'switch-name-page-down': {
    ...named,
    keys: ['pgdn'],
    title: 'page down',
    help: 'One page down in what is said above',
  },
  'switch-name-leave': {
    ...named,
    keys: ['esc', 'ctrl-c'],
    title: 'cancel',
    help: 'Closes this; nothing happens',
    footer: 2,
  },
} as const;

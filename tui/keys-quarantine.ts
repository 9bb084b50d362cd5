/** The browser of quarantines: its keys (see keys.ts). */
import { mayUse } from '../shared/commands.ts';
import { activeHost, scenarioViews } from './select.ts';
import { type ConsoleState, topDialog } from './state.ts';
import type { QuarantineDialog } from './state-roles.ts';

function dialogOf(state: ConsoleState): QuarantineDialog | undefined {
  const dialog = topDialog(state);
  return dialog?.kind === 'quarantine' ? dialog : undefined;
}

function whyNoItems(state: ConsoleState): string | undefined {
  const dialog = dialogOf(state);
  return dialog?.opened !== undefined && dialog.file === undefined ? undefined : 'no quarantine is open';
}

function whyNotChange(command: 'scenario.quarantineExtract' | 'scenario.quarantineDiscard') {
  return (state: ConsoleState): string | undefined => {
    const dialog = dialogOf(state);
    const head = dialog?.opened?.head ?? dialog?.heads[dialog.cursor];
    if (head === undefined) return 'no quarantine is under the cursor';
    if (state.settings.readonly) return 'this console was started with --readonly';
    const host = state.hosts.find(({ name }) => name === head.source);
    if (host?.connection !== 'up') return `${head.source} is not connected`;
    return host.role !== undefined && !mayUse(host.role, command) ? `the role ${host.role} may not do this` : undefined;
  };
}

/** It is the active host that takes the file back. */
function whyNotReturn(state: ConsoleState): string | undefined {
  const opened = dialogOf(state)?.opened;
  const item = opened?.items[opened.cursor];
  if (opened === undefined || item === undefined) return 'no file is under the cursor';
  if (state.settings.readonly) return 'this console was started with --readonly';
  if (item.type !== 'file' && item.type !== 'symlink') return `only files and links are put back, it is ${item.type}`;
  const scenario = scenarioViews(state).find(({ status }) => status.name === opened.head.scenario);
  if (opened.head.deleted || scenario === undefined) return 'its scenario is deleted: extract it instead';
  const host = activeHost(state, scenario);
  if (host === undefined) return `the active host ${scenario.status.active} is not connected`;
  const { role } = host;
  return role !== undefined && !mayUse(role, 'scenario.quarantineReturn')
    ? `the role ${role} may not do this`
    : undefined;
}

const within = { place: 'quarantine', danger: 'safe', hidden: true } as const;
const field = { place: 'quarantine-field', danger: 'safe', hidden: true } as const;

export const QUARANTINE_BINDINGS = {
  'kept-up': { ...within, keys: ['k', 'up'], title: 'up', help: 'One row up' },
  'kept-down': { ...within, keys: ['j', 'down'], title: 'down', help: 'One row down' },
  'kept-page-up': { ...within, keys: ['pgup'], title: 'page up', help: 'One page up' },
  'kept-page-down': { ...within, keys: ['pgdn', 'space'], title: 'page down', help: 'One page down' },
  'kept-top': { ...within, keys: ['g', 'home'], title: 'top', help: 'First row' },
  'kept-bottom': { ...within, keys: ['G', 'end'], title: 'bottom', help: 'Last row that was fetched; fetches on' },
  'kept-open': {
    ...within,
    keys: ['enter', 'l', 'right'],
    title: 'open',
    help: 'Opens a quarantine, then compares the file under the cursor with what users have now',
    footer: 1,
    disabled: (state: ConsoleState) => (dialogOf(state)?.file === undefined ? undefined : 'a file is open'),
  },
  'kept-filter': {
    ...within,
    keys: ['/', 'f'],
    title: 'filter',
    help: 'Only paths that have this in them; looked for on the host, in all items',
    footer: 2,
    disabled: whyNoItems,
  },
  'kept-extract': {
    ...within,
    keys: ['e'],
    title: 'extract',
    help: 'Writes the whole quarantine, or the file or folder under the cursor, to a new directory of the host that has it',
    footer: 3,
    disabled: whyNotChange('scenario.quarantineExtract'),
  },
  'kept-return': {
    ...within,
    keys: ['t'],
    title: 'put back',
    help: 'Users get the kept version of the file under the cursor again, after the name was typed; theirs goes to quarantine',
    danger: 'typed',
    footer: 4,
    disabled: whyNotReturn,
  },
  'kept-discard': {
    ...within,
    keys: ['D'],
    title: 'discard',
    help: 'Removes a quarantine for good, after the name of its scenario was typed',
    danger: 'typed',
    footer: 5,
    disabled: whyNotChange('scenario.quarantineDiscard'),
  },
  'kept-reload': { ...within, keys: ['u'], title: 'reload', help: 'Asks all hosts anew', footer: 6 },
  'kept-copy': { ...within, keys: ['y'], title: 'copy', help: 'Copies the id, or the path under the cursor' },
  'kept-help': { ...within, keys: ['?'], title: 'help', help: 'Keys of this place', footer: 8 },
  'kept-back': { ...within, keys: ['esc', 'h', 'left'], title: 'back', help: 'One step back', footer: 9 },
  'kept-leave': { ...within, keys: ['q', 'ctrl-c'], title: 'close', help: 'Closes it' },

  'kept-do': { ...field, keys: ['enter'], title: 'do it', help: 'Does it with what is typed', footer: 1 },
  'kept-cancel': { ...field, keys: ['esc', 'ctrl-c'], title: 'cancel', help: 'Nothing happens', footer: 2 },
} as const;

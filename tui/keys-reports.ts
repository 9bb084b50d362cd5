/** The Report Center: how it is opened, and its keys (see keys.ts). */
import { refusal, selectedScenario } from './select.ts';
import { type ConsoleState, type ReportsDialog, topDialog } from './state.ts';

const within = { place: 'reports', danger: 'safe', hidden: true } as const;

function whyNoHost({ hosts }: ConsoleState): string | undefined {
  return hosts.some(({ connection }) => connection === 'up') ? undefined : 'no host is connected';
}

function dialogOf(state: ConsoleState): ReportsDialog | undefined {
  const dialog = topDialog(state);
  return dialog?.kind === 'reports' ? dialog : undefined;
}

function whyNotOpened(state: ConsoleState): string | undefined {
  return dialogOf(state)?.opened?.lines === undefined ? 'no report is open' : undefined;
}

export const REPORT_BINDINGS = {
  reports: {
    keys: ['R'],
    place: 'everywhere',
    title: 'reports',
    help: 'Report Center: the reports of all scenarios, to read and to export',
    danger: 'safe',
    disabled: whyNoHost,
  },
  'report-now': {
    keys: [],
    place: 'everywhere',
    title: 'report now',
    help: 'Makes the Replication Report of everything since the last one',
    danger: 'safe',
    disabled: (state: ConsoleState) => refusal(state, selectedScenario(state), 'reports.create'),
  },
  'reports-up': { ...within, keys: ['k', 'up'], title: 'up', help: 'One row up' },
  'reports-down': { ...within, keys: ['j', 'down'], title: 'down', help: 'One row down', footer: 5 },
  'reports-page-up': { ...within, keys: ['pgup'], title: 'page up', help: 'One page up' },
  'reports-page-down': { ...within, keys: ['pgdn', 'space'], title: 'page down', help: 'One page down' },
  'reports-top': { ...within, keys: ['g', 'home'], title: 'top', help: 'First row' },
  'reports-bottom': { ...within, keys: ['G', 'end'], title: 'bottom', help: 'Last row' },
  'reports-left': { ...within, keys: ['h', 'left'], title: 'left', help: 'In a report: what is further left' },
  'reports-right': { ...within, keys: ['l', 'right'], title: 'right', help: 'In a report: what is further right' },
  'reports-switch': {
    ...within,
    keys: ['tab', 'shift-tab'],
    title: 'other table',
    help: 'Between scenarios and reports',
    footer: 3,
    disabled: (state: ConsoleState) => (dialogOf(state)?.opened === undefined ? undefined : 'a report is open'),
  },
  'reports-enter': {
    ...within,
    keys: ['enter'],
    title: 'open',
    help: 'Shows the reports of the scenario, then the report',
    footer: 1,
    disabled: (state: ConsoleState) => (dialogOf(state)?.opened === undefined ? undefined : 'it is open'),
  },
  'reports-detail': {
    ...within,
    keys: ['d'],
    title: 'detailed',
    help: 'In a report: Summary or Detailed, with the files that participated',
    footer: 2,
    disabled: whyNotOpened,
  },
  'reports-export': {
    ...within,
    keys: ['e'],
    title: 'export',
    help: 'Writes the open report as an HTML file into the directory the console was started in',
    footer: 2.5,
    disabled: whyNotOpened,
  },
  'reports-help': { ...within, keys: ['?'], title: 'help', help: 'Keys of this place', footer: 8 },
  'reports-back': { ...within, keys: ['esc', 'q', 'ctrl-c'], title: 'back', help: 'One step back', footer: 9 },
} as const;

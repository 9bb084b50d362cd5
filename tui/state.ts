/** Everything the console knows, in one immutable value. `update.ts` makes the next one; views only read. */
import type { CommandName, SessionRole } from '../shared/commands.ts';
import type { EventRecord, Severity } from '../shared/events.ts';
import type { FaultDocument } from '../shared/faults.ts';
import type { ReportDetail, ReportSummary } from '../shared/report.ts';
import type { Finding } from '../shared/results.ts';
import type { ScenarioDocument, SyncMethod } from '../shared/scenario.ts';
import type { DaemonStatus, ScenarioStatus } from '../shared/status.ts';
import type { ChartKind } from './charts/surface.ts';
import type { ConnectionNews, ConsoleHost } from './connection.ts';
import { EMPTY_FIELD, type Field } from './input/field.ts';
import type { JournalView, RecoveryDialog, RecoveryPurpose } from './state-recovery.ts';
import type { QuarantineDialog, QuarantinePurpose, RolePurpose, SwitchDialog } from './state-roles.ts';

/** Events kept on screen; older ones are on the hosts (`mainstay events`). */
export const EVENT_RING = 5000;
/** Seconds of history in the charts: one sample a second. */
export const CHART_SAMPLES = 300;
export const LAG_WARNING_MS = 30_000;
export const TOAST_MS = 5000;
/** A dialog takes no answer this soon after it opened: the key was meant for what was there before. */
export const DIALOG_GUARD_MS = 250;
/** The same key again within this time is a key held down (terminals repeat every 20–40 ms). */
export const KEY_REPEAT_MS = 70;

export interface HostView {
  readonly name: string;
  readonly address: string;
  readonly connection: 'connecting' | 'up' | 'down';
  readonly fault?: FaultDocument;
  readonly role?: SessionRole;
  readonly daemon?: DaemonStatus;
  readonly scenarios: Readonly<Record<string, ScenarioStatus>>;
  /** Console clock at the last message. */
  readonly heardAt?: number;
  /** Console clock when it told of a scenario last. */
  readonly toldAt: Readonly<Record<string, number>>;
  readonly roundTripMs?: number;
  /** Highest event number seen of this host, to fetch only what was missed after a break. */
  readonly lastEvent: number;
}

export interface StoredEvent {
  /** Order of arrival in this console, never reused. */
  readonly id: number;
  readonly record: EventRecord;
  readonly source: string;
  /** From before this console was opened: nothing to be alarmed about. */
  readonly old: boolean;
}

export interface ChartHistory {
  /** Newest last; NaN where nothing was known. */
  readonly throughput: readonly number[];
  readonly lag: readonly number[];
}

export interface RunChoice {
  readonly sync: SyncMethod;
  readonly ignoreSame: boolean;
}

interface DialogBase {
  /** Console clock when it opened or changed its question. */
  readonly openedAt: number;
}

export interface RunDialog extends DialogBase {
  readonly kind: 'run';
  readonly scenarioId: string;
  readonly scenario: string;
  readonly host: string;
  /** Only the verification was asked for: no question follows. */
  readonly verifyOnly: boolean;
  readonly step: 'verifying' | 'findings' | 'question' | 'starting' | 'failed';
  readonly findings: readonly Finding[];
  readonly acknowledged: boolean;
  readonly choice: RunChoice;
  /** Row of the question that has the cursor: method, ignore, buttons. */
  readonly row: 0 | 1 | 2;
  readonly button: 'cancel' | 'go';
  readonly scroll: number;
  readonly fault?: FaultDocument;
}

/** A question before a command: yes/no, or the scenario's name typed. */
export interface ConfirmDialog extends DialogBase {
  readonly kind: 'confirm';
  readonly command: CommandName;
  readonly args: Readonly<Record<string, unknown>>;
  readonly host: string;
  readonly scenario: string;
  readonly scenarioId: string;
  readonly title: string;
  readonly question: string;
  readonly impact: readonly string[];
  readonly verb: string;
  /** Text to type; absent for yes/no. */
  readonly typed?: string;
  readonly field: Field;
  readonly button: 'cancel' | 'go';
  readonly step: 'question' | 'asked' | 'failed';
  /** What was true when it opened; the console refuses when it changed meanwhile. */
  readonly basis: string;
  readonly fault?: FaultDocument;
}

export interface HelpDialog extends DialogBase {
  readonly kind: 'help';
  readonly place: Place;
  readonly scroll: number;
}

export interface PaletteDialog extends DialogBase {
  readonly kind: 'palette';
  readonly field: Field;
  readonly cursor: number;
}

export interface AlertsDialog extends DialogBase {
  readonly kind: 'alerts';
  readonly cursor: number;
}

export interface EventDialog extends DialogBase {
  readonly kind: 'event';
  readonly event: StoredEvent;
}

/** Lines to read, from an answer. */
export interface ListDialog extends DialogBase {
  readonly kind: 'list';
  readonly title: string;
  readonly scenarioId: string;
  /** Absent: the answer has not come yet. */
  readonly rows?: readonly string[];
  readonly scroll: number;
}

/** A report as the host `source` has it. */
export interface CenterReport extends ReportSummary {
  readonly source: string;
}

export interface ReportsDialog extends DialogBase {
  readonly kind: 'reports';
  readonly reports: readonly CenterReport[];
  /** Hosts that have not answered yet, and those that could not be asked or refused. */
  readonly waiting: readonly string[];
  readonly silent: readonly string[];
  /** Which one has the cursor. */
  readonly table: 'scenarios' | 'reports';
  readonly group: number;
  /** Scenario the cursor shall be on as soon as its reports are known. */
  readonly wanted?: string;
  readonly cursor: number;
  readonly opened?: {
    readonly report: CenterReport;
    readonly detail: ReportDetail;
    /** Absent: the answer has not come yet. */
    readonly lines?: readonly string[];
    readonly scroll: number;
    /** Columns that are out of sight on the left. */
    readonly left: number;
  };
}

export type Dialog =
  | RecoveryDialog
  | SwitchDialog
  | QuarantineDialog
  | ReportsDialog
  | ListDialog
  | RunDialog
  | ConfirmDialog
  | HelpDialog
  | PaletteDialog
  | AlertsDialog
  | EventDialog;

export type Pane = 'tree' | 'detail' | 'events' | 'hosts';
export const PANES: readonly Pane[] = ['tree', 'detail', 'events', 'hosts'];
/** Where a key means something: a pane, a kind of dialog, a text field, or everywhere without a dialog. */
export type Place =
  | 'everywhere'
  | Pane
  | 'run'
  | 'confirm'
  | 'sheet'
  | 'palette'
  | 'field'
  | 'reports'
  | 'switch'
  | 'switch-name'
  | 'quarantine'
  | 'quarantine-field'
  | 'restore'
  | 'restore-name'
  | 'points'
  | 'point-filter'
  | 'preview'
  | 'prompt';

export const TABS = ['overview', 'roots', 'ha', 'rewind'] as const;
export type Tab = (typeof TABS)[number];

export interface EventView {
  readonly severity: Severity;
  readonly filter: string;
  /** Only events of the selected scenario. */
  readonly selectedOnly: boolean;
  /** Where reading stopped the stream: the event under the cursor, and the newest one when it was paused. */
  readonly paused?: { readonly cursor: number; readonly bottom: number; readonly since: number };
}

export interface Toast {
  readonly text: string;
  readonly severity: 'info' | 'error';
  readonly at: number;
  readonly hint?: string;
}

export interface ConsoleSettings {
  readonly profile: string;
  readonly readonly: boolean;
  readonly ascii: boolean;
  readonly colour: boolean;
  readonly charts: ChartKind;
  /** Rows to leave free at the bottom: 1 on Windows, where a full frame makes Ink clear the screen each time. */
  readonly spareRows: number;
}

export interface ConsoleState {
  readonly settings: ConsoleSettings;
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
  readonly hosts: readonly HostView[];
  readonly events: readonly StoredEvent[];
  readonly nextEventId: number;
  readonly eventsDropped: number;
  readonly eventsPerSecond: number;
  readonly eventsThisSecond: number;
  readonly eventView: EventView;
  readonly charts: Readonly<Record<string, ChartHistory>>;
  readonly documents: Readonly<Record<string, ScenarioDocument>>;
  /** Revision of the scenario when its document was last asked for. */
  readonly documentsAsked: Readonly<Record<string, number>>;
  /** By `scenario id/Replica`. */
  readonly journals: Readonly<Record<string, JournalView>>;
  readonly pane: Pane;
  readonly tab: Tab;
  /** First row shown of a tab that is longer than its pane. */
  readonly detailScroll: number;
  /** Key of the selected row of the tree; stays when rows move. */
  readonly selected: string | undefined;
  readonly collapsed: Readonly<Record<string, true>>;
  readonly treeFilter: string;
  readonly hostCursor: number;
  /** The open text field over a pane: its filter. */
  readonly editing?: { readonly target: 'tree' | 'events'; readonly field: Field; readonly before: string };
  readonly dialogs: readonly Dialog[];
  readonly toast?: Toast;
  /** Newest event id the operator has seen under `!`. */
  readonly acknowledgedEvent: number;
  readonly lastKey?: { readonly name: string; readonly at: number };
}

/** Why a request was made; comes back with its answer. */
export type Purpose =
  | { readonly kind: 'verify' | 'run' | 'confirm'; readonly scenarioId: string }
  | { readonly kind: 'document' | 'parked' | 'roles'; readonly scenarioId: string }
  /** `said`: the line shown when it was done. */
  | { readonly kind: 'ask'; readonly scenarioId: string; readonly said: string }
  | { readonly kind: 'reports' }
  | { readonly kind: 'report'; readonly id: string; readonly detail: ReportDetail }
  /** Its answer is written to the file. */
  | { readonly kind: 'report-export'; readonly file: string }
  | { readonly kind: 'saved' }
  | RecoveryPurpose
  | RolePurpose
  | QuarantinePurpose
  | { readonly kind: 'history' };

export type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly fault: FaultDocument };

export type Message =
  | { readonly type: 'news'; readonly host: string; readonly news: ConnectionNews; readonly at: number }
  | {
      readonly type: 'reply';
      readonly host: string;
      readonly purpose: Purpose;
      readonly outcome: Outcome;
      readonly at: number;
    }
  | {
      readonly type: 'key';
      readonly name: string;
      readonly text?: string;
      readonly burst: boolean;
      readonly at: number;
    }
  | { readonly type: 'paste'; readonly text: string; readonly at: number }
  | { readonly type: 'resize'; readonly columns: number; readonly rows: number }
  /** An extraction goes on. */
  | { readonly type: 'extracted'; readonly files: number; readonly bytes: number; readonly at: number }
  /** A `settle` effect came due. */
  | { readonly type: 'settled'; readonly scenarioId: string; readonly moves: number; readonly at: number }
  /** Once a second. */
  | { readonly type: 'tick'; readonly at: number };

export type Effect =
  | {
      readonly type: 'request';
      readonly host: string;
      readonly command: CommandName;
      readonly args: unknown;
      readonly purpose: Purpose;
      /** Absent: what the connection holds for long enough. */
      readonly timeoutMs?: number;
    }
  /** Comes back as `settled` after the time: whoever moved meanwhile counts on. */
  | { readonly type: 'settle'; readonly ms: number; readonly scenarioId: string; readonly moves: number }
  /** Writes what the host gives of the past below a directory of this computer. */
  | {
      readonly type: 'extract';
      readonly host: string;
      readonly directory: string;
      readonly args: ExtractArgs;
      readonly scenarioId: string;
    }
  | { readonly type: 'copy'; readonly text: string }
  /** Into the directory the console was started in. */
  | { readonly type: 'save'; readonly file: string; readonly text: string }
  | { readonly type: 'redraw' }
  | { readonly type: 'quit' };

/** Of `scenario.extract`. */
export interface ExtractArgs {
  readonly name: string;
  readonly replica: string;
  readonly point: string;
  readonly root: number;
  readonly path: string;
}

export interface Step {
  readonly state: ConsoleState;
  readonly effects: readonly Effect[];
}

export function stay(state: ConsoleState): Step {
  return { state, effects: [] };
}

export interface InitialOptions {
  readonly settings: ConsoleSettings;
  readonly hosts: readonly ConsoleHost[];
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
}

export function initialState(options: InitialOptions): ConsoleState {
  return {
    settings: options.settings,
    columns: options.columns,
    rows: options.rows,
    now: options.now,
    hosts: options.hosts.map((host) => ({
      name: host.name,
      address: host.address,
      connection: 'connecting',
      scenarios: {},
      toldAt: {},
      lastEvent: 0,
    })),
    events: [],
    nextEventId: 1,
    eventsDropped: 0,
    eventsPerSecond: 0,
    eventsThisSecond: 0,
    eventView: { severity: 'info', filter: '', selectedOnly: false },
    charts: {},
    documents: {},
    documentsAsked: {},
    journals: {},
    pane: 'tree',
    tab: 'overview',
    detailScroll: 0,
    selected: undefined,
    collapsed: {},
    treeFilter: '',
    hostCursor: 0,
    dialogs: [],
    acknowledgedEvent: 0,
  };
}

export function topDialog(state: ConsoleState): Dialog | undefined {
  return state.dialogs.at(-1);
}

export function replaceDialog(state: ConsoleState, dialog: Dialog): ConsoleState {
  return { ...state, dialogs: [...state.dialogs.slice(0, -1), dialog] };
}

export function closeDialog(state: ConsoleState): ConsoleState {
  return { ...state, dialogs: state.dialogs.slice(0, -1) };
}

export function openDialog(state: ConsoleState, dialog: Dialog): ConsoleState {
  return { ...state, dialogs: [...state.dialogs, dialog] };
}

export function withToast(
  state: ConsoleState,
  text: string,
  severity: 'info' | 'error' = 'info',
  hint?: string,
): ConsoleState {
  const toast: Toast = hint === undefined ? { text, severity, at: state.now } : { text, severity, at: state.now, hint };
  return { ...state, toast };
}

export function withoutToast(state: ConsoleState): ConsoleState {
  const { toast: _shown, ...rest } = state;
  return rest;
}

export const NO_FIELD = EMPTY_FIELD;

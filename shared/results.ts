/** What the commands of shared/commands.ts answer. More fields may be added; none changes its meaning. */

import type { EventRecord } from './events.ts';
import type { GroupDocument, GroupRun, GroupRunMember, GroupStatus } from './group.ts';
import type { Position } from './position.ts';
import type { ExtractContent, ExtractEntry, ExtractList, PreviewFileResult, PreviewResult } from './preview.ts';
import type { KeptState, QuarantineFileResult, QuarantineHead, QuarantineItem } from './quarantine.ts';
import type { RehearsalResult, RehearsalState } from './rehearsal.ts';
import type { Remark } from './remarks.ts';
import type { AssessmentReport, ReportSummary } from './report.ts';
import type { JournalFigures, RestoreResult, RewindPoint, RewindPointList, UndoResult } from './rewind.ts';
import type { SwitchStep } from './role.ts';
import type { ScenarioDocument, ScenarioState, ServerType, StopReason } from './scenario.ts';
import type { DaemonStatus } from './status.ts';

/** One result of verification, `doctor` or `discover`: what was found, what was expected, how to fix it (FEATURES.md A2). */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'info';
  /** Stable name of the check, such as `ROOT-READ`. */
  readonly code: string;
  /** Host it was found on; empty for discovery from a given file. */
  readonly host: string;
  readonly text: string;
  readonly found?: string;
  readonly expected?: string;
  readonly fix: string;
}

/** `scenario.verify`: errors block Run, warnings need an acknowledgement. */
export interface VerificationResult {
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
}

/** One difference between a scenario and a document: `group`, `spool.maxBytes@web-02`, `roots`, … */
export interface DocumentChange {
  readonly key: string;
  /** Undefined: it was or becomes the default (or absent). */
  readonly from?: unknown;
  readonly to?: unknown;
  /** Why it cannot be made in the present state. */
  readonly blocked?: string;
}

export interface ScenarioSummary {
  readonly id: string;
  readonly name: string;
  readonly group?: string;
  readonly serverType: ServerType;
  readonly solution: 'ha' | 'dr';
  readonly state: ScenarioState;
  readonly stopReason?: StopReason;
  readonly master: string;
  readonly replicas: readonly string[];
  /** Which side of the scenario the answering host is. */
  readonly side: 'master' | 'replica';
  readonly revision: number;
}

export interface Difference {
  readonly path: string;
  readonly kind: string;
  /** Index of the root in the document. */
  readonly root: number;
  readonly replica: string;
}

/** A change that could not be applied on a Replica and was set aside. */
export interface ParkedReport {
  /** Name of the Replica. */
  readonly replica: string;
  /** Index of the root in the document. */
  readonly root: number;
  readonly path: string;
  /** Fault code, or `repair` when the Master was asked for it again. */
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
  /** How often the Master was asked for it. */
  readonly attempts: number;
  /** Wall clock of the next try, ms. */
  readonly nextAttemptAt: number;
}

/** Answer of one Replica. */
export interface ParkedAnswer {
  /** Before the action. */
  readonly items: readonly Omit<ParkedReport, 'replica'>[];
  /** Dropped since the last synchronization: these are not proven identical. */
  readonly dropped: number;
}

export interface ParkedResult {
  readonly items: readonly ParkedReport[];
  readonly dropped: number;
}

export interface DiscoveredSite {
  readonly name: string;
  readonly id: string | number;
  readonly bindings: readonly {
    readonly protocol: string;
    readonly address: string;
    readonly port: number;
    readonly host: string;
    readonly certificate?: string;
  }[];
  readonly applications: readonly {
    readonly path: string;
    readonly pool: string;
    readonly virtualDirectories: readonly { readonly path: string; readonly physicalPath: string }[];
  }[];
}

/** `application.discover`; paths are the ones the configuration names. */
export interface Discovery {
  readonly application: 'iis' | 'nginx' | 'apache';
  readonly sites: readonly DiscoveredSite[];
  readonly applicationPools: readonly { readonly name: string }[];
  readonly findings: readonly {
    readonly severity: 'error' | 'warning' | 'info';
    readonly code: string;
    readonly where: string;
    readonly text: string;
    readonly fix: string;
  }[];
  /** Directories proposed as roots: all sites' paths, the ones inside another left out. */
  readonly roots?: readonly string[];
}

/** Answers by command; `pair.*` answer with the types of shared/protocol/pairing.ts. */
export interface CommandResults {
  readonly 'daemon.info': DaemonStatus;
  readonly 'daemon.doctor': { readonly findings: readonly Finding[] };
  readonly 'daemon.leave': { readonly findings: readonly Finding[] };
  readonly 'scenario.create': { readonly document: ScenarioDocument };
  readonly 'scenario.list': { readonly scenarios: readonly ScenarioSummary[] };
  readonly 'scenario.show': ScenarioDocument;
  readonly 'scenario.set': { readonly document: ScenarioDocument; readonly changed: readonly string[] };
  readonly 'scenario.plan': {
    readonly name: string;
    /** False: applying would create it. */
    readonly exists: boolean;
    readonly changes: readonly DocumentChange[];
  };
  readonly 'scenario.apply': {
    readonly document: ScenarioDocument;
    readonly created: boolean;
    readonly changed: readonly string[];
  };
  readonly 'scenario.delete': Readonly<Record<string, never>>;
  readonly 'scenario.verify': VerificationResult;
  /** Answers when verification passed and synchronization was started; progress is in the status. */
  readonly 'scenario.run': { readonly state: ScenarioState };
  /** Answers when it is stopped. */
  readonly 'scenario.stop': { readonly state: ScenarioState };
  readonly 'scenario.bookmark': {
    readonly points: readonly { readonly replica: string; readonly point: RewindPoint }[];
  };
  readonly 'scenario.points': RewindPointList;
  readonly 'scenario.journal': JournalFigures;
  readonly 'scenario.preview': PreviewResult;
  readonly 'scenario.previewFile': PreviewFileResult;
  readonly 'scenario.extract': { readonly point: RewindPoint; readonly entry: ExtractEntry };
  readonly 'scenario.extractList': ExtractList;
  readonly 'scenario.extractRead': ExtractContent;
  /** Answers when it is over; progress is in the status. */
  readonly 'scenario.restore': RestoreResult;
  readonly 'scenario.undo': UndoResult;
  readonly 'scenario.rehearse': {
    readonly replica: string;
    /** Of a test that is under way. */
    readonly state?: RehearsalState;
    /** Of one that has ended now. */
    readonly result?: RehearsalResult;
  };
  readonly 'scenario.suspend': { readonly state: ScenarioState };
  readonly 'scenario.resume': { readonly state: ScenarioState };
  readonly 'scenario.barrier': { readonly position: Position; readonly tookMs: number };
  readonly 'scenario.audit': { readonly entries: number; readonly differences: number; readonly tookMs: number };
  /** `running`: it goes on; the report of one that was ended is stored. */
  readonly 'scenario.assess': { readonly report: AssessmentReport; readonly running: boolean };
  readonly 'scenario.sendNow': { readonly position: Position; readonly tookMs: number };
  readonly 'scenario.diff': {
    readonly identical: boolean;
    readonly differences: readonly Difference[];
    /** True when the list was cut at its limit. */
    readonly truncated: boolean;
    /** What is so on purpose: not a difference. Absent: nothing. */
    readonly remarks?: readonly (Remark & { readonly replica: string })[];
  };
  /** Where the spool was that is given up. */
  readonly 'scenario.giveUpSpool': { readonly path: string };
  /** False: the brake was not on. */
  readonly 'scenario.brakeRelease': { readonly released: boolean };
  /** Names of the scenarios that were drained and held. */
  readonly 'host.prepareReboot': { readonly scenarios: readonly string[] };
  readonly 'scenario.parked': ParkedResult;
  /** Items as they were before. */
  readonly 'scenario.parkedRetry': ParkedResult;
  readonly 'scenario.parkedDrop': ParkedResult;
  readonly 'events.query': { readonly events: readonly EventRecord[] };
  /** Newest first. */
  readonly 'reports.list': { readonly reports: readonly ReportSummary[] };
  readonly 'reports.create': { readonly report: ReportSummary };
  /** `text` or `report`, as asked. */
  readonly 'reports.show': { readonly id: string; readonly text?: string; readonly report?: unknown };
  readonly 'application.discover': Discovery;
  readonly 'scenario.switchover': SwitchoverResult;
  readonly 'scenario.switchoverPlan': SwitchoverPlan;
  readonly 'scenario.recoverActive': SwitchoverResult;
  readonly 'scenario.quarantine': {
    readonly quarantines: readonly QuarantineHead[];
    readonly items?: readonly QuarantineItem[];
    /** Number of the first item of the next page. */
    readonly next?: number;
    /** Of each item, where that was asked for. */
    readonly states?: readonly KeptState[];
  };
  readonly 'scenario.quarantineFile': QuarantineFileResult;
  /** `kept`: the quarantine on this host that has what was there. */
  readonly 'scenario.quarantineReturn': { readonly host: string; readonly kept?: string };
  readonly 'scenario.quarantineExtract': { readonly files: number };
  readonly 'scenario.quarantineDiscard': Record<string, never>;
  readonly 'scenario.shadow': { readonly shadow: boolean; readonly host: string };
  readonly 'scenario.ack': { readonly acknowledged: boolean };
  /** `missed`: hosts that could not be told; they are told later. */
  readonly 'group.create': { readonly group: GroupDocument; readonly missed: readonly string[] };
  readonly 'group.list': { readonly groups: readonly GroupStatus[] };
  readonly 'group.show': GroupStatus;
  readonly 'group.delete': { readonly missed: readonly string[] };
  readonly 'group.plan': {
    readonly name: string;
    readonly members: readonly GroupRunMember[];
    /** Of those that would be switched over. */
    readonly plans: readonly SwitchoverPlan[];
  };
  readonly 'group.switchover': { readonly name: string; readonly run: GroupRun };
}

export interface SwitchoverResult {
  /** Id of the switchover; it is in the events too. */
  readonly switchover: string;
  /** False: it goes on. */
  readonly over: boolean;
  readonly active: string;
  readonly epoch: number;
  /** Only when it was waited for. */
  readonly tookMs?: number;
}

/** A dry run. */
export interface SwitchoverPlan {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly possible: boolean;
  readonly refusal?: string;
  readonly steps: readonly {
    readonly step: SwitchStep;
    readonly title: string;
    readonly host: string;
    /** Commands and records, one a line. */
    readonly lines: readonly string[];
  }[];
  readonly findings: readonly Finding[];
  /** From the closed gate to the open one; absent: nothing to measure it by. */
  readonly predictedMs?: number;
  /** Of a switchover without the help of the active host: what it had not sent, as far as it is known here. */
  readonly loss:
    | 'none'
    | {
        readonly lagMs: number;
        readonly exposureMs: number;
        readonly exposureBytes: number;
        readonly known: boolean;
      };
}

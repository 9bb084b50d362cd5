/** Dialogs about who is active (FEATURES.md F): switchover with its progress, Recover Active Server, quarantines. */
import type { FaultDocument } from '../shared/faults.ts';
import type { KeptState, QuarantineFileResult, QuarantineHead, QuarantineItem } from '../shared/quarantine.ts';
import type { SwitchoverPlan } from '../shared/results.ts';
import type { Field } from './input/field.ts';

/**
 * `planned`: both hosts take part. The other host is off: `fenced` by the script, `stated` by the word of the operator. `make-master`,
 * `make-replica`: Recover Active Server.
 */
export type SwitchJob = 'planned' | 'fenced' | 'stated' | 'make-master' | 'make-replica';

export interface SwitchDialog {
  readonly kind: 'switch';
  /** Console clock when it opened or changed its question. */
  readonly openedAt: number;
  readonly job: SwitchJob;
  readonly scenarioId: string;
  readonly scenario: string;
  /** Who is asked, active before and afterwards; names. */
  readonly host: string;
  readonly from: string;
  readonly to: string;
  /** It was the way back when it was asked for. */
  readonly backward: boolean;
  readonly step: 'choice' | 'question' | 'progress';
  /** Recover Active Server: how many differences a comparison found. */
  readonly differences?: { readonly asked: true; readonly text?: string };
  readonly plan?: SwitchoverPlan;
  readonly planFault?: FaultDocument;
  /** What has to be typed: that the other host is fenced, the name. */
  readonly fields: readonly { readonly wanted: string; readonly field: Field }[];
  readonly focus: number;
  /** What was true when it opened. */
  readonly basis: string;
  readonly scroll: number;
  /** Why it was refused. */
  readonly fault?: FaultDocument;
  /** When the host was asked, in which epoch, and the next event then; absent: it was under way already. */
  readonly asked?: { readonly at: number; readonly epoch: number; readonly nextEvent: number };
  /** Id of the switchover that is watched. */
  readonly id?: string;
}

export type RolePurpose =
  | { readonly kind: 'switch-plan'; readonly scenarioId: string }
  | { readonly kind: 'switch'; readonly scenarioId: string }
  | { readonly kind: 'differences'; readonly scenarioId: string };

/** Whether there is something to type: not while the dry run is awaited, nor when it would be refused. */
export function mayType({ step, plan, planFault, job }: SwitchDialog): boolean {
  if (step !== 'question') return false;
  if (job === 'make-master' || job === 'make-replica') return true;
  return planFault !== undefined || plan?.possible === true;
}

/** A quarantine and the host that has it. */
export interface KeptQuarantine extends QuarantineHead {
  readonly source: string;
}

export interface OpenedQuarantine {
  readonly head: KeptQuarantine;
  readonly items: readonly QuarantineItem[];
  /** Against what users have now, by `root path`; absent: not answered yet. */
  readonly states: Readonly<Record<string, KeptState>>;
  /** Number of the first item that was not fetched. */
  readonly next?: number;
  /** A page is on its way: the number of its request. */
  readonly asked?: number;
  readonly filter: string;
  readonly cursor: number;
  readonly fault?: FaultDocument;
}

/** What is typed before something is done with a quarantine: a filter, a directory, the name. */
export interface QuarantineQuestion {
  readonly kind: 'filter' | 'extract' | 'discard' | 'return';
  readonly field: Field;
  readonly openedAt: number;
  readonly asked?: true;
  /** Extract: only this file or folder; return: this file. */
  readonly path?: string;
  readonly root?: number;
  readonly fault?: FaultDocument;
}

export interface QuarantineDialog {
  readonly kind: 'quarantine';
  readonly openedAt: number;
  /** Its own come first. */
  readonly scenario?: string;
  readonly heads: readonly KeptQuarantine[];
  readonly waiting: readonly string[];
  /** Hosts that could not be asked, and why. */
  readonly silent: readonly { readonly host: string; readonly why: string }[];
  readonly cursor: number;
  readonly opened?: OpenedQuarantine;
  readonly file?: {
    readonly item: QuarantineItem;
    readonly result?: QuarantineFileResult;
    readonly fault?: FaultDocument;
    readonly scroll: number;
  };
  readonly question?: QuarantineQuestion;
  /** Counts requests, so that a late page is not taken for the one that is awaited. */
  readonly requests: number;
}

export type QuarantinePurpose =
  | { readonly kind: 'quarantines' }
  | { readonly kind: 'quarantine-page'; readonly id: string; readonly asked: number; readonly from: number }
  | { readonly kind: 'quarantine-states'; readonly id: string }
  | { readonly kind: 'quarantine-file'; readonly id: string; readonly path: string }
  | { readonly kind: 'quarantine-done'; readonly what: 'extract' | 'discard' | 'return'; readonly id: string };

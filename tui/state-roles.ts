/** Dialogs about who is active (FEATURES.md F): switchover with its progress, Recover Active Server, quarantines. */
import type { FaultDocument } from '../shared/faults.ts';
import type { SwitchoverPlan } from '../shared/results.ts';
import type { Field } from './input/field.ts';

/**
 * `planned`: both hosts take part. `stated`: the other host is off by the word of the operator. `make-master`, `make-replica`: Recover
 * Active Server.
 */
export type SwitchJob = 'planned' | 'stated' | 'make-master' | 'make-replica';

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

/** What the replication ledger keeps on disk (store/replication-ledger.ts). */
import type { LinkOutage, ReplicationReport, ReplicationTrigger } from '../../shared/report.ts';
import type { AppliedTally } from '../../shared/status.ts';
import type { SentFile } from '../engine/engine-protocol.ts';
import type { SpanFigures } from './figures.ts';

/** A period that is over and whose report is being written. */
export interface ClosedPeriod {
  readonly period: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly id: string;
  readonly trigger: ReplicationTrigger;
  readonly unnamedChanges: number;
}

export interface LedgerHead {
  /** Counts periods; rows of spans, notes and files belong to one. */
  period: number;
  startedAt: number;
  /** Wall clock until which everything is in the spans. */
  writtenAt: number;
  /** Until when the schedule was kept, and which one that was. */
  servedAt: number;
  schedule: string;
  /** By name of the Replica: what is counted already. */
  tallies: Record<string, AppliedTally>;
  unnamedChanges: number;
  closed?: ClosedPeriod;
}

export type LedgerNote =
  | ({ readonly kind: 'outage' } & LinkOutage)
  | ({ readonly kind: 'synchronization' } & ReplicationReport['synchronizations'][number])
  | ({ readonly kind: 'unmeasured' } & ReplicationReport['unmeasured'][number]);

export interface LedgerStore {
  /** By scenario id. */
  heads(): Map<string, LedgerHead>;
  saveHead(scenario: string, head: LedgerHead): void;
  saveSpan(scenario: string, period: number, span: SpanFigures): void;
  spans(scenario: string, period: number): SpanFigures[];
  /** Puts these in the place of all spans of the period. */
  replaceSpans(scenario: string, period: number, spans: readonly SpanFigures[]): void;
  /** Answers its number. */
  addNote(scenario: string, period: number, note: LedgerNote): number;
  changeNote(number: number, note: LedgerNote): void;
  notes(scenario: string, period: number): LedgerNote[];
  replaceNotes(scenario: string, period: number, notes: readonly LedgerNote[]): void;
  /** Adds to what is known of each file; a new one only while there are fewer than `limit`. Answers the changes left out. */
  addFiles(scenario: string, period: number, replica: string, files: readonly SentFile[], limit: number): number;
  files(scenario: string, period: number): (SentFile & { readonly replica: string })[];
  dropPeriod(scenario: string, period: number): void;
  dropScenario(scenario: string): void;
  /** All of it or nothing; false: there is no room on the disk. */
  write(work: () => void): boolean;
  close(): void;
}

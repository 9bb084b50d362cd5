/** What has to be known of a segment of the journal without reading it again. Pure. */
import { isFileEvent } from './points.ts';
import { type HistoryMark, journalEntries, type MarkKind, type UndoRecord } from './record.ts';

/** In the order of the log; units and records are left out. */
export type SummaryItem =
  | { readonly kind: 'mark'; readonly mark: MarkKind; readonly atMs: number; readonly text: string; readonly n: number }
  | { readonly kind: 'undone'; readonly n: number };

export interface SegmentSummary {
  readonly logBytes: number;
  /** Wall clocks, ms; 0 when nothing in it has one. */
  readonly oldestMs: number;
  readonly newestMs: number;
  /** Names of kept objects it speaks of. */
  readonly names: ReadonlySet<string>;
  /** Numbers of the records that are file events, ascending. */
  readonly events: readonly number[];
  readonly items: readonly SummaryItem[];
  /** Number of its last record; 0 when it has none. */
  readonly last: number;
}

export function summarize(bytes: Uint8Array): SegmentSummary {
  const summary = new Summary(bytes.length);
  for (const entry of journalEntries(bytes)) {
    if (entry.kind === 'undone') summary.items.push(entry);
    else if (entry.kind === 'undo') summary.record(entry.record);
    else summary.mark(entry.mark);
  }
  return summary;
}

class Summary implements SegmentSummary {
  readonly logBytes: number;
  oldestMs = 0;
  newestMs = 0;
  last = 0;
  readonly names = new Set<string>();
  readonly events: number[] = [];
  readonly items: SummaryItem[] = [];

  constructor(logBytes: number) {
    this.logBytes = logBytes;
  }

  record(record: UndoRecord): void {
    for (const name of namesIn(record)) this.names.add(name);
    if (isFileEvent(record)) this.events.push(record.n);
    this.last = record.n;
    this.see(record.masterMs);
  }

  mark({ kind, replicaMs, masterMs, text }: HistoryMark): void {
    const atMs = masterMs > 0 ? masterMs : replicaMs;
    if (kind !== 'unit') this.items.push({ kind: 'mark', mark: kind, atMs, text, n: this.last });
    this.see(Math.max(replicaMs, masterMs));
  }

  private see(ms: number): void {
    if (ms > 0 && this.oldestMs === 0) this.oldestMs = ms;
    this.newestMs = Math.max(this.newestMs, ms);
  }
}

function namesIn({ kept, restored }: UndoRecord): string[] {
  return [kept, restored].filter((name) => name !== undefined);
}

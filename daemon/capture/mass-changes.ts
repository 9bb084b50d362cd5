/**
 * Counts what goes and what is overwritten within a minute, to notice that somebody (or something) is emptying a root or
 * rewriting everything in it, as ransomware does. New files never count, and a file counts once however often it is written.
 * Pure.
 */
import type { BrakeKind } from '../../shared/status.ts';

/** What one transaction of the capture does to entries that were there before. */
export interface CaptureToll {
  readonly removed: number;
  /** Ids of the entries whose content is replaced. */
  readonly changed: readonly number[];
  /** Entries from this id on did not exist before the transaction. */
  readonly firstNewId: number;
  /** Newest sequence before it. */
  readonly seqBefore: number;
}

/** Shares in percent; more than that is a wave; 0: never. */
export interface WaveLimits {
  /** Of the entries, removed. */
  readonly massDeletePercent: number;
  /** Of the files, overwritten. */
  readonly massChangePercent: number;
  /** Fewer are everyday work, whatever share they are; absent: 20. */
  readonly massMinimum?: number;
}

export type WaveKind = BrakeKind;
export const WAVE_KINDS: readonly WaveKind[] = ['deletions', 'changes'];

export interface Wave {
  readonly kind: WaveKind;
  /** Of the last minute. */
  readonly removed: number;
  readonly changed: readonly number[];
  /** Entries, and files among them, there were before. */
  readonly entries: number;
  readonly files: number;
  /** Newest sequence before that minute, and the first id of an entry that came in it. */
  readonly seq: number;
  readonly firstNewId: number;
}

export interface Population {
  /** Entries that are there now. */
  readonly entries: () => number;
  /** Files among them. */
  readonly files: () => number;
}

const WINDOW_MS = 60_000;
const BUCKET_MS = 1_000;
const FEWEST = 20;
/** A wave that was let through is over when a minute has less than this share of what starts one. */
const OVER_FRACTION = 0.5;

interface Bucket {
  readonly atMs: number;
  readonly firstNewId: number;
  readonly seqBefore: number;
  removed: number;
}

/** Total of one kind as it was counted last: counting a million rows takes longer than a turn should. */
interface KnownTotal {
  readonly total: number;
  readonly atMs: number;
}

export class MassChanges {
  limits: WaveLimits;
  private readonly population: Population;
  private buckets: Bucket[] = [];
  /** When each was changed last, oldest first. */
  private readonly changed = new Map<number, number>();
  private readonly known = new Map<WaveKind, KnownTotal>();
  /** Kinds of waves that were let through and go on, with the time of that. */
  private readonly passed = new Map<WaveKind, number>();

  constructor(limits: WaveLimits, population: Population) {
    this.limits = limits;
    this.population = population;
  }

  /** A wave that starts now or goes on; one that was let through does not start again before it was over. */
  note(toll: CaptureToll, nowMs: number): Wave | undefined {
    const { massDeletePercent, massChangePercent } = this.limits;
    if (massDeletePercent === 0 && massChangePercent === 0) return undefined;
    this.forgetOld(nowMs);
    for (const kind of this.passed.keys()) this.endPassed(kind, nowMs);
    this.add(toll, nowMs);
    return this.judge('deletions', nowMs) ?? this.judge('changes', nowMs);
  }

  /** The wave under way is meant: it is let through to its end. */
  letThrough(kinds: readonly WaveKind[], nowMs: number): void {
    for (const kind of kinds) this.passed.set(kind, nowMs);
  }

  /** Kinds of waves that are being let through. */
  get passing(): readonly WaveKind[] {
    return [...this.passed.keys()];
  }

  /** Entries from this id on came within the minute: whoever removes them undoes what he did. Infinite: none. */
  firstYoungId(nowMs: number): number {
    this.forgetOld(nowMs);
    return this.buckets[0]?.firstNewId ?? Number.POSITIVE_INFINITY;
  }

  private get fewest(): number {
    return this.limits.massMinimum ?? FEWEST;
  }

  private add({ removed, changed, firstNewId, seqBefore }: CaptureToll, nowMs: number): void {
    const last = this.buckets.at(-1);
    if (last !== undefined && nowMs - last.atMs < BUCKET_MS) last.removed += removed;
    else this.buckets.push({ atMs: nowMs, firstNewId, seqBefore, removed });
    const { firstNewId: newId } = this.buckets[0]!;
    for (const id of changed) {
      // A file that came within the minute is still being written.
      if (id >= newId) continue;
      this.changed.delete(id);
      this.changed.set(id, nowMs);
    }
  }

  private forgetOld(nowMs: number): void {
    this.buckets = this.buckets.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
    for (const [id, atMs] of this.changed) {
      if (nowMs - atMs < WINDOW_MS) break;
      this.changed.delete(id);
    }
  }

  private countOf(kind: WaveKind): number {
    return kind === 'changes' ? this.changed.size : this.buckets.reduce((sum, { removed }) => sum + removed, 0);
  }

  private percentOf(kind: WaveKind): number {
    return kind === 'changes' ? this.limits.massChangePercent : this.limits.massDeletePercent;
  }

  private judge(kind: WaveKind, nowMs: number): Wave | undefined {
    const percent = this.percentOf(kind);
    const count = this.countOf(kind);
    if (percent === 0 || count < this.fewest || this.passed.has(kind)) return undefined;
    const isOver = (total: number) => count * 100 > percent * total;
    if (!isOver(this.totalOf(kind, nowMs)) || !isOver(this.recount(kind, nowMs))) return undefined;
    return {
      kind,
      removed: this.countOf('deletions'),
      changed: [...this.changed.keys()],
      entries: this.totalOf('deletions', nowMs),
      files: this.totalOf('changes', nowMs),
      seq: this.buckets[0]!.seqBefore,
      firstNewId: this.buckets[0]!.firstNewId,
    };
  }

  private totalOf(kind: WaveKind, nowMs: number): number {
    const known = this.known.get(kind);
    return known !== undefined && nowMs - known.atMs < WINDOW_MS ? known.total : this.recount(kind, nowMs);
  }

  private recount(kind: WaveKind, nowMs: number): number {
    const { entries, files } = this.population;
    const total = kind === 'changes' ? files() : entries() + this.countOf('deletions');
    this.known.set(kind, { total, atMs: nowMs });
    return total;
  }

  private endPassed(kind: WaveKind, nowMs: number): void {
    if (nowMs - this.passed.get(kind)! < WINDOW_MS) return;
    const most = (OVER_FRACTION * this.percentOf(kind) * this.totalOf(kind, nowMs)) / 100;
    if (this.countOf(kind) <= Math.max(this.fewest * OVER_FRACTION, most)) this.passed.delete(kind);
  }
}

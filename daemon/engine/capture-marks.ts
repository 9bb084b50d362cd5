/** How old and how large what was captured is: one mark for each transaction, thinned when a Replica is away for long. */

/** So many are kept exactly. */
const MARKS_KEPT = 200_000;
/** Marks nobody needs are dropped in lots of at least this many. */
const DROP_AT_LEAST = 1_000;

interface CaptureMark {
  readonly seq: number;
  /** `Clock.bootMs` of its oldest change. */
  readonly atMs: number;
  /** Of all marks up to this one. */
  readonly totalBytes: number;
}

export class CaptureMarks {
  private marks: CaptureMark[] = [];
  private totalBytes = 0;
  /** Of marks no longer kept. */
  private forgottenBytes = 0;

  add(seq: number, bytes: number, atMs: number): void {
    this.totalBytes += bytes;
    this.marks.push({ seq, atMs, totalBytes: this.totalBytes });
    if (this.marks.length > MARKS_KEPT) this.thin();
  }

  /** Everything up to `seq` was captured before: one mark stands for it. */
  adopt(seq: number, bytes: number, atMs: number): void {
    this.totalBytes = bytes;
    this.marks = [{ seq, atMs, totalBytes: bytes }];
  }

  /** Every two of the older half become one that is as old as the older, so no age is understated. */
  private thin(): void {
    const half = (this.marks.length >> 2) * 2;
    this.marks = this.marks.map((mark, at) =>
      at < half && at % 2 === 1 ? { ...mark, atMs: this.marks[at - 1]!.atMs } : mark,
    );
    this.marks = this.marks.filter((_, at) => at >= half || at % 2 === 1);
  }

  forget(throughSeq: number): void {
    const count = this.indexAfter(throughSeq);
    if (count <= DROP_AT_LEAST) return;
    this.forgottenBytes = this.marks[count - 1]!.totalBytes;
    this.marks = this.marks.slice(count);
  }

  /** `Clock.bootMs` of the oldest change after a position; undefined when there is none. */
  oldestAfter(seq: number): number | undefined {
    return this.marks[this.indexAfter(seq)]?.atMs;
  }

  bytesAfter(seq: number): number {
    const at = this.indexAfter(seq);
    return this.totalBytes - (at === 0 ? this.forgottenBytes : this.marks[at - 1]!.totalBytes);
  }

  private indexAfter(seq: number): number {
    let low = 0;
    let high = this.marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.marks[middle]!.seq > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

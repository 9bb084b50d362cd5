/** Counts what goes within a minute, to notice that somebody (or something) is emptying a root. Pure. */
export interface MassDeletion {
  readonly removed: number;
  readonly total: number;
}

const WINDOW_MS = 60_000;
/** Fewer are everyday work, whatever share they are. */
const FEWEST = 20;

export class MassDeletions {
  /** More than this share is a mass deletion; 0: never. */
  percent: number;
  private window: { readonly atMs: number; readonly removed: number }[] = [];

  constructor(percent: number) {
    this.percent = percent;
  }

  /** `left`: entries that are still there, asked only when there may be too many gone. */
  note(removed: number, nowMs: number, left: () => number): MassDeletion | undefined {
    if (removed === 0 || this.percent === 0) return undefined;
    this.window = this.window.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
    this.window.push({ atMs: nowMs, removed });
    const gone = this.window.reduce((sum, one) => sum + one.removed, 0);
    if (gone < FEWEST) return undefined;
    const total = gone + left();
    return gone * 100 > this.percent * total ? { removed: gone, total } : undefined;
  }

  forget(): void {
    this.window = [];
  }
}

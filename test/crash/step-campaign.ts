/** Every operation of lives of a history and of a restore goes wrong once, in each of the ways there are. */
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { Mishap } from '../memory/history-pair.ts';
import { type Step, type StepOutcome, tryStep } from './history-steps.ts';
import { tryRestoreStep } from './restore-steps.ts';

export interface StepOptions {
  readonly steps: number;
  readonly firstSeed: number;
  /** Every `stride`-th operation of a life, beginning at another one for each; 1: every one. */
  readonly stride: number;
  /** A campaign that has shown so many problems ends. */
  readonly problemLimit: number;
}

export interface StepTotals {
  /** Operations that went wrong. */
  readonly steps: number;
  readonly lives: number;
  readonly points: number;
  readonly problems: readonly string[];
}

const MISHAPS: readonly Mishap[] = ['kill', 'full', 'error'];
const LIVES: Readonly<Record<string, (hasher: ContentHasher, step: Step) => StepOutcome>> = {
  history: tryStep,
  restore: tryRestoreStep,
};

export function sweepSteps(hasher: ContentHasher, options: StepOptions): StepTotals {
  const sweep = new StepSweep(hasher, options);
  for (let seed = options.firstSeed; sweep.goesOn; seed += 1) sweep.all(seed);
  return sweep;
}

class StepSweep implements StepTotals {
  steps = 0;
  lives = 0;
  points = 0;
  readonly problems: string[] = [];
  private readonly hasher: ContentHasher;
  private readonly options: StepOptions;

  constructor(hasher: ContentHasher, options: StepOptions) {
    this.hasher = hasher;
    this.options = options;
  }

  get goesOn(): boolean {
    return this.steps < this.options.steps && this.problems.length < this.options.problemLimit;
  }

  all(seed: number): void {
    for (const name of Object.keys(LIVES)) {
      for (const how of MISHAPS) if (this.goesOn) this.life(name, seed, how);
    }
  }

  private life(name: string, seed: number, how: Mishap): void {
    const { stride } = this.options;
    this.lives += 1;
    for (let n = 1 + (seed % stride); this.goesOn; n += stride) {
      const { reached, points, operation, problems } = LIVES[name]!(this.hasher, { seed, n, how });
      const what = `${name} seed ${seed}, ${how} at operation ${n} (${operation})`;
      this.problems.push(...problems.slice(0, 2).map((problem) => `${what}: ${problem}`));
      this.points += points;
      if (!reached) return;
      this.steps += 1;
    }
  }
}

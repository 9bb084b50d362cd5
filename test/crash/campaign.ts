/** Sweeps of `crash` over workloads, moments, ways to die and what survives, until a number of crashes was made. */
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { SeededRandom } from '../memory/clock.ts';
import { type CrashPoint, crash } from './pair-crash.ts';

export interface CampaignResult {
  readonly crashes: number;
  /** Engines that died, also again during their recovery. */
  readonly deaths: number;
  readonly workloads: number;
  /** How many of the crashes were of which kind. */
  readonly kinds: Readonly<Record<string, number>>;
  /** One a crash point that showed something, with what it showed. */
  readonly problems: readonly string[];
}

type Kind = Pick<CrashPoint, 'side' | 'how' | 'cutOrder'>;

/** A Replica has more to lose than a Master, whose state is a database. */
const KINDS: readonly Kind[] = [
  { side: 'replica', how: 'power', cutOrder: 'any' },
  { side: 'replica', how: 'power', cutOrder: 'journalled' },
  { side: 'replica', how: 'kill', cutOrder: 'journalled' },
  { side: 'master', how: 'kill', cutOrder: 'journalled' },
];

export interface CampaignOptions {
  readonly crashes: number;
  readonly firstSeed: number;
  /** Every `stride`-th operation of a workload, beginning at another one for each kind and workload; 1: every one. */
  readonly stride: number;
  /** A campaign that has shown so many problems ends. */
  readonly problemLimit: number;
  /** See `CrashPoint.edits`. */
  readonly edits?: boolean;
}

export function sweepCrashes(hasher: ContentHasher, options: CampaignOptions): CampaignResult {
  const sweep = new Sweep(hasher, options);
  let workloads = 0;
  while (sweep.goesOn) {
    sweep.workload(options.firstSeed + workloads);
    workloads += 1;
  }
  return { ...sweep.result(), workloads };
}

class Sweep {
  private readonly hasher: ContentHasher;
  private readonly options: CampaignOptions;
  private readonly kinds: Record<string, number> = {};
  private readonly problems: string[] = [];
  private crashes = 0;
  private deaths = 0;

  constructor(hasher: ContentHasher, options: CampaignOptions) {
    this.hasher = hasher;
    this.options = options;
  }

  get goesOn(): boolean {
    return this.crashes < this.options.crashes && this.problems.length < this.options.problemLimit;
  }

  result(): Omit<CampaignResult, 'workloads'> {
    const { crashes, deaths, kinds, problems } = this;
    return { crashes, deaths, kinds, problems };
  }

  workload(seed: number): void {
    const random = new SeededRandom(seed);
    const { stride } = this.options;
    for (const kind of KINDS) {
      for (let n = 1 + random.below(stride); this.goesOn; n += stride) {
        // Every second one dies again while it recovers or soon after.
        const again = random.chance(0.5) ? 1 + random.below(40) : 0;
        if (
          !this.crashAt({ ...kind, seed, n, subset: random.below(2 ** 20), again, edits: this.options.edits === true })
        )
          break;
      }
    }
  }

  /** False when the workload was over before. */
  private crashAt(point: CrashPoint): boolean {
    const outcome = crash(this.hasher, point);
    if (outcome.problems.length > 0) {
      this.problems.push(`${JSON.stringify(point)} at "${outcome.operation}": ${outcome.problems.join('; ')}`);
    }
    if (!outcome.reached) return false;
    this.crashes += 1;
    this.deaths += outcome.deaths;
    const name = point.how === 'power' ? `${point.side} power ${point.cutOrder}` : `${point.side} kill`;
    this.kinds[name] = (this.kinds[name] ?? 0) + 1;
    return true;
  }
}

/** Assured Recovery as hosts, consoles and the command line speak of it (FEATURES.md G4). */
import type { Position } from './position.ts';

/** Who asked for a test. */
export type RehearsalTrigger = 'schedule' | 'demand';

/** A test under way: programs on the Replica see a writable view of the roots, and nothing is applied. */
export interface RehearsalState {
  /** Wall clock, ms. */
  readonly startedAt: number;
  /** Wall clock, ms: it ends by itself then. */
  readonly endsBy: number;
  readonly trigger: RehearsalTrigger;
  /** What is tested. */
  readonly position: Position;
}

export interface RehearsalCheck {
  readonly name: string;
  readonly passed: boolean;
  /** What was found. */
  readonly text: string;
  readonly tookMs: number;
  /** What a script wrote, at most 64 KiB. */
  readonly output?: string;
}

export interface RehearsalResult {
  readonly replica: string;
  readonly passed: boolean;
  readonly trigger: RehearsalTrigger;
  readonly position: Position;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly checks: readonly RehearsalCheck[];
  /** What the test wrote into the view, and what is gone with it. */
  readonly undone: { readonly entries: number; readonly bytes: number };
  /** Roots that programs still had open at the end: these programs see the old view until they close it. */
  readonly inUse: readonly string[];
  /** In the Report Center of the Replica. */
  readonly report?: string;
}

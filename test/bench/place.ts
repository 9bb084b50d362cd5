/** Where and how a benchmark runs. */
import { execFileSync } from 'node:child_process';

export interface BenchContext {
  /** `tmpfs` or `disk`. */
  readonly place: string;
  readonly directory: string;
  /**
   * For Replicas: another mounted file system where that is possible, as on two hosts. Capture marks whole file systems, so
   * beside the Master's root its thread would be told of everything the Replica writes.
   */
  readonly replicaDirectory: string;
  /** Appended to the row's id: '' on tmpfs, which the goals are for, '-disk' on disk. */
  readonly suffix: string;
  /** Samples a side. */
  readonly runs: number;
  /** Files of the rows on scale. */
  readonly files: number;
  /** Node options for our engines, for profiles. */
  readonly nodeOptions: readonly string[];
  /** Also what takes long and much memory. */
  readonly long: boolean;
  readonly wanted: (id: string) => boolean;
  readonly say: (text: string) => void;
}

/**
 * Everything earlier written out and its freed blocks given back (a volume mounted with `discard` does that when it flushes), and how
 * many seconds that took. Nobody's run may pay for what the one before left: rsync does not flush, ours does.
 */
export function settle(directory: string): number {
  const since = performance.now();
  execFileSync('sync', ['-f', directory]);
  return (performance.now() - since) / 1000;
}

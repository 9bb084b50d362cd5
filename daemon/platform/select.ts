/** The adapters of this operating system, for composition roots. */
import type { Clock, Random, RootTree, SegmentLog, StateFile } from '../ports.ts';
import { SystemClock } from './node/clock.ts';
import { SystemRandom } from './node/random.ts';
import { FileSegmentLog } from './node/segment-log.ts';
import { DurableStateFile } from './node/state-file.ts';

export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  /** `ROOT-MISSING` when there is no directory at `path`. */
  openTree(path: string): RootTree;
  openStateFile(path: string): StateFile;
  /** Creates the directory when it is missing. */
  openSegmentLog(directory: string): SegmentLog;
}

/** Asynchronous because only the files of this system are loaded: each binds its system's libraries at once. */
export async function loadPlatform(): Promise<Platform> {
  return {
    clock: new SystemClock(),
    random: new SystemRandom(),
    openTree: await loadTreeOpener(),
    openStateFile: (path) => new DurableStateFile(path),
    openSegmentLog: (directory) => new FileSegmentLog(directory),
  };
}

async function loadTreeOpener(): Promise<(path: string) => RootTree> {
  const { LinuxTree } = await import('./linux/tree.ts');
  return (path) => new LinuxTree(path);
}

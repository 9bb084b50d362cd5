/** A Master's record that begins empty and is of no use afterwards: of an assessment. */
import { rmSync } from 'node:fs';
import { MasterState } from './master-state.ts';

/** What an earlier one left at `path` is removed. */
export function openFreshState(path: string): MasterState {
  for (const ending of ['', '-wal', '-shm']) rmSync(path + ending, { force: true });
  return new MasterState(path);
}

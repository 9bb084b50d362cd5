/** Whether there is room for the data whatever its files add up to: then nobody has to look at each of them. Pure. */

import type { Evidence } from './evidence.ts';
import type { DatasetFacts, PathFacts } from './facts.ts';
import { checkRoots } from './root-checks.ts';
import { checkSpools } from './spool-checks.ts';

const ABOUT_ROOM = ['DISK-SPACE', 'SPOOL-SMALL'];

/** No root holds more than what is in use on its volume. False also where that is not known. */
export function hasRoomForAll(evidence: Evidence): boolean {
  const { master } = evidence;
  const datasets = master.facts.datasets.map((data, index) => withMost(data, master.facts.paths[index]!));
  if (datasets.includes(undefined)) return false;
  const most: Evidence = {
    ...evidence,
    master: { ...master, facts: { ...master.facts, datasets: datasets as DatasetFacts[] } },
  };
  return ![...checkSpools(most), ...checkRoots(most)].some(({ code }) => ABOUT_ROOM.includes(code));
}

function withMost(data: DatasetFacts, { totalBytes, freeBytes }: PathFacts): DatasetFacts | undefined {
  if (totalBytes === undefined || freeBytes === undefined) return undefined;
  return { ...data, bytes: Math.max(0, totalBytes - freeBytes) };
}

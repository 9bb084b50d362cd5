/** P15: what a file costs as the tree grows, first and second synchronization. Ours beside ours: the smallest set is the peer. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { oracle, Pair } from '../hosts/rig.ts';
import { lastSynchronization } from './copy-rows.ts';
import { buildSmallSet } from './data-sets.ts';
import { makeRow, type Row } from './measure.ts';
import type { BenchContext } from './place.ts';

const SMALLEST = 10_000;
/** The last one needs 16 GB of memory for both trees: only with `--long`. */
const LARGER = [100_000] as const;
const LONG = [100_000, 1_000_000] as const;
const LIMITS = { required: 1.2, goal: 1.1 } as const;

/** Microseconds a file. */
interface Cost {
  readonly first: number;
  readonly second: number;
}

async function costOf(context: BenchContext, files: number): Promise<Cost> {
  const source = join(context.directory, `set-of-${files}`);
  buildSmallSet(source, files);
  const pair = await Pair.start({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    masterRoot: source,
    nodeOptions: context.nodeOptions,
  });
  try {
    await pair.createScenario();
    await pair.run();
    const first = await lastSynchronization(pair);
    const differences = await oracle(source, pair.replicaRoot);
    if (differences !== '') throw new Error(`not identical with ${files} files:\n${differences.slice(0, 1000)}`);
    await pair.stopScenario();
    await pair.run();
    const second = await lastSynchronization(pair);
    context.say(`${files} files: first ${first} s, second ${second} s`);
    return { first: (first / files) * 1e6, second: (second / files) * 1e6 };
  } finally {
    await pair.remove();
    rmSync(source, { recursive: true, force: true });
  }
}

export async function growthRows(context: BenchContext): Promise<Row[]> {
  const small = await costOf(context, SMALLEST);
  const rows: Row[] = [];
  for (const files of context.long ? LONG : LARGER) {
    const cost = await costOf(context, files);
    for (const what of ['first', 'second'] as const) {
      rows.push(
        makeRow(
          {
            id: `P15-${files / 1000}k-${what}`,
            work: `${what} synchronization of ${files.toLocaleString('en-US')} files, a file`,
            unit: 'µs',
            peerName: `ours with ${SMALLEST.toLocaleString('en-US')}`,
            note: `one run each, ${context.place}; start-up is part of the smaller one`,
          },
          { ours: cost[what], peer: small[what] },
          LIMITS,
        ),
      );
    }
  }
  return rows;
}

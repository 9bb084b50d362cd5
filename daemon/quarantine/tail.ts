/** Asks the Master's engine here for what it has behind a position of the host that took over. */
import type { Position } from '../../shared/position.ts';
import type { TailEntry, TailPage } from '../engine/master-tail.ts';
import type { MasterRunner } from '../scenario/master-runner.ts';

/** Comparing the roots with the record of a million files. */
const AUDIT_MS = 600_000;
const BARRIER_MS = 60_000;

export interface Tail {
  /** It cannot be listed: everything here may differ. */
  readonly unrelated: boolean;
  /** It has something that the other host lacks. */
  readonly any: boolean;
  readonly generation: string;
  readonly after: number;
  /** What is captured here; a later change has a higher one. */
  readonly through: number;
  /** From the beginning each time. */
  pages(): AsyncIterable<readonly TailEntry[]>;
}

/** Throws `SCENARIO-STATE` while the engine does not run. `audit`: also what changed without being noticed. */
export async function tailOf(
  runner: Pick<MasterRunner, 'ask'>,
  { generation, seq: after }: Position,
  audit: boolean,
): Promise<Tail> {
  if (audit) await runner.ask({ name: 'audit' }, AUDIT_MS);
  // Nobody has to have it: only what happened until now has to be in the record.
  const { seq: through } = (await runner.ask({ name: 'barrier', replicas: [] }, BARRIER_MS)) as Position;
  const page = async (from: number) => (await runner.ask({ name: 'tail', generation, after, from })) as TailPage;
  async function* pages(): AsyncGenerator<readonly TailEntry[], void> {
    for (let from: number | undefined = after; from !== undefined; ) {
      const { entries, next }: TailPage = await page(from);
      yield entries;
      from = next;
    }
  }
  const tail = { generation, after, through, pages };
  if ((await page(after)).unrelated) return { ...tail, unrelated: true, any: false };
  for await (const entries of pages()) if (entries.length > 0) return { ...tail, unrelated: false, any: true };
  return { ...tail, unrelated: false, any: false };
}

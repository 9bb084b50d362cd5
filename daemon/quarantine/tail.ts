/** Asks the Master's engine here for what it has behind a position of the host that took over. */
import type { TailEntry, TailPage } from '../engine/master-tail.ts';
import type { MasterRunner } from '../scenario/master-runner.ts';

/** Comparing the roots with the record of a million files. */
const AUDIT_MS = 600_000;
const BARRIER_MS = 60_000;

export interface Tail {
  /** It cannot be listed: everything here may differ. */
  readonly unrelated: boolean;
  readonly entries: readonly TailEntry[];
}

/** Throws `SCENARIO-STATE` while the engine does not run. `audit`: also what changed without being noticed. */
export async function tailOf(
  runner: MasterRunner,
  position: { readonly generation: string; readonly seq: number },
  audit: boolean,
): Promise<Tail> {
  if (audit) await runner.ask({ name: 'audit' }, AUDIT_MS);
  // Nobody has to have it: only what happened until now has to be in the record.
  await runner.ask({ name: 'barrier', replicas: [] }, BARRIER_MS);
  const entries: TailEntry[] = [];
  let from: number | undefined = position.seq;
  while (from !== undefined) {
    const call = { name: 'tail', generation: position.generation, after: position.seq, from } as const;
    const page = (await runner.ask(call)) as TailPage;
    if (page.unrelated) return { unrelated: true, entries: [] };
    entries.push(...page.entries);
    from = page.next;
  }
  return { unrelated: false, entries };
}

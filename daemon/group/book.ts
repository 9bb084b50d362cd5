/** What this host remembers of groups: `groups.json`. */
import { z } from 'zod';
import type { GroupDocument, GroupRun } from '../../shared/group.ts';

export interface StoredGroup {
  readonly document: GroupDocument;
  readonly run?: GroupRun | undefined;
}

export interface GroupBook {
  groups: StoredGroup[];
  /** Revisions at which groups were deleted: another host that was away may still have one. */
  deleted: Record<string, number>;
}

export const NO_GROUPS: GroupBook = { groups: [], deleted: {} };

const member = z.object({
  scenario: z.string(),
  to: z.string(),
  state: z.enum(['waiting', 'switching', 'done', 'already', 'failed', 'not-begun']),
  tookMs: z.number().optional(),
  reason: z.string().optional(),
});
const run = z.object({
  state: z.enum(['running', 'done', 'failed', 'interrupted']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  members: z.array(member),
});
export const groupBook = z.object({
  groups: z.array(
    z.object({
      document: z.object({
        name: z.string().min(1).max(100),
        scenarios: z.array(z.string()).min(1).max(100),
        limitMs: z.number().int().positive(),
        revision: z.number().int().min(1),
      }),
      run: run.optional(),
    }),
  ),
  deleted: z.record(z.string(), z.number().int().min(1)),
}) as unknown as z.ZodType<GroupBook>;

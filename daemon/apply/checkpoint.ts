/** The Replica's durable knowledge of where it stands (StateFile). Pure codec. */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { OwnerMap } from '../../shared/owners.ts';

const numbers = z.array(z.tuple([z.number().int(), z.number().int()]));

const checkpointSchema = z.object({
  version: z.literal(1),
  /** Highest epoch ever seen. */
  epoch: z.number().int().nonnegative(),
  /** Absent: the roots hold no usable data of any history and must be synchronized. */
  generation: z.string().optional(),
  /** What the flushed roots hold; replay goes on behind it. */
  appliedSeq: z.number().int().nonnegative(),
  /** First change of the spool that is not in the flushed roots. */
  replay: z.object({
    segment: z.number().int().positive(),
    offset: z.number().int().nonnegative(),
    change: z.number().int().nonnegative(),
  }),
  /** First journal segment whose changes the flushed roots do not hold for sure. */
  journalSegment: z.number().int().positive(),
  /** In that segment, where what this covers ends. */
  journalOffset: z.number().int().nonnegative().default(0),
  /** Wall clock, ms: the history of everything before was removed by its limits. */
  historyTrimmedTo: z.number().optional(),
  /** By which history grows old (history-clock.ts). */
  historyTime: z.object({ judgedMs: z.number(), bootMs: z.number() }).optional(),
  /** Bookmarks that recovery took out of the history: said again when the changes before them are applied again. */
  bookmarks: z
    .array(z.object({ seq: z.number().int(), masterMs: z.number(), replicaMs: z.number(), text: z.string() }))
    .optional(),
  parked: z.array(z.object({ root: z.number().int(), path: z.string(), code: z.string(), reason: z.string() })),
  /** Parked items the operator dropped since the last synchronization. */
  dropped: z.number().int().positive().optional(),
  /** Position (without a usable one) from which a targeted synchronization can be begun again. */
  mending: z.object({ generation: z.string(), seq: z.number().int().nonnegative() }).optional(),
  /** What the Master wants to be held back from apply (gate.ts). */
  hold: z.object({ suspended: z.boolean(), afterSeq: z.number().int().nonnegative().optional() }).optional(),
  /** Which directories the roots are (`RootTree.rootIdentity`). */
  roots: z.array(z.string()).optional(),
  /** Power was lost where that cannot be repaired: size and time of a file say nothing about its content. */
  suspect: z.boolean().optional(),
  /** A roll-back was begun in the boot of the host that started at this wall-clock time (ms). */
  rollingBackSince: z.number().optional(),
  /** What was applied when this was saved (tally.ts). */
  tally: z.object({ since: z.number(), kinds: z.record(z.string(), z.number().int()), bytes: z.number() }).optional(),
  /** Owners of the Master with other numbers here: what is spooled is applied before the Master can say so again. */
  owners: z.object({ users: numbers, groups: numbers }).optional(),
});

export type Checkpoint = z.infer<typeof checkpointSchema>;

export const FIRST_CHECKPOINT: Checkpoint = {
  version: 1,
  epoch: 0,
  appliedSeq: 0,
  replay: { segment: 1, offset: 0, change: 0 },
  journalSegment: 1,
  journalOffset: 0,
  parked: [],
};

/** As the profile has them. */
export function ownersIn({ owners }: Checkpoint): { owners?: OwnerMap } {
  return owners === undefined ? {} : { owners: { users: new Map(owners.users), groups: new Map(owners.groups) } };
}

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(checkpoint));
}

/** Throws `STATE-DAMAGED` when it is not one of ours. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  try {
    return checkpointSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new Fault('STATE-DAMAGED', { path: 'checkpoint', reason: 'not a checkpoint' }, error);
  }
}

/** What a host remembers of restores across restarts, beside the scenario they are for (scenario/book.ts). */
import { z } from 'zod';
import { RESTORE_METHODS, type RestoreMethod, type RewindResult } from '../../shared/rewind.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { SyncResult } from '../engine/engine-protocol.ts';

/** `over`: everything is done; what came of it is kept until the next restore. */
const RECOVERY_PHASES = ['rewinding', 'synchronizing', 'finishing', 'over'] as const;

/** A restore of a scenario, on the scenario's Master and on the Replica whose data it takes. */
export interface StoredRecovery {
  /** Id of the temporary Recovery scenario. */
  readonly id: string;
  /** Device id of the Replica. */
  readonly replica: string;
  readonly method: RestoreMethod;
  readonly sync: 'block' | 'file';
  readonly point?: string | undefined;
  /** On the Master only the beginning is remembered: the Replica knows how far it is. */
  readonly phase: (typeof RECOVERY_PHASES)[number];
  readonly startedAt: number;
  /** Why it does not go on by itself. */
  readonly failed?: string | undefined;
  /** The operator stopped it. */
  readonly stopped?: boolean | undefined;
  readonly rewound?: RewindResult | undefined;
  /** Without the names of files. */
  readonly synchronized?: SyncResult | undefined;
}

/** How the data of this host comes back that a restore replaced. */
export interface StoredUndo {
  /** Of the restore: also of the folder with the journal when it is `document`'s. */
  readonly id: string;
  readonly method: RestoreMethod;
  /** Wall clocks, ms; without `until` it lasts as long as the history. */
  readonly at: number;
  readonly until?: number | undefined;
  /** Device id of the Replica whose data was taken. */
  readonly replica?: string | undefined;
  /** Master: the Recovery scenario, in whose journal the old data is. Absent: nothing was done to the Master. */
  readonly document?: ScenarioDocument | undefined;
  /** Where it goes back to: a rewind point, or `start` of the journal. Absent: nothing was done to the roots of this host. */
  readonly back?: string | undefined;
  /** A rewind that was begun; interrupted, it goes on. `from`: the point that leads back from there. */
  readonly going?: { readonly to: string; readonly from: string } | undefined;
  /** What the restore began here (overwriting, rewinding) was never completed. */
  readonly half?: boolean | undefined;
  /** Replica: the Master has gone on with the roots since. */
  readonly ran?: boolean | undefined;
  /** Master: the Replica (device id) that was set back after that, by itself: its turn comes first. */
  readonly later?: string | undefined;
  /** Master: its own part is undone, the Replica's is not. */
  readonly ownDone?: boolean | undefined;
  /** Master: what the Replica was asked to go back to, while its answer is missing. */
  readonly asked?: string | undefined;
}

const method = z.enum(RESTORE_METHODS);
const id = z.string().regex(/^[0-9a-f]{32}$/);
const own = z.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null);

export const storedRecovery = z.object({
  id,
  replica: z.string(),
  method,
  sync: z.enum(['block', 'file']),
  point: z.string().optional(),
  phase: z.enum(RECOVERY_PHASES),
  startedAt: z.number(),
  failed: z.string().optional(),
  stopped: z.boolean().optional(),
  rewound: own.optional(),
  synchronized: own.optional(),
});

export const storedUndo = z.object({
  id,
  method,
  at: z.number(),
  until: z.number().optional(),
  replica: z.string().optional(),
  document: own.optional(),
  back: z.string().optional(),
  going: z.object({ to: z.string(), from: z.string() }).optional(),
  half: z.boolean().optional(),
  ran: z.boolean().optional(),
  later: z.string().optional(),
  ownDone: z.boolean().optional(),
  asked: z.string().optional(),
});

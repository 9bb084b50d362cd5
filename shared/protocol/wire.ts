/**
 * What the two engines of a scenario say to each other, after TLS and the HTTP Upgrade on `/link/<scenario id>`.
 * The active side (Master) dials. Control messages are JSON in `control` frames, checked against these schemas before use.
 */
import { z } from 'zod';
import { ALL_KINDS } from '../attributes.ts';

/** Newest protocol this build speaks and the oldest it accepts. */
export const LINK_PROTOCOL = 1;
export const LINK_PROTOCOL_OLDEST = 1;

/** Bytes of batch and synchronization data a sender may have outstanding beyond what the receiver reported as consumed. */
export const LINK_WINDOW_BYTES = 16 * 1024 * 1024;
/** Control messages are small; a longer one is refused. */
export const MAX_CONTROL_BYTES = 256 * 1024;
/** A ping is sent when nothing was sent for this long; the link is dropped after four silent intervals. */
export const LINK_PING_MS = 1_000;

const seq = z.number().int().nonnegative();
const generation = z.string().regex(/^[0-9a-f]{32}$/);
const position = z.object({ generation, seq });
const profile = z.object({
  posixModes: z.boolean(),
  timeGranularityNs: z.number().int().positive(),
  attributeKinds: z.number().int().min(0).max(ALL_KINDS),
});
/** Number and name of accounts, so that owners are applied by name. */
const accounts = z.array(z.tuple([z.number().int().min(0).max(0xffff_ffff), z.string().min(1).max(64)])).max(2_000);
/** Files of each root for which metadata is kept aside, by what it is; absent: none. */
const keptAside = z
  .array(z.object({ root: z.number().int().min(0).max(254), what: z.string().max(40), count: seq }))
  .max(2_000)
  .optional();
/** How data frames may be compressed towards the sender of this message; absent: not. */
const compression = z.array(z.string().max(20)).max(8).optional();
const fault = z.object({
  code: z.string(),
  text: z.string(),
  hint: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

export const controlMessage = z.discriminatedUnion('kind', [
  /** First message, from the Master. */
  z.object({
    kind: z.literal('hello'),
    protocol: z.number().int(),
    oldestProtocol: z.number().int(),
    scenarioId: z.string(),
    /** Fingerprint of the settings both hosts must agree on. */
    agreedFingerprint: z.string(),
    epoch: seq,
    captured: position,
    rootCount: z.number().int().min(1).max(255),
    profile,
    owners: z.object({ users: accounts, groups: accounts }).optional(),
    caseSensitive: z.boolean(),
  }),
  /** Master → Replica, after each welcome and whenever it changes: what must be kept in the spool and not be applied. */
  z.object({
    kind: z.literal('hold'),
    suspended: z.boolean(),
    /** Nothing behind this sequence: the mass-change brake. */
    afterSeq: seq.optional(),
    /** Master's wall clock now, ms. */
    masterMs: z.number(),
  }),
  /** The Replica's answer. `received` undefined: it has no usable data and must be synchronized. */
  z.object({
    kind: z.literal('welcome'),
    protocol: z.number().int(),
    epoch: seq,
    received: position.optional(),
    applied: position.optional(),
    /** A targeted synchronization after this position was interrupted; it can be done again. */
    mending: position.optional(),
    profile,
    caseSensitive: z.boolean(),
    compression,
  }),
  z.object({ kind: z.literal('refuse'), fault }),

  /** Replica → Master, after each flush and each apply, at least every three seconds. Durable (`receivedSeq`) and applied positions. */
  z.object({
    kind: z.literal('ack'),
    receivedSeq: seq,
    appliedSeq: seq,
    /** Total payload bytes of batch and synchronization frames processed in this session: moves the window. */
    consumedBytes: seq,
    spoolBytes: seq,
    /** Why apply does not run, if it does not. */
    held: z.string().optional(),
    parked: seq,
    /** Of those, how many were sent again already and refused again: only the operator can mend what is in the way. */
    stuck: seq.optional(),
    /** The first of them, for people. */
    parkedPaths: z.array(z.string()).max(8).optional(),
    /** Parked items the operator dropped since the last synchronization: not proven identical. */
    dropped: seq.optional(),
    keptAside,
    /** What it takes of its limit, from the warning on. */
    asidePercent: z.number().min(0).max(100).optional(),
    /** Apply stands because the copy is being tested (Assured Recovery). */
    rehearsing: z.literal(true).optional(),
  }),
  /** Replica → Master: what it has applied (`AppliedTally`), at most once a second. */
  z.object({ kind: z.literal('tally'), since: z.number(), kinds: z.record(z.string(), seq), bytes: seq }),
  /**
   * Replica → Master: these could not be applied as sent (source missing, hash mismatch): look again and send them whole.
   * Every path is answered with at least one change of it, a removal when nothing is there.
   */
  z.object({ kind: z.literal('repair'), root: z.number().int().min(0).max(254), paths: z.array(z.string()).max(1000) }),
  /** Something happened on the Replica that the scenario's event log on both sides should show. */
  z.object({
    kind: z.literal('event'),
    code: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),

  z.object({ kind: z.literal('ping'), at: z.number() }),
  z.object({ kind: z.literal('pong'), at: z.number(), wallMs: z.number() }),

  /** Master → Replica: a synchronization begins; what is sent in syncDirectory frames belongs to it. */
  z.object({
    kind: z.literal('sync-start'),
    syncId: z.number().int(),
    method: z.enum(['file', 'block']),
    /** Files of the same size and time count as identical. */
    ignoreSame: z.boolean(),
    /** Compare only; report differences, change nothing (`diff`). */
    dryRun: z.boolean(),
    /**
     * Only some directories are listed: everywhere else the Replica is as its position says. It applies what it has received
     * first, and keeps its position in case this is interrupted.
     */
    targeted: z.boolean().optional(),
    /** The position the Replica will have when the synchronization is complete. */
    base: position,
  }),
  /** Master → Replica: all directories of all roots were sent. */
  z.object({ kind: z.literal('sync-walked'), syncId: z.number().int() }),
  /** Master → Replica: everything asked for was sent; make it durable, answer `sync-done`. */
  z.object({ kind: z.literal('sync-finish'), syncId: z.number().int() }),
  /** Replica → Master: a page of differences found by a dry run. */
  z.object({
    kind: z.literal('sync-differences'),
    syncId: z.number().int(),
    differences: z
      .array(
        z.object({
          root: z.number().int(),
          path: z.string(),
          difference: z.enum(['missing', 'extra', 'type', 'content', 'metadata', 'target']),
        }),
      )
      .max(1000),
  }),
  z.object({
    kind: z.literal('sync-done'),
    syncId: z.number().int(),
    removed: seq,
    created: seq,
    updated: seq,
    metadataOnly: seq,
    identical: seq,
    parked: seq,
    keptAside,
  }),
  z.object({ kind: z.literal('sync-cancel'), syncId: z.number().int(), reason: z.string() }),
]);
export type ControlMessage = z.infer<typeof controlMessage>;

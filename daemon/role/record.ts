/** What a host must know of its role over every crash, and the record a scenario begins with. Pure. */
import { z } from 'zod';
import { type Epoch, type HostRole, NO_EPOCH, SWITCH_STEPS, type Switchover } from '../../shared/role.ts';

/** Nothing of `epoch` behind `seq` is taken any more: the host that may be promoted to has promised it (T-D4). */
export interface Seal {
  readonly switchId: string;
  readonly epoch: Epoch;
  readonly seq: number;
}

export interface RoleRecord {
  /** Raised with every change of the record: what a host says of itself is older or newer by this. */
  readonly turn: number;
  /** The highest epoch this host has accepted. Nothing of an earlier one is applied. */
  readonly maxEpoch: Epoch;
  readonly role: HostRole;
  /** active: the epoch it holds. standby: the one it follows. fenced: the one it was fenced by, or its own last one. */
  readonly epoch: Epoch;
  readonly switchover?: Switchover;
  readonly seal?: Seal;
  /** No epoch up to this number is taken by a commit any more: this host has promised it to the one that takes it back. */
  readonly voided: number;
  /** Number of the epoch begun without the operator that nobody has acknowledged yet, on either host: no further one meanwhile. */
  readonly unacknowledged?: number;
  /** Number of the last such epoch that was acknowledged. */
  readonly acknowledged?: number;
  /** Its data has a tail that the active host lacks; until this is settled nothing is applied here. */
  readonly diverged?: true;
}

/** Both hosts of a new scenario: `active` is its Master. */
export function firstRecord(self: string, active: string): RoleRecord {
  const epoch: Epoch = { number: 1, holder: active };
  return { turn: 1, maxEpoch: epoch, role: self === active ? 'active' : 'standby', epoch, voided: 0 };
}

/** What a host uses whose record cannot be read: it knows nothing, so it may do nothing. */
export const LOST_RECORD: RoleRecord = { turn: 0, maxEpoch: NO_EPOCH, role: 'fenced', epoch: NO_EPOCH, voided: 0 };

const whole = z.number().int().nonnegative();
const epoch = z.object({ number: whole, holder: z.string().max(200) }).strict();
/** Pieces that records and words are made of. */
export const recordParts = {
  whole,
  epoch,
  role: z.enum(['fenced', 'standby', 'active']),
  switchover: z
    .object({
      id: z.string().min(1).max(100),
      epoch,
      right: z.enum(['planned', 'granted', 'fenced', 'stated', 'unsafe']),
      step: z.enum(SWITCH_STEPS),
      side: z.enum(['from', 'to']),
      finalSeq: whole.optional(),
      automatic: z.literal(true).optional(),
    })
    .strict(),
  seal: z.object({ switchId: z.string().max(100), epoch, seq: whole }).strict(),
};

export const roleRecord = z
  .object({
    turn: whole,
    maxEpoch: epoch,
    role: recordParts.role,
    epoch,
    switchover: recordParts.switchover.optional(),
    seal: recordParts.seal.optional(),
    voided: whole,
    unacknowledged: whole.optional(),
    acknowledged: whole.optional(),
    diverged: z.literal(true).optional(),
  })
  .strict() as unknown as z.ZodType<RoleRecord>;

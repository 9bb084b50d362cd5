/** What a host tells the other of itself, again and again: it may be lost, late, doubled or out of order. Pure. */
import { z } from 'zod';
import type { Epoch, HostRole, Switchover } from '../../shared/role.ts';
import { recordParts, type Seal } from './record.ts';

export interface Word {
  /** Random for each start of the daemon. */
  readonly boot: string;
  /** The other's `boot` as it was last heard: proves that this was said after the other had started. */
  readonly echo?: string;
  readonly turn: number;
  readonly maxEpoch: Epoch;
  readonly role: HostRole;
  readonly epoch: Epoch;
  readonly switchover?: Switchover;
  readonly seal?: Seal;
  readonly voided: number;
  /** Its data is outdated or not whole: it will not become active by itself. Not said before it has had time to look. */
  readonly unfit?: true;
  /** Asks the other to promise that it never takes the epoch of this number. */
  readonly asksVoid?: number;
  /** Failsafe: the active host asks, by its own clock, to stay active while the witness does not answer. */
  readonly ask?: number;
  /** Its `ask` is granted: this host does not become active for a lease and a margin from when it said so. */
  readonly promise?: number;
  /** Of an automatic switchover: both hosts wait for the acknowledgement. */
  readonly unacknowledged?: number;
  readonly acknowledged?: number;
}

const boot = z.string().min(1).max(64);
const { whole, epoch, role, switchover, seal } = recordParts;
/** What another host sent, before it is believed. */
export const wordSchema = z
  .object({
    boot,
    echo: boot.optional(),
    turn: whole,
    maxEpoch: epoch,
    role,
    epoch,
    switchover: switchover.optional(),
    seal: seal.optional(),
    voided: whole,
    unfit: z.literal(true).optional(),
    asksVoid: whole.optional(),
    ask: z.number().nonnegative().optional(),
    promise: z.number().nonnegative().optional(),
    unacknowledged: whole.optional(),
    acknowledged: whole.optional(),
  })
  .strict() as unknown as z.ZodType<Word>;

/** What a host tells the other of itself, again and again: it may be lost, late, doubled or out of order. Pure. */
import type { Epoch, HostRole, Switchover } from '../../shared/role.ts';
import type { Seal } from './record.ts';

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
  /** Asks the other to promise that it never takes the epoch of this number. */
  readonly asksVoid?: number;
  /** Failsafe: the active host asks, by its own clock, to stay active while the witness does not answer. */
  readonly ask?: number;
  /** Its `ask` is granted: this host does not become active for a lease and a margin from when it said so. */
  readonly promise?: number;
}

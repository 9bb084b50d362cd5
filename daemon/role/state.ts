/** Everything a host knows of its role in one scenario, and what can happen to it. Pure. */
import type { Epoch, SwitchRight } from '../../shared/role.ts';
import { firstRecord, type RoleRecord } from './record.ts';
import type { Word } from './word.ts';

/** Milliseconds of a clock that goes on while the machine sleeps (CLOCK_BOOTTIME); never the time of day. */
export type BootMs = number;

export interface RoleSetup {
  /** Device ids. */
  readonly self: string;
  readonly peer: string;
  /** none: nobody is promoted without the operator, and a host that restarts has to hear the other or the operator. */
  readonly arbiter: 'none' | 'witness';
  /** Switches over by itself when the other is down (needs an arbiter). */
  readonly automatic: boolean;
  readonly leaseMs: number;
  readonly marginMs: number;
  /** For how long the kernel keeps the gate open without us; at most half of the lease. */
  readonly gateMs: number;
}

/** What was done of the switchover under way; forgotten by a restart, then done again. */
export interface Done {
  readonly drainedSeq?: number;
  readonly sealed?: true;
  readonly released?: true;
  readonly promoted?: true;
  readonly acquired?: true;
  readonly reversed?: true;
}

export interface RoleState {
  readonly record: RoleRecord;
  readonly boot: string;
  /** active: nobody has become active while this host was away. Nothing is opened before. */
  readonly confirmed: boolean;
  /** active: may be reached until then. Counted from when the renewal was sent. */
  readonly leaseUntil: BootMs;
  /** Does not ask to become active before: promises hold over a restart because every start waits as long. */
  readonly notBefore: BootMs;
  /** What the other said last. */
  readonly peer?: Word;
  readonly promised?: number;
  readonly asksVoid?: number;
  /** active: the witness did not renew, because its register says another epoch. */
  readonly refused?: true;
  readonly done: Done;
  /** Its data is whole and current enough to be promoted. */
  readonly fit: boolean;
  /** The verdict of the checks: the other host is down. */
  readonly peerDown: boolean;
  /** The other did not release its address in time: a lease has passed, or the operator decided. */
  readonly releaseWaived: boolean;
}

export type RoleEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'word'; readonly word: Word }
  | { readonly type: 'fit'; readonly fit: boolean }
  | { readonly type: 'peer-down'; readonly down: boolean }
  /** Hand over to the other. `automatic`: nobody asked for it. */
  | { readonly type: 'switchover'; readonly id: string; readonly automatic?: true }
  /** Before it is committed. */
  | { readonly type: 'cancel' }
  /** The other does not answer a committed switchover: take it back. */
  | { readonly type: 'take-back' }
  /** Become active without the other: it is known to be off. */
  | {
      readonly type: 'force';
      readonly id: string;
      readonly right: 'stated' | 'fenced' | 'unsafe';
      readonly automatic?: true;
    }
  | { readonly type: 'waive-release' }
  | { readonly type: 'acknowledge' }
  | { readonly type: 'drained'; readonly id: string; readonly seq: number }
  | { readonly type: 'sealed' | 'released' | 'promoted' | 'acquired' | 'reversed'; readonly id: string }
  /** What the comparison with the active host's history showed. */
  | { readonly type: 'compared'; readonly epoch: Epoch; readonly diverged: boolean }
  /** The tail is in quarantine. */
  | { readonly type: 'quarantined' }
  /** The witness answered a renewal or a request that was sent at `sentAt`. */
  | { readonly type: 'lease'; readonly epoch: Epoch; readonly sentAt: BootMs }
  | { readonly type: 'lease-refused'; readonly epoch: Epoch };

/** What has to be done or to hold now. Asked again it is the same; the service starts what is new and ends what is gone. */
export type RoleEffect =
  | { readonly type: 'open'; readonly until: BootMs }
  | { readonly type: 'close' }
  | { readonly type: 'drain'; readonly id: string }
  | { readonly type: 'seal'; readonly id: string; readonly epoch: Epoch; readonly seq: number }
  | { readonly type: 'release'; readonly id: string }
  | { readonly type: 'promote'; readonly id: string; readonly right: SwitchRight }
  | { readonly type: 'acquire'; readonly id: string }
  | { readonly type: 'reverse'; readonly id: string; readonly right: SwitchRight }
  | { readonly type: 'compare'; readonly epoch: Epoch }
  | { readonly type: 'quarantine'; readonly epoch: Epoch }
  /** `held`: no lease ran out since this host is active, so that an arbiter which knows nobody may believe it. */
  | { readonly type: 'renew'; readonly epoch: Epoch; readonly held?: true }
  | { readonly type: 'transfer'; readonly to: Epoch }
  | { readonly type: 'request'; readonly above: number }
  /** Tell the witness what an operator or a fencing device decided. */
  | { readonly type: 'enforce'; readonly epoch: Epoch };

/** A host that starts: its gate is closed, whatever it was. */
export function startRole(record: RoleRecord, boot: string, setup: RoleSetup, now: BootMs): RoleState {
  return {
    record: withoutUnfinished(record),
    boot,
    confirmed: record.role !== 'active',
    leaseUntil: 0,
    notBefore: setup.arbiter === 'witness' ? now + setup.leaseMs + setup.marginMs : now,
    done: {},
    fit: false,
    peerDown: false,
    releaseWaived: false,
  };
}

/** The first start of a new scenario, when nobody can have become active before. */
export function newRole(setup: RoleSetup, active: string, boot: string, now: BootMs): RoleState {
  const state = startRole(firstRecord(setup.self, active), boot, setup, now);
  return { ...state, confirmed: true, leaseUntil: setup.arbiter === 'none' ? Number.POSITIVE_INFINITY : 0 };
}

/** A handing over that was not committed ends with a restart: the other is told by what this host says next. */
function withoutUnfinished(record: RoleRecord): RoleRecord {
  const { switchover, ...rest } = record;
  if (switchover === undefined || switchover.side === 'to' || record.role !== 'active') return record;
  return { ...rest, turn: record.turn + 1 };
}

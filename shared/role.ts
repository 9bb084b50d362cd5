/** Words for who is active in a scenario (PROTOCOL.md, "The role protocol"): both hosts, the witness and the console use them. */

/**
 * The fencing token: raised at every change of role, never lowered. The holder belongs to it: two operators who force both sides
 * while neither can hear the other get the same number, and the numbers still differ.
 */
export interface Epoch {
  readonly number: number;
  /** Device id of the host that is active in it. */
  readonly holder: string;
}

export const NO_EPOCH: Epoch = { number: 0, holder: '' };

/** Below 0: `a` is older. The holder decides only between epochs that were forced on both sides. */
export function compareEpochs(a: Epoch, b: Epoch): number {
  if (a.number !== b.number) return a.number - b.number;
  return a.holder < b.holder ? -1 : a.holder > b.holder ? 1 : 0;
}

/** What a host is by its durable record. Only `active` may ever open its gate; every host begins with the gate closed. */
export type HostRole = 'fenced' | 'standby' | 'active';

/** The steps of a switchover, in this order; each is durable before the next begins. */
export const SWITCH_STEPS = [
  'prepare',
  'drain',
  'final-ack',
  'commit',
  'release',
  'promote',
  'acquire',
  'reverse',
] as const;
export type SwitchStep = (typeof SWITCH_STEPS)[number];

/**
 * By what right a host became active. planned: handed over by the one before. granted: by the witness. fenced: a fencing device
 * confirmed that the other is off. stated: an operator said so; the epoch counts as forced.
 */
export type SwitchRight = 'planned' | 'granted' | 'fenced' | 'stated';

export interface Switchover {
  readonly id: string;
  readonly epoch: Epoch;
  readonly right: SwitchRight;
  readonly step: SwitchStep;
  /** Which side of it this host is on: it hands over (`from`) or takes over (`to`). */
  readonly side: 'from' | 'to';
  /** Position behind the last change of the host that hands over, from `final-ack` on. */
  readonly finalSeq?: number;
}

/** What a console shows of a host's part in a scenario. */
export interface RoleStatus {
  readonly role: HostRole;
  readonly epoch: Epoch;
  /** none: nothing leads clients to this host that could be closed. */
  readonly gate: 'open' | 'closed' | 'none';
  /** What the other host said last, and how long ago it did, ms; absent: it was not heard since this host started. */
  readonly peer?: { readonly name: string; readonly role: HostRole; readonly epoch: Epoch; readonly ageMs: number };
  readonly switchover?: SwitchStatus;
  /** Whether the arbiter answers this host; absent: the scenario has none, or it was not asked yet. */
  readonly arbiter?: {
    readonly kind: 'witness' | 'etcd';
    readonly reachable: boolean;
    /** Since its last answer, ms. */
    readonly ageMs?: number;
    readonly reason?: string;
  };
  /** active, with an arbiter: for so long it may be reached without another word of the arbiter or of the other host, ms. */
  readonly rightForMs?: number;
  /** What this host waits for an operator to decide. */
  readonly waits?: string;
  /** An automatic switchover nobody has acknowledged yet: no further one meanwhile. */
  readonly unacknowledged?: true;
}

export interface SwitchStatus {
  readonly id: string;
  readonly step: SwitchStep;
  readonly side: 'from' | 'to';
  readonly right: SwitchRight;
  /** Why the step is not done yet, and is tried again. */
  readonly problem?: string;
}

/** How a step is called on screens and in the event stream. */
export const STEP_TITLES: Readonly<Record<SwitchStep, string>> = {
  prepare: 'Both hosts agree on the switchover',
  drain: 'Clients are kept out and the last changes are sent',
  'final-ack': 'The last change is on the new active host',
  commit: 'The roles change',
  release: 'The old active host gives up name and address',
  promote: 'The new active host takes the data over',
  acquire: 'The new active host takes name and address',
  reverse: 'Replication in the reverse direction',
};

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
 * confirmed that the other is off. stated: an operator said so. unsafe: nobody did, reference addresses answered and the other did
 * not. In the last three the epoch counts as forced.
 */
export type SwitchRight = 'planned' | 'granted' | 'fenced' | 'stated' | 'unsafe';

export interface Switchover {
  readonly id: string;
  readonly epoch: Epoch;
  readonly right: SwitchRight;
  readonly step: SwitchStep;
  /** Which side of it this host is on: it hands over (`from`) or takes over (`to`). */
  readonly side: 'from' | 'to';
  /** Position behind the last change of the host that hands over, from `final-ack` on. */
  readonly finalSeq?: number;
  /** No operator asked for it: no further one until it is acknowledged. */
  readonly automatic?: true;
}

/** What would allow an automatic switchover when the active host is dead. */
export type AutomaticRight = 'witness' | 'etcd' | 'fencing' | 'unsafe';

/** Why no automatic switchover would start now. */
export const AUTOMATIC_CODES = [
  /** The property is off. */
  'off',
  /** Neither an arbiter, nor fencing, nor the unsafe way is chosen. */
  'no-right',
  /** The scenario is stopped or suspended. */
  'not-running',
  'switching',
  /** The role record was lost, or it is not known who is active. */
  'role-unsettled',
  /** The copy is not whole (yet). */
  'synchronizing',
  'stale',
  'diverged',
  /** Further behind than the lag limit. */
  'lag',
  /** After an automatic switchover, until it is acknowledged or the hold-down ends. */
  'hold-down',
  'shadow',
  /** The standby reaches neither the active host nor any reference address. */
  'cut-off',
  'arbiter-silent',
  /** The fencing script is not registered there, or was changed since. */
  'fencing-unready',
  /** The unsafe way without a reference address that answers. */
  'no-reference',
  /** Only the standby can say, and it was not heard. */
  'standby-unheard',
] as const;
export type AutomaticCode = (typeof AUTOMATIC_CODES)[number];

export interface AutomaticReason {
  readonly code: AutomaticCode;
  readonly text: string;
}

/** Whether an automatic switchover would start if the active host died now: the standby's own judgement. */
export interface AutomaticStatus {
  readonly possible: boolean;
  /** The most important first; none: it is possible. */
  readonly reasons: readonly AutomaticReason[];
  /** Absent: none is chosen. Where only the application dies, the active host itself hands over. */
  readonly right?: AutomaticRight;
  /** Both hosts can become active by it. */
  readonly unsafe?: true;
  /** The hold-down ends by itself in so many ms; absent: none, or only an acknowledgement ends it. */
  readonly heldForMs?: number;
  /** The host that says so. */
  readonly by: string;
  /** How long ago it said so, ms; absent: it is the host that reports. */
  readonly ageMs?: number;
}

/** A fencing script that is run, or was last. */
export interface FencingStatus {
  readonly state: 'running' | 'failed' | 'confirmed';
  readonly script: string;
  /** The host it has to turn off. */
  readonly other: string;
  readonly attempts: number;
  /** failed: why. confirmed: the end of what it printed. */
  readonly text?: string;
  /** failed: it is tried again in so many ms; absent: not by itself. */
  readonly nextInMs?: number;
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
  /** It was active before another host took over, and its data waits to be replaced until the operator runs the scenario. */
  readonly returned?: true;
  /** An automatic switchover nobody has acknowledged yet: no further one meanwhile. */
  readonly unacknowledged?: true;
  /** Why automatic switchover is, or is not, possible now. */
  readonly automatic?: AutomaticStatus;
  readonly fencing?: FencingStatus;
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

/**
 * The arbiter's register of one scenario: who may be active, and until when. What `step` returns as `kept` is durable before the
 * answer leaves. Pure; the same for our own witness and, as compare-and-swap, for etcd.
 */
import { compareEpochs, type Epoch, NO_EPOCH } from '../../shared/role.ts';

export interface WitnessSetup {
  readonly leaseMs: number;
  /** More than clocks drift in a lease. */
  readonly marginMs: number;
}

export interface Register {
  /** Durable. */
  readonly kept: Epoch;
  /** By the witness's own clock; lost by a restart. */
  readonly expiresAt: number;
  /** What was decided over the head of the last holder gets no lease before that one's is over. */
  readonly heldUntil: number;
}

export type WitnessRequest =
  /** `held`: no lease of its own has run out since it became or was found to be active, so that it knows of no gap in which another was. */
  | { readonly type: 'renew'; readonly epoch: Epoch; readonly held?: true }
  /** The holder hands over. */
  | { readonly type: 'transfer'; readonly to: Epoch; readonly by: string }
  /** `host` wants to be active in an epoch above `above`. */
  | { readonly type: 'request'; readonly host: string; readonly above: number }
  /** An operator, or a confirmed fencing, has decided. */
  | { readonly type: 'force'; readonly epoch: Epoch };

type WitnessRequestOf<Type extends WitnessRequest['type']> = Extract<WitnessRequest, { type: Type }>;

export interface WitnessAnswer {
  readonly granted: boolean;
  /** What the register says now. */
  readonly epoch: Epoch;
}

/**
 * A witness that starts does not know when the last lease was given: it waits a whole one. One that was lost, or never was, is
 * `NO_EPOCH`: nobody can tell a new scenario from a lost directory, so meanwhile it listens to whoever holds the highest epoch.
 */
export function startRegister(kept: Epoch, setup: WitnessSetup, now: number): Register {
  return { kept, expiresAt: now + setup.leaseMs, heldUntil: now + setup.leaseMs + setup.marginMs };
}

/** A register that knows nobody, as of `now`. */
export function lostRegister(setup: WitnessSetup, now: number): Register {
  return startRegister(NO_EPOCH, setup, now);
}

export function stepWitness(
  register: Register,
  request: WitnessRequest,
  setup: WitnessSetup,
  now: number,
): { readonly register: Register; readonly answer: WitnessAnswer } {
  const next = decide(register, request, setup, now);
  const granted = next !== undefined && now >= next.heldUntil;
  return { register: next ?? register, answer: { granted, epoch: (next ?? register).kept } };
}

function decide(register: Register, request: WitnessRequest, setup: WitnessSetup, now: number): Register | undefined {
  const { kept } = register;
  const epoch = chosen(register, request, setup, now);
  if (epoch === undefined) return undefined;
  // Learned, not granted: what anybody may still hold counts.
  if (request.type === 'renew' && now < register.heldUntil) return { ...register, kept: epoch };
  // What was handed over already keeps the time of its new holder.
  if (request.type === 'transfer' && compareEpochs(epoch, kept) === 0) return register;
  // The host that is overruled may be active until its lease is over: it is renewed no more, and the new one has to wait.
  if (request.type !== 'force') return { kept: epoch, expiresAt: now + setup.leaseMs, heldUntil: register.heldUntil };
  const heldUntil = Math.max(register.heldUntil, register.expiresAt + setup.marginMs);
  // The answer may be its first lease: nobody else is granted anything before that one is over.
  return { kept: epoch, expiresAt: Math.max(now, heldUntil) + setup.leaseMs, heldUntil };
}

function chosen(
  { kept, expiresAt, heldUntil }: Register,
  request: WitnessRequest,
  setup: WitnessSetup,
  now: number,
): Epoch | undefined {
  switch (request.type) {
    case 'renew':
      return renewed(kept, now < heldUntil, request);
    case 'transfer': {
      // The same number: granted to the holder, which handed it over before it had the answer.
      const handsOver = kept.holder === request.by && request.to.number >= kept.number;
      return handsOver || compareEpochs(request.to, kept) === 0 ? request.to : undefined;
    }
    case 'request':
      return requested(kept, { freeAt: expiresAt + setup.marginMs, heldUntil }, request, now);
    case 'force':
      return compareEpochs(request.epoch, kept) > 0 ? request.epoch : undefined;
  }
}

/**
 * One that knows nobody believes no host whose lease ran out, or that has just started: another may have been active since. Such
 * a host asks for a new epoch, after the other has said that it knows of none, or the operator decides.
 */
function renewed(kept: Epoch, waits: boolean, { epoch, held }: WitnessRequestOf<'renew'>): Epoch | undefined {
  const order = compareEpochs(epoch, kept);
  if (order === 0) return waits ? undefined : epoch;
  return held === true && (kept.number === 0 || (waits && order > 0)) ? epoch : undefined;
}

function requested(
  kept: Epoch,
  { freeAt, heldUntil }: { freeAt: number; heldUntil: number },
  { host, above }: { host: string; above: number },
  now: number,
): Epoch | undefined {
  // Asked again because the answer was lost.
  if (kept.holder === host && kept.number > above) return kept;
  // The holder goes on in a later epoch, because it knows of one that this register has lost: nobody else is overruled.
  const goesOn = kept.holder === host && above > kept.number && now >= heldUntil;
  return now < freeAt && !goesOn ? undefined : { number: Math.max(kept.number, above) + 1, holder: host };
}

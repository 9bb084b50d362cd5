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
  | { readonly type: 'renew'; readonly epoch: Epoch }
  /** The holder hands over. */
  | { readonly type: 'transfer'; readonly to: Epoch; readonly by: string }
  /** `host` wants to be active in an epoch above `above`. */
  | { readonly type: 'request'; readonly host: string; readonly above: number }
  /** An operator, or a confirmed fencing, has decided. */
  | { readonly type: 'force'; readonly epoch: Epoch };

export interface WitnessAnswer {
  readonly granted: boolean;
  /** What the register says now. */
  readonly epoch: Epoch;
}

/** A witness that starts does not know when the last lease was given: it waits a whole one. */
export function startRegister(kept: Epoch, setup: WitnessSetup, now: number): Register {
  return { kept, expiresAt: now + setup.leaseMs, heldUntil: now + setup.leaseMs + setup.marginMs };
}

export const newRegister: Register = { kept: NO_EPOCH, expiresAt: 0, heldUntil: 0 };

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
      // A register that knows nothing yet takes the first host that says who it is.
      if (now < heldUntil) return undefined;
      return compareEpochs(request.epoch, kept) === 0 || kept.number === 0 ? request.epoch : undefined;
    case 'transfer': {
      // The same number: granted to the holder, which handed it over before it had the answer.
      const handsOver = kept.holder === request.by && request.to.number >= kept.number;
      return handsOver || compareEpochs(request.to, kept) === 0 ? request.to : undefined;
    }
    case 'request':
      return requested(kept, expiresAt + setup.marginMs, request, now);
    case 'force':
      return compareEpochs(request.epoch, kept) > 0 ? request.epoch : undefined;
  }
}

function requested(
  kept: Epoch,
  freeAt: number,
  { host, above }: { host: string; above: number },
  now: number,
): Epoch | undefined {
  // Asked again because the answer was lost.
  if (kept.holder === host && kept.number > above) return kept;
  return now < freeAt ? undefined : { number: Math.max(kept.number, above) + 1, holder: host };
}

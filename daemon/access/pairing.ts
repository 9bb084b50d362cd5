/** Proofs of a pairing (shared/protocol/pairing.ts says what they cover), and the host's decision on a joiner. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import {
  confirmationInput,
  confirmationText,
  formatAddress,
  type PairBinding,
  type PairedDevice,
  proofInput,
} from '../../shared/protocol/pairing.ts';
import type { PairJoin } from '../../shared/protocol/pairing-messages.ts';
import { roleForJoiner } from './devices-model.ts';
import type { Invitations } from './invitations.ts';

export function proofOf(side: 'host' | 'joiner', secret: Uint8Array, binding: PairBinding): string {
  return createHmac('sha256', secret).update(proofInput(side, binding)).digest('hex');
}

/** `given` is 64 hex digits: the message schema has checked that. */
export function proofMatches(
  given: string,
  side: 'host' | 'joiner',
  secret: Uint8Array,
  binding: PairBinding,
): boolean {
  return timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(proofOf(side, secret, binding), 'hex'));
}

export function confirmationOf(binding: PairBinding): string {
  return confirmationText(createHash('sha256').update(confirmationInput(binding)).digest());
}

export interface Accepted {
  readonly device: PairedDevice;
  /** The host's proof for the joiner. */
  readonly proof: string;
  readonly confirmation: string;
  readonly invitedBy: string;
}

/** Throws `ACCESS-INVITE` for a wrong proof and `ACCESS-DENIED` for a role that does not fit; either way the try is spent. */
export function acceptJoiner(
  invitations: Invitations,
  join: PairJoin,
  binding: PairBinding,
  seen: { readonly remoteHost: string; readonly nowMs: number },
): Accepted {
  const redeemed = invitations.redeem((secret) => proofMatches(join.proof, 'joiner', secret, binding));
  if (redeemed === undefined) throw new Fault('ACCESS-INVITE');
  const device: PairedDevice = {
    deviceId: binding.joinerId,
    name: join.name,
    kind: join.kind,
    role: roleForJoiner(join.kind, redeemed.role),
    ...(join.kind === 'host' ? { address: joinerAddress(join, seen.remoteHost) } : {}),
    pairedAt: seen.nowMs,
  };
  return {
    device,
    proof: proofOf('host', redeemed.secret, binding),
    confirmation: confirmationOf(binding),
    invitedBy: redeemed.invitedBy,
  };
}

function joinerAddress(join: PairJoin, remoteHost: string): string {
  if (join.address !== undefined) return join.address;
  if (join.port === undefined) throw new Fault('COMMAND-INVALID', { command: 'pair', reason: 'a host needs a port' });
  return formatAddress(remoteHost, join.port);
}

/** The joining host's end of a pairing; the exchange is described in shared/protocol/pairing.ts. */
import { Fault } from '../../shared/faults.ts';
import {
  decodeInvite,
  EXPORTER_BYTES,
  EXPORTER_LABEL,
  PAIR_PATH,
  PAIR_UPGRADE,
  type PairBinding,
  type PairResult,
} from '../../shared/protocol/pairing.ts';
import { type PairJoin, pairAnswer } from '../../shared/protocol/pairing-messages.ts';
import type { Identity } from '../access/identity.ts';
import { confirmationOf, proofMatches, proofOf } from '../access/pairing.ts';
import type { Clock } from '../ports.ts';
import { dialUpgrade } from './dial.ts';
import { readJsonLine, writeJsonLine } from './json-line.ts';

/** Resolves when both sides have proved the invitation; rejects with the host's refusal, `ACCESS-PIN`, `ACCESS-INVITE` or `LINK-UNREACHABLE`. */
export async function joinHost(
  identity: Identity,
  inviteText: string,
  self: Omit<PairJoin, 'type' | 'version' | 'kind' | 'proof'>,
  clock: Clock,
): Promise<PairResult> {
  const invite = decodeInvite(inviteText);
  const secret = Buffer.from(invite.secret, 'hex');
  const { socket, head } = await dialUpgrade(identity, invite, PAIR_PATH, PAIR_UPGRADE);
  try {
    const binding: PairBinding = {
      exported: socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)),
      hostId: invite.deviceId,
      joinerId: identity.deviceId,
    };
    const proof = proofOf('joiner', secret, binding);
    writeJsonLine(socket, { type: 'join', version: 1, kind: 'host', ...self, proof } satisfies PairJoin);
    const answer = pairAnswer.safeParse(await readJsonLine(socket, head, clock));
    if (!answer.success) throw new Fault('LINK-REFUSED', { reason: 'its answer to the pairing is not valid' });
    if (answer.data.type === 'refused') throw Fault.fromDocument(answer.data.fault);
    if (!proofMatches(answer.data.proof, 'host', secret, binding)) throw new Fault('ACCESS-INVITE');
    const { name, role } = answer.data;
    return { deviceId: invite.deviceId, name, address: invite.address, role, confirmation: confirmationOf(binding) };
  } finally {
    socket.destroy();
  }
}

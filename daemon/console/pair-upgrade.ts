/** The inviting host's end of a pairing; the exchange is described in shared/protocol/pairing.ts. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { Fault } from '../../shared/faults.ts';
import {
  EXPORTER_BYTES,
  EXPORTER_LABEL,
  PAIR_PATH,
  PAIR_UPGRADE,
  type PairBinding,
} from '../../shared/protocol/pairing.ts';
import { type PairAnswer, pairJoin } from '../../shared/protocol/pairing-messages.ts';
import type { AccessService } from '../access/service.ts';
import { readJsonLine, writeJsonLine } from '../link/json-line.ts';
import type { Clock } from '../ports.ts';
import type { EventLog } from '../services.ts';
import { type Peer, refuseUpgrade, type TlsPort } from './tls-port.ts';

/** Exchanges under way at the same time; more are refused. */
const PAIRING_LIMIT = 8;

export interface PairUpgradeOptions {
  readonly port: TlsPort;
  readonly access: AccessService;
  readonly deviceId: string;
  readonly hostName: string;
  readonly clock: Clock;
  readonly events: EventLog;
}

export function servePairing(options: PairUpgradeOptions): void {
  let underWay = 0;
  options.port.onUpgrade(PAIR_PATH, (request, socket, head, peer) => {
    const refusal = refusalOf(request, peer, options.access, underWay);
    if (refusal !== undefined) {
      refuseUpgrade(socket, refusal);
      return;
    }
    underWay += 1;
    options.port.exemptFromDrop(socket);
    exchange(options, socket, head, peer).finally(() => {
      underWay -= 1;
    });
  });
}

function refusalOf(request: IncomingMessage, peer: Peer, access: AccessService, underWay: number): Fault | undefined {
  if (!access.anyInvitationOpen || peer.deviceId === undefined) return new Fault('ACCESS-INVITE');
  if (request.headers.upgrade?.toLowerCase() !== PAIR_UPGRADE) {
    return new Fault('COMMAND-INVALID', { command: 'pair', reason: `the upgrade must be ${PAIR_UPGRADE}` });
  }
  return underWay >= PAIRING_LIMIT ? new Fault('ACCESS-RATE') : undefined;
}

async function exchange(options: PairUpgradeOptions, socket: TLSSocket, head: Buffer, peer: Peer): Promise<void> {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PAIR_UPGRADE}\r\n\r\n`);
  let answer: PairAnswer;
  try {
    answer = await judgeJoiner(options, socket, head, peer);
  } catch (error) {
    const fault = Fault.from(error);
    options.events.record('ACC-004', { what: 'a pairing', address: peer.address, reason: fault.message });
    answer = { type: 'refused', fault: fault.toDocument() };
  }
  if (!socket.destroyed) {
    writeJsonLine(socket, answer);
    socket.end();
    socket.setTimeout(1_000, () => socket.destroy());
  }
}

async function judgeJoiner(
  options: PairUpgradeOptions,
  socket: TLSSocket,
  head: Buffer,
  peer: Peer,
): Promise<PairAnswer> {
  const message = pairJoin.safeParse(await readJsonLine(socket, head, options.clock));
  if (!message.success) throw new Fault('COMMAND-INVALID', { command: 'pair', reason: 'the message is not valid' });
  const binding: PairBinding = {
    exported: socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)),
    hostId: options.deviceId,
    joinerId: peer.deviceId ?? '',
  };
  const accepted = await options.access.accept(message.data, binding, peer.remoteHost);
  return { type: 'paired', name: options.hostName, role: accepted.device.role, proof: accepted.proof };
}

/** Who is trusted on this host, as one service: judges keys, makes and redeems invitations, revokes. */
import type { SessionRole } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import { encodeInvite, type InviteResult, type PairBinding, type PairedDevice } from '../../shared/protocol/pairing.ts';
import type { PairJoin } from '../../shared/protocol/pairing-messages.ts';
import type { Clock, Random } from '../ports.ts';
import type { DocumentStore, EventLog, Session } from '../services.ts';
import type { Audit } from './audit.ts';
import {
  addDevice,
  type DevicesDocument,
  findDevice,
  judge,
  mayGrant,
  type Presented,
  revokeDevice,
  type Verdict,
} from './devices-model.ts';
import { Invitations } from './invitations.ts';
import { type Accepted, acceptJoiner } from './pairing.ts';

export interface AccessOptions {
  readonly devices: DocumentStore<DevicesDocument>;
  /** Device id of the data directory's admin key. */
  readonly adminId: string;
  readonly deviceId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventLog;
  readonly audit: Audit;
}

export class AccessService {
  private readonly options: AccessOptions;
  private readonly invitations: Invitations;
  /** A device lost or changed its rights: every connection of it must end at once. */
  onRevoked: (deviceId: string) => void = () => {};

  constructor(options: AccessOptions) {
    this.options = options;
    this.invitations = new Invitations(options.clock, options.random);
  }

  judge(presented: Presented): Verdict {
    return judge(this.options.devices.value, this.options.adminId, presented);
  }

  get devices(): readonly PairedDevice[] {
    return this.options.devices.value.devices;
  }

  get anyInvitationOpen(): boolean {
    return this.invitations.anyOpen;
  }

  /** `address`: what the joiner is told to connect to. */
  invite(session: Session, address: string, role: SessionRole | undefined): InviteResult {
    const granted = role ?? 'admin';
    if (!mayGrant(session.role, granted)) {
      throw new Fault('ACCESS-DENIED', { role: session.role, command: `invite as ${granted}` });
    }
    const { secret, expiresAt } = this.invitations.invite(role, session.deviceName);
    const text = encodeInvite({
      address,
      deviceId: this.options.deviceId,
      secret: Buffer.from(secret).toString('hex'),
    });
    return { invite: text, expiresAt, ...(role === undefined ? {} : { role }) };
  }

  /** A joiner's proof, and when it is right the joiner is trusted from here on. Durable when it resolves. */
  async accept(join: PairJoin, binding: PairBinding, remoteHost: string): Promise<Accepted> {
    const seen = { remoteHost, nowMs: this.options.clock.wallMs() };
    const accepted = acceptJoiner(this.invitations, join, binding, seen);
    await this.trust(accepted.device, accepted.invitedBy, accepted.confirmation);
    return accepted;
  }

  /** Stores a device as paired; what it was before ends, its connections too. */
  async trust(device: PairedDevice, by: string, confirmation: string): Promise<void> {
    const { audit, devices, events } = this.options;
    audit.note({ what: 'paired', device: device.deviceId, name: device.name, role: device.role, by });
    await devices.update((document) => addDevice(document, device));
    this.onRevoked(device.deviceId);
    const { deviceId, name, role } = device;
    events.record('ACC-001', { device: name, role, confirmation, deviceId });
  }

  async revoke(session: Session, which: string): Promise<PairedDevice> {
    const { clock, devices, events } = this.options;
    const device = findDevice(devices.value, which);
    if (!mayGrant(session.role, device.role)) {
      throw new Fault('ACCESS-DENIED', { role: session.role, command: `revoke a ${device.role}` });
    }
    await devices.update((document) => revokeDevice(document, device.deviceId, clock.wallMs()));
    this.onRevoked(device.deviceId);
    events.record('ACC-003', { device: device.name, deviceId: device.deviceId });
    return findDevice(devices.value, device.deviceId);
  }
}

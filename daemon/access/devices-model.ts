/** Who may do what: decisions over the document of paired devices. Pure. */
import { z } from 'zod';
import { type SessionRole, USER_ROLES, type UserRole } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { PairedDevice } from '../../shared/protocol/pairing.ts';
import { deviceIdSchema } from '../../shared/protocol/pairing-messages.ts';
import type { HostReference } from '../../shared/scenario.ts';

export const devicesDocument = z.object({
  devices: z.array(
    z.object({
      deviceId: deviceIdSchema,
      name: z.string().min(1).max(100),
      kind: z.enum(['host', 'console']),
      role: z.enum(['view', 'control', 'admin', 'super', 'peer', 'witness']),
      address: z.string().max(255).exactOptional(),
      pairedAt: z.number(),
      revokedAt: z.number().exactOptional(),
    }),
  ),
});
/** Mutable: changed only inside `DocumentStore.update`. */
export type DevicesDocument = { devices: PairedDevice[] };

/** Most devices remembered; revoked ones go first when it is reached. */
const DEVICE_LIMIT = 1000;
/** `Session.deviceId` of the admin key of the data directory. */
export const LOCAL_DEVICE = 'local';

export type Verdict =
  | { readonly known: true; readonly deviceId: string; readonly name: string; readonly role: SessionRole }
  | { readonly known: false; readonly fault: Fault };

export interface Presented {
  /** undefined: no certificate was presented. */
  readonly deviceId: string | undefined;
  /** The connection comes from an address of this host. */
  readonly fromThisHost: boolean;
}

/** What a connection with this key may do now. Deny by default. */
export function judge(document: DevicesDocument, adminId: string, presented: Presented): Verdict {
  if (presented.deviceId === undefined) return { known: false, fault: new Fault('ACCESS-UNKNOWN-DEVICE') };
  if (presented.deviceId === adminId) {
    return presented.fromThisHost
      ? { known: true, deviceId: LOCAL_DEVICE, name: 'this host', role: 'super' }
      : { known: false, fault: new Fault('ACCESS-UNKNOWN-DEVICE') };
  }
  const device = document.devices.find((one) => one.deviceId === presented.deviceId);
  if (device === undefined) return { known: false, fault: new Fault('ACCESS-UNKNOWN-DEVICE') };
  if (device.revokedAt !== undefined) return { known: false, fault: new Fault('ACCESS-REVOKED') };
  return { known: true, deviceId: device.deviceId, name: device.name, role: device.role };
}

/** Adds a device or replaces what was known of it; pairing again ends a revocation. */
export function addDevice(document: DevicesDocument, device: PairedDevice): void {
  const others = document.devices.filter((one) => one.deviceId !== device.deviceId);
  while (others.length >= DEVICE_LIMIT) {
    const revoked = others.findIndex((one) => one.revokedAt !== undefined);
    if (revoked < 0) throw new Fault('USAGE', { reason: `more than ${DEVICE_LIMIT} paired devices` });
    others.splice(revoked, 1);
  }
  document.devices = [...others, device];
}

/** The one device whose id starts with `prefix` or whose name equals it; throws `ACCESS-UNKNOWN-DEVICE` when not exactly one does. */
export function findDevice(document: DevicesDocument, prefix: string): PairedDevice {
  const found = document.devices.filter((one) => one.deviceId.startsWith(prefix) || one.name === prefix);
  const [device] = found;
  if (device === undefined || found.length > 1) throw new Fault('ACCESS-UNKNOWN-DEVICE');
  return device;
}

/** Where a host of a scenario is and which key it must show: by its pinned id, else by address, else by name among the paired hosts. */
export function resolveHost(
  document: DevicesDocument,
  host: HostReference,
): { readonly deviceId: string; readonly address: string } {
  const hosts = document.devices.filter((one) => one.kind === 'host');
  const device =
    host.deviceId === undefined
      ? (hosts.find((one) => one.address === host.address) ?? hosts.find((one) => one.name === host.name))
      : hosts.find((one) => one.deviceId === host.deviceId);
  if (device === undefined) throw new Fault('ACCESS-UNKNOWN-DEVICE');
  if (device.revokedAt !== undefined) throw new Fault('ACCESS-REVOKED');
  return { deviceId: device.deviceId, address: host.address };
}

export function revokeDevice(document: DevicesDocument, deviceId: string, nowMs: number): void {
  document.devices = document.devices.map((one) =>
    one.deviceId === deviceId && one.revokedAt === undefined ? { ...one, revokedAt: nowMs } : one,
  );
}

/** Nobody hands out or takes away more than their own role; machines are an administrator's business. */
export function mayGrant(granter: SessionRole, role: SessionRole): boolean {
  if (granter === 'peer' || granter === 'witness') return false;
  const own = USER_ROLES.indexOf(granter);
  if (own < USER_ROLES.indexOf('admin')) return false;
  return role === 'peer' || role === 'witness' || USER_ROLES.indexOf(role as UserRole) <= own;
}

/** The role a joiner gets; refuses what does not fit: a machine's role for a console or a person's for a host. */
export function roleForJoiner(kind: 'host' | 'console', invited: SessionRole | undefined): SessionRole {
  const role = invited ?? (kind === 'host' ? 'peer' : 'admin');
  const isMachine = role === 'peer' || role === 'witness';
  if (isMachine !== (kind === 'host')) throw new Fault('ACCESS-DENIED', { role, command: `pair a ${kind}` });
  return role;
}

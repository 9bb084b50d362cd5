/**
 * How two devices come to trust each other, and how a paired device authenticates afterwards. Pure: no sockets, no hashing;
 * the daemon (daemon/access) and the console (tui/client.ts) do the effects with the inputs defined here.
 *
 * IDENTITY. Every device (host or console) has a P-256 key and a self-signed certificate (shared/protocol/identity.ts).
 * Its device id is the SHA-256 of its public key (DER SubjectPublicKeyInfo), 64 lower-case hex digits; a renewed
 * certificate keeps it. Nothing else of a certificate is looked at: no names, no dates, no issuers.
 *
 * CONNECTING. TLS 1.3 only, both sides present their certificate (`rejectUnauthorized: false` on both: we pin keys, not
 * chains). The client compares the server's device id with the pinned one before it writes a byte and closes with
 * `ACCESS-PIN` otherwise. The server looks up the client's device id at `secureConnection`: unknown or revoked, and it
 * answers any request with the fixed 403 whose body is `{"fault": FaultDocument}` (`ACCESS-UNKNOWN-DEVICE` or
 * `ACCESS-REVOKED`) and closes. Socket.IO clients do not see that body: after a failed connection send `GET /access` over
 * the same kind of pinned connection; a known device gets 200 and `{"role", "deviceName"}`.
 *
 * `--data DIR` ON THE HOST ITSELF. The daemon keeps a second identity in DIR/admin/key.pem and DIR/admin/cert.pem (0600,
 * directory 0700), made at the first start. A client that presents it has the role `super`, and only when it connects from
 * an address of this host. DIR/run.json holds `RunFile`: where to connect and which device id to pin.
 *
 * PAIRING. The invitation holds where the host listens, its device id and a one-time secret of 128 bits; it is valid for
 * INVITE_LIFETIME_MS and INVITE_TRIES tries and ends with the first success or with the daemon.
 *   1. The joiner connects as above and pins the device id of the invitation.
 *   2. joiner → host   `GET /pair` with `Connection: Upgrade` and `Upgrade: mainstay-pair`; answer 101, or 403 with a fault.
 *   3. Both take E = exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL) of this TLS session, no context.
 *   4. joiner → host   PairJoin:   proof = hex(HMAC-SHA256(secret bytes, proofInput('joiner', E, host id, joiner id)))
 *   5. host → joiner   PairAnswer: on success, proof = hex(HMAC-SHA256(secret bytes, proofInput('host', E, …))); the joiner
 *      checks it before it trusts the host. Otherwise a fault; every wrong proof costs every open invitation a try.
 *   6. Both show confirmationText(SHA-256(confirmationInput(E, …))) for people to compare.
 * Messages are one line of JSON each, ended by '\n', at most MAX_PAIR_MESSAGE_BYTES. The host has stored the joiner when it
 * answers; a joiner that loses the answer pairs again with a new invitation.
 * The joiner's role: what the invitation says; without one a host becomes `peer` and a console `admin`. A host that joins
 * trusts the inviting host as `peer`.
 */
import { Fault } from '../faults.ts';

export const PAIR_PATH = '/pair';
export const PAIR_UPGRADE = 'mainstay-pair';
export const ACCESS_PATH = '/access';
export const INVITE_LIFETIME_MS = 10 * 60_000;
export const INVITE_TRIES = 5;
export const SECRET_BYTES = 16;
export const EXPORTER_LABEL = 'EXPORTER-mainstay-pair';
export const EXPORTER_BYTES = 32;
export const MAX_PAIR_MESSAGE_BYTES = 4096;
/** The whole exchange, on both sides. */
export const PAIR_TIMEOUT_MS = 10_000;

const INVITE_PREFIX = 'mainstay1:';
export const deviceIdPattern = /^[0-9a-f]{64}$/;
const secretPattern = /^[0-9a-f]{32}$/;

export interface Invite {
  /** `host:port`; an IPv6 host in brackets. */
  readonly address: string;
  readonly deviceId: string;
  /** 32 hex digits. */
  readonly secret: string;
}

/** One string without spaces or characters a shell would touch: `mainstay1:HOST:PORT/DEVICE/SECRET`. */
export function encodeInvite(invite: Invite): string {
  return `${INVITE_PREFIX}${invite.address}/${invite.deviceId}/${invite.secret}`;
}

/** Throws `ACCESS-INVITE` for anything that is not an invitation. */
export function decodeInvite(text: string): Invite {
  const trimmed = text.trim();
  const [address = '', deviceId = '', secret = '', ...rest] = trimmed.slice(INVITE_PREFIX.length).split('/');
  const wellFormed = trimmed.startsWith(INVITE_PREFIX) && rest.length === 0;
  if (!wellFormed || !deviceIdPattern.test(deviceId) || !secretPattern.test(secret)) throw new Fault('ACCESS-INVITE');
  parseAddress(address);
  return { address, deviceId, secret };
}

/** `host:port` or `[v6]:port`; throws `USAGE` when it is neither. Port 0 is allowed: it means any free port when listening. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) throw new Fault('USAGE', { reason: `"${address}" is not HOST:PORT` });
  return { host, port };
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Short form of a device id for people. */
export function shortDeviceId(deviceId: string): string {
  return deviceId.slice(0, 12);
}

/** Both ends of one exchange as each side sees them. */
export interface PairBinding {
  /** Keying material of the TLS session; the same on both sides only when nobody sits between them. */
  readonly exported: Uint8Array;
  readonly hostId: string;
  readonly joinerId: string;
}

/** What the HMAC of `side` covers. The sides differ, so that neither proof can be reflected. */
export function proofInput(side: 'host' | 'joiner', binding: PairBinding): Uint8Array {
  return bound(`mainstay pair ${side}`, binding);
}

export function confirmationInput(binding: PairBinding): Uint8Array {
  return bound('mainstay pair confirmation', binding);
}

/** Eight decimal digits in two groups from a SHA-256, to be compared by people: `4821-9307`. */
export function confirmationText(digest: Uint8Array): string {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  const group = (offset: number) => String(view.getUint32(offset) % 10_000).padStart(4, '0');
  return `${group(0)}-${group(4)}`;
}

function bound(purpose: string, binding: PairBinding): Uint8Array {
  const text = new TextEncoder().encode(`${purpose}\n${binding.hostId}\n${binding.joinerId}\n`);
  const input = new Uint8Array(text.length + binding.exported.length);
  input.set(text);
  input.set(binding.exported, text.length);
  return input;
}

/** DIR/run.json, there while the daemon runs (0600). */
export interface RunFile {
  /** Where this host itself reaches the daemon. */
  readonly address: string;
  readonly deviceId: string;
  readonly pid: number;
}

/** What `pair.invite` answers. */
export interface InviteResult {
  readonly invite: string;
  readonly expiresAt: number;
  /** Absent: `peer` for a host, `admin` for a console. */
  readonly role?: string;
}

/** What `pair.accept` answers, and what a console shows after it joined. */
export interface PairResult {
  readonly deviceId: string;
  readonly name: string;
  readonly address: string;
  /** What this device may do there. */
  readonly role: string;
  readonly confirmation: string;
}

/** One line of `pair.list`. */
export interface PairedDevice {
  readonly deviceId: string;
  readonly name: string;
  readonly kind: 'host' | 'console';
  readonly role: 'view' | 'control' | 'admin' | 'super' | 'peer' | 'witness';
  /** Hosts only: where it listens. */
  readonly address?: string;
  readonly pairedAt: number;
  readonly revokedAt?: number;
}

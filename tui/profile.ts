/**
 * The profile of a person at this computer: the hosts paired with it and its own identity. `profile.json` with `NAME.key.pem`
 * and `NAME.cert.pem` beside it, all 0600. With `--data DIR` the admin key of a local daemon is used instead.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../shared/faults.ts';
import type { ClientHost } from './client.ts';
import type { ClientIdentity } from './transport.ts';

export interface Profile {
  readonly path: string;
  readonly hosts: readonly ClientHost[];
}

/** Who we are and whom we may ask. */
export interface Access {
  readonly identity: ClientIdentity;
  readonly hosts: readonly ClientHost[];
  /** What to call this set of hosts on the screen. */
  readonly title: string;
}

/** `--profile`, else $MAINSTAY_PROFILE, else the user's configuration directory. */
export function profilePath(option: string | undefined, environment: NodeJS.ProcessEnv): string {
  const chosen = option ?? environment.MAINSTAY_PROFILE;
  if (chosen !== undefined && chosen !== '') return chosen;
  const base = environment.APPDATA ?? environment.XDG_CONFIG_HOME ?? join(homedir(), '.config');
  return join(base, 'mainstay', 'profile.json');
}

/** A missing profile is an empty one. */
export function readProfile(path: string): Profile {
  const text = readIfPresent(path);
  if (text === undefined) return { path, hosts: [] };
  try {
    const { hosts } = JSON.parse(text) as { hosts: ClientHost[] };
    const complete = hosts.every((host) => [host.name, host.address, host.deviceId].every(isText));
    if (!complete) throw new Error('a host lacks name, address or deviceId');
    return { path, hosts };
  } catch (error) {
    throw damaged(path, error);
  }
}

/** Adds a host or replaces the one of the same device; names stay unique. */
export function rememberHost(profile: Profile, host: ClientHost): Profile {
  const others = profile.hosts.filter((known) => known.deviceId !== host.deviceId);
  const taken = others.some((known) => known.name === host.name);
  const name = taken ? `${host.name}-${host.deviceId.slice(0, 6)}` : host.name;
  const next = { path: profile.path, hosts: [...others, { ...host, name }] };
  writePrivate(profile.path, `${JSON.stringify({ hosts: next.hosts }, undefined, 2)}\n`);
  return next;
}

/** The person's identity, made at the first use. */
export async function profileIdentity(path: string, nowMs: number): Promise<ClientIdentity> {
  const keyPath = identityPath(path, 'key');
  const certificatePath = identityPath(path, 'cert');
  const key = readIfPresent(keyPath);
  const certificate = readIfPresent(certificatePath);
  if (key !== undefined && certificate !== undefined) return { key, certificate };
  const { makeIdentity } = await import('../shared/protocol/identity.ts');
  const made = await makeIdentity(consoleName(), nowMs);
  // The key last: an identity exists when its key does, and then its certificate is there too.
  writePrivate(certificatePath, made.certificate);
  writePrivate(keyPath, made.key);
  return made;
}

export async function profileAccess(path: string, nowMs: number): Promise<Access> {
  const profile = readProfile(path);
  const identity = await profileIdentity(path, nowMs);
  return { identity, hosts: profile.hosts, title: profileTitle(path) };
}

/** What to call the hosts of a profile on the screen. */
export function profileTitle(path: string): string {
  const name = basename(path, '.json');
  return name === 'profile' ? 'default' : name;
}

/** Through the admin key in the data directory of a daemon that runs here. */
export function localAccess(dataDirectory: string): Access {
  const run = readIfPresent(join(dataDirectory, 'run.json'));
  if (run === undefined) {
    throw new Fault('LINK-UNREACHABLE', { host: dataDirectory, reason: 'no engine runs on this data directory' });
  }
  const key = readIfPresent(join(dataDirectory, 'admin', 'key.pem'));
  const certificate = readIfPresent(join(dataDirectory, 'admin', 'cert.pem'));
  if (key === undefined || certificate === undefined) {
    throw new Fault('FS-NOT-FOUND', { path: join(dataDirectory, 'admin') });
  }
  try {
    const { address, deviceId } = JSON.parse(run) as { address: string; deviceId: string };
    if (!isText(address) || !isText(deviceId)) throw new Error('address or deviceId is missing');
    return {
      identity: { key, certificate },
      hosts: [{ name: 'local', address, deviceId, isHere: true }],
      title: 'local',
    };
  } catch (error) {
    throw damaged(join(dataDirectory, 'run.json'), error);
  }
}

/** `user@computer`: what hosts list this console as. */
export function consoleName(): string {
  return `${userName()}@${hostname()}`.slice(0, 100);
}

/** Containers run with user ids that no account has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'user';
  }
}

function identityPath(path: string, what: 'key' | 'cert'): string {
  return join(dirname(path), `${basename(path, '.json')}.${what}.pem`);
}

/** Whole or not at all, readable by its owner only. */
function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EACCES' || code === 'EPERM') throw new Fault('FS-DENIED', { path }, error);
    throw error;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function damaged(path: string, error: unknown): Fault {
  const why = error instanceof Error ? error.message : String(error);
  return new Fault('USAGE', { reason: `"${path}" is damaged: ${why}` }, error);
}

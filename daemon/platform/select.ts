/** The adapters of this operating system, for composition roots. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import type { CaptureMethod, Clock, Random, RootCapture, RootTree, SegmentLog, StateFile } from '../ports.ts';
import type { WatchedRoot } from './hint-sink.ts';
import type { LdapComputerDirectory } from './linux/computer-directory.ts';
import type { NftPortFilter } from './linux/port-filter.ts';
import { runTool } from './linux/tool.ts';
import { SystemClock } from './node/clock.ts';
import { DnsExchange, searchDomain } from './node/dns-exchange.ts';
import { NetworkProbes } from './node/health-probes.ts';
import { JsonPoster, type TlsFiles } from './node/json-poster.ts';
import { SystemRandom } from './node/random.ts';
import { RegisteredScripts } from './node/registered-scripts.ts';
import { readSecret } from './node/secret-file.ts';
import { FileSegmentLog } from './node/segment-log.ts';
import { silenceAt } from './node/service-probe.ts';
import { DurableStateFile } from './node/state-file.ts';

const RESTART_MS = 10_000;

export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  /** `ROOT-MISSING` when there is no directory at `path`. */
  openTree(path: string): RootTree;
  openStateFile(path: string): StateFile;
  /** Creates the directory when it is missing. */
  openSegmentLog(directory: string): SegmentLog;
  readonly views: Views;
  readonly services: Services;
  /** Resolves when the whole system has begun to restart. */
  restartHost(): Promise<void>;
  /** Scripts an administrator of this host put into `folder`. */
  openScripts(folder: string): RegisteredScripts;
  openPoster(tls: TlsFiles): JsonPoster;
  /** Undefined when it is not there, or others may read it. */
  readSecret(folder: string, name: string): string | undefined;
}

/** See daemon/switchover/managed-services.ts. */
interface Services {
  state(name: string): Promise<'running' | 'stopped' | 'unknown'>;
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
}

/** Whoever lists services there is told when they should change. */
const NO_SERVICES: Services = {
  state: async () => 'unknown',
  start: async (name) => Promise.reject(unmanaged(name)),
  stop: async (name) => Promise.reject(unmanaged(name)),
};

function unmanaged(name: string): Fault {
  return new Fault('SERVICE-FAILED', { name, reason: 'this version manages services on Linux only' });
}

/** See daemon/rehearsal/views.ts. */
interface Views {
  unavailable(): string | undefined;
  open(label: string, roots: readonly string[], scratch: string): void;
  written(scratch: string): { readonly entries: number; readonly bytes: number };
  close(label: string, scratch: string): { readonly inUse: readonly string[] };
}

/** Windows has no writable view of a directory without a copy of its volume. */
const NO_VIEWS: Views = {
  unavailable: () => 'this system has no writable view over a directory',
  open: () => {},
  written: () => ({ entries: 0, bytes: 0 }),
  close: () => ({ inUse: [] }),
};

/** Asynchronous because only the files of this system are loaded: each binds its system's libraries at once. */
export async function loadPlatform(): Promise<Platform> {
  return {
    clock: new SystemClock(),
    random: new SystemRandom(),
    openTree: await loadTreeOpener(),
    openStateFile: (path) => new DurableStateFile(path),
    openSegmentLog: (directory) => new FileSegmentLog(directory),
    views: await loadViews(),
    services: await loadServices(),
    restartHost,
    openScripts: (folder) => new RegisteredScripts(folder),
    openPoster: (tls) => new JsonPoster(tls),
    readSecret,
  };
}

async function restartHost(): Promise<void> {
  const [tool, words] =
    process.platform === 'win32'
      ? (['shutdown', ['/r', '/t', '5', '/d', 'p:4:1']] as const)
      : (['systemctl', ['reboot', '--message=Mainstay: restart after a switchover']] as const);
  const { exitCode, stderr } = await runTool(tool, words, RESTART_MS);
  if (exitCode === 0) return;
  const reason = stderr.trim() || (exitCode === undefined ? `${tool} is missing` : `${tool} ended with ${exitCode}`);
  throw new Fault('SERVICE-FAILED', { name: 'restart', reason });
}

/** What redirection needs of this system (daemon/redirect); structural types, declared beside the adapters that use them. */
export interface RedirectionPlatform {
  readonly exchange: DnsExchange;
  readonly secure?: { unavailable(): Promise<string | undefined>; update(lines: readonly string[]): Promise<string> };
  readonly addresses: HostAddressTable;
  readonly computer: ComputerNames;
  readonly directory?: LdapComputerDirectory;
  tsigKey(name: string): string | undefined;
  /** Why nothing answers at that port; undefined: something does. */
  silence(address: string, port: number): Promise<string | undefined>;
  /** DNS domain of this host; empty: none is configured. */
  domain(): string;
  /** Undefined where the packet filter cannot close ports by itself. */
  portFilter(label: string, ports: readonly number[]): NftPortFilter | undefined;
}

interface ComputerNames {
  unavailable(): Promise<string | undefined>;
  read(): Promise<{ running: string; configured: string }>;
  set(names: { running: string; configured: string }): Promise<void>;
}

interface HostAddressTable {
  unavailable(): Promise<string | undefined>;
  list(): Promise<{ address: string; prefix: number; device: string; validSeconds: number | 'forever' }[]>;
  put(address: string, prefix: number, device: string, validSeconds: number | 'forever'): Promise<void>;
  remove(address: string, prefix: number, device: string): Promise<void>;
  holder(address: string, device: string): Promise<string | undefined>;
  announce(address: string, device: string): Promise<void>;
  configuredIn(address: string): Promise<string[]>;
}

/** Said by `unavailable` before anything else is called. */
const NO_ADDRESSES: HostAddressTable = {
  unavailable: async () => 'this version moves addresses on Linux only',
  list: async () => [],
  put: async () => undefined,
  remove: async () => undefined,
  holder: async () => undefined,
  announce: async () => undefined,
  configuredIn: async () => [],
};

/** Nothing is set where `unavailable` is not heeded: reading the same name again then says that it failed. */
const NO_RENAMING: ComputerNames = {
  unavailable: async () => 'this version renames computers on Linux only',
  read: async () => ({ running: hostname(), configured: hostname() }),
  set: async () => undefined,
};

/** `keys`: folder of the TSIG key files; `tickets`: where Kerberos tickets of the engine are kept. */
export async function loadRedirection(keys: string, tickets: string): Promise<RedirectionPlatform> {
  const exchange = new DnsExchange();
  const tsigKey = (name: string) => readSecret(keys, name);
  if (process.platform !== 'linux')
    return {
      exchange,
      tsigKey,
      domain: domainOf,
      silence: silenceAt,
      addresses: NO_ADDRESSES,
      computer: NO_RENAMING,
      portFilter: () => undefined,
    };
  const [
    { LdapComputerDirectory },
    { LinuxComputerName },
    { LinuxHostAddresses },
    { NftPortFilter },
    { SecureDnsUpdate },
  ] = await Promise.all([
    import('./linux/computer-directory.ts'),
    import('./linux/computer-name.ts'),
    import('./linux/host-addresses.ts'),
    import('./linux/port-filter.ts'),
    import('./linux/secure-dns-update.ts'),
  ]);
  return {
    exchange,
    tsigKey,
    domain: domainOf,
    silence: silenceAt,
    secure: new SecureDnsUpdate(tickets),
    directory: new LdapComputerDirectory(tickets, join(keys, 'ldap-ca.pem')),
    addresses: new LinuxHostAddresses(),
    computer: new LinuxComputerName(),
    portFilter: (label, ports) => new NftPortFilter(label, ports),
  };
}

/** Of the host's own name, else what its resolver adds to names without one. */
function domainOf(): string {
  const [, ...domain] = hostname().split('.');
  return domain.length > 0 ? domain.join('.') : searchDomain();
}

async function loadServices(): Promise<Services> {
  if (process.platform !== 'linux') return NO_SERVICES;
  const { SystemdServices } = await import('./linux/system-services.ts');
  return new SystemdServices();
}

/** What Is Alive asks of networks and of this system (daemon/health/contract.ts). */
export async function loadProbes(clock: Clock, random: Random, services: Services): Promise<NetworkProbes> {
  if (process.platform !== 'linux') return new NetworkProbes(clock, random, { services });
  const { IcmpSocket } = await import('./linux/icmp.ts');
  return new NetworkProbes(clock, random, { echo: (version, mark) => new IcmpSocket(version, mark), services });
}

async function loadViews(): Promise<Views> {
  if (process.platform !== 'linux') return NO_VIEWS;
  const { OverlayViews } = await import('./linux/overlay-views.ts');
  return new OverlayViews();
}

async function loadTreeOpener(): Promise<(path: string) => RootTree> {
  if (process.platform === 'win32') {
    const { WindowsTree } = await import('./windows/tree.ts');
    return (path) => new WindowsTree(path);
  }
  const { LinuxTree } = await import('./linux/tree.ts');
  return (path) => new LinuxTree(path);
}

/** Capture of this system; `turn` waits for events where the system has no other way to wake this thread. */
export interface CaptureDriver {
  readonly nowMs: () => number;
  prepare(path: string): { readonly path: string; readonly cookies: string };
  /** When it returns, every later change is reported to the root's sink; `tell` when it is captured otherwise later. */
  watch(watched: WatchedRoot, tell: (choice: RootCapture) => void): RootCapture;
  unwatch(watched: WatchedRoot): void;
  readonly turn: ((timeoutMs: number) => void) | undefined;
  /** For `Wakeup`: ends a wait in `turn`. Absent: it waits as long as it was told. */
  readonly wakeHandle?: number;
  close(): void;
}

export async function loadCapture(allowed: readonly CaptureMethod[] | undefined): Promise<CaptureDriver> {
  const clock = new SystemClock();
  const nowMs = () => clock.bootMs();
  if (process.platform === 'win32') {
    const { WindowsCapture } = await import('./windows/capture.ts');
    const capture = new WindowsCapture(nowMs, allowed);
    return {
      nowMs,
      prepare: (path) => capture.prepare(path),
      watch: (watched) => capture.watch(watched),
      unwatch: (watched) => capture.unwatch(watched),
      turn: undefined,
      close: () => capture.close(),
    };
  }
  const { LinuxCapture } = await import('./linux/capture.ts');
  const capture = new LinuxCapture({ nowMs, ...(allowed === undefined ? {} : { allowed }) });
  return {
    nowMs,
    prepare: (path) => capture.prepare(path),
    watch: (watched, tell) => capture.watch(watched, tell),
    unwatch: (watched) => capture.unwatch(watched),
    turn: (timeoutMs) => capture.turn(timeoutMs),
    ...(capture.wakeHandle < 0 ? {} : { wakeHandle: capture.wakeHandle }),
    close: () => capture.close(),
  };
}

/** What verification wants to know of this machine, by node:fs and node:os; Linux adds mounts and leases. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  type Dir,
  type Dirent,
  lstatSync,
  opendirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { hostname, networkInterfaces, release, type as systemType } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CONTROL_NAME } from '../../../shared/path.ts';
import type { DatasetFacts, HostInspector, MachineFacts, PathFacts } from '../../verify/facts.ts';

/** The main thread is given back after this long. */
const SLICE_MS = 5;
/** Entries between two looks at the clock. */
const ENTRIES_A_LOOK = 64;
const NAMES_A_READ = 256;
/** Names of a directory that are told as examples. */
const NAMES = 5;
const LIST_LIMIT = 20;
/** File systems in memory (statfs(2)): tmpfs and ramfs. */
const FORGETFUL = [0x01021994, 0x858458f6];
const COMMAND_TIMEOUT_MS = 2_000;

export function createHostInspector(): HostInspector {
  return { machine: inspectMachine, path: async (path) => inspectPath(path), dataset: countDataset };
}

// ---------------------------------------------------------------- the machine

async function inspectMachine(): Promise<MachineFacts> {
  const leased = await leasedAddresses();
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return {
    machine: machineKey(),
    platform: `${systemType()} ${release()}`,
    ...(process.geteuid === undefined ? {} : { ownsAll: process.geteuid() === 0 }),
    addresses: addresses.map(({ address }) => ({ address, dynamic: leased.has(address) })),
  };
}

/** The same for two engines on one machine; a digest, because the raw machine id is not for others. */
function machineKey(): string {
  const parts = ['/etc/machine-id', '/proc/sys/kernel/random/boot_id'].map((path) => readText(path) ?? '');
  return createHash('sha256')
    .update([hostname(), ...parts].join('\n'))
    .digest('hex');
}

/** Addresses with a limited lifetime (`ip -json address`); nothing where that cannot be told. */
async function leasedAddresses(): Promise<Set<string>> {
  if (process.platform !== 'linux') return new Set();
  try {
    const { stdout } = await promisify(execFile)('ip', ['-json', 'address', 'show'], { timeout: COMMAND_TIMEOUT_MS });
    const links = JSON.parse(stdout) as { addr_info?: { local?: string; dynamic?: boolean; family?: string }[] }[];
    // IPv6 addresses are dynamic also by router advertisement, which is no lease.
    const leased = links.flatMap((link) => link.addr_info ?? []).filter((one) => one.dynamic && one.family === 'inet');
    return new Set(leased.flatMap((one) => one.local ?? []));
  } catch {
    return new Set();
  }
}

// ---------------------------------------------------------------- one path

function inspectPath(path: string): PathFacts {
  const nothing = { path, readable: false, writable: false, caseSensitive: true, mounts: [] };
  try {
    const stat = statSync(path);
    const realPath = realpathSync(path);
    const { bavail, blocks, bsize, type: fileSystem } = statfsSync(path);
    const type = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
    return {
      path,
      type,
      realPath,
      readable: may(path, constants.R_OK | constants.X_OK),
      writable: may(path, constants.W_OK | constants.X_OK),
      volume: String(stat.dev),
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      caseSensitive: isCaseSensitive(realPath),
      ...(FORGETFUL.includes(fileSystem) ? { forgets: true } : {}),
      mounts: mountsBelow(realPath),
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { ...nothing, type: 'missing' };
    return { ...nothing, type: 'unknown', problem: code === 'EACCES' ? 'permission denied' : message };
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The directory under its name in the other case: the same object only where case does not count. */
function isCaseSensitive(path: string): boolean {
  const other = path === path.toUpperCase() ? path.toLowerCase() : path.toUpperCase();
  if (other === path) return process.platform !== 'win32';
  try {
    const [a, b] = [statSync(path, { bigint: true }), statSync(other, { bigint: true })];
    return a.ino !== b.ino || a.dev !== b.dev;
  } catch {
    return true;
  }
}

function mountsBelow(path: string): string[] {
  const inside = path === '/' ? '/' : `${path}/`;
  const lines = readText('/proc/self/mountinfo')?.split('\n') ?? [];
  return lines
    .map((line) => unescapeMount(line.split(' ')[4] ?? ''))
    .filter((mount) => mount.startsWith(inside) && mount !== path)
    .slice(0, 100);
}

/** Octal escapes of proc(5): `\040` is a blank. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

// ---------------------------------------------------------------- what is below

interface Count {
  entries: number;
  bytes: number;
  readonly collisions: string[];
  readonly unreadable: string[];
}

/** Turns of a bounded time, with the main thread given back between them, until a limit in all. */
class Turns {
  readonly #endsAt: number;
  #turnEndsAt: number;

  constructor(limitMs: number) {
    const now = performance.now();
    this.#endsAt = now + limitMs;
    this.#turnEndsAt = now + SLICE_MS;
  }

  /** Between two pieces of work; false when the limit is reached. */
  async goOn(): Promise<boolean> {
    const now = performance.now();
    if (now > this.#endsAt) return false;
    if (now < this.#turnEndsAt) return true;
    await nextTurn();
    this.#turnEndsAt = performance.now() + SLICE_MS;
    return true;
  }
}

async function countDataset(path: string, limitMs: number, sizes: boolean): Promise<DatasetFacts> {
  const count: Count = { entries: 0, bytes: 0, collisions: [], unreadable: [] };
  const turns = new Turns(limitMs);
  const pending = [path];
  let complete = true;
  for (let directory = pending.pop(); complete && directory !== undefined; directory = pending.pop()) {
    complete = await countDirectory({ directory, count, pending, turns, sizes });
  }
  const { bytes, ...rest } = count;
  return { ...rest, ...(sizes ? { bytes } : {}), names: namesIn(path), complete };
}

function namesIn(directory: string): string[] {
  const open = openDirectory(directory);
  if (open === undefined || open === 'denied') return [];
  const names: string[] = [];
  for (let entry = open.readSync(); entry !== null && names.length < NAMES; entry = open.readSync()) {
    if (entry.name !== CONTROL_NAME) names.push(entry.name);
  }
  open.closeSync();
  return names;
}

interface Place {
  readonly directory: string;
  readonly count: Count;
  /** Takes the directories in it. */
  readonly pending: string[];
  readonly turns: Turns;
  readonly sizes: boolean;
}

/** Counts one directory, however large it is; false when the time was up. */
async function countDirectory(place: Place): Promise<boolean> {
  const { directory, count, turns } = place;
  const open = openDirectory(directory);
  if (open === 'denied') note(count.unreadable, directory);
  if (open === undefined || open === 'denied') return true;
  const folded = new Set<string>();
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (entry.name === CONTROL_NAME) continue;
      countEntry(entry, place, folded);
      if (count.entries % ENTRIES_A_LOOK === 0 && !(await turns.goOn())) return false;
    }
  } catch {
    // It went away, or its volume did: what was counted is still something.
  } finally {
    open.closeSync();
  }
  return await turns.goOn();
}

/** `folded`: the names before it in the directory, in lower case. */
function countEntry(entry: Dirent, { directory, count, pending, sizes }: Place, folded: Set<string>): void {
  count.entries += 1;
  const path = join(directory, entry.name);
  const lower = entry.name.toLowerCase();
  if (folded.has(lower)) note(count.collisions, path);
  folded.add(lower);
  if (entry.isDirectory()) pending.push(path);
  else if (sizes && entry.isFile()) count.bytes += look(path)?.size ?? 0;
}

/** Read in pieces, so that one of a million names does not hold up everything else. */
function openDirectory(path: string): Dir | 'denied' | undefined {
  try {
    return opendirSync(path, { bufferSize: NAMES_A_READ });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'denied' : undefined;
  }
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // A directory that may be listed but not entered.
    return undefined;
  }
}

function note(list: string[], path: string): void {
  if (list.length < LIST_LIMIT) list.push(path);
}

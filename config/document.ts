/** Reads a scenario document as people write it; every reason names the place in the document. Pure. */
import { Fault } from '../shared/faults.ts';
import {
  type HostReference,
  type RootPair,
  type ScenarioDocument,
  SERVER_TYPES,
  type ServerType,
  type SettingValues,
} from '../shared/scenario.ts';
import { didYouMean } from '../shared/suggest.ts';
import { keysOf, validate } from './catalogue.ts';
import { absolutePathProblem, overlap } from './root-path.ts';
import { DEFAULT_PORT } from './settings/daemon.ts';
import type { SettingScope } from './settings/definition.ts';

/** What an administrator gives; the product adds `id` and `revision`. */
export type ScenarioInput = Omit<ScenarioDocument, 'id' | 'revision'>;

export const MAX_ROOTS = 255;
export const MAX_REPLICAS = 64;
const MAX_PATTERNS = 1000;
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
/** `id` and `revision` come with `scenario show`; they are the product's and ignored on input, like `$schema`. */
const TOP_KEYS = ['name', 'group', 'serverType', 'solution', 'master', 'replicas', 'roots', 'exclude', 'settings'];
const IGNORED_KEYS = ['$schema', 'id', 'revision'];
const HOST_KEYS = ['name', 'address', 'deviceId', 'settings'];
const REPLICA_KEYS = [...HOST_KEYS, 'roots', 'source'];
const ROOT_KEYS = ['master', 'replica', 'include', 'exclude', 'fileFilter'];

/**
 * A complete document without `id` and `revision`: defaults of fields filled in, settings in their stored form (sparse).
 * Throws `SCENARIO-INVALID` naming path and reason.
 */
export function parseScenarioInput(input: unknown): ScenarioInput {
  const document = objectAt(input, 'document', [...TOP_KEYS, ...IGNORED_KEYS]);
  const name = parseName(document.name, 'name');
  const master = parseHost(document.master, 'master', 'master');
  const replicas = parseReplicas(document.replicas);
  checkHostNames(master, replicas);
  const roots = parseRoots(document.roots);
  checkReplicaRoots(replicas, roots);
  checkSources(master, replicas);
  const group = document.group;
  return {
    name,
    ...(group === undefined || group === '' ? {} : { group: parseName(group, 'group') }),
    serverType: oneOf(document.serverType, SERVER_TYPES, 'serverType') as ServerType,
    solution: document.solution === undefined ? 'ha' : oneOf(document.solution, ['ha', 'dr'] as const, 'solution'),
    master,
    replicas,
    roots,
    exclude: document.exclude === undefined ? [] : parsePatterns(document.exclude, 'exclude'),
    settings: parseSettings(document.settings, 'scenario', 'settings'),
  };
}

/** `host:port` with the default port filled in; throws `SCENARIO-INVALID` for `path`. */
function parseAddress(given: unknown, path: string): string {
  if (typeof given !== 'string' || given.length === 0)
    throw wrong(path, 'it must be host:port, such as "web-02:25000"');
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\s/[\]]+))(?::(\d{1,5}))?$/.exec(given.trim());
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  if (match === null || port < 1 || port > 65_535) {
    throw wrong(path, `${JSON.stringify(given)} is not host:port (IPv6 addresses in brackets)`);
  }
  return `${match[1] === undefined ? match[2] : `[${match[1]}]`}:${port}`;
}

/** Names of files: the pattern is for the name alone. */
function parseFileFilter(given: unknown, key: string): string[] {
  const patterns = parsePatterns(given, key);
  const index = patterns.findIndex((pattern) => pattern.includes('/'));
  if (index >= 0) throw wrong(`${key}[${index}]`, 'it is compared with the name alone and may not hold "/"');
  return patterns;
}

function parsePatterns(given: unknown, key: string): string[] {
  if (!Array.isArray(given)) throw wrong(key, 'it must be a list of patterns');
  if (given.length > MAX_PATTERNS) throw wrong(key, `more than ${MAX_PATTERNS} patterns`);
  return given.map((pattern: unknown, index) => {
    const path = `${key}[${index}]`;
    if (typeof pattern !== 'string' || pattern === '') throw wrong(path, 'it must be a pattern such as "cache/**"');
    if (pattern.startsWith('/') || pattern.includes('\\')) {
      throw wrong(path, `patterns are relative to each root, with "/" between names: ${JSON.stringify(pattern)}`);
    }
    if (pattern.split('/').includes('..') || hasControl(pattern))
      throw wrong(path, 'it may not hold ".." or control characters');
    return pattern;
  });
}

function parseDeviceId(given: unknown, path: string): string {
  if (typeof given !== 'string' || !/^[0-9a-f]{64}$/i.test(given)) {
    throw wrong(path, 'it must be 64 hexadecimal digits (see `mainstay hosts`)');
  }
  return given.toLowerCase();
}

function parseName(given: unknown, path: string): string {
  if (typeof given !== 'string' || given.trim() === '') throw wrong(path, 'it is missing');
  const name = given.trim();
  if (name.length > 100) throw wrong(path, 'it is longer than 100 characters');
  if (hasControl(name) || name.startsWith('-')) {
    throw wrong(path, 'it may not hold control characters or begin with "-"');
  }
  return name;
}

function parseRoots(given: unknown): RootPair[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw wrong('roots', 'it must list at least one root, such as {"master": "/srv/www"}');
  }
  if (given.length > MAX_ROOTS) throw wrong('roots', `more than ${MAX_ROOTS} roots`);
  const roots = given.map((root: unknown, index) => parseRoot(root, `roots[${index}]`));
  checkOverlap(
    roots.map((root) => root.master),
    'master',
  );
  checkOverlap(
    roots.map((root) => root.replica ?? root.master),
    'replica',
  );
  return roots;
}

function parseRoot(given: unknown, path: string): RootPair {
  if (typeof given === 'string') return { master: parseRootPath(given, path) };
  const root = objectAt(given, path, ROOT_KEYS);
  const master = parseRootPath(root.master, `${path}.master`);
  return {
    master,
    ...(root.replica === undefined ? {} : { replica: parseRootPath(root.replica, `${path}.replica`) }),
    ...(root.include === undefined ? {} : { include: parsePatterns(root.include, `${path}.include`) }),
    ...(root.exclude === undefined ? {} : { exclude: parsePatterns(root.exclude, `${path}.exclude`) }),
    ...(root.fileFilter === undefined ? {} : { fileFilter: parseFileFilter(root.fileFilter, `${path}.fileFilter`) }),
  };
}

function parseRootPath(given: unknown, path: string): string {
  if (typeof given !== 'string' || given === '') throw wrong(path, 'it must be an absolute directory');
  const problem = absolutePathProblem(given);
  if (problem !== undefined) throw wrong(path, `${JSON.stringify(given)} ${problem}`);
  return given.length > 1 && !/^[A-Za-z]:[\\/]$/.test(given) ? given.replace(/[\\/]+$/, '') : given;
}

function checkOverlap(paths: readonly string[], side: 'master' | 'replica'): void {
  for (const [index, path] of paths.entries()) {
    const other = paths.findIndex((candidate, at) => at < index && overlap(candidate, path));
    if (other >= 0) throw wrong(`roots[${index}].${side}`, `it overlaps roots[${other}].${side} (${paths[other]})`);
  }
}

function parseReplicas(given: unknown): HostReference[] {
  if (!Array.isArray(given) || given.length === 0) throw wrong('replicas', 'it must list at least one Replica');
  if (given.length > MAX_REPLICAS) throw wrong('replicas', `more than ${MAX_REPLICAS} Replicas`);
  return given.map((replica: unknown, index) => parseHost(replica, 'replica', `replicas[${index}]`));
}

function parseHost(given: unknown, scope: SettingScope, path: string): HostReference {
  const host = objectAt(given, path, scope === 'replica' ? REPLICA_KEYS : HOST_KEYS);
  const name = host.name;
  if (typeof name !== 'string' || !HOST_NAME.test(name)) {
    throw wrong(`${path}.name`, 'it must be a name of letters, digits, "-", "_" and "."');
  }
  const settings = parseSettings(host.settings, scope, `${path}.settings`);
  return {
    name,
    address: parseAddress(host.address, `${path}.address`),
    ...(host.deviceId === undefined ? {} : { deviceId: parseDeviceId(host.deviceId, `${path}.deviceId`) }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(host.roots === undefined ? {} : { roots: parseReplicaRoots(host.roots, `${path}.roots`) }),
    ...(host.source === undefined || host.source === '' ? {} : { source: parseName(host.source, `${path}.source`) }),
  };
}

function parseReplicaRoots(given: unknown, path: string): string[] {
  if (!Array.isArray(given)) throw wrong(path, 'it must list a directory for each of the roots of the scenario');
  return given.map((root: unknown, index) => parseRootPath(root, `${path}[${index}]`));
}

function checkReplicaRoots(replicas: readonly HostReference[], roots: readonly RootPair[]): void {
  for (const [index, { roots: own }] of replicas.entries()) {
    if (own === undefined) continue;
    const path = `replicas[${index}].roots`;
    if (own.length !== roots.length)
      throw wrong(path, `the scenario has ${roots.length} roots, this lists ${own.length}`);
    for (const [at, root] of own.entries()) {
      const other = own.findIndex((candidate, before) => before < at && overlap(candidate, root));
      if (other >= 0) throw wrong(`${path}[${at}]`, `it overlaps ${path}[${other}] (${own[other]})`);
    }
  }
}

/** Every Replica is fed by the Master in the end. */
function checkSources(master: HostReference, replicas: readonly HostReference[]): void {
  const byName = new Map(replicas.map((replica) => [replica.name.toLowerCase(), replica]));
  for (const [index, replica] of replicas.entries()) {
    const passed = new Set<HostReference>();
    for (let at = replica; at.source !== undefined && at.source.toLowerCase() !== master.name.toLowerCase(); ) {
      const source = byName.get(at.source.toLowerCase());
      const path = `replicas[${index}].source`;
      if (source === undefined) throw wrong(path, `the scenario has no host "${at.source}"`);
      if (passed.has(source) || source === replica) throw wrong(path, `"${replica.name}" would feed itself`);
      passed.add(source);
      at = source;
    }
  }
}

function checkHostNames(master: HostReference, replicas: readonly HostReference[]): void {
  const names = [master.name, ...replicas.map((replica) => replica.name)].map((name) => name.toLowerCase());
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0)
    throw wrong(`replicas[${twice - 1}].name`, `"${replicas[twice - 1]!.name}" is used by another host already`);
}

function parseSettings(given: unknown, scope: SettingScope, path: string): SettingValues {
  if (given === undefined) return {};
  const values = objectAt(given, path, undefined);
  try {
    return validate(values, scope);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'CONFIG-INVALID') throw error;
    const { key, reason } = error.details;
    throw new Fault('SCENARIO-INVALID', { path: `${path}["${key}"]`, reason: `${path}["${key}"]: ${reason}` }, error);
  }
}

/** An object whose keys are all known; `undefined` keys: any (checked by the caller). */
function objectAt(given: unknown, path: string, keys: readonly string[] | undefined): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrong(path, 'it must be an object');
  if (keys !== undefined) {
    for (const key of Object.keys(given)) {
      if (!keys.includes(key)) throw wrong(path, `unknown key "${key}"${hintFor(key, keys)}`);
    }
  }
  return given as Record<string, unknown>;
}

function hintFor(key: string, keys: readonly string[]): string {
  const isSetting = keysOf('scenario').includes(key as never);
  return isSetting ? '; it is a property and belongs into "settings"' : didYouMean(key, keys);
}

function oneOf<T extends string>(given: unknown, choices: readonly T[], path: string): T {
  if (typeof given === 'string' && (choices as readonly string[]).includes(given)) return given as T;
  const near = typeof given === 'string' ? didYouMean(given, choices) : '';
  throw wrong(
    path,
    `${given === undefined ? 'it is missing' : JSON.stringify(given)}; it must be one of: ${choices.join(', ')}${near}`,
  );
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}

function wrong(path: string, reason: string): Fault {
  return new Fault('SCENARIO-INVALID', { path, reason: `${path}: ${reason}` });
}

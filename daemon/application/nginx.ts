/** Discovery of nginx from the text of its configuration. Pure: included files come from `include`. */
import type { DiscoveredSite, Discovery } from '../../shared/results.ts';
import { Findings } from './findings.ts';
import { type Directive, parseNginx } from './nginx-parser.ts';
import { proposeRoots } from './paths.ts';

export interface NginxSource {
  readonly file: string;
  readonly text: string;
  /** Files that an `include` pattern names; undefined where they cannot be read. */
  readonly include?: (pattern: string) => readonly { readonly file: string; readonly text: string }[] | undefined;
}

const MAX_INCLUDE_DEPTH = 10;
const MAX_FILES = 1_000;

interface Reading {
  readonly findings: Findings;
  readonly include: NginxSource['include'];
  files: number;
}

export function discoverNginx(source: NginxSource): Discovery {
  const reading: Reading = { findings: new Findings(), include: source.include, files: 0 };
  const directives = parse(source.file, source.text, reading, 0);
  const sites = blocksOf(directives, 'http').flatMap((http) => readHttp(http.block ?? [], reading));
  // A file from sites-available holds servers without the http block around them.
  const bare = blocksOf(directives, 'server');
  if (bare.length > 0) sites.push(...readHttp(bare, reading));
  if (sites.length === 0) {
    const fix = 'Give the nginx.conf of the server, or the output of `nginx -T`.';
    reading.findings.add(
      'error',
      'NO-SITES-SECTION',
      source.file,
      'There is no server block in this configuration.',
      fix,
    );
  }
  const numbered = sites.map((site, index) => ({ ...site, id: index + 1 }));
  return {
    application: 'nginx',
    sites: numbered,
    applicationPools: [],
    findings: reading.findings.list,
    roots: proposeRoots(numbered),
  };
}

/** Directives of a file with its includes in their place. */
function parse(file: string, text: string, reading: Reading, depth: number): Directive[] {
  const { directives, problem } = parseNginx(text, file);
  if (problem !== undefined) {
    const said = `The configuration cannot be read completely: ${problem.reason}.`;
    reading.findings.add('error', 'SYNTAX', `${file}:${problem.line}`, said, '`nginx -t` shows the place.');
  }
  return expand(directives, reading, depth);
}

function expand(directives: readonly Directive[], reading: Reading, depth: number): Directive[] {
  return directives.flatMap((directive) => {
    if (directive.name === 'include') return included(directive, reading, depth);
    return [
      directive.block === undefined ? directive : { ...directive, block: expand(directive.block, reading, depth) },
    ];
  });
}

function included(directive: Directive, reading: Reading, depth: number): Directive[] {
  const pattern = directive.args[0] ?? '';
  const where = `${directive.file}:${directive.line}`;
  // What lists media types and upstream parameters never holds servers.
  const irrelevant = /(^|\/)(mime\.types|fastcgi_params|fastcgi\.conf|uwsgi_params|scgi_params|proxy_params)$/.test(
    pattern,
  );
  if (irrelevant) return [];
  const files = depth < MAX_INCLUDE_DEPTH ? reading.include?.(pattern) : undefined;
  if (files === undefined || reading.files > MAX_FILES) {
    const fix = 'Discover on the server itself, or give the output of `nginx -T`, which holds all files.';
    reading.findings.add('warning', 'INCLUDE-UNREAD', where, `"${pattern}" is included and was not read.`, fix);
    return [];
  }
  reading.files += files.length;
  return files.flatMap(({ file, text }) => parse(file, text, reading, depth + 1));
}

type Site = Omit<DiscoveredSite, 'id'>;

function readHttp(http: readonly Directive[], reading: Reading): Site[] {
  const root = firstValue(http, 'root');
  return blocksOf(http, 'server').map((server) => readServer(server, root, reading));
}

function readServer(server: Directive, inherited: string | undefined, reading: Reading): Site {
  const block = server.block ?? [];
  const where = `${server.file}:${server.line}`;
  const names = block.filter((one) => one.name === 'server_name').flatMap((one) => one.args);
  const hosts = names.filter((name) => name !== '' && name !== '_');
  const listens = block.filter((one) => one.name === 'listen');
  const certificate = firstValue(block, 'ssl_certificate');
  const bindings = (listens.length === 0 ? [['80']] : listens.map((one) => one.args)).flatMap((args) =>
    bindingsOf(args, hosts, certificate),
  );
  const name = hosts[0] ?? bindings.map((one) => `${one.address}:${one.port}`)[0] ?? 'default';
  const root = firstValue(block, 'root') ?? inherited;
  const directories = [...(root === undefined ? [] : [{ path: '/', physicalPath: root }]), ...locationsOf(block, root)];
  for (const { path, physicalPath } of directories) checkPath(name, path, physicalPath, where, reading.findings);
  if (directories.length === 0) {
    const text = `"${name}" serves no files of its own (it forwards or answers by itself).`;
    reading.findings.add(
      'info',
      'NO-DIRECTORY',
      where,
      text,
      'Nothing to replicate for it; protect the server behind it.',
    );
  }
  return { name, bindings, applications: [{ path: '/', pool: '', virtualDirectories: directories }] };
}

function locationsOf(block: readonly Directive[], root: string | undefined): { path: string; physicalPath: string }[] {
  return blocksOf(block, 'location').flatMap((location) => {
    const inside = location.block ?? [];
    const path = location.args.at(-1) ?? '/';
    const own = firstValue(inside, 'alias') ?? firstValue(inside, 'root');
    const nested = locationsOf(inside, own ?? root);
    return own === undefined || own === root ? nested : [{ path, physicalPath: own }, ...nested];
  });
}

/** `80`, `10.0.0.1:8080 ssl`, `[::]:443 ssl http2`, `localhost`, `unix:/run/x.sock`. */
function bindingsOf(args: readonly string[], hosts: readonly string[], certificate: string | undefined) {
  const [at = '80', ...parameters] = args;
  const secure = parameters.includes('ssl') || parameters.includes('quic');
  const place = placeOf(at, secure);
  return (hosts.length === 0 ? [''] : hosts).map((host) => ({
    protocol: secure ? 'https' : 'http',
    ...place,
    host,
    ...(secure && certificate !== undefined ? { certificate } : {}),
  }));
}

function placeOf(at: string, secure: boolean): { address: string; port: number } {
  if (at.startsWith('unix:')) return { address: at, port: 0 };
  if (/^\d+$/.test(at)) return { address: '*', port: Number(at) };
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(at);
  const address = (match?.[1] ?? at).replace(/^\[(.*)\]$/, '$1');
  return { address: address === '' ? '*' : address, port: Number(match?.[2] ?? (secure ? 443 : 80)) };
}

function checkPath(name: string, path: string, physicalPath: string, where: string, findings: Findings): void {
  if (physicalPath.includes('$')) {
    const text = `The directory of "${name}${path}" depends on the request: ${physicalPath}.`;
    findings.add('warning', 'PATH-VARIABLE', where, text, 'Name the directories that are meant as roots by hand.');
  } else if (!physicalPath.startsWith('/') && !/^[A-Za-z]:/.test(physicalPath)) {
    const text = `The directory of "${name}${path}" is relative to the prefix of nginx: ${physicalPath}.`;
    findings.add(
      'warning',
      'PATH-RELATIVE',
      where,
      text,
      'See `nginx -V` for the prefix and name the directory in full.',
    );
  }
}

function blocksOf(directives: readonly Directive[], name: string): Directive[] {
  return directives.filter((directive) => directive.name === name && directive.block !== undefined);
}

function firstValue(directives: readonly Directive[], name: string): string | undefined {
  return directives.find((directive) => directive.name === name)?.args[0];
}

/** Discovery of IIS from the text of its configuration. Pure: further files come from `files`. */
import type { Discovery } from '../../shared/results.ts';
import { Findings } from './findings.ts';
import { type IisPool, type IisReading, type IisSite, readPools, readSite, readSites } from './iis-model.ts';
import { checkSections } from './iis-sections.ts';
import { isMetabase, readMetabase } from './iis6-model.ts';
import { isUnc, proposeRoots } from './paths.ts';
import { attributeOf, childOf, childrenOf, descendantsOf, type Element, type ParsedXml, readXml } from './xml.ts';

export interface IisSource {
  /** Name of the file, for `where`. */
  readonly file: string;
  readonly text: string;
  /** Environment variables of the host, on Windows only. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Text of a file beside it (`configSource`); undefined when it cannot be read. */
  readonly beside?: (name: string) => string | undefined;
}

const HOST_SECTION = 'system.applicationHost';

export function discoverIis(source: IisSource): Discovery {
  const findings = new Findings();
  const parsed = parse(source.file, source.text, findings);
  const result = parsed === undefined ? EMPTY : read(source, parsed, findings);
  return {
    application: 'iis',
    sites: result.sites,
    applicationPools: result.pools,
    findings: findings.list,
    roots: proposeRoots(result.sites),
  };
}

interface Found {
  readonly sites: Discovery['sites'];
  readonly pools: readonly { readonly name: string }[];
}
const EMPTY: Found = { sites: [], pools: [] };

function parse(file: string, text: string, findings: Findings): ParsedXml | undefined {
  const parsed = readXml(text);
  if ('root' in parsed) return parsed;
  const where = `${file}:${parsed.line}`;
  const fix = 'Give the applicationHost.config of a working server; an editor that checks XML shows the place.';
  findings.add('error', 'XML-INVALID', where, `This is not well-formed XML: ${parsed.reason}`, fix);
  return undefined;
}

function read(source: IisSource, parsed: ParsedXml, findings: Findings): Found {
  const { root } = parsed;
  const where = (element: Element) => `${source.file}:${parsed.lineOf(element)}`;
  const reading: IisReading = {
    findings,
    where,
    ...(source.variables === undefined ? {} : { variables: source.variables }),
  };
  if (isMetabase(root)) {
    const text = 'This is the metabase of IIS 6: its sites are listed, but IIS 6 is only read for comparison.';
    findings.add('warning', 'IIS6-METABASE', source.file, text, 'Move the sites to a current version of IIS.');
    const found = readMetabase(root);
    for (const site of found.sites) checkUncPaths(site, findings);
    return found;
  }
  if (root.name === 'configuration') {
    checkSections(root, findings, where);
    return readConfiguration(source, root, reading);
  }
  return readUnusual(source, root, reading);
}

function readConfiguration(source: IisSource, root: Element, reading: IisReading): Found {
  const { findings, where } = reading;
  const shared = childOf(root, 'configurationRedirection');
  if (attributeOf(shared, 'enabled')?.toLowerCase() === 'true') {
    const path = attributeOf(shared, 'path') ?? '';
    const text = `Shared configuration: the sites are in another place (${path}).`;
    findings.add(
      'warning',
      'SHARED-CONFIGURATION',
      source.file,
      text,
      `Discover from the applicationHost.config in ${path}.`,
    );
  }
  // A section may also stand in a <location> for all sites.
  const everywhere = childrenOf(root, 'location').filter((one) => ['', '.'].includes(attributeOf(one, 'path') ?? ''));
  const hosts = [root, ...everywhere].flatMap((one) => childrenOf(one, HOST_SECTION));
  if (hosts.length === 0) {
    if (shared !== undefined) return EMPTY;
    const hasWeb = childOf(root, 'system.webServer') !== undefined || childOf(root, 'system.web') !== undefined;
    const text = hasWeb
      ? 'There are no sites in this file: it looks like a web.config.'
      : `There is no <${HOST_SECTION}> in this file.`;
    findings.add(
      'error',
      'NO-SITES-SECTION',
      source.file,
      text,
      'Give %windir%\\System32\\inetsrv\\config\\applicationHost.config.',
    );
    return EMPTY;
  }
  if (hosts.length > 1) {
    findings.add(
      'info',
      'SECTION-TWICE',
      where(hosts[1]!),
      `<${HOST_SECTION}> stands more than once.`,
      'Nothing to do: all of it was read.',
    );
  }
  return readHostSections(source, hosts, reading);
}

function readHostSections(source: IisSource, hosts: readonly Element[], reading: IisReading): Found {
  const poolSections = hosts.flatMap((host) => sections(source, host, 'applicationPools', reading));
  const siteSections = hosts.flatMap((host) => sections(source, host, 'sites', reading));
  const pools = poolSections.flatMap((one) => readPools(one.element, one.reading));
  const known: readonly IisPool[] | undefined = poolSections.length === 0 ? undefined : pools;
  if (poolSections.length === 0) {
    reading.findings.add(
      'info',
      'NO-POOLS',
      source.file,
      'There is no <applicationPools> section.',
      'Pools cannot be compared from this file.',
    );
  }
  if (siteSections.length === 0) {
    reading.findings.add(
      'warning',
      'NO-SITES',
      source.file,
      'There is no <sites> section.',
      'Give the complete applicationHost.config.',
    );
  }
  const sites: IisSite[] = siteSections.flatMap((one) => readSites(one.element, known, one.reading));
  return { sites, pools };
}

interface Section {
  readonly element: Element;
  readonly reading: IisReading;
}

/** The sections of one name, read from another file where `configSource` says so. */
function sections(source: IisSource, host: Element, name: string, reading: IisReading): Section[] {
  return childrenOf(host, name).flatMap((element) => {
    const file = attributeOf(element, 'configSource');
    if (file === undefined || file === '') return [{ element, reading }];
    const text = source.beside?.(file);
    if (text === undefined) {
      const said = `The section <${name}> is in another file: ${file}`;
      reading.findings.add(
        'warning',
        'CONFIG-SOURCE',
        reading.where(element),
        `${said}.`,
        'Discover on the server itself, where that file can be read.',
      );
      return [];
    }
    const parsed = parse(file, text, reading.findings);
    if (parsed === undefined) return [];
    const where = (one: Element) => `${file}:${parsed.lineOf(one)}`;
    if (parsed.root.name === name) return [{ element: parsed.root, reading: { ...reading, where } }];
    reading.findings.add('warning', 'CONFIG-SOURCE', file, `It does not begin with <${name}>.`, 'Repair the file.');
    return [];
  });
}

/** Parts of a configuration: a bare `<site>`, `<sites>`, the host section, or the output of appcmd. */
function readUnusual(source: IisSource, root: Element, reading: IisReading): Found {
  const said = `The document begins with <${root.name}> instead of <configuration>`;
  const fix = 'Give the complete applicationHost.config to see defaults and pools as well.';
  reading.findings.add('info', 'ROOT-UNUSUAL', source.file, `${said}: only what is in it is listed.`, fix);
  if (root.name === HOST_SECTION) return readHostSections(source, [root], reading);
  if (root.name === 'sites') return { sites: readSites(root, undefined, reading), pools: [] };
  const sites = [...descendantsOf(root)].filter((element) => element.name === 'site');
  const pools = [...descendantsOf(root)].filter((element) => element.name === 'applicationPools');
  if (sites.length === 0) {
    reading.findings.add('error', 'NO-SITES-SECTION', source.file, 'There is no <site> in this document.', fix);
  }
  return {
    sites: sites.map((site) => readSite(site, undefined, reading)),
    pools: pools.flatMap((section) => readPools(section, reading)),
  };
}

function checkUncPaths(site: Discovery['sites'][number], findings: Findings): void {
  for (const application of site.applications) {
    for (const { path, physicalPath } of application.virtualDirectories) {
      if (!isUnc(physicalPath)) continue;
      const text = `"${site.name}${path}" is on another server: ${physicalPath}.`;
      findings.add(
        'error',
        'UNC-PATH',
        `${site.name}${path}`,
        text,
        'Protect the file server itself, or copy the site to a local directory.',
      );
    }
  }
}

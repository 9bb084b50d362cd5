/**
 * Sites and application pools of an applicationHost.config, by the schema of IIS 7 to 10 and IIS Express. Whatever is
 * unusual becomes a finding; passwords are never part of the answer. Pure.
 */
import type { DiscoveredSite } from '../../shared/results.ts';
import type { Findings } from './findings.ts';
import { type IisBinding, readBinding } from './iis-binding.ts';
import { expandVariables, isAbsolute, isUnc } from './paths.ts';
import { attributeOf, childOf, childrenOf, type Element } from './xml.ts';

export interface IisPool {
  readonly name: string;
  readonly runtime: string;
  readonly pipeline: string;
  readonly identity: string;
  readonly userName?: string;
  readonly enable32Bit: boolean;
  readonly autoStart: boolean;
}

export interface IisSite extends DiscoveredSite {
  readonly bindings: readonly IisBinding[];
  readonly autoStart: boolean;
}

/** What else than the elements reading needs. */
export interface IisReading {
  readonly findings: Findings;
  /** `file:line` of an element. */
  readonly where: (element: Element) => string;
  /** Environment of the host, to resolve `%NAME%`; undefined where the file is read elsewhere: the text stays as it is. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The pool an application without any setting runs in, by the schema. */
const DEFAULT_POOL = 'DefaultAppPool';

/**
 * The elements of a collection after its `clear` and `remove` were obeyed; `key` is the attribute that names one.
 */
function collection(parent: Element | undefined, item: string, key: string): Element[] {
  let items: Element[] = [];
  for (const child of childrenOf(parent)) {
    if (child.name === 'clear') items = [];
    else if (child.name === item) items.push(child);
    else if (child.name === 'remove') items = items.filter((one) => attributeOf(one, key) !== attributeOf(child, key));
  }
  return items;
}

// ---------------------------------------------------------------- pools

export function readPools(section: Element | undefined, reading: IisReading): IisPool[] {
  const defaults = childOf(section, 'applicationPoolDefaults');
  return collection(section, 'add', 'name').flatMap((element) => {
    const name = attributeOf(element, 'name');
    if (name === undefined || name === '') {
      reading.findings.add(
        'warning',
        'POOL-NAMELESS',
        reading.where(element),
        'An application pool has no name.',
        REPAIR,
      );
      return [];
    }
    const value = (attribute: string) => attributeOf(element, attribute) ?? attributeOf(defaults, attribute);
    const model = childOf(element, 'processModel');
    const modelDefaults = childOf(defaults, 'processModel');
    const process = (attribute: string) => attributeOf(model, attribute) ?? attributeOf(modelDefaults, attribute);
    const userName = process('userName');
    return [
      {
        name,
        runtime: value('managedRuntimeVersion') ?? 'v4.0',
        pipeline: value('managedPipelineMode') ?? 'Integrated',
        identity: process('identityType') ?? 'ApplicationPoolIdentity',
        ...(userName === undefined || userName === '' ? {} : { userName }),
        enable32Bit: value('enable32BitAppOnWin64')?.toLowerCase() === 'true',
        autoStart: value('autoStart')?.toLowerCase() !== 'false',
      },
    ];
  });
}

const REPAIR = 'Repair the configuration with IIS Manager or appcmd.';

// ---------------------------------------------------------------- sites

export function readSites(section: Element, pools: readonly IisPool[] | undefined, reading: IisReading): IisSite[] {
  const sites = collection(section, 'site', 'name').map((site) => readSite(site, section, reading));
  for (const [index, site] of sites.entries()) {
    const twice = sites.findIndex((other) => other.name.toLowerCase() === site.name.toLowerCase());
    if (twice < index) {
      reading.findings.add('warning', 'SITE-TWICE', site.name, `Two sites are called "${site.name}".`, REPAIR);
    }
  }
  if (pools !== undefined) checkPools(sites, pools, reading);
  return sites;
}

/** A `<site>` element; `parent` holds the defaults of all sites, when there is one. */
export function readSite(element: Element, parent: Element | undefined, reading: IisReading): IisSite {
  const { findings, where } = reading;
  const siteDefaults = childOf(parent, 'siteDefaults');
  const given = attributeOf(element, 'name') ?? '';
  const idText = attributeOf(element, 'id') ?? '';
  const name = given === '' ? `site ${idText === '' ? 'without a name' : idText}` : given;
  if (given === '') findings.add('warning', 'SITE-NAMELESS', where(element), 'A site has no name.', REPAIR);
  if (!/^\d+$/.test(idText)) findings.add('warning', 'SITE-ID', where(element), `Site "${name}" has no id.`, REPAIR);
  const autoStart = attributeOf(element, 'serverAutoStart') ?? attributeOf(siteDefaults, 'serverAutoStart');
  const applications = collection(element, 'application', 'path').map((application) =>
    readApplication(application, name, { site: element, sites: parent }, reading),
  );
  if (!applications.some((application) => application.path === '/')) {
    findings.add('warning', 'ROOT-APPLICATION', where(element), `Site "${name}" has no application "/".`, REPAIR);
  }
  return {
    name,
    id: /^\d{1,15}$/.test(idText) ? Number(idText) : idText,
    bindings: readBindings(element, siteDefaults, name, reading),
    applications,
    autoStart: autoStart?.toLowerCase() !== 'false',
  };
}

function readBindings(
  site: Element,
  defaults: Element | undefined,
  name: string,
  { findings, where }: IisReading,
): IisBinding[] {
  const own = childOf(site, 'bindings');
  const elements = collection(own ?? childOf(defaults, 'bindings'), 'binding', 'bindingInformation');
  if (elements.length === 0) {
    const text = `Site "${name}" has no binding: nobody can reach it.`;
    findings.add('warning', 'NO-BINDING', where(site), text, 'Add a binding, or ignore the site.');
  }
  return elements.map((element) => {
    const { binding, problem } = readBinding({
      protocol: attributeOf(element, 'protocol') ?? '',
      information: attributeOf(element, 'bindingInformation') ?? '',
      sslFlags: attributeOf(element, 'sslFlags'),
      certificate: attributeOf(element, 'certificateHash'),
      certificateStore: attributeOf(element, 'certificateStoreName'),
    });
    if (problem !== undefined) {
      findings.add('info', 'BINDING-UNUSUAL', where(element), `Site "${name}": ${problem}.`, 'Check the binding.');
    }
    return binding;
  });
}

interface Parents {
  readonly site: Element;
  readonly sites: Element | undefined;
}

function readApplication(element: Element, site: string, parents: Parents, reading: IisReading) {
  const path = attributeOf(element, 'path') ?? '/';
  const pool =
    attributeOf(element, 'applicationPool') ??
    attributeOf(childOf(parents.site, 'applicationDefaults'), 'applicationPool') ??
    attributeOf(childOf(parents.sites, 'applicationDefaults'), 'applicationPool') ??
    DEFAULT_POOL;
  // The nearest defaults count first.
  const defaults = [element, parents.site, parents.sites].map((one) => childOf(one, 'virtualDirectoryDefaults'));
  const directories = collection(element, 'virtualDirectory', 'path');
  const label = `${site}${path === '/' ? '' : path}`;
  if (directories.length === 0) {
    const text = `Application "${label}" has no virtual directory, so that it has no path.`;
    reading.findings.add('warning', 'NO-DIRECTORY', reading.where(element), text, REPAIR);
  }
  return {
    path,
    pool,
    virtualDirectories: directories.map((directory) => readDirectory(directory, defaults, label, reading)),
  };
}

function readDirectory(
  element: Element,
  defaults: readonly (Element | undefined)[],
  application: string,
  reading: IisReading,
) {
  const { findings } = reading;
  const value = (attribute: string) =>
    [element, ...defaults].map((one) => attributeOf(one, attribute)).find((one) => one !== undefined && one !== '');
  const path = attributeOf(element, 'path') ?? '/';
  const label = `${application}${path === '/' ? '' : path}`;
  const where = reading.where(element);
  const rawPath = value('physicalPath') ?? '';
  const physicalPath = resolve(rawPath, label, where, reading);
  if (isUnc(physicalPath)) {
    const hidden = attributeOf(element, 'physicalPath') === undefined ? ' (from virtualDirectoryDefaults)' : '';
    const text = `"${label}" is on another server: ${physicalPath}${hidden}. UNC path redirection cannot be protected here.`;
    findings.add(
      'error',
      'UNC-PATH',
      where,
      text,
      'Protect the file server itself, or copy the site to a local directory.',
    );
  } else if (!isAbsolute(physicalPath)) {
    const text =
      physicalPath === '' ? `"${label}" has no physical path.` : `"${label}": "${physicalPath}" is no full path.`;
    findings.add('warning', 'PATH-UNUSUAL', where, text, REPAIR);
  }
  const userName = value('userName');
  if (userName !== undefined) {
    const text = `"${label}" is read as user ${userName}; the account is needed on both servers.`;
    findings.add(
      'info',
      'DIRECTORY-USER',
      where,
      text,
      'Local accounts need the same name and a working password on both.',
    );
  }
  return { path, physicalPath, ...(rawPath === physicalPath ? {} : { rawPath }) };
}

function resolve(rawPath: string, label: string, where: string, { findings, variables }: IisReading): string {
  if (variables === undefined) return rawPath;
  const { path, unknown } = expandVariables(rawPath, variables);
  for (const name of unknown) {
    const text = `"${label}" uses the environment variable ${name}, which is not set here.`;
    findings.add(
      'warning',
      'VARIABLE-UNKNOWN',
      where,
      text,
      'Set it for the account of the engine, or name the path in full.',
    );
  }
  return path;
}

function checkPools(sites: readonly IisSite[], pools: readonly IisPool[], { findings }: IisReading): void {
  const known = new Set(pools.map((pool) => pool.name.toLowerCase()));
  for (const site of sites) {
    for (const { path, pool } of site.applications) {
      if (known.has(pool.toLowerCase())) continue;
      const place = `${site.name}${path === '/' ? '' : path}`;
      const text = `"${place}" runs in the application pool "${pool}", which is not defined.`;
      findings.add('warning', 'POOL-MISSING', place, text, 'Define the pool on both servers, or choose another one.');
    }
  }
}

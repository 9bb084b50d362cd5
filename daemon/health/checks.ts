/** The checks of a scenario, from its properties and what its Master says of its sites. */
import { settingOf } from '../../config/catalogue.ts';
import { parseAddress } from '../../shared/protocol/pairing.ts';
import type { DiscoveredSite } from '../../shared/results.ts';
import type { ScenarioDocument, ServerType } from '../../shared/scenario.ts';
import { formatDuration } from '../../shared/units.ts';
import type { ScriptRunner } from '../rehearsal/scripts.ts';
import type { HealthProbes, Probe, SiteTarget } from './contract.ts';
import { type BeatPorts, EngineBeat } from './engine-beat.ts';
import { paced } from './paced.ts';
import { acceptsStatus, bindingTarget, namedSite, siteName } from './sites.ts';

/** Each probe of a site opens a connection: with many sites not each of them is asked in every round. */
const SITE_COST_MS = 20;
const SCRIPT = { everyMs: 1_000, limitMs: 30_000 };
const SERVICES: Partial<Record<ServerType, readonly string[]>> = {
  nginx: ['nginx'],
  apache: ['apache2', 'httpd'],
  iis: ['W3SVC'],
};

export type Bindings = DiscoveredSite['bindings'];

export interface CheckPorts extends BeatPorts {
  readonly probes: HealthProbes;
  readonly scripts: ScriptRunner;
  readonly host: { readonly name: string };
}

/** Names of the services that have to run on the active host. */
export function servicesOf({ serverType, settings }: ScenarioDocument): readonly string[] {
  return [...new Set([...(SERVICES[serverType] ?? []), ...settingOf(settings, 'dbManagement.services')])];
}

export function checksOf(document: ScenarioDocument, bindings: Bindings, ports: CheckPorts): Probe[] {
  const { settings, master } = document;
  const beat = new EngineBeat(ports, document.id, master);
  const { host } = parseAddress(master.address);
  const checksApplication = settingOf(settings, 'isAlive.application');
  const checks = [
    beat.engine(),
    ...(settingOf(settings, 'isAlive.ping') ? [pingProbe(ports, host)] : []),
    ...(checksApplication ? servicesOf(document).map((name) => beat.service(name)) : []),
    ...(checksApplication ? siteProbes(document, bindings, host, ports) : []),
    ...scriptProbe(document, ports),
    beat.disk(),
    ...settingOf(settings, 'isAlive.referenceAddresses').map((address) => referenceProbe(ports, address)),
  ];
  return unique(checks);
}

/** A name stands for one check in rounds and on screens. */
function unique(checks: readonly Probe[]): Probe[] {
  return [...new Map(checks.map((check) => [check.name, check])).values()];
}

function pingProbe({ probes }: CheckPorts, host: string): Probe {
  return { name: `ping ${host}`, kind: 'ping', ask: (limitMs) => probes.ping(host, limitMs) };
}

function siteProbes(document: ScenarioDocument, bindings: Bindings, host: string, ports: CheckPorts): Probe[] {
  const { settings } = document;
  const address = settingOf(settings, 'isAlive.httpAddress');
  const named = settingOf(settings, 'isAlive.sites');
  const sites =
    named.length > 0
      ? named.map((text) => namedSite(text, address, host))
      : bindings.map((binding) => bindingTarget(binding, address, host));
  const known = sites.filter((site) => site !== undefined);
  const statuses = settingOf(settings, 'isAlive.httpStatuses');
  const everyMs = SITE_COST_MS * known.length;
  const isCheap = everyMs <= settingOf(settings, 'isAlive.heartbeatMs');
  const limitMs = Math.min(settingOf(settings, 'isAlive.timeoutMs'), SCRIPT.limitMs);
  return known.map((site) => {
    const probe = siteProbe(ports, site, statuses);
    return isCheap ? probe : paced(ports.clock, probe, { everyMs, limitMs });
  });
}

function siteProbe({ probes }: CheckPorts, site: SiteTarget, statuses: string): Probe {
  return {
    name: siteName(site),
    kind: 'site',
    ask: async (limitMs) => {
      const answer = await probes.http(site, limitMs);
      if ('problem' in answer) return { outcome: 'failed', detail: answer.problem };
      const { status } = answer;
      if (acceptsStatus(statuses, status)) return { outcome: 'passed', detail: `status ${status}` };
      return { outcome: 'failed', detail: `status ${status} is not one of ${statuses}` };
    },
  };
}

function scriptProbe({ name, master, settings }: ScenarioDocument, { clock, host, scripts }: CheckPorts): Probe[] {
  const script = settingOf(settings, 'isAlive.script');
  if (script === '') return [];
  const variables = {
    MAINSTAY_SCENARIO: name,
    MAINSTAY_HOST: host.name,
    MAINSTAY_MASTER: master.name,
    MAINSTAY_MASTER_ADDRESS: parseAddress(master.address).host,
  };
  const probe: Probe = {
    name: `script ${script}`,
    kind: 'script',
    ask: async (limitMs) => {
      try {
        const { exitCode, timedOut } = await scripts.run(script, variables, limitMs);
        if (timedOut) return { outcome: 'failed', detail: `not over within ${formatDuration(limitMs)}` };
        const detail = exitCode === undefined ? 'ended by a signal' : `exit code ${exitCode}`;
        return { outcome: exitCode === 0 ? 'passed' : 'failed', detail };
      } catch (error) {
        // A script that is not registered here says nothing of the other host.
        return { outcome: 'skipped', detail: error instanceof Error ? error.message : String(error) };
      }
    },
  };
  return [
    paced(clock, probe, { ...SCRIPT, everyMs: Math.max(SCRIPT.everyMs, settingOf(settings, 'isAlive.heartbeatMs')) }),
  ];
}

/** `address` is pinged; of `host:port` a connection is opened. */
function referenceProbe({ probes }: CheckPorts, text: string): Probe {
  const port = /^(?:[^:]+|\[.+\]):(\d+)$/.exec(text)?.[1];
  const address = port === undefined ? text : text.slice(0, -port.length - 1).replace(/^\[|\]$/g, '');
  return {
    name: `reference ${text}`,
    kind: 'reference',
    shownOnly: true,
    ask: (limitMs) =>
      port === undefined ? probes.ping(address, limitMs) : probes.connect(address, Number(port), limitMs),
  };
}

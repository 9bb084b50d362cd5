/** Whether the arbiter of a scenario can do its work; part of the verification before Run. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { PeerControl } from '../services.ts';
import { standbyOf } from './direction.ts';
import type { ArbiterPlace, RolePorts } from './ports.ts';
import { arbiterPlaceOf } from './role-parts.ts';

const LOOK_MS = 5_000;

interface Verifying {
  readonly host: { readonly name: string };
  readonly peers: Pick<PeerControl, 'request'>;
  readonly roles: Pick<RolePorts, 'reachArbiter'>;
}

export async function arbiterFindings(
  { host, peers, roles }: Verifying,
  document: ScenarioDocument,
): Promise<Finding[]> {
  const standby = standbyOf(document);
  const { master } = document;
  const plain = document.recoveryOf === undefined && document.origin === undefined && document.solution === 'ha';
  if (!plain || standby === undefined) return [];
  const found = plainFindings(document, host.name);
  const place = arbiterPlaceOf(document);
  if (place === undefined) return found;
  if (place.addresses.length === 0) return [...found, finding(host.name, 'error', 'ARBITER-ADDRESS', NO_ADDRESS)];
  for (const one of [master, standby]) {
    // Two engines on one machine, for a trial: its address says nothing.
    if (place.kind === 'etcd' && hostOf(master.address) === hostOf(standby.address)) break;
    if (diesWith(one, place)) found.push(finding(one.name, 'error', 'ARBITER-SHARED', sharedText(one)));
  }
  const own = await silence(host.name, () => roles.reachArbiter(place));
  const other = await silence(standby.name, async () => {
    const asked = { kind: place.kind, addresses: [...place.addresses] };
    const answer = await peers.request(standby, 'peer.arbiter', asked, 2 * LOOK_MS);
    const { reason } = answer as { reason?: unknown };
    if (typeof reason === 'string') throw new Fault('LINK-UNREACHABLE', { host: place.addresses.join(), reason });
  });
  return [...found, ...own, ...other];
}

/** Without what runs on `host` nobody decides: the witness itself, or as many members of etcd as make the rest no majority. */
function diesWith({ address }: HostReference, { kind, addresses }: ArbiterPlace): boolean {
  if (kind === 'witness') return addresses[0] === address;
  const own = hostOf(address);
  const left = addresses.filter((member) => hostOf(member) !== own).length;
  return left < addresses.length && left <= addresses.length / 2;
}

function hostOf(address: string): string {
  return address
    .replace(/^https?:\/\//, '')
    .replace(/:\d+\/*$/, '')
    .toLowerCase();
}

const NO_ADDRESS = {
  text: 'The arbiter has no address',
  fix: 'Set "Arbiter address": for a witness host:port of a Mainstay engine on a third host that is paired with both hosts, for etcd each member.',
};

function sharedText({ name }: HostReference): { text: string; fix: string } {
  return {
    text: `The arbiter runs on ${name} itself: it dies with it, and cannot tell a dead host from a cut link`,
    fix: 'Run the witness on a third host, best in a third place; of etcd most members.',
  };
}

/** What the settings say by themselves. */
function plainFindings({ settings }: ScenarioDocument, host: string): Finding[] {
  const found: Finding[] = [];
  const automatic = settingOf(settings, 'switchover.automatic');
  if (automatic && settingOf(settings, 'switchover.arbiter') === 'none') {
    const text =
      'Automatic switchover is on, but nobody decides when the hosts cannot see each other: it would never start';
    const fix = 'Choose a witness or etcd as the arbiter, or switch over manually.';
    found.push(finding(host, 'error', 'ARBITER-NONE', { text, fix }));
  }
  if (automatic && settingOf(settings, 'switchover.reverseAutomatic')) {
    const text =
      'Switchover and reverse replication are both automatic: the old Master may be overwritten before anybody has looked at it';
    const fix = 'Make one of them manual. What only the old Master has goes to quarantine in any case.';
    found.push(finding(host, 'warning', 'ARBITER-BOTH', { text, fix }));
  }
  return found;
}

async function silence(host: string, look: () => Promise<unknown>): Promise<Finding[]> {
  try {
    await look();
    return [];
  } catch (error) {
    const fault = Fault.from(error);
    const text = `The arbiter cannot be asked from ${host}: ${fault.message}`;
    return [finding(host, 'error', 'ARBITER-SILENT', { text, fix: fault.hint })];
  }
}

function finding(
  host: string,
  severity: Finding['severity'],
  code: string,
  { text, fix }: { text: string; fix: string },
): Finding {
  return { severity, code, host, text, fix };
}

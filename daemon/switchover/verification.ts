/** Whether what decides in a switchover can do its work: arbiter, fencing script; part of the verification before Run. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument, SettingValues } from '../../shared/scenario.ts';
import type { ScriptRunner } from '../rehearsal/scripts.ts';
import type { OwnHost } from '../scenario/environment.ts';
import type { PeerControl } from '../services.ts';
import { automaticRight } from './automatic.ts';
import { standbyOf } from './direction.ts';
import { checkFencing, fencingScript } from './fencing.ts';
import { shareServices } from './managed-services.ts';
import type { ArbiterPlace, RolePorts } from './ports.ts';
import { arbiterPlaceOf } from './role-parts.ts';

const FENCING_FIX =
  'Register the script on that host (`mainstay script register`), and try it there with --check: exit code 0 means that it could turn the other host off.';

const LOOK_MS = 5_000;
/** The script itself has half of it. */
const FENCING_MS = 60_000;

interface Verifying {
  readonly host: OwnHost;
  readonly scripts: ScriptRunner;
  readonly peers: Pick<PeerControl, 'request'>;
  readonly roles: Pick<RolePorts, 'reachArbiter' | 'services'>;
}

export async function arbiterFindings(
  { host, peers, roles, scripts }: Verifying,
  document: ScenarioDocument,
): Promise<Finding[]> {
  const standby = standbyOf(document);
  const { master } = document;
  const plain = document.recoveryOf === undefined && document.origin === undefined && document.solution === 'ha';
  if (!plain || standby === undefined) return [];
  const script = fencingScript(document.settings);
  const fencing = script === '' ? [] : await fencingFindings({ host, peers, scripts }, document, standby, script);
  const shares = await shareFindings({ host, peers, roles }, document, standby);
  const found = [...plainFindings(document, host.name), ...fencing, ...shares];
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
  const right = automaticRight({ settings });
  const arbiter = settingOf(settings, 'switchover.arbiter');
  if (automatic && right === undefined) {
    const text =
      'Automatic switchover is on, but nobody decides when the hosts cannot see each other: it would never start';
    const fix =
      'Choose a witness, etcd or a fencing script as the arbiter, or switch over manually. "Automatic without arbiter (unsafe)" can make both hosts active.';
    found.push(finding(host, 'error', 'ARBITER-NONE', { text, fix }));
  }
  if (arbiter === 'fencing' && fencingScript(settings) === '') {
    const text = 'Fencing decides who is active, but no fencing script is given';
    const fix = 'Set "Fencing script" to a script that both hosts have registered (`mainstay script register`).';
    found.push(finding(host, 'error', 'FENCING-SCRIPT', { text, fix }));
  }
  found.push(...unsafeFindings(settings, host, arbiter));
  if (automatic && settingOf(settings, 'switchover.reverseAutomatic')) {
    const text =
      'Switchover and reverse replication are both automatic: the old Master may be overwritten before anybody has looked at it';
    const fix = 'Make one of them manual. What only the old Master has goes to quarantine in any case.';
    found.push(finding(host, 'warning', 'ARBITER-BOTH', { text, fix }));
  }
  return found;
}

function unsafeFindings(settings: SettingValues, host: string, arbiter: string): Finding[] {
  if (!settingOf(settings, 'switchover.unsafeAuto')) return [];
  if (arbiter !== 'none') {
    const text = '"Automatic without arbiter (unsafe)" has no effect: the arbiter decides';
    return [finding(host, 'warning', 'UNSAFE-UNUSED', { text, fix: 'Turn it off.' })];
  }
  const text =
    'UNSAFE: automatic switchover goes by reference addresses alone. When only the network between the hosts fails, both become active';
  const fix = 'Choose a witness, etcd or fencing. What only the old Master has goes to quarantine in any case.';
  const found = [finding(host, 'warning', 'UNSAFE-AUTOMATIC', { text, fix })];
  if (settingOf(settings, 'isAlive.referenceAddresses').length > 0) return found;
  const none = 'No reference address is given: the unsafe automatic switchover would never start';
  const how = 'Set "Reference addresses", such as the gateway and a name server.';
  return [...found, finding(host, 'error', 'UNSAFE-REFERENCE', { text: none, fix: how })];
}

/** Whether the script is there, unchanged, and says by `--check` that it could turn the other host off; it does not. */
async function fencingFindings(
  { host, peers, scripts }: Pick<Verifying, 'host' | 'peers' | 'scripts'>,
  { master, name }: ScenarioDocument,
  standby: HostReference,
  script: string,
): Promise<Finding[]> {
  const found: Finding[] = [];
  const add = (severity: Finding['severity'], on: string, { message, hint }: Fault) => {
    const text = `Fencing: ${message}`;
    found.push(finding(on, severity, 'FENCING-CHECK', { text, fix: hint }));
  };
  // After a switchover it is this host that would have to turn the other one off.
  await checkFencing({ host, scripts }, script, name, standby).catch((error: unknown) =>
    add('warning', host.name, Fault.from(error)),
  );
  try {
    const asked = { script, scenario: name, other: { name: master.name, address: master.address } };
    const answer = (await peers.request(standby, 'peer.fencing', asked, FENCING_MS)) as { reason?: unknown };
    if (typeof answer.reason === 'string')
      found.push(
        finding(standby.name, 'error', 'FENCING-CHECK', { text: `Fencing: ${answer.reason}`, fix: FENCING_FIX }),
      );
  } catch (error) {
    const fault = Fault.from(error);
    // One that cannot be reached at all is an error of its own already.
    if (fault.code !== 'LINK-UNREACHABLE') add('error', standby.name, fault);
  }
  return found;
}

/** "Manage shares" where nothing is known that serves any. */
async function shareFindings(
  { host, peers, roles }: Pick<Verifying, 'host' | 'peers' | 'roles'>,
  { settings }: ScenarioDocument,
  standby: HostReference,
): Promise<Finding[]> {
  if (!settingOf(settings, 'dbManagement.shares')) return [];
  const asked = await peers.request(standby, 'peer.shares', {}, LOOK_MS).catch(() => undefined);
  const { services } = (asked ?? { services: undefined }) as { services?: readonly string[] | undefined };
  const own = await shareServices(roles.services);
  const none = (name: string) =>
    finding(name, 'error', 'SHARES-NONE', {
      text: `Shares of ${name} cannot be managed: no file service (smbd, ksmbd, nfs-server) is known there`,
      fix: 'Install one, or turn "Manage shares" off. On Windows this version does not manage shares.',
    });
  return [...(own.length === 0 ? [none(host.name)] : []), ...(services?.length === 0 ? [none(standby.name)] : [])];
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

/** Whether the arbiter of a scenario can do its work; part of the verification before Run. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { PeerControl } from '../services.ts';
import { standbyOf } from './direction.ts';

const LOOK_MS = 5_000;

interface Verifying {
  readonly host: { readonly name: string };
  readonly peers: Pick<PeerControl, 'request'>;
}

export async function arbiterFindings({ host, peers }: Verifying, document: ScenarioDocument): Promise<Finding[]> {
  const standby = standbyOf(document);
  const { settings, master } = document;
  const plain = document.recoveryOf === undefined && document.origin === undefined && document.solution === 'ha';
  if (!plain || standby === undefined) return [];
  const found = plainFindings(document, host.name);
  const [address] = settingOf(settings, 'switchover.arbiterAddress');
  if (settingOf(settings, 'switchover.arbiter') !== 'witness') return found;
  if (address === undefined) return [...found, finding(host.name, 'error', 'ARBITER-ADDRESS', NO_ADDRESS)];
  const shared = [master, standby].find((one) => one.address === address);
  if (shared !== undefined) found.push(finding(shared.name, 'error', 'ARBITER-SHARED', sharedText(shared)));
  const own = await silence(host.name, () => peers.request({ name: address, address }, 'witness.look', {}, LOOK_MS));
  const other = await silence(standby.name, async () => {
    const answer = await peers.request(standby, 'peer.arbiter', { address }, 2 * LOOK_MS);
    const { reason } = answer as { reason?: unknown };
    if (typeof reason === 'string') throw new Fault('LINK-UNREACHABLE', { host: address, reason });
  });
  return [...found, ...own, ...other];
}

const NO_ADDRESS = {
  text: 'The witness has no address',
  fix: 'Set "Arbiter address" to host:port of a Mainstay engine on a third host that is paired with both hosts.',
};

function sharedText({ name }: HostReference): { text: string; fix: string } {
  return {
    text: `The witness is ${name} itself: it dies with it, and cannot tell a dead host from a cut link`,
    fix: 'Run the witness on a third host, best in a third place.',
  };
}

/** What the settings say by themselves. */
function plainFindings({ settings }: ScenarioDocument, host: string): Finding[] {
  const found: Finding[] = [];
  const automatic = settingOf(settings, 'switchover.automatic');
  if (automatic && settingOf(settings, 'switchover.arbiter') === 'none') {
    const text =
      'Automatic switchover is on, but nobody decides when the hosts cannot see each other: it would never start';
    const fix = 'Choose a witness as the arbiter, or switch over manually.';
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
    const text = `The witness cannot be asked from ${host}: ${fault.message}`;
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

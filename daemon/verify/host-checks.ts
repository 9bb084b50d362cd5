/** Checks of hosts as a whole: reachable, compatible, addresses, clocks. Pure. */
import { LINK_PROTOCOL_OLDEST } from '../../shared/protocol/wire.ts';
import type { Finding } from '../../shared/results.ts';
import { formatDuration } from '../../shared/units.ts';
import { type Evidence, finding, type HostEvidence } from './evidence.ts';

/** Clocks that differ by more make times in events and reports of the two hosts misleading. */
const CLOCK_TOLERANCE_MS = 5_000;

export function checkHosts(evidence: Evidence): Finding[] {
  const findings: Finding[] = evidence.missing.map(({ reference, code, reason, hint }) =>
    finding('error', code === 'LINK-UNREACHABLE' ? 'HOST-UNREACHABLE' : 'HOST-REFUSED', reference.name, {
      text: `The engine on ${reference.name} cannot be used.`,
      found: reason,
      expected: `an engine that answers at ${reference.address} and is paired with this host`,
      fix: hint,
    }),
  );
  findings.push(...addressChecks(evidence.master));
  for (const replica of evidence.replicas) {
    findings.push(
      ...versionChecks(evidence.master, replica),
      ...addressChecks(replica),
      ...clockCheck(replica),
      ...ownerCheck(replica),
    );
  }
  return findings;
}

/** Contents arrive all the same; what the files should have is kept aside (daemon/aside). */
function ownerCheck({ reference, facts }: HostEvidence): Finding[] {
  if (facts.ownsAll !== false) return [];
  return [
    finding('warning', 'OWNER-RIGHTS', reference.name, {
      text: `The engine on ${reference.name} may not give files to other owners: all files on the Replica belong to its account.`,
      found: 'an account that is not root',
      expected: 'root',
      fix: 'Run the engine as root when programs on the Replica depend on the owners. Otherwise nothing: owners are kept aside and come back with a failback.',
    }),
  ];
}

function versionChecks(master: HostEvidence, replica: HostEvidence): Finding[] {
  const ours = master.facts;
  const theirs = replica.facts;
  const host = replica.reference.name;
  const compatible = theirs.protocol >= ours.oldestProtocol && ours.protocol >= theirs.oldestProtocol;
  if (!compatible) {
    return [
      finding('error', 'VERSION-INCOMPATIBLE', host, {
        text: `The engines of ${master.reference.name} and ${host} cannot work together.`,
        found: `version ${theirs.version} (protocol ${theirs.protocol})`,
        expected: `protocol ${LINK_PROTOCOL_OLDEST} to ${ours.protocol}, as version ${ours.version} speaks`,
        fix: 'Upgrade the older engine.',
      }),
    ];
  }
  const findings: Finding[] = [];
  if (ours.version !== theirs.version) {
    findings.push(
      finding('warning', 'VERSION-DIFFERS', host, {
        text: 'The engines have different versions.',
        found: theirs.version,
        expected: ours.version,
        fix: 'Upgrade the older engine when convenient.',
      }),
    );
  }
  if (familyOf(ours.platform) !== familyOf(theirs.platform)) {
    findings.push(
      finding('warning', 'PLATFORM-DIFFERS', host, {
        text: 'The hosts have different operating systems.',
        found: theirs.platform,
        expected: ours.platform,
        fix: 'Use the same operating system on both when the application has to be taken over.',
      }),
    );
  }
  return findings;
}

function familyOf(platform: string): string {
  return platform.split(/[\s-]/)[0]!.toLowerCase();
}

/** Only an address that is surely leased is an error; names that resolve elsewhere say nothing here. */
function addressChecks({ reference, facts }: HostEvidence): Finding[] {
  const host = reference.address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const leased = facts.addresses.find(({ address, dynamic }) => dynamic && address === host);
  if (leased === undefined) return [];
  return [
    finding('error', 'ADDRESS-DHCP', reference.name, {
      text: 'The address of the host is assigned by DHCP and can change.',
      found: leased.address,
      expected: 'a static address',
      fix: 'Assign the address statically (DHCP-assigned IP addresses on the Master or Replica server are not supported).',
    }),
  ];
}

function clockCheck({ reference, clockAheadMs, clockErrorMs }: HostEvidence): Finding[] {
  const difference = Math.abs(clockAheadMs);
  if (difference - clockErrorMs <= CLOCK_TOLERANCE_MS) return [];
  return [
    finding('warning', 'CLOCK-DIFFERS', reference.name, {
      text: `The clock of ${reference.name} differs from the Master's.`,
      found: `${formatDuration(difference)} ${clockAheadMs > 0 ? 'ahead' : 'behind'}`,
      expected: `at most ${formatDuration(CLOCK_TOLERANCE_MS)}`,
      fix: 'Synchronize both clocks (NTP). Replication itself does not depend on them; times in events and reports do.',
    }),
  ];
}

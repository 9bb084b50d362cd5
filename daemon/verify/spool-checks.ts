/** Checks of where the spools lie: usable, apart from the data, on a volume that keeps what it holds, large enough. Pure. */
import { definitionOf, settingOf } from '../../config/catalogue.ts';
import type { Finding } from '../../shared/results.ts';
import { formatBytes } from '../../shared/units.ts';
import { type Evidence, finding, type HostEvidence } from './evidence.ts';
import type { PathFacts } from './facts.ts';

/** The guide: the spool should be at least a tenth of the data. */
const SPOOL_SHARE = 0.1;

export function checkSpools(evidence: Evidence): Finding[] {
  return [evidence.master, ...evidence.replicas].flatMap((host) => {
    const unusable = usableCheck(host);
    if (unusable.length > 0) return unusable;
    return [...insideCheck(host), ...forgetsCheck(host), ...volumeCheck(host), ...roomChecks(evidence, host)];
  });
}

function usableCheck({ reference, facts }: HostEvidence): Finding[] {
  const { path, type, writable, problem } = facts.spool;
  if (writable && (type === 'directory' || type === 'missing')) return [];
  return [
    finding('error', 'SPOOL-DIRECTORY', reference.name, {
      text: `The spool directory ${path} cannot be used.`,
      found: problem ?? (writable ? type : `no Write permission${type === 'missing' ? ' to make it' : ''}`),
      expected: 'a directory the engine may write to, or may make',
      fix: 'Correct spool.directory of that host or its permissions, or mount its volume.',
    }),
  ];
}

function insideCheck({ reference, facts }: HostEvidence): Finding[] {
  const spool = realOf(facts.spool);
  const roots = [...facts.paths.map(realOf), ...facts.occupied.map(({ path }) => path)];
  const root = roots.find((one) => isInside(spool, one));
  if (root === undefined) return [];
  return [
    finding('error', 'SPOOL-IN-ROOT', reference.name, {
      text: 'The spool lies in a replicated root: each change would make further ones.',
      found: `${spool} in ${root}`,
      expected: 'a directory outside all roots',
      fix: 'Choose another spool.directory for that host.',
    }),
  ];
}

/** Where the state of the daemon is as short-lived, both are gone together and all is compared again. */
function forgetsCheck({ reference, facts }: HostEvidence): Finding[] {
  if (facts.spool.forgets !== true || facts.data.forgets === true) return [];
  return [
    finding('error', 'SPOOL-FORGETS', reference.name, {
      text: 'The spool lies on a volume that is empty after a restart: changes that were captured or received would be gone.',
      found: `${facts.spool.path} on a file system in memory`,
      expected: 'a volume that keeps what it holds',
      fix: 'Choose another spool.directory for that host.',
    }),
  ];
}

/** The guide. A host with one volume has no other place: the default is not warned of. */
function volumeCheck({ reference, facts }: HostEvidence): Finding[] {
  const { spool, paths } = facts;
  const shared = paths.find(({ volume }) => volume !== undefined && volume === spool.volume);
  if (shared === undefined) return [];
  const isDefault = settingOf(reference.settings, 'spool.directory') === definitionOf('spool.directory').default;
  return [
    finding(isDefault ? 'info' : 'warning', 'SPOOL-VOLUME', reference.name, {
      text: 'The spool lies on a volume with replicated data: it competes with it for speed and space.',
      found: `${spool.path} on the volume of ${shared.path}`,
      expected: 'a drive with relatively low use, such as a dedicated volume or the boot or system volume',
      fix: 'Place it on another volume (spool.directory) when there is one. Do not use one with frequently accessed system, user, or application data.',
    }),
  ];
}

function roomChecks(evidence: Evidence, { reference, facts }: HostEvidence): Finding[] {
  const findings: Finding[] = [];
  const host = reference.name;
  const minimum = settingOf(reference.settings, 'spool.minFreeBytes');
  const { freeBytes, path } = facts.spool;
  if (freeBytes !== undefined && freeBytes < minimum) {
    findings.push(
      finding('error', 'SPOOL-SPACE', host, {
        text: 'The volume of the spool has less free space than the spool must leave free.',
        found: `${formatBytes(freeBytes)} free on the volume of ${path}`,
        expected: `at least ${formatBytes(minimum)} (spool.minFreeBytes)`,
        fix: 'Free space there, or choose a spool.directory on another volume.',
      }),
    );
  }
  const dataBytes = evidence.master.facts.datasets.reduce((sum, data) => sum + (data.bytes ?? 0), 0);
  const spool = settingOf(reference.settings, 'spool.maxBytes');
  // No limit means: as far as the volume goes.
  const size = Math.min(spool === 0 ? Number.POSITIVE_INFINITY : spool, freeBytes ?? Number.POSITIVE_INFINITY);
  if (size < dataBytes * SPOOL_SHARE) {
    findings.push(
      finding('warning', 'SPOOL-SMALL', host, {
        text: 'The spool is small for this amount of data.',
        found: formatBytes(size),
        expected: `at least 10% of the total dataset size (${formatBytes(dataBytes)})`,
        fix: 'Enlarge spool.maxBytes or give its volume more space.',
      }),
    );
  }
  return findings;
}

function realOf({ path, realPath }: PathFacts): string {
  return realPath ?? path;
}

function isInside(path: string, root: string): boolean {
  const spelled = (one: string): string => `${one.replaceAll('\\', '/').replace(/\/+$/, '')}/`;
  return spelled(path).startsWith(spelled(root));
}

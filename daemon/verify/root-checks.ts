/** Checks of root directories on both sides: there, usable, apart from each other, large enough. Pure. */
import { settingOf } from '../../config/catalogue.ts';
import { overlap } from '../../config/root-path.ts';
import type { Finding } from '../../shared/results.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { type Evidence, finding, type HostEvidence, rootPairs } from './evidence.ts';
import type { DatasetFacts, PathFacts } from './facts.ts';

export function checkRoots(evidence: Evidence): Finding[] {
  const findings: Finding[] = [...sideChecks(evidence.master, 'master')];
  for (const data of evidence.master.facts.datasets) findings.push(...unreadableCheck(evidence.master, data));
  for (const replica of evidence.replicas) {
    findings.push(...sideChecks(replica, 'replica'), ...pairChecks(evidence, replica));
    findings.push(...spaceChecks(evidence, replica), ...sharedChecks(evidence, replica));
    findings.push(...foreignChecks(evidence, replica));
  }
  return findings;
}

type Side = 'master' | 'replica';

function sideChecks(host: HostEvidence, side: Side): Finding[] {
  const { paths } = host.facts;
  return [...paths.flatMap((path) => pathChecks(host, path, side)), ...occupiedChecks(host), ...nestedChecks(host)];
}

function pathChecks(host: HostEvidence, path: PathFacts, side: Side): Finding[] {
  const name = host.reference.name;
  if (/^(\\\\|\/\/)/.test(path.path)) {
    return [
      finding('error', 'ROOT-UNC', name, {
        text: 'A root is a UNC path.',
        found: path.path,
        expected: 'a directory on a volume of the host itself',
        fix: 'Protect the server that owns the share, or copy the site to a local directory.',
      }),
    ];
  }
  if (path.type === 'missing') {
    return [
      finding('error', 'ROOT-MISSING', name, {
        text: `The root directory ${path.path} does not exist.`,
        found: 'nothing at that path',
        expected: 'a directory',
        fix: side === 'master' ? 'Correct the path, or mount its volume.' : `Create it: mkdir -p '${path.path}'`,
      }),
    ];
  }
  if (path.type !== 'directory') {
    return [
      finding('error', 'ROOT-NOT-DIRECTORY', name, {
        text: `The root ${path.path} is not a usable directory.`,
        found: path.problem ?? path.type,
        expected: 'a directory',
        fix: 'Correct the path or its permissions.',
      }),
    ];
  }
  return [...permissionChecks(name, path, side), ...mountChecks(name, path)];
}

function permissionChecks(host: string, path: PathFacts, side: Side): Finding[] {
  const needed = side === 'master' ? path.readable : path.readable && path.writable;
  if (needed) return [];
  return [
    finding('error', side === 'master' ? 'ROOT-READ' : 'ROOT-WRITE', host, {
      text: `The engine may not use the root directory ${path.path}.`,
      found: path.problem ?? (path.readable ? 'no Write permission' : 'no Read permission'),
      expected: side === 'master' ? 'Read permission' : 'Read and Write permissions',
      fix: `Give the account of the engine ${side === 'master' ? 'Read' : 'Read and Write'} permission on it and everything below it.`,
    }),
  ];
}

function mountChecks(host: string, path: PathFacts): Finding[] {
  if (path.mounts.length === 0) return [];
  return [
    finding('warning', 'ROOT-MOUNTS', host, {
      text: `Other volumes are mounted below ${path.path}.`,
      found: path.mounts.slice(0, 5).join(', '),
      expected: 'one volume for each root',
      fix: 'Nothing when they are to be replicated too: each is captured by itself, and kept on the Replica while it is not mounted. Exclude them otherwise.',
    }),
  ];
}

function occupiedChecks(host: HostEvidence): Finding[] {
  return host.facts.occupied.flatMap(({ scenario, path }) => {
    const own = host.facts.paths.find((root) => overlap(root.realPath ?? root.path, path));
    if (own === undefined) return [];
    return [
      finding('error', 'ROOT-OVERLAP', host.reference.name, {
        text: `The root ${own.path} overlaps a root of the running scenario "${scenario}".`,
        found: path,
        expected: 'each directory in one running scenario only',
        fix: `Stop "${scenario}" or choose another directory.`,
      }),
    ];
  });
}

/** Spelled apart in the document, but the same place through a symbolic link. */
function nestedChecks(host: HostEvidence): Finding[] {
  const findings: Finding[] = [];
  const { paths } = host.facts;
  for (const [index, path] of paths.entries()) {
    const other = paths.slice(0, index).find((before) => overlap(realOf(before), realOf(path)));
    if (other === undefined) continue;
    findings.push(
      finding('error', 'ROOT-NESTED', host.reference.name, {
        text: `The roots ${other.path} and ${path.path} lead to overlapping directories.`,
        found: `${realOf(other)} and ${realOf(path)}`,
        expected: 'roots that do not contain each other',
        fix: 'Remove one of them from the scenario.',
      }),
    );
  }
  return findings;
}

function realOf(path: PathFacts): string {
  return path.realPath ?? path.path;
}

function unreadableCheck(host: HostEvidence, data: DatasetFacts): Finding[] {
  if (data.unreadable.length === 0) return [];
  return [
    finding('error', 'DATA-READ', host.reference.name, {
      text: 'The engine may not read everything below the roots.',
      found: data.unreadable.slice(0, 5).join(', '),
      expected: 'Read permission on all of it',
      fix: 'Give the account of the engine Read permission there, or exclude these paths.',
    }),
  ];
}

function pairChecks(evidence: Evidence, replica: HostEvidence): Finding[] {
  const findings: Finding[] = [];
  const host = replica.reference.name;
  const sameMachine = evidence.master.facts.machine === replica.facts.machine;
  for (const pair of rootPairs(evidence, replica)) {
    if (sameMachine && overlap(realOf(pair.master), realOf(pair.replica))) {
      findings.push(
        finding('error', 'ROOT-SAME', host, {
          text: 'Master and Replica are the same machine and the Replica root is the Master root or overlaps it.',
          found: realOf(pair.replica),
          expected: `a directory apart from ${realOf(pair.master)}`,
          fix: 'Choose another Replica root.',
        }),
      );
    }
    findings.push(...collisionCheck(host, pair.masterData, pair.replica));
    if (evidence.document.serverType === 'iis' && pair.root.replica !== undefined) {
      findings.push(...mappingCheck(host, pair.root.master, pair.root.replica));
    }
  }
  return findings;
}

/** Two Replicas on one machine would both write into the same directory. */
function sharedChecks(evidence: Evidence, replica: HostEvidence): Finding[] {
  const index = evidence.replicas.indexOf(replica);
  const other = evidence.replicas
    .slice(0, index)
    .find(({ facts }) => facts.machine === replica.facts.machine && sharedRoot(facts.paths, replica.facts.paths));
  if (other === undefined) return [];
  return [
    finding('error', 'ROOT-SHARED', replica.reference.name, {
      text: `${replica.reference.name} and ${other.reference.name} are the same machine and would write into the same directory.`,
      found: replica.facts.paths.map(realOf).join(', '),
      expected: 'one Replica on each machine',
      fix: 'Remove one of the two Replicas.',
    }),
  ];
}

function sharedRoot(a: readonly PathFacts[], b: readonly PathFacts[]): boolean {
  return a.some((one) => b.some((two) => overlap(realOf(one), realOf(two))));
}

function collisionCheck(host: string, data: DatasetFacts, replica: PathFacts): Finding[] {
  if (replica.caseSensitive || data.collisions.length === 0) return [];
  return [
    finding('error', 'NAMES-COLLIDE', host, {
      text: 'Names that differ only in upper and lower case would be one file on the Replica.',
      found: data.collisions.slice(0, 5).join(', '),
      expected: 'names that stay different on the file system of the Replica',
      fix: 'Rename one of each pair on the Master, or exclude it.',
    }),
  ];
}

function mappingCheck(host: string, master: string, replica: string): Finding[] {
  const spelled = (path: string) => path.replaceAll('/', '\\').toLowerCase();
  if (spelled(master) === spelled(replica)) return [];
  return [
    finding('warning', 'ROOT-DIFFERS', host, {
      text: 'Full paths containing site files should be identical on both servers.',
      found: replica,
      expected: master,
      fix: 'Use the same path, or be sure that the sites on the Replica point to this one.',
    }),
  ];
}

/** Space for the data on each volume of the Replica; what is there already counts as replaced. */
function spaceChecks(evidence: Evidence, replica: HostEvidence): Finding[] {
  const volumes = new Map<string, { path: string; freeBytes: number; missing: number; exact: boolean }>();
  for (const pair of rootPairs(evidence, replica)) {
    const { freeBytes } = pair.replica;
    if (freeBytes === undefined) continue;
    const key = pair.replica.volume ?? pair.replica.path;
    const volume = volumes.get(key) ?? { path: pair.replica.path, freeBytes, missing: 0, exact: true };
    volume.missing += Math.max(0, (pair.masterData.bytes ?? 0) - (pair.replicaData.bytes ?? 0));
    volume.exact &&= pair.replicaData.complete;
    volumes.set(key, volume);
  }
  const data = evidence.master.facts.datasets.reduce((sum, one) => sum + one.entries, 0);
  return [...volumes.values()]
    .filter((volume) => volume.missing > volume.freeBytes)
    .map((volume) =>
      finding(volume.exact ? 'error' : 'warning', 'DISK-SPACE', replica.reference.name, {
        text: `Not enough free space on the volume of ${volume.path}.`,
        found: `${formatBytes(volume.freeBytes)} free`,
        expected: `${formatBytes(volume.missing)} for the data of the Master (${formatCount(data)} entries)`,
        fix: 'Free or add space, or choose a Replica root on a larger volume.',
      }),
    );
}

/** The first synchronization removes what the Master does not have: somebody's files may lie in a root chosen by mistake. */
function foreignChecks({ document }: Evidence, replica: HostEvidence): Finding[] {
  const { datasets, paths, knowsScenario } = replica.facts;
  if (knowsScenario === true) return [];
  if (settingOf(document.settings, 'replication.keepDeletedDuringSynchronization')) return [];
  return datasets.flatMap(({ entries, names = [], complete }, index) => {
    if (names.length === 0) return [];
    const count = `${complete ? '' : 'at least '}${formatCount(Math.max(entries, names.length))}`;
    return [
      finding('warning', 'ROOT-FOREIGN', replica.reference.name, {
        text: `The Replica root ${paths[index]!.path} is not empty and was never synchronized: what the Master does not have is removed.`,
        found: `${count} files and directories, such as ${names.join(', ')}`,
        expected: 'an empty directory, or a copy of the data of the Master',
        fix: 'Look into it before Run. Choose another directory, move the files away, or keep them: replication.keepDeletedDuringSynchronization.',
      }),
    ];
  });
}

import test from 'ava';
import type { Evidence, HostEvidence } from '../../daemon/verify/evidence.ts';
import type { DatasetFacts, HostFacts, PathFacts } from '../../daemon/verify/facts.ts';
import { judge } from '../../daemon/verify/service.ts';
import type { Finding } from '../../shared/results.ts';
import type { RootPair, ScenarioDocument } from '../../shared/scenario.ts';

const GIB = 1024 ** 3;

function path(name: string, facts: Partial<PathFacts> = {}): PathFacts {
  return {
    path: name,
    type: 'directory',
    realPath: name,
    readable: true,
    writable: true,
    volume: '1',
    freeBytes: 500 * GIB,
    totalBytes: 1000 * GIB,
    caseSensitive: true,
    mounts: [],
    ...facts,
  };
}

function data(facts: Partial<DatasetFacts> = {}): DatasetFacts {
  return { entries: 10, bytes: GIB, complete: true, collisions: [], unreadable: [], ...facts };
}

interface Change {
  readonly serverType?: ScenarioDocument['serverType'];
  readonly roots?: readonly RootPair[];
  readonly master?: Partial<HostFacts>;
  readonly replica?: Partial<HostFacts>;
  readonly clockAheadMs?: number;
  readonly clockErrorMs?: number;
  readonly settings?: ScenarioDocument['settings'];
  /** `spool.directory` of the Master. */
  readonly spool?: string;
}

/** A pair with nothing to find, changed in one point. */
function evidence(change: Change = {}): Evidence {
  const roots = change.roots ?? [{ master: '/srv/www' }];
  const document: ScenarioDocument = {
    id: '0'.repeat(32),
    name: 'web',
    serverType: change.serverType ?? 'custom',
    solution: 'ha',
    master: {
      name: 'alpha',
      address: '10.0.0.1:25000',
      ...(change.spool === undefined ? {} : { settings: { 'spool.directory': change.spool } }),
    },
    replicas: [{ name: 'beta', address: '10.0.0.2:25000' }],
    roots,
    exclude: [],
    settings: change.settings ?? {},
    revision: 1,
  };
  const facts = (name: string, paths: readonly string[], more: Partial<HostFacts> = {}): HostFacts => ({
    name,
    deviceId: name,
    version: '0.1.0',
    protocol: 1,
    oldestProtocol: 1,
    platform: 'Linux 6.1',
    machine: name,
    addresses: [],
    wallMs: 0,
    data: path('/var/lib/mainstay', { volume: '2' }),
    spool: path('/var/lib/mainstay/tmp', { volume: '2' }),
    paths: paths.map((one) => path(one)),
    datasets: paths.map(() => data()),
    occupied: [],
    ...more,
  });
  const host = (reference: HostEvidence['reference'], hostFacts: HostFacts): HostEvidence => ({
    reference,
    facts: hostFacts,
    clockAheadMs: 0,
    clockErrorMs: 0,
  });
  const replica = host(
    document.replicas[0]!,
    facts(
      'beta',
      roots.map((root) => root.replica ?? root.master),
      change.replica,
    ),
  );
  return {
    document,
    master: host(
      document.master,
      facts(
        'alpha',
        roots.map((root) => root.master),
        change.master,
      ),
    ),
    replicas: [{ ...replica, clockAheadMs: change.clockAheadMs ?? 0, clockErrorMs: change.clockErrorMs ?? 0 }],
    missing: [],
  };
}

const found = (change: Change) => judge(evidence(change)).findings;
const say = (findings: readonly Finding[]) => findings.map((one) => `${one.severity} ${one.code} ${one.host}`);

test('a sound pair has no findings', (t) => {
  t.deepEqual(judge(evidence()), { findings: [], errors: 0, warnings: 0 });
});

test('each condition is found on the host it is about, with what to do about it', (t) => {
  const cases: [string, Change, string][] = [
    ['Master root missing', { master: { paths: [path('/srv/www', { type: 'missing' })] } }, 'error ROOT-MISSING alpha'],
    [
      'Replica root missing',
      { replica: { paths: [path('/srv/www', { type: 'missing' })] } },
      'error ROOT-MISSING beta',
    ],
    ['root is a file', { replica: { paths: [path('/srv/www', { type: 'file' })] } }, 'error ROOT-NOT-DIRECTORY beta'],
    [
      'unreachable path',
      { master: { paths: [path('/srv/www', { type: 'unknown', problem: 'permission denied' })] } },
      'error ROOT-NOT-DIRECTORY alpha',
    ],
    ['UNC root', { master: { paths: [path('\\\\files\\www')] } }, 'error ROOT-UNC alpha'],
    ['no Read on the Master', { master: { paths: [path('/srv/www', { readable: false })] } }, 'error ROOT-READ alpha'],
    [
      'no Write on the Replica',
      { replica: { paths: [path('/srv/www', { writable: false })] } },
      'error ROOT-WRITE beta',
    ],
    ['unreadable data', { master: { datasets: [data({ unreadable: ['/srv/www/x'] })] } }, 'error DATA-READ alpha'],
    [
      'mount below a root',
      { master: { paths: [path('/srv/www', { mounts: ['/srv/www/m'] })] } },
      'warning ROOT-MOUNTS alpha',
    ],
    [
      'overlap with a running scenario',
      { replica: { occupied: [{ scenario: 'other', path: '/srv' }] } },
      'error ROOT-OVERLAP beta',
    ],
    [
      'colliding names',
      {
        master: { datasets: [data({ collisions: ['/srv/www/A'] })] },
        replica: { paths: [path('/srv/www', { caseSensitive: false })] },
      },
      'error NAMES-COLLIDE beta',
    ],
    [
      'other path for IIS',
      { serverType: 'iis', roots: [{ master: 'C:\\www', replica: 'D:\\www' }] },
      'warning ROOT-DIFFERS beta',
    ],
    ['clock behind', { clockAheadMs: -60_000 }, 'warning CLOCK-DIFFERS beta'],
    ['other version', { replica: { version: '0.2.0' } }, 'warning VERSION-DIFFERS beta'],
    [
      'incompatible version',
      { replica: { version: '9.0.0', protocol: 9, oldestProtocol: 8 } },
      'error VERSION-INCOMPATIBLE beta',
    ],
    ['other system', { replica: { platform: 'Windows_NT 10.0' } }, 'warning PLATFORM-DIFFERS beta'],
    ['an engine that is not root', { replica: { ownsAll: false } }, 'warning OWNER-RIGHTS beta'],
    ['leased address', { replica: { addresses: [{ address: '10.0.0.2', dynamic: true }] } }, 'error ADDRESS-DHCP beta'],
    [
      'spool volume full',
      { master: { spool: path('/var', { freeBytes: 1_000, volume: '2' }) } },
      'error SPOOL-SPACE alpha',
    ],
    [
      'spool that cannot be written',
      { replica: { spool: path('/spool', { writable: false }) } },
      'error SPOOL-DIRECTORY beta',
    ],
    ['spool that is a file', { replica: { spool: path('/spool', { type: 'file' }) } }, 'error SPOOL-DIRECTORY beta'],
    [
      'spool below a root',
      { master: { spool: path('/data/spool', { realPath: '/srv/www/spool', volume: '2' }) } },
      'error SPOOL-IN-ROOT alpha',
    ],
    [
      'spool below a root of another scenario',
      { master: { spool: path('/srv/x/spool', { volume: '2' }), occupied: [{ scenario: 'other', path: '/srv/x' }] } },
      'error SPOOL-IN-ROOT alpha',
    ],
    [
      'spool in memory',
      { replica: { spool: path('/run/spool', { forgets: true, volume: '2' }) } },
      'error SPOOL-FORGETS beta',
    ],
    [
      "spool of one's own on the volume of the data",
      { spool: '/srv/spool', master: { spool: path('/srv/spool', { type: 'missing' }) } },
      'warning SPOOL-VOLUME alpha',
    ],
    ['a host with one volume', { master: { spool: path('/var/lib/mainstay/tmp') } }, 'info SPOOL-VOLUME alpha'],
    [
      'somebody else’s files in the Replica root',
      { replica: { datasets: [data({ entries: 7, names: ['accounts'] })] } },
      'warning ROOT-FOREIGN beta',
    ],
    ['small spool', { master: { datasets: [data({ bytes: 400 * GIB })] } }, 'warning SPOOL-SMALL beta'],
    ['no room for the data', { master: { datasets: [data({ bytes: 600 * GIB })] } }, 'error DISK-SPACE beta'],
  ];
  for (const [name, change, expected] of cases) {
    const findings = found(change);
    t.true(say(findings).includes(expected), `${name}: ${say(findings).join(', ') || 'nothing'}`);
    for (const one of findings) t.true(one.text !== '' && one.fix !== '' && one.found !== '', name);
  }
});

test('what only looks like a condition is not one', (t) => {
  const cases: [string, Change][] = [
    [
      'a leased address the scenario does not use',
      { replica: { addresses: [{ address: '192.168.1.9', dynamic: true }] } },
    ],
    ['files of an earlier run', { replica: { knowsScenario: true, datasets: [data({ names: ['x'] })] } }],
    [
      'foreign files that are kept',
      {
        settings: { 'replication.keepDeletedDuringSynchronization': true },
        replica: { datasets: [data({ names: ['x'] })] },
      },
    ],
    ['an empty Replica root', { replica: { datasets: [data({ entries: 0, names: [] })] } }],
    ['colliding names on a Replica that tells them apart', { master: { datasets: [data({ collisions: ['/a'] })] } }],
    ['a clock difference within the exactness of the measurement', { clockAheadMs: 6_000, clockErrorMs: 2_000 }],
    ['no Write on the Master', { master: { paths: [path('/srv/www', { writable: false })] } }],
    ['the same path on two machines', {}],
    ['another path for other applications', { roots: [{ master: '/srv/www', replica: '/srv/copy' }] }],
    ['the same IIS path spelled otherwise', { serverType: 'iis', roots: [{ master: 'C:\\Www', replica: 'c:/www' }] }],
    ['data that is on the Replica already', { replica: { paths: [path('/srv/www', { freeBytes: 1_000 })] } }],
  ];
  for (const [name, change] of cases) t.deepEqual(say(found(change)), [], name);
});

test('on one machine a Replica root must not be or overlap the Master root, also through a link', (t) => {
  const same = { machine: 'one' };
  t.deepEqual(say(found({ master: same, replica: same })), ['error ROOT-SAME beta']);
  const roots = [{ master: '/srv/www', replica: '/srv/copy' }];
  t.deepEqual(say(found({ roots, master: same, replica: same })), []);
  const linked = { ...same, paths: [path('/srv/copy', { realPath: '/srv/www/inner' })] };
  t.deepEqual(say(found({ roots, master: same, replica: linked })), ['error ROOT-SAME beta']);
});

test('two Replicas on one machine must not share a root', (t) => {
  const one = evidence();
  const second = (machine: string): HostEvidence => ({
    ...one.replicas[0]!,
    reference: { name: 'gamma', address: '10.0.0.3:25000' },
    facts: { ...one.replicas[0]!.facts, machine },
  });
  const judged = (machine: string) => say(judge({ ...one, replicas: [...one.replicas, second(machine)] }).findings);
  t.deepEqual(judged('beta'), ['error ROOT-SHARED gamma']);
  t.deepEqual(judged('gamma'), []);
});

test('roots that lead to one place through a link are found on the host where they do', (t) => {
  const roots = [{ master: '/a' }, { master: '/b' }];
  const paths = [path('/a'), path('/b', { realPath: '/a/inner' })];
  t.deepEqual(say(found({ roots, master: { paths } })), ['error ROOT-NESTED alpha']);
});

test('space that was only estimated is a warning, and volumes are added up', (t) => {
  const roots = [{ master: '/a' }, { master: '/b' }];
  const datasets = [data({ bytes: 3 * GIB }), data({ bytes: 3 * GIB })];
  const paths = roots.map((root) => path(root.master, { freeBytes: 5 * GIB }));
  const empty = roots.map(() => data({ bytes: 0 }));
  t.deepEqual(say(found({ roots, master: { datasets }, replica: { paths, datasets: empty } })), [
    'error DISK-SPACE beta',
  ]);
  const unsure = empty.map((one) => ({ ...one, complete: false }));
  t.deepEqual(say(found({ roots, master: { datasets }, replica: { paths, datasets: unsure } })), [
    'warning DISK-SPACE beta',
  ]);
  const apart = paths.map((one, index) => ({ ...one, volume: String(index) }));
  t.deepEqual(say(found({ roots, master: { datasets }, replica: { paths: apart, datasets: empty } })), []);
});

test('errors come before warnings and both are counted', (t) => {
  const result = judge(evidence({ clockAheadMs: 60_000, replica: { paths: [path('/srv/www', { type: 'missing' })] } }));
  t.deepEqual(say(result.findings), ['error ROOT-MISSING beta', 'warning CLOCK-DIFFERS beta']);
  t.is(result.errors, 1);
  t.is(result.warnings, 1);
});

import { createHash } from 'node:crypto';
import test from 'ava';
import { applyDocument, applyValues, planChanges, toInput } from '../../config/change.ts';
import { parseScenarioInput } from '../../config/document.ts';
import { agreedFingerprint } from '../../config/fingerprint.ts';
import { parseJsonc } from '../../config/jsonc.ts';
import { completeDocument } from '../../daemon/scenario/book.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';

const minimal = {
  name: 'web-shop',
  serverType: 'nginx',
  master: { name: 'web-01', address: '10.0.0.1' },
  replicas: [{ name: 'web-02', address: 'web-02.example.org:7000' }],
  roots: [{ master: '/srv/www' }],
};
const created: ScenarioDocument = { ...parseScenarioInput(minimal), id: 'a'.repeat(32), revision: 1 };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function reason(change: Record<string, unknown>): string {
  try {
    parseScenarioInput({ ...minimal, ...change });
  } catch (error) {
    if (error instanceof Fault && error.code === 'SCENARIO-INVALID') return error.message;
    throw error;
  }
  return 'accepted';
}

test('a minimal document is completed with defaults', (t) => {
  t.deepEqual(parseScenarioInput(minimal), {
    name: 'web-shop',
    serverType: 'nginx',
    solution: 'ha',
    master: { name: 'web-01', address: '10.0.0.1:25000' },
    replicas: [{ name: 'web-02', address: 'web-02.example.org:7000' }],
    roots: [{ master: '/srv/www' }],
    exclude: [],
    settings: {},
  });
});

test('what was parsed parses to itself, so an export can be applied', (t) => {
  const full = parseScenarioInput({
    ...minimal,
    group: 'shops',
    solution: 'dr',
    roots: ['/srv/www/', { master: 'D:\\sites', replica: 'E:/sites' }],
    exclude: ['cache/**'],
    settings: { 'synchronization.method': 'block' },
    replicas: [
      { name: 'web-02', address: '[fd00::2]:7000', settings: { 'spool.maxBytes': '1 GiB' }, deviceId: 'AB'.repeat(32) },
    ],
  });
  t.deepEqual(parseScenarioInput(structuredClone(full)), full);
  t.is(full.roots[0]?.master, '/srv/www');
  t.is(full.replicas[0]?.deviceId, 'ab'.repeat(32));
  t.is(full.replicas[0]?.settings?.['spool.maxBytes'], 1024 ** 3);
});

test('every mistake is named by its place, with what was probably meant', (t) => {
  t.regex(reason({ nmae: 'x' }), /unknown key "nmae"; did you mean "name"/);
  t.regex(reason({ name: '' }), /name: it is missing/);
  t.regex(reason({ name: '-x' }), /begin with "-"/);
  t.regex(reason({ serverType: 'ngnix' }), /serverType: "ngnix".*did you mean "nginx"/);
  t.regex(reason({ replicas: [] }), /replicas: .*at least one/);
  t.regex(reason({ replicas: [{ name: 'WEB-01', address: 'x' }] }), /replicas\[0\]\.name: "WEB-01" is used/);
  t.regex(reason({ master: { name: 'web-01', address: '10.0.0.1:99999' } }), /master\.address/);
  t.regex(reason({ master: { name: '../x', address: 'a' } }), /master\.name/);
  t.regex(reason({ 'synchronization.method': 'file' }), /belongs into "settings"/);
  t.regex(reason({ settings: { 'isAlive.timeoutMs': 1 } }), /settings\["isAlive.timeoutMs"\]/);
  t.regex(
    reason({ replicas: [{ name: 'b', address: 'b', settings: { 'spool.maxByte': 1 } }] }),
    /replicas\[0\]\.settings\["spool.maxByte"\].*did you mean "spool.maxBytes"/,
  );
  t.regex(reason({ roots: ['srv/www'] }), /roots\[0\]: .*absolute/);
  t.regex(reason({ roots: ['/srv/../etc'] }), /roots\[0\]/);
  t.regex(reason({ roots: ['\\\\fs01\\share'] }), /UNC/);
  t.regex(reason({ roots: ['/srv/www', '/srv/www/shop'] }), /roots\[1\]\.master: it overlaps roots\[0\]/);
  t.regex(reason({ roots: ['C:\\Web', 'c:/web/shop'] }), /overlaps/);
  t.regex(
    reason({
      roots: [
        { master: '/a', replica: '/x' },
        { master: '/b', replica: '/x' },
      ],
    }),
    /roots\[1\]\.replica/,
  );
  t.regex(reason({ exclude: ['../x'] }), /exclude\[0\]/);
  t.regex(reason({ master: 'web-01' }), /master: it must be an object/);
  t.is(reason({ roots: ['/srv/www', '/srv/www2'] }), 'accepted');
});

test('comments and trailing commas are accepted, and a syntax error names its line', (t) => {
  const text = `{
    // the shop
    "a": "http://x//y", /* not
    this */ "b": [1, 2,],
    "c": "quote \\" // no comment",
  }`;
  t.deepEqual(parseJsonc(text), { a: 'http://x//y', b: [1, 2], c: 'quote " // no comment' });
  const error = t.throws(() => parseJsonc('{\n  "a": 1\n  "b": 2\n}'), { instanceOf: Fault });
  t.is(error?.code, 'SCENARIO-INVALID');
  t.regex(error?.message ?? '', /line 3/);
});

test('the fingerprint changes with what the hosts must agree on and with nothing else', (t) => {
  const base = agreedFingerprint(created, sha256);
  const same: ScenarioDocument = {
    ...created,
    revision: 9,
    group: 'other',
    settings: { 'synchronization.method': 'block', 'switchover.automatic': false },
    master: { ...created.master, address: 'elsewhere:1', settings: { 'spool.maxBytes': 1024 ** 3 } },
  };
  t.is(agreedFingerprint(same, sha256), base);
  t.not(agreedFingerprint({ ...created, exclude: ['x'] }, sha256), base);
  t.not(agreedFingerprint({ ...created, roots: [{ master: '/srv/www', replica: '/other' }] }, sha256), base);
  t.not(agreedFingerprint({ ...created, settings: { 'replication.acl': true } }, sha256), base);
  t.is(agreedFingerprint({ ...created, roots: [{ master: '/srv/www', replica: '/srv/www' }] }, sha256), base);
});

test('set changes scenario and host properties, raises the revision and can reset', (t) => {
  const first = applyValues(
    created,
    { 'synchronization.method': 'block', 'spool.maxBytes@web-02': '2 GiB' },
    'stopped',
  );
  t.deepEqual([...first.changed].sort(), ['spool.maxBytes@web-02', 'synchronization.method']);
  t.is(first.document.revision, 2);
  t.is(first.document.replicas[0]?.settings?.['spool.maxBytes'], 2 * 1024 ** 3);
  const back = applyValues(
    first.document,
    { 'spool.maxBytes@WEB-02': 'default', group: 'g', exclude: 'a/**, *.tmp' },
    'stopped',
  );
  t.is(back.document.replicas[0]?.settings, undefined);
  t.deepEqual(back.document.exclude, ['a/**', '*.tmp']);
  t.is(back.document.group, 'g');
  const none = applyValues(created, { 'synchronization.method': 'file' }, 'stopped');
  t.deepEqual(none.changed, []);
  t.is(none.document.revision, 1);
});

test('while running only what is safe can be set, and the refusal says so', (t) => {
  t.notThrows(() => applyValues(created, { 'synchronization.method': 'block', group: 'g' }, 'protected'));
  const refused = t.throws(() => applyValues(created, { 'spool.maxBytes@web-01': '2 GiB' }, 'protected'), {
    instanceOf: Fault,
  });
  t.is(refused?.code, 'SCENARIO-STATE');
  t.regex(refused?.message ?? '', /spool\.maxBytes@web-01: Stop the scenario first/);
  for (const [values, expected] of [
    [{ 'spool.maxBytes': '1 GiB' }, /say which: spool\.maxBytes@web-01, spool\.maxBytes@web-02/],
    [{ 'spool.maxBytes@web-03': '1 GiB' }, /no host "web-03".*did you mean "web-0/],
    [{ 'recovery.dataRewind@web-01': true }, /not a property of a master/],
    [{ serverType: 'iis' }, /cannot be changed once/],
    [{ roots: '/x' }, /scenario apply/],
    [{ 'spool.maxByte@web-01': 1 }, /did you mean "spool.maxBytes"/],
  ] as const) {
    t.regex(t.throws(() => applyValues(created, values, 'stopped'))?.message ?? '', expected);
  }
});

test('plan lists what applying would change and what the state forbids; applying keeps the pinned identity', (t) => {
  const pinned: ScenarioDocument = { ...created, master: { ...created.master, deviceId: 'c'.repeat(64) } };
  t.deepEqual(planChanges(pinned, toInput(created), 'stopped'), []);
  const next = parseScenarioInput({ ...minimal, exclude: ['x'], serverType: 'iis' });
  const plan = planChanges(pinned, next, 'protected');
  t.deepEqual(
    plan.map((change) => [change.key, change.from, change.to, change.blocked]),
    [
      ['serverType', 'nginx', 'iis', 'Cannot be changed once the scenario is created.'],
      ['exclude', undefined, ['x'], 'Stop the scenario first.'],
    ],
  );
  const applied = applyDocument(pinned, parseScenarioInput({ ...minimal, exclude: ['x'] }), 'stopped');
  t.is(applied.document.master.deviceId, 'c'.repeat(64));
  t.deepEqual(applied.changed, ['exclude']);
  t.is(planChanges(undefined, next, 'new').length, 9);
});

test('a root may have rules of its own; they are checked and both hosts must agree on them', (t) => {
  const parse = (root: object) => parseScenarioInput({ ...minimal, roots: [{ master: '/srv/www', ...root }] }).roots[0];
  const rules = { include: ['site', 'data/*/public'], exclude: ['cache/**'], fileFilter: ['*.html'] };
  t.deepEqual(parse(rules), { master: '/srv/www', ...rules });
  t.deepEqual(parse({}), { master: '/srv/www' });
  const why = (root: object) => t.throws(() => parse(root), { instanceOf: Fault }).message;
  t.regex(why({ include: ['/site'] }), /roots\[0\]\.include\[0\]/);
  t.regex(why({ include: 'site' }), /roots\[0\]\.include: it must be a list/);
  t.regex(why({ exclude: ['a/../b'] }), /roots\[0\]\.exclude\[0\]/);
  t.regex(why({ fileFilter: ['a/*.html'] }), /roots\[0\]\.fileFilter\[0\].*name alone/);
  t.regex(why({ fileFilters: ['*.html'] }), /unknown key "fileFilters".*fileFilter/);

  const print = (root: object) => agreedFingerprint({ ...created, roots: [{ master: '/srv/www', ...root }] }, sha256);
  t.is(print({ include: [], exclude: [] }), print({}));
  const prints = [{}, { include: ['a'] }, { exclude: ['a'] }, { fileFilter: ['a'] }, { fileFilter: [] }].map(print);
  t.is(new Set(prints).size, prints.length);
  t.deepEqual(completeDocument.parse({ ...created, roots: [{ master: '/srv/www', ...rules }] }).roots, [
    { master: '/srv/www', ...rules },
  ]);
});

test('a Replica may have roots of its own and be fed by another one; both are checked', (t) => {
  const beta = { name: 'beta', address: 'beta:1', roots: ['/data/www/'] };
  const gamma = { name: 'gamma', address: 'gamma:1', source: 'beta' };
  const parsed = parseScenarioInput({ ...minimal, replicas: [beta, gamma] });
  t.like(parsed.replicas, [{ roots: ['/data/www'] }, { source: 'beta' }]);
  t.deepEqual(parseScenarioInput(structuredClone(parsed)), parsed);
  const replicas = (...hosts: unknown[]) => reason({ replicas: hosts });
  t.regex(replicas({ ...beta, roots: ['/a', '/b'] }), /replicas\[0\]\.roots: the scenario has 1 roots/);
  t.regex(replicas({ ...beta, roots: ['a'] }), /replicas\[0\]\.roots\[0\]/);
  t.regex(replicas(beta, { ...gamma, source: 'delta' }), /replicas\[1\]\.source: the scenario has no host "delta"/);
  t.regex(replicas({ ...beta, source: 'gamma' }, gamma), /would feed itself/);
  t.regex(reason({ master: { ...minimal.master, source: 'beta' } }), /unknown key "source"/);
  const document: ScenarioDocument = { ...parsed, id: 'a'.repeat(32), revision: 1 };
  t.not(agreedFingerprint(document, sha256), agreedFingerprint(created, sha256));
  const moved = applyValues(document, { 'source@gamma': 'default' }, 'stopped');
  t.deepEqual(moved.changed, ['source@gamma']);
  t.is(moved.document.replicas[1]?.source, undefined);
  t.regex(t.throws(() => applyValues(document, { 'source@gamma': 'default' }, 'protected'))?.message ?? '', /Stop the/);
});

test('a Replica can be added and taken away while the scenario runs, with all that is said of it', (t) => {
  const more = parseScenarioInput({
    ...minimal,
    replicas: [...minimal.replicas, { name: 'web-03', address: 'web-03', settings: { 'spool.maxBytes': '1 GiB' } }],
  });
  const { document, changed } = applyDocument(created, more, 'protected');
  t.deepEqual(changed, ['replica@web-03', 'address@web-03', 'spool.maxBytes@web-03']);
  t.is(applyDocument(document, parseScenarioInput(minimal), 'protected').document.replicas.length, 1);
});

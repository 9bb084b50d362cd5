/** What the volume of a Replica cannot hold is kept aside: contents arrive, comparisons agree, and it comes back. */
import test, { type ExecutionContext } from 'ava';
import { RootAside } from '../../daemon/aside/kept-aside.ts';
import { AsideTree } from '../../daemon/aside/tree.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { capabilitiesOfType } from '../../daemon/platform/linux/capabilities.ts';
import type { RootTree, TreeCapabilities } from '../../daemon/ports.ts';
import { ALL_KINDS, type Attribute, type AttributeKind, decodeAttributes, kindBit } from '../../shared/attributes.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { PairCore, type ReplicaFiles } from '../memory/pair-core.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const NOTHING: Partial<TreeCapabilities> = { posixModes: false, owners: false, attributeKinds: 0 };
const NOT_ROOT: Partial<TreeCapabilities> = { owners: false };

const attribute = (name: string, value: string, kind: AttributeKind = 'xattr'): Attribute => ({
  kind,
  name,
  value: Buffer.from(value),
});

function poorPair(t: ExecutionContext, replicaCapabilities = NOTHING, seed = 1): EnginePair {
  const pair = new EnginePair(hasher, {
    // As if there were a host with attributes of every system.
    masterCapabilities: { attributeKinds: ALL_KINDS },
    replicaCapabilities,
    seed,
  });
  t.teardown(() => pair.close());
  return pair;
}

/** The scenario the other way round: what was the Replica is copied to a new host that holds everything. */
class Failback extends PairCore {
  readonly target: MemoryTree;
  private readonly source: EnginePair;
  private readonly files = {
    spoolLog: new MemorySegmentLog(),
    journalLog: new MemorySegmentLog(),
    stateFile: new MemoryStateFile(),
  };

  constructor(source: EnginePair) {
    super(hasher, 1, []);
    this.source = source;
    this.target = new MemoryTree({
      volume: new MemoryVolume(this.clock),
      path: '/failback',
      capabilities: { attributeKinds: ALL_KINDS },
    });
  }

  protected override openMasterTree(): RootTree {
    const { replicaTree, asideStore } = this.source;
    return new AsideTree(replicaTree, new RootAside(replicaTree, asideStore));
  }

  protected override openReplicaFiles(): ReplicaFiles {
    return { trees: [this.target], ...this.files };
  }

  protected override closeFiles(): void {}
}

function failBack(t: ExecutionContext, pair: EnginePair): Map<string, string> {
  const back = new Failback(pair);
  t.teardown(() => back.close());
  back.start();
  back.synchronize();
  t.true(back.diff().identical);
  return describeTree(back.target);
}

function decorate({ user }: EnginePair): void {
  user.makeDirectory('site');
  user.writeFile('site/page', 'page');
  user.setMode('site/page', 0o4640);
  user.setOwner('site/page', 33, 44);
  user.setAttributes('site/page', [
    attribute('user.mime', 'text/html'),
    attribute('access', 'list', 'posix-acl'),
    attribute('', 'O:BAG:SYD:', 'nt-security'),
  ]);
  user.makeSymlink('site/link', 'page');
  user.setOwner('site/link', 33, 33);
  user.link('site/page', 'site/same');
  user.setMode('site', 0o555);
  user.setAttributes('site', [attribute('default', 'inherited', 'posix-acl')]);
}

const asideEvents = (pair: EnginePair) =>
  pair.events.filter(({ side, code }) => side === 'replica' && code === 'APL-006').map(({ text }) => text);

for (const [name, capabilities] of [
  ['without modes, owners and attributes', NOTHING],
  ['of an engine that is not root', NOT_ROOT],
  ['without access lists', { attributeKinds: 1 }],
] as const) {
  test(`a volume ${name}: contents arrive, nothing is parked or sent again, a failback brings everything back`, (t) => {
    const pair = poorPair(t, capabilities);
    decorate(pair);
    pair.start();
    const first = pair.synchronize();
    t.is(first.parked, 0);
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
    const again = pair.synchronize();
    t.deepEqual([again.sentFiles, again.updated, again.metadataOnly], [0, 0, 0]);
    const difference = pair.diff();
    t.true(difference.identical);
    t.true(difference.remarks!.every(({ kind }) => kind === 'kept-aside'));
    pair.run(3_000);
    t.true((pair.masterStatus?.peers['replica']?.keptAside ?? []).length > 0);
    // On the volume itself is only what it can hold.
    const there = pair.replicaTree.stat('site/page')!;
    if (capabilities !== NOTHING) t.is(there.mode & 0o777, 0o640);
    else t.is(pair.replicaTree.attributesOf('site', ['page']).size, 0);
    if ('owners' in capabilities) t.not(there.uid, 33);

    pair.user.writeFile('site/live', 'live');
    pair.user.setOwner('site/live', 1000, 1000);
    pair.user.setAttributes('site/live', [attribute('user.live', 'yes'), attribute('access', 'x', 'posix-acl')]);
    pair.user.rename('site', 'moved');
    pair.user.setOwner('moved/page', 55, 55);
    pair.user.remove('moved/link');
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
    t.deepEqual(failBack(t, pair), pair.masterView());
  });
}

test('the operator is told once for each kind, also over a restart of the Replica', (t) => {
  const pair = poorPair(t, NOT_ROOT);
  pair.user.writeFile('a', 'a');
  pair.user.setOwner('a', 33, 33);
  pair.start();
  pair.synchronize();
  pair.user.writeFile('b', 'b');
  pair.user.setOwner('b', 33, 33);
  pair.barrier();
  pair.run(5_000);
  t.is(asideEvents(pair).length, 1);
  t.regex(asideEvents(pair)[0]!, /"what":"owner"/);
  t.true(pair.events.some(({ side, code }) => side === 'master' && code === 'APL-006'));
  pair.killReplica();
  pair.startReplica();
  pair.connect();
  pair.user.writeFile('c', 'c');
  pair.user.setOwner('c', 33, 33);
  pair.barrier();
  t.is(asideEvents(pair).length, 1);
  pair.user.setAttributes('c', [attribute('', 'O:BA', 'nt-security')]);
  pair.barrier();
  t.is(asideEvents(pair).length, 2);
  t.deepEqual(pair.diff().remarks, [
    { kind: 'kept-aside', root: 0, what: 'owner', count: 4, paths: [] },
    { kind: 'kept-aside', root: 0, what: 'Windows security', count: 1, paths: [] },
  ]);
});

test('a volume that holds everything keeps nothing aside; only what is too large for it is', (t) => {
  const pair = poorPair(t, { attributeKinds: ALL_KINDS });
  pair.replicaTree.largestAttribute = 16;
  pair.user.makeDirectory('new');
  for (let n = 0; n < 20; n += 1) pair.user.writeFile(`new/${n}`, `${n}`);
  pair.start();
  pair.synchronize();
  pair.barrier();
  t.is(pair.asideStore.count, 0);
  t.deepEqual(asideEvents(pair), []);
  pair.user.setAttributes('new/7', [attribute('user.large', 'x'.repeat(100)), attribute('user.small', 'y')]);
  pair.barrier();
  pair.user.makeDirectory('more');
  for (let n = 0; n < 20; n += 1) pair.user.writeFile(`more/${n}`, `${n}`);
  pair.user.setAttributes('more/3', [attribute('user.large', 'z'.repeat(100))]);
  pair.synchronize();
  pair.barrier();
  pair.run(3_000);
  t.is(pair.asideStore.count, 2);
  t.deepEqual(
    decodeAttributes(pair.replicaTree.attributesOf('new', ['7']).get('7')!).map(({ name }) => name),
    ['user.small'],
  );
  t.true(pair.diff().identical);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(failBack(t, pair), pair.masterView());
});

test('what is kept aside goes with its file, and does not hide what is changed on the Replica itself', (t) => {
  const pair = poorPair(t, NOT_ROOT);
  pair.user.makeDirectory('d');
  for (let n = 0; n < 10; n += 1) {
    pair.user.writeFile(`d/${n}`, `${n}`);
    pair.user.setOwner(`d/${n}`, 33, 33);
  }
  pair.user.setOwner('d', 33, 33);
  pair.start();
  pair.synchronize();
  pair.barrier();
  const all = pair.asideStore.count;
  for (let round = 0; round < 5; round += 1) {
    for (let n = 0; n < 10; n += 1) pair.user.writeFile(`d/${n}`, `${n} ${round}`);
    pair.barrier();
    pair.run(3_000);
  }
  t.is(pair.asideStore.count, all, 'of files that were replaced nothing is left');
  pair.user.remove('d');
  pair.barrier();
  pair.run(3_000);
  t.true(pair.asideStore.count <= 1, `${pair.asideStore.count} left of files that are gone`);

  pair.user.writeFile('page', 'page');
  pair.user.setOwner('page', 33, 33);
  pair.barrier();
  new MemoryUser(pair.replicaTree).setOwner('page', 7, 7);
  t.deepEqual(pair.diff().differences, [{ root: 0, path: 'page', kind: 'metadata' }]);
  pair.synchronize();
  t.true(pair.diff().identical);
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`random changes, kills and power cuts, to a volume without attributes and back, change nothing (seed ${seed})`, (t) => {
    const pair = poorPair(t, seed % 2 === 0 ? NOTHING : NOT_ROOT, seed);
    const random = new SeededRandom(seed);
    const powerCuts = seed > 3;
    pair.start();
    pair.synchronize();
    const names = ['a', 'b', 'c', 'd', 'x/a', 'x/b', 'x/y/a', 'x/y/b'];
    const pick = () => names[random.below(names.length)]!;
    const attempt = (change: () => void) => {
      try {
        change();
      } catch {
        // Not possible as things are: another one is tried.
      }
    };
    for (let step = 0; step < 120; step += 1) {
      const [one, other] = [pick(), pick()];
      const { user } = pair;
      attempt(
        [
          () => user.writeFile(one, `${step}`),
          () => user.makeDirectory(['x', 'x/y'][random.below(2)]!),
          () => user.rename(one, other),
          () => user.rename('x', 'x2'),
          () => user.rename('x2', 'x'),
          () => user.link(one, other),
          () => user.remove(one),
          () => user.setOwner(one, random.below(5), random.below(5)),
          () => user.setMode(one, random.below(0o10000)),
          () => user.setAttributes(one, [attribute('user.n', `${step}`), attribute('', `${step}`, 'nt-security')]),
          () => user.setAttributes(one, []),
          () => user.setAttributes('', [attribute('default', `${step}`, 'posix-acl')]),
        ][random.below(12)]!,
      );
      if (random.below(12) === 0) pair.run(random.below(1_500));
      if (random.below(25) === 0) {
        if (powerCuts && random.below(2) === 0) pair.cutReplicaPower(random);
        else pair.killReplica();
        pair.startReplica();
        pair.connect();
      }
    }
    pair.connect();
    // After a power cut the Replica may have to be compared.
    if (powerCuts) pair.synchronize();
    pair.barrier();
    t.deepEqual(pair.failures, []);
    t.deepEqual(pair.replicaView(), pair.masterView());
    t.true(pair.diff().identical);
    t.deepEqual(failBack(t, pair), pair.masterView());
  });
}

test('without Replicate ACL access lists are neither set nor kept aside, and those of a failback target stay', (t) => {
  const pair = poorPair(t, { attributeKinds: kindBit('xattr') });
  pair.attributeKinds = ALL_KINDS & ~kindBit('posix-acl') & ~kindBit('nt-security');
  decorate(pair);
  pair.start();
  pair.synchronize();
  pair.barrier();
  t.deepEqual(asideEvents(pair), []);
  t.is(pair.asideStore.count, 0);
  t.deepEqual(
    decodeAttributes(pair.replicaTree.attributesOf('site', ['page']).get('page')!).map(({ name }) => name),
    ['user.mime'],
  );
  t.true(pair.diff().identical);
  const back = new Failback(pair);
  t.teardown(() => back.close());
  back.attributeKinds = pair.attributeKinds;
  const own = attribute('default', 'of the target', 'posix-acl');
  const target = new MemoryUser(back.target);
  target.makeDirectory('site');
  target.setAttributes('site', [own]);
  back.start();
  back.synchronize();
  t.deepEqual(
    decodeAttributes(back.target.attributesOf('', ['site']).get('site')!).map(({ name }) => name),
    ['default'],
  );
});

test('a volume of DOS holds neither modes, owners nor links, and compares its times as it keeps them', (t) => {
  const xfs = capabilitiesOfType(0x58465342, 3);
  t.like(xfs, { posixModes: true, caseSensitive: true, hardLinks: true, timeGranularityNs: 1, attributeKinds: 3 });
  for (const [type, timeGranularityNs] of [
    [0x4d44, 2_000_000_000],
    [0x2011bab0, 10_000_000],
  ] as const) {
    const dos = capabilitiesOfType(type, 0);
    t.like(dos, { posixModes: false, owners: false, caseSensitive: false, hardLinks: false, timeGranularityNs });
  }
});

test('the limit of what is kept aside: told before, beyond it parked with the reason, nothing lost, and all is there when it is raised', (t) => {
  const pair = poorPair(t, NOT_ROOT);
  pair.limits = { asideMaxBytes: 20_000 };
  for (let n = 0; n < 100; n += 1) pair.user.writeFile(`f${n}`, `${n}`);
  pair.start();
  pair.synchronize();
  const owners = (from: number, to: number) => {
    for (let n = from; n < to; n += 1) {
      pair.user.setOwner(`f${n}`, 1_000 + n, 33);
      pair.user.setAttributes(`f${n}`, [attribute('', 'x'.repeat(150), 'nt-security')]);
    }
  };
  for (let n = 0; pair.asideStore.bytes < 16_500; n += 1) {
    owners(n, n + 1);
    pair.barrier();
  }
  pair.run(3_000);
  t.true(pair.codes('replica').includes('APL-010'));
  const shown = () => pair.masterStatus!.peers.replica!;
  t.true(shown().asidePercent! >= 80 && shown().asidePercent! < 100, `${shown().asidePercent}`);
  t.is(shown().parked, 0);

  owners(0, 100);
  pair.run(120_000);
  const { parked } = shown();
  t.true(parked > 0, 'what does not fit is not dropped silently');
  t.true(pair.asideStore.bytes <= 20_000);
  const refused = pair.events.filter(({ side, code }) => side === 'replica' && code === 'APL-001');
  t.true(refused.length > 0 && refused.every(({ text }) => text.includes('aside.maxBytes')));
  const difference = pair.diff();
  t.false(difference.identical);
  for (let n = 0; n < 100; n += 1)
    t.is(Buffer.from(new MemoryUser(pair.replicaTree).readFile(`f${n}`)).toString(), `${n}`);
  t.is(pair.codes('replica').filter((code) => code === 'APL-010').length, 1);

  pair.killReplica();
  pair.limits = { asideMaxBytes: 1_000_000 };
  pair.startReplica();
  pair.connect();
  pair.run(180_000);
  t.is(shown().parked, 0);
  t.is(shown().asidePercent, undefined);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.true(pair.diff().identical);
  t.deepEqual(failBack(t, pair), pair.masterView());
});

test('the limit is reached in a synchronization: what does not fit is parked, contents arrive, a later one brings the rest', (t) => {
  const pair = poorPair(t, NOTHING);
  pair.limits = { asideMaxBytes: 5_000 };
  pair.user.makeDirectory('d');
  for (let n = 0; n < 100; n += 1) {
    pair.user.writeFile(`d/f${n}`, `${n}`);
    pair.user.setOwner(`d/f${n}`, 1_000 + n, 33);
  }
  pair.start();
  const { parked } = pair.synchronize();
  t.true(parked > 0);
  t.true(pair.asideStore.bytes <= 5_000);
  t.false(pair.diff().identical);
  t.is(Buffer.from(new MemoryUser(pair.replicaTree).readFile('d/f99')).toString(), '99');
  pair.killReplica();
  pair.limits = { asideMaxBytes: 1_000_000 };
  pair.startReplica();
  pair.connect();
  pair.run(1_000);
  pair.synchronize();
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.true(pair.diff().identical);
});

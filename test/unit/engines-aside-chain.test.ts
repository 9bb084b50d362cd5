/** alpha -> beta -> gamma, beta's volume cannot hold what the files have: it reaches gamma all the same. */
import test, { type ExecutionContext } from 'ava';
import { RootAside } from '../../daemon/aside/kept-aside.ts';
import { AsideTree } from '../../daemon/aside/tree.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { RootTree, TreeCapabilities } from '../../daemon/ports.ts';
import { ALL_KINDS, type Attribute, type AttributeKind } from '../../shared/attributes.ts';
import { MemoryCapture } from '../memory/capture.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { PairCore, type ReplicaFiles } from '../memory/pair-core.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const NOTHING: Partial<TreeCapabilities> = { posixModes: false, owners: false, attributeKinds: 0 };

const attribute = (name: string, value: string, kind: AttributeKind = 'xattr'): Attribute => ({
  kind,
  name,
  value: Buffer.from(value),
});

/** What beta runs for gamma. */
class Relay extends PairCore {
  readonly target: MemoryTree;
  private readonly middle: EnginePair;
  private readonly files = {
    spoolLog: new MemorySegmentLog(),
    journalLog: new MemorySegmentLog(),
    stateFile: new MemoryStateFile(),
  };

  constructor(middle: EnginePair, clock: SimulatedClock, capture: MemoryCapture) {
    super(hasher, 1, [], undefined, { clock, capture });
    this.middle = middle;
    this.target = new MemoryTree({
      volume: new MemoryVolume(clock),
      path: '/replica',
      capabilities: { attributeKinds: ALL_KINDS },
    });
  }

  protected override openMasterTree(): RootTree {
    const { replicaTree, asideStore } = this.middle;
    return new AsideTree(replicaTree, new RootAside(replicaTree, asideStore.shared()));
  }

  protected override openReplicaFiles(): ReplicaFiles {
    return { trees: [this.target], ...this.files };
  }

  protected override closeFiles(): void {}
}

function chain(t: ExecutionContext, capabilities: Partial<TreeCapabilities>, seed = 1) {
  const clock = new SimulatedClock();
  const capture = new MemoryCapture(clock, () => 1);
  const upper = new EnginePair(hasher, {
    seed,
    masterCapabilities: { attributeKinds: ALL_KINDS },
    replicaCapabilities: capabilities,
    relay: { clock, capture },
  });
  const lower = new Relay(upper, clock, capture);
  t.teardown(() => {
    lower.close();
    upper.close();
  });
  const settled = () => {
    upper.barrier();
    lower.barrier();
  };
  return { upper, lower, user: upper.user, settled, clock };
}

for (const [name, capabilities] of [
  ['without modes, owners and attributes', NOTHING],
  ['of an engine that is not root', { owners: false }],
  ['without access lists', { attributeKinds: 1 }],
] as const) {
  test(`through a volume ${name} everything arrives behind it, live and by synchronization`, (t) => {
    const { upper, lower, user, settled } = chain(t, capabilities);
    user.makeDirectory('site');
    user.writeFile('site/page', 'page');
    user.setMode('site/page', 0o640);
    user.setOwner('site/page', 33, 44);
    user.setAttributes('site/page', [attribute('user.mime', 'text/html'), attribute('access', 'list', 'posix-acl')]);
    upper.start();
    upper.synchronize();
    upper.barrier();
    lower.start();
    lower.synchronize();
    settled();
    t.deepEqual(describeTree(lower.target), upper.masterView());

    // Only metadata that the volume in the middle cannot show changes: no content, no time.
    user.setOwner('site/page', 55, 66);
    settled();
    t.deepEqual(describeTree(lower.target), upper.masterView(), 'owner');
    user.setAttributes('site/page', [attribute('user.mime', 'text/plain'), attribute('', 'O:BA', 'nt-security')]);
    settled();
    t.deepEqual(describeTree(lower.target), upper.masterView(), 'attributes');
    user.setAttributes('site', [attribute('default', 'inherited', 'posix-acl')]);
    user.rename('site', 'moved');
    settled();
    t.deepEqual(describeTree(lower.target), upper.masterView(), 'together with a rename');
    user.setAttributes('moved/page', []);
    user.setMode('moved/page', 0o600);
    settled();
    t.deepEqual(describeTree(lower.target), upper.masterView(), 'taken away again');
    t.true(lower.diff().identical);
  });
}

for (const seed of [1, 2, 3]) {
  test(`random metadata, kills of both engines in the middle: what is behind has everything in the end (seed ${seed})`, (t) => {
    const { upper, lower, user, settled } = chain(t, seed === 2 ? { owners: false } : NOTHING, seed);
    const random = new SeededRandom(seed);
    const names = ['a', 'b', 'd/a', 'd/b'];
    user.makeDirectory('d');
    for (const name of names) user.writeFile(name, name);
    upper.start();
    upper.synchronize();
    lower.start();
    lower.synchronize();
    for (let step = 0; step < 60; step += 1) {
      const name = names[random.below(names.length)]!;
      const value = `${step}`;
      [
        () => user.setOwner(name, random.below(5), random.below(5)),
        () => user.setMode(name, random.below(0o1000)),
        () => user.setAttributes(name, [attribute('user.n', value), attribute('', value, 'nt-security')]),
        () => user.setAttributes('d', [attribute('default', value, 'posix-acl')]),
        () => user.writeFile(name, value),
      ][random.below(5)]!();
      upper.run(random.below(700));
      if (random.below(12) > 0) continue;
      upper.killReplica();
      lower.killMaster();
      upper.startReplica();
      lower.startMaster();
      upper.connect();
      lower.connect();
    }
    settled();
    t.deepEqual(describeTree(lower.target), upper.masterView());
    t.true(lower.diff().identical);
  });
}

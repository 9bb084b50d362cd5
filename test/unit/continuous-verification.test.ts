/** Proof in the background that both sides are identical, and what happens when they are not. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function startPair(limits: EnginePair['limits'] = { continuousVerification: true }): EnginePair {
  const pair = new EnginePair(hasher);
  pair.limits = limits;
  for (let d = 0; d < 40; d += 1) {
    pair.user.makeDirectory(`d${d}`);
    for (let n = 0; n < 3; n += 1) pair.user.writeFile(`d${d}/${n}`, `${d} ${n}`);
  }
  pair.start();
  pair.synchronize();
  pair.barrier();
  return pair;
}

/** Changes a file on the Replica behind the product's back: same size, same times. */
function spoil(pair: EnginePair, path: string): void {
  pair.replicaTree.volume.setContent(pair.replicaTree.place(path).node as never, new TextEncoder().encode('9 9'));
}

const replica = (pair: EnginePair) => pair.masterStatus?.peers['replica'];
const verifiedAt = (pair: EnginePair) => pair.masterStatus?.peers['replica']?.verifiedAt;

test('identical sides are proven so, since the beginning of the comparison, again and again', (t) => {
  const pair = startPair();
  const started = pair.clock.wallMs();
  pair.run(60_000);
  const first = verifiedAt(pair) ?? 0;
  t.true(first >= started - 10_000 && first < started + 30_000);
  pair.run(200_000);
  t.true((verifiedAt(pair) ?? 0) > first);
  t.false(pair.codes().includes('VRF-001'));
  t.is(pair.codes().filter((code) => code === 'VRF-002').length, 1);
  pair.close();
});

test('what is known not to be identical is not called so: held back, parked, dropped, unreadable, being compared', (t) => {
  const pair = startPair();
  pair.run(60_000);
  t.truthy(verifiedAt(pair));
  const limits = { massDeletePercent: 0, massChangePercent: 0, continuousVerification: true, delayedReplicas: [] };
  const claims = (): boolean => {
    pair.run(1_000);
    return verifiedAt(pair) !== undefined;
  };
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  t.false(claims());
  pair.call({ name: 'suspend', peer: 'replica', suspended: false });
  t.true(claims());
  pair.call({ name: 'limits', limits: { ...limits, delayedReplicas: ['replica'] } });
  t.false(claims());
  pair.call({ name: 'limits', limits });
  t.true(claims());
  pair.call({ name: 'limits', limits: { ...limits, massDeletePercent: 10 } });
  pair.user.remove('d0');
  for (let d = 1; d < 8; d += 1) pair.user.remove(`d${d}`);
  pair.run(3_000);
  t.truthy(pair.masterStatus?.brake);
  t.false(claims());
  pair.call({ name: 'brake-release' });
  pair.barrier();
  t.true(claims());
  const failing = (tree: EnginePair['masterTree'], path: string) => {
    tree.beforeOperation = (operation, at) => {
      if (operation !== 'stat' && at === path) throw new Fault('FS-DENIED', { path });
    };
  };
  failing(pair.masterTree, 'd9/1');
  pair.user.writeFile('d9/1', 'unreadable');
  pair.run(3_000);
  t.is(pair.masterStatus?.unreadable, 1);
  t.false(claims());
  pair.masterTree.beforeOperation = () => {};
  pair.run(200_000);
  t.true(claims());
  failing(pair.replicaTree, 'd10/1');
  pair.user.writeFile('d10/1', 'parked');
  pair.run(3_000);
  t.is(replica(pair)?.parked, 1);
  t.false(claims());
  // It is told once, by being parked: comparing it says nothing new.
  pair.run(300_000);
  t.false(pair.codes().includes('VRF-001'));
  pair.replicaTree.beforeOperation = () => {};
  pair.callReplica({ name: 'parked', action: 'drop' });
  t.false(claims());
  t.is(replica(pair)?.dropped, 1);
  pair.close();
});

test('switched on while it runs it begins at once, switched off it claims nothing', (t) => {
  const pair = startPair({ continuousVerification: false });
  pair.run(60_000);
  t.is(verifiedAt(pair), undefined);
  const limits = { massDeletePercent: 0, massChangePercent: 0, delayedReplicas: [] };
  pair.call({ name: 'limits', limits: { ...limits, continuousVerification: true } });
  // Well before the first cycle of one that was on from the beginning would come round again.
  pair.run(20_000);
  t.truthy(verifiedAt(pair));
  pair.call({ name: 'limits', limits: { ...limits, continuousVerification: false } });
  pair.run(1_000);
  t.is(verifiedAt(pair), undefined);
  pair.close();
});

test('a content spoiled on the Replica with size and times as before is found, told and mended', (t) => {
  const pair = startPair();
  pair.run(60_000);
  const before = verifiedAt(pair);
  spoil(pair, 'd7/1');
  t.true(pair.clock.runUntil(() => pair.codes().includes('VRF-001'), 200_000));
  pair.run(200);
  t.is(verifiedAt(pair), undefined);
  pair.run(200_000);
  t.regex(pair.events.find(({ code }) => code === 'VRF-001')?.text ?? '', /d7\/1/);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.run(200_000);
  t.true((verifiedAt(pair) ?? 0) > (before ?? 0));
  t.is(pair.codes().filter((code) => code === 'VRF-001').length, 1);
  t.is(pair.codes().filter((code) => code === 'VRF-002').length, 2);
  // A Replica that was compared and made equal again has to be proven again.
  pair.synchronize();
  pair.run(200);
  t.is(verifiedAt(pair), undefined);
  pair.close();
});

test('files that change all the time are never taken for differences', (t) => {
  const pair = startPair();
  pair.latencyMs = () => 40;
  for (let n = 0; n < 1_500; n += 1) {
    pair.user.writeFile(`d${n % 40}/${n % 3}`, `${n}`.padStart(4));
    if (n % 50 === 0) pair.user.rename(`d${n % 40}`, `e${n}`);
    if (n % 50 === 0) pair.user.rename(`e${n}`, `d${n % 40}`);
    pair.run(100);
  }
  t.false(pair.codes().includes('VRF-001'));
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
  pair.close();
});

test('a difference asked for meanwhile, a cut link and a suspended Replica do no harm', (t) => {
  const pair = startPair();
  for (let n = 0; n < 30; n += 1) {
    pair.run(777);
    if (n % 3 === 0) t.true(pair.diff().identical);
    if (n % 7 === 0) {
      pair.cut();
      pair.run(500);
      pair.connect();
      pair.run(1_000);
    }
  }
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  pair.user.writeFile('d1/1', 'x');
  pair.run(200_000);
  t.false(pair.codes().includes('VRF-001'));
  pair.call({ name: 'suspend', peer: 'replica', suspended: false });
  pair.run(200_000);
  t.true((verifiedAt(pair) ?? 0) > 0);
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

/** What the Replica has received and must not apply yet: suspended, delayed, or held before a mass deletion. */
import test from 'ava';
import { ApplyGate } from '../../daemon/apply/gate.ts';
import { MassDeletions } from '../../daemon/capture/mass-deletions.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function protectedPair(limits: EnginePair['limits'] = {}): EnginePair {
  const pair = new EnginePair(hasher);
  pair.limits = limits;
  pair.user.makeDirectory('keep');
  for (let n = 0; n < 100; n += 1) pair.user.writeFile(`keep/${n}`, `${n}`);
  pair.user.writeFile('a', '1');
  pair.start();
  pair.synchronize();
  pair.barrier();
  return pair;
}

/** Without the times of the root, which may be newer than what is held. */
const filesOf = (pair: EnginePair) => [...pair.replicaView()].filter(([path]) => path !== '');
const replica = (pair: EnginePair) => pair.masterStatus?.peers['replica'];

test('a suspended Replica takes changes into its spool and applies them when it is resumed, over restarts of both', (t) => {
  const pair = protectedPair();
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  const before = pair.replicaView();
  pair.user.writeFile('a', '2');
  pair.user.rename('keep', 'kept');
  pair.run(5_000);
  t.deepEqual(pair.replicaView(), before);
  t.is(replica(pair)?.receivedSeq, pair.masterStatus?.position?.seq);
  t.true((replica(pair)?.pendingChanges ?? 0) > 0);
  t.regex(replica(pair)?.held ?? '', /suspended/);
  // Also alone, without its Master.
  pair.killReplica();
  pair.startReplica();
  pair.run(5_000);
  t.deepEqual(pair.replicaView(), before);
  t.true(pair.replicaStatus?.suspended);
  pair.killMaster();
  pair.startMaster();
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  pair.connect();
  pair.user.writeFile('b', '3');
  pair.run(5_000);
  t.deepEqual(pair.replicaView(), before);
  pair.call({ name: 'suspend', peer: 'replica', suspended: false });
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

test('a change is applied when it is as old as the replication delay, on the clock of the Master, and not before', (t) => {
  const pair = protectedPair();
  pair.killReplica();
  pair.limits = { applyDelayMs: 600_000 };
  pair.startReplica();
  pair.connect();
  const before = pair.replicaView();
  pair.run(1_000);
  pair.user.writeFile('a', '2');
  pair.run(300_000);
  pair.user.writeFile('b', '3');
  const between = pair.masterView();
  pair.run(290_000);
  t.deepEqual(pair.replicaView(), before);
  t.is(replica(pair)?.held, undefined);
  // A restart does not make anything older.
  pair.killReplica();
  pair.startReplica();
  pair.connect();
  pair.run(5_000);
  t.deepEqual(pair.replicaView(), before);
  pair.run(10_000);
  t.is(pair.replicaView().get('a'), between.get('a'));
  t.is(pair.replicaView().get('b'), undefined);
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('a Replica whose clock is wrong delays by the clock of its Master', (t) => {
  const gate = new ApplyGate(60_000);
  gate.clockOffsetMs = -3_600_000;
  const header = { batch: 1, commitSeq: 1, oldestMs: 1_000, newestMs: 1_000, changes: 1 };
  const spool = { firstIndex: 0, endIndex: 1, batch: () => ({ header }) } as never;
  gate.update(spool, 0, 1, 3_600_000 + 60_000);
  t.is(gate.end, 0);
  t.is(gate.opensAtWallMs, 3_600_000 + 61_000);
  gate.update(spool, 0, 1, 3_600_000 + 61_000);
  t.is(gate.end, 1);
});

test('a mass deletion is held before it is applied, also over restarts, until the operator releases it', (t) => {
  const pair = protectedPair({ massDeletePercent: 30 });
  const before = filesOf(pair);
  pair.user.remove('keep');
  pair.run(2_000);
  pair.user.writeFile('later', 'x');
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  t.like(pair.masterStatus?.brake, { removed: 101, total: 103 });
  t.regex(replica(pair)?.held ?? '', /brake/);
  t.is(pair.codes().filter((code) => code === 'BRK-001').length, 1);
  pair.killReplica();
  pair.killMaster();
  pair.startReplica();
  pair.startMaster();
  pair.connect();
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  t.truthy(pair.masterStatus?.brake);
  t.true(pair.call({ name: 'brake-release' }));
  t.false(pair.call({ name: 'brake-release' }));
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.run(1_000);
  t.is(pair.masterStatus?.brake, undefined);
  pair.close();
});

test('a deletion that happens while no Replica is connected is held when one comes', (t) => {
  const pair = protectedPair({ massDeletePercent: 30 });
  const before = filesOf(pair);
  pair.cut();
  pair.user.remove('keep');
  pair.run(5_000);
  pair.connect();
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  pair.call({ name: 'brake-release' });
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('a comparison nobody asked for does not carry out what the brake holds', (t) => {
  const pair = protectedPair({ massDeletePercent: 30 });
  const before = filesOf(pair);
  pair.user.remove('keep');
  pair.run(5_000);
  t.throws(() => pair.synchronize(), { message: /brake/ });
  t.deepEqual(filesOf(pair), before);
  pair.call({ name: 'brake-release' });
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('everyday deletions do not put the brake on, and nothing does when it is off', (t) => {
  const pair = protectedPair({ massDeletePercent: 50 });
  for (let n = 0; n < 40; n += 1) pair.user.remove(`keep/${n}`);
  pair.run(70_000);
  for (let n = 40; n < 60; n += 1) pair.user.remove(`keep/${n}`);
  pair.barrier();
  pair.call({ name: 'brake-limit', percent: 0 });
  pair.user.remove('keep');
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.is(pair.masterStatus?.brake, undefined);
  pair.close();
});

test('deletions count within a minute, as a share of what there was before', (t) => {
  const deletions = new MassDeletions(10);
  t.is(
    deletions.note(19, 0, () => 0),
    undefined,
  );
  t.deepEqual(
    deletions.note(1, 59_999, () => 100),
    { removed: 20, total: 120 },
  );
  t.is(
    deletions.note(1, 120_000, () => 100),
    undefined,
  );
  deletions.forget();
  t.is(
    deletions.note(100, 130_000, () => 900),
    undefined,
  );
  t.deepEqual(
    deletions.note(1, 130_000, () => 899),
    { removed: 101, total: 1000 },
  );
});

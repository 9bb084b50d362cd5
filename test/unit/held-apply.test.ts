/** What the Replica has received and must not apply yet: suspended or delayed. Held by the brake: brake.test.ts. */
import test from 'ava';
import { ApplyGate } from '../../daemon/apply/gate.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { formatMoment } from '../../shared/report.ts';
import { SimulatedClock } from '../memory/clock.ts';
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

test('a barrier is not passed by what a suspended Replica had applied before it was killed and has taken back since', (t) => {
  const pair = protectedPair();
  pair.run(2_000);
  const before = pair.replicaView();
  pair.user.writeFile('a', '2');
  t.true(
    pair.clock.runUntil(
      () =>
        replica(pair)?.appliedSeq === pair.masterStatus?.position?.seq &&
        pair.replicaView().get('a') !== before.get('a'),
    ),
  );
  // The Master has trimmed it by then, and no checkpoint covers it yet.
  pair.run(700);
  pair.post({ name: 'suspend', peer: 'replica', suspended: true });
  t.true(pair.clock.runUntil(() => pair.replicaStatus?.suspended === true));
  pair.killReplica();
  pair.startReplica();
  pair.connect();
  pair.run(200);
  t.is(pair.replicaView().get('a'), before.get('a'), 'taken back, and not applied again');
  const barrier = pair.post({ name: 'barrier' });
  pair.run(5_000);
  t.is(pair.answerOf(barrier), undefined);
  t.true((replica(pair)?.pendingChanges ?? 0) > 0);
  t.true((replica(pair)?.lagMs ?? 0) >= 4_000);
  pair.call({ name: 'suspend', peer: 'replica', suspended: false });
  pair.run(5_000);
  t.is(replica(pair)?.lagMs, 0);
  t.is(pair.answerOf(barrier)?.fault, undefined);
  t.not(pair.answerOf(barrier), undefined);
  t.deepEqual(pair.replicaView(), pair.masterView());
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
  const clock = new SimulatedClock();
  gate.setMasterClock(1_000, 0);
  const header = { batch: 1, commitSeq: 1, oldestMs: 1_000, newestMs: 1_000, changes: 1 };
  const spool = { firstIndex: 0, endIndex: 1, batch: () => ({ header }) } as never;
  gate.update(spool, 0, 1, clock);
  t.is(gate.end, 0);
  t.is(gate.opensAtMs, 60_000);
  clock.advance(59_999);
  gate.update(spool, 0, 1, clock);
  t.is(gate.end, 0);
  clock.advance(1);
  gate.update(spool, 0, 1, clock);
  t.is(gate.end, 1);
});

for (const jumpMs of [-86_400_000, 86_400_000]) {
  test(`a clock that is set by ${jumpMs} ms while changes wait for their age neither holds them up nor lets them through`, (t) => {
    const pair = protectedPair();
    pair.killReplica();
    pair.limits = { applyDelayMs: 60_000 };
    pair.startReplica();
    pair.connect();
    const before = pair.replicaView();
    pair.run(1_000);
    pair.user.writeFile('a', '2');
    pair.run(1_000);
    pair.clock.setWallMs(pair.clock.wallMs() + jumpMs);
    pair.run(55_000);
    t.deepEqual(pair.replicaView(), before);
    pair.run(6_000);
    t.deepEqual(pair.replicaView(), pair.masterView());
    // Captured by the clock as it is now, received by a Replica that knows it as it was.
    pair.user.writeFile('b', '3');
    pair.run(62_000);
    t.deepEqual(pair.replicaView(), pair.masterView());
    pair.close();
  });
}

test('apply that a host without handles holds for hours says since when and what to do, again and again, and goes on by itself', (t) => {
  const pair = protectedPair();
  const times = (code: string) => pair.codes('replica').filter((one) => one === code).length;
  const since = pair.clock.wallMs();
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (operation === 'stage') throw new Fault('FS-LIMIT', { path, reason: 'EMFILE' });
  };
  pair.user.writeFile('a', '2');
  pair.run(60_000);
  t.is(times('APL-002'), 1);
  t.is(times('APL-007'), 0);
  pair.run(300_000);
  t.is(times('APL-007'), 1);
  pair.run(2 * 3_600_000);
  t.is(times('APL-007'), 3);
  t.is(times('APL-002'), 1);
  t.regex(pair.events.findLast(({ code }) => code === 'APL-007')?.text ?? '', /EMFILE.*LimitNOFILE/);
  const { held } = replica(pair) ?? {};
  t.regex(held ?? '', /ran out of open files .*EMFILE.* Held since .* raise the limit of open files/);
  t.true(held?.includes(`Held since ${formatMoment(since)}`));
  // The Replica's own status says the same.
  t.is(pair.replicaStatus?.held, held);
  pair.replicaTree.beforeOperation = () => {};
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.run(1_000);
  t.is(replica(pair)?.held, undefined);
  t.is(times('APL-003'), 1);
  t.is(times('APL-001'), 0);
  pair.close();
});

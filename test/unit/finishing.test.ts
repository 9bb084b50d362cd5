/** A Replica that takes over: what it received is in its roots before it says so, whatever held it back; what is no whole copy is not given to users. */
import test from 'ava';
import type { FinishAnswer } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();
const finish = (pair: EnginePair) => pair.callReplica({ name: 'finish' }) as FinishAnswer;
const receivedAll = (pair: EnginePair) =>
  pair.clock.runUntil(() => pair.masterStatus?.peers['replica']?.receivedSeq === pair.masterStatus?.position?.seq);

function protectedPair(limits: EnginePair['limits'] = {}): EnginePair {
  const pair = new EnginePair(hasher);
  pair.limits = limits;
  pair.user.makeDirectory('keep');
  for (let n = 0; n < 50; n += 1) pair.user.writeFile(`keep/${n}`, `${n}`);
  pair.user.writeFile('a', '1');
  pair.start();
  pair.synchronize();
  pair.barrier();
  return pair;
}

function change(pair: EnginePair): Map<string, string> {
  pair.user.writeFile('a', '2');
  pair.user.rename('keep', 'kept');
  pair.user.remove('kept/7');
  pair.run(3_000);
  receivedAll(pair);
  return pair.masterView();
}

for (const alone of [false, true]) {
  const when = alone ? 'after a crash, without a link' : 'while it is linked';
  test(`what a suspended or delaying Replica has received is applied when it takes over, ${when}`, (t) => {
    for (const held of ['suspended', 'delayed'] as const) {
      const pair = protectedPair(held === 'delayed' ? { applyDelayMs: 3_600_000 } : {});
      if (held === 'suspended') pair.call({ name: 'suspend', peer: 'replica', suspended: true });
      const before = pair.replicaView();
      const wanted = change(pair);
      t.deepEqual(pair.replicaView(), before, held);
      if (alone) {
        pair.killMaster();
        pair.killReplica();
        pair.startReplica();
        pair.run(2_000);
        t.deepEqual(pair.replicaView(), before, held);
      }
      const seq = pair.masterStatus!.position!.seq;
      const answer = finish(pair);
      t.like(answer, { fit: true, clean: true, parked: 0, received: seq, applied: seq, position: { seq } });
      t.deepEqual(pair.replicaView(), wanted, held);
      t.deepEqual(finish(pair), answer, 'it can be asked again');
      pair.close();
    }
  });
}

test('what it answered is durable: a power cut right after it takes nothing back', (t) => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const pair = protectedPair();
    pair.call({ name: 'suspend', peer: 'replica', suspended: true });
    const wanted = change(pair);
    const { position } = finish(pair);
    pair.cutReplicaPower(new SeededRandom(seed));
    pair.killMaster();
    pair.startReplica();
    pair.run(100);
    t.deepEqual(pair.replicaView(), wanted);
    t.deepEqual(finish(pair).position, position);
    pair.close();
  }
});

test('killed at any operation while it finishes, it finishes when it is asked again', (t) => {
  let kills = 0;
  for (let at = 1; ; at += 3) {
    const pair = protectedPair();
    pair.call({ name: 'suspend', peer: 'replica', suspended: true });
    const wanted = change(pair);
    pair.killMaster();
    let left = at;
    pair.watchOperations((side) => {
      if (side !== 'replica') return;
      left -= 1;
      if (left === 0) throw new Fault('FS-IO', { path: 'killed', reason: 'test' });
    });
    let done = false;
    try {
      done = finish(pair).fit;
    } catch {
      kills += 1;
    }
    if (!done) {
      pair.killReplica();
      pair.startReplica();
      const answer = finish(pair);
      t.true(answer.fit && answer.clean, `killed at operation ${at}`);
    }
    t.deepEqual(pair.replicaView(), wanted, `killed at operation ${at}`);
    pair.close();
    if (done) break;
  }
  t.true(kills > 5, `${kills} kills`);
});

test('in the middle of its first synchronization, or of a later one, it is not fit to take over and says why', (t) => {
  const first = new EnginePair(hasher);
  for (let n = 0; n < 200; n += 1) first.user.writeFile(`${n}`, `${n}`);
  first.start();
  t.like(finish(first), { fit: false, clean: false });
  first.close();

  const pair = protectedPair();
  for (let n = 0; n < 200; n += 1) pair.user.writeFile(`keep/new ${n}`, `${n}`.repeat(1_000));
  pair.latencyMs = () => 20;
  pair.run(5_000);
  let begun = false;
  pair.watchOperations((side, operation) => {
    const asked = pair.codes().filter((code) => code === 'SYN-001').length > 1;
    begun ||= asked && side === 'replica' && operation === 'save';
  });
  pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: false });
  t.true(pair.clock.runUntil(() => begun));
  const answer = finish(pair);
  t.false(answer.fit);
  t.is(answer.position, undefined);
  t.regex(answer.reason ?? '', /synchronization was not finished/);
  pair.killReplica();
  pair.startReplica();
  t.regex(finish(pair).reason ?? '', /synchronization was not finished/, 'after a crash as well');
  pair.close();
});

test('items that cannot be applied are counted, and the copy is not called clean', (t) => {
  const pair = protectedPair();
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  pair.watchOperations((side, operation, path) => {
    if (side === 'replica' && operation !== 'stat' && path === 'refused')
      throw new Fault('FS-UNSUPPORTED', { path, what: 'name' });
  });
  pair.user.writeFile('refused', 'x');
  change(pair);
  const answer = finish(pair);
  t.like(answer, { fit: true, clean: false, parked: 1 });
  t.is(pair.replicaView().get('refused'), undefined);
  pair.close();
});

test('a full volume holds it up, is named as the reason, and does not when there is room again', (t) => {
  const pair = protectedPair();
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  const wanted = change(pair);
  let full = true;
  pair.watchOperations((side, operation, path) => {
    if (full && side === 'replica' && operation === 'stage') throw new Fault('FS-FULL', { path });
  });
  const answer = finish(pair);
  t.false(answer.fit);
  t.regex(answer.reason ?? '', /full|room|space/i);
  full = false;
  t.like(finish(pair), { fit: true, clean: true });
  t.deepEqual(pair.replicaView(), wanted);
  pair.close();
});

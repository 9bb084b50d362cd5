/** Wall clocks that are wrong, differ, or are set while the daemons run: nothing stops, goes, or is told as something absurd. */
import test from 'ava';
import { Ageing, beginSpan } from '../../daemon/ageing.ts';
import { JournalHistory } from '../../daemon/journal/history.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { mergeByTime } from '../../shared/event-order.ts';
import { statusRemarks } from '../../shared/status-remarks.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

function pairOf(t: { teardown(end: () => void): void }): EnginePair {
  const pair = new EnginePair(hasher);
  t.teardown(() => pair.close());
  return pair;
}

test('what is removed by age goes at most twice as fast as time passes, and not later than that', (t) => {
  const clock = new SimulatedClock();
  const ageing = new Ageing(clock);
  const began = clock.wallMs();
  const before = () => ageing.before(DAY, () => began - 10 * DAY);
  t.is(before(), began - 10 * DAY, 'what grew old while nothing ran is not removed at once');
  clock.advance(HOUR);
  t.is(before(), began - 10 * DAY + 2 * HOUR);
  for (let n = 0; n < 20; n += 1) {
    clock.advance(DAY);
    before();
  }
  t.is(before(), clock.wallMs() - DAY, 'caught up');
  const right = clock.wallMs();
  clock.setWallMs(right + YEAR);
  t.is(before(), right - DAY);
  clock.advance(HOUR);
  t.is(before(), right - DAY + 2 * HOUR);
  clock.setWallMs(right - YEAR);
  t.is(before(), right - YEAR - DAY);
  clock.setWallMs(right + 3 * HOUR);
  t.is(before(), right - DAY + 2 * HOUR, 'set right again, it goes on where it was');
});

test('a span is as long as what passed, forwards and backwards', (t) => {
  const clock = new SimulatedClock();
  const end = beginSpan(clock);
  clock.advance(5_000);
  clock.setWallMs(clock.wallMs() - YEAR);
  t.is(end().finishedAt - end().startedAt, 5_000);
});

for (const [name, byMs] of [
  ['forward by a year', YEAR],
  ['back by a year', -YEAR],
] as const) {
  test(`the clock of the Replica is set ${name}: its history stays`, (t) => {
    const limits = { retentionMs: 10 * 60_000, maxBytes: 2 ** 40, minFreeBytes: 0, whenFull: 'gap' } as const;
    const host = new ReplicaHost(hasher, { history: limits });
    const tree = new MemoryTree({ volume: new MemoryVolume(host.clock) });
    new MemoryUser(tree).writeFile('file', 'first');
    const master = new ScriptedMaster(host, hasher);
    master.hello();
    master.synchronize(tree);
    let seq = 0;
    const live = (changes: number) => {
      for (let n = 0; n < changes; n += 1) {
        seq += 1;
        const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: BigInt(seq) };
        const content = Buffer.from(`${seq}`);
        master.batchOf([{ op: 'put', root: 0, path: 'file', metadata, content }], seq, host.clock.wallMs());
        master.settle(10_000);
      }
    };
    live(40);
    const count = () => new JournalHistory(host.journalLog).records.filter(({ kept }) => kept !== undefined).length;
    const kept = count();
    t.true(kept >= 40);
    host.clock.setWallMs(host.clock.wallMs() + byMs);
    live(6);
    master.settle(60_000);
    // Two minutes have passed: at most four of the ten are gone, with the rest of their segment.
    t.true(count() >= kept / 2, `${count()} of ${kept}`);
    t.false(host.events().some((code) => code === 'RWD-007'));
  });
}

test('periodic replication goes on within a period after the clock was put back by a year, also while it was stopped', (t) => {
  const pair = pairOf(t);
  pair.sending = { schedule: { mode: 'periodic', periodMs: 10 * 60_000, grid: [], excludedDates: [] } };
  pair.start();
  pair.synchronize();
  pair.run(11 * 60_000);
  pair.clock.setWallMs(pair.clock.wallMs() - YEAR);
  pair.user.writeFile('after', 'the clock was put back');
  pair.run(22 * 60_000);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.true(pair.masterStatus!.nextSendAt! <= pair.clock.wallMs() + 10 * 60_000);
  pair.stopMaster();
  pair.clock.setWallMs(pair.clock.wallMs() - YEAR);
  pair.startMaster();
  pair.connect();
  pair.user.writeFile('again', 'while it was stopped');
  pair.run(22 * 60_000);
  t.deepEqual(pair.replicaView(), pair.masterView());
});

test('the clock is set while a synchronization runs: its report says how long it took', (t) => {
  for (const byMs of [-YEAR, YEAR, -HOUR]) {
    const pair = pairOf(t);
    pair.latencyMs = () => 20;
    for (let n = 0; n < 50; n += 1) pair.user.writeFile(`f${n}`, `${n}`);
    pair.start();
    pair.clock.after(60, () => pair.clock.setWallMs(pair.clock.wallMs() + byMs));
    const { startedAt, finishedAt } = pair.synchronize();
    t.true(finishedAt > startedAt && finishedAt - startedAt < 60_000, `${finishedAt - startedAt}`);
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
  }
});

for (const [host, byMs, text] of [
  ['replica', 2 * HOUR, /2 h ahead/],
  ['replica', -3 * YEAR, /1095 d behind/],
  ['master', 2 * HOUR, /2 h behind/],
] as const) {
  test(`the clock of the ${host} is wrong by ${byMs / HOUR} h: all is replicated, the difference is shown and told once, and its end`, (t) => {
    const pair = pairOf(t);
    pair.wallAheadMs[host] = byMs;
    pair.user.writeFile('file', 'content');
    pair.start();
    pair.synchronize();
    pair.barrier();
    pair.run(60_000);
    pair.user.writeFile('file', 'other');
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
    pair.run(60_000);
    const peer = pair.masterStatus!.peers.replica!;
    t.is(peer.lagMs, 0);
    t.is(peer.exposureMs, 0);
    const shown = statusRemarks({ hosts: [{ name: 'beta', replica: peer }] } as never);
    t.regex(shown.map((remark) => remark.text).join(), text);
    t.is(pair.codes('master').filter((code) => code === 'HST-006').length, 1);
    pair.wallAheadMs[host] = 0;
    pair.run(60_000);
    t.is(pair.masterStatus!.peers.replica!.clockAheadMs, undefined);
    t.is(pair.codes('master').filter((code) => code === 'HST-007').length, 1);
    t.is(pair.codes('master').filter((code) => code === 'HST-006').length, 1);
  });
}

test('clocks that agree say nothing, whatever the way between takes', (t) => {
  const pair = pairOf(t);
  pair.latencyMs = () => 900;
  pair.wallAheadMs.replica = 1_500;
  pair.start();
  pair.synchronize();
  pair.run(120_000);
  t.is(pair.masterStatus!.peers.replica!.clockAheadMs, undefined);
  t.false(pair.codes('master').includes('HST-006'));
});

test('the clock of the Master is set while a Replica is away and its spool is full: the lag is what has passed', (t) => {
  const pair = pairOf(t);
  pair.limits = { spoolMaxBytes: 20_000 };
  pair.start();
  pair.synchronize();
  pair.cut();
  for (let n = 0; n < 300; n += 1) pair.user.writeFile(`f${n}`, `${n}`);
  pair.run(HOUR);
  t.true(pair.codes('master').includes('SPL-100'));
  for (const byMs of [YEAR, -2 * YEAR]) {
    pair.clock.setWallMs(pair.clock.wallMs() + byMs);
    pair.run(60_000);
    const { lagMs, exposureMs } = pair.masterStatus!.peers.replica!;
    t.true(lagMs >= HOUR && lagMs < 2 * HOUR, `${lagMs}`);
    t.true(exposureMs >= HOUR && exposureMs < 2 * HOUR, `${exposureMs}`);
  }
  pair.connect();
  pair.run(5_000);
  pair.synchronize();
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
});

test('events of one host stay in the order they happened; those of others come between by their time', (t) => {
  const merge = (...lists: number[][]) => mergeByTime(lists, (at) => at);
  t.deepEqual(merge([1, 5, 9], [2, 6]), [1, 2, 5, 6, 9]);
  t.deepEqual(merge([100, 101, 3, 4]), [100, 101, 3, 4]);
  t.deepEqual(merge([100, 3, 4], [2, 50, 150]), [2, 50, 100, 3, 4, 150]);
  t.deepEqual(merge(), []);
});

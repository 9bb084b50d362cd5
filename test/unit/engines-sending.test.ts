/** When and how fast a Master sends: bandwidth limits and replication modes, on virtual time. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();
const MEGABYTE = 1_000_000;
const HOUR = 3_600_000;

async function within(run: (pair: EnginePair) => void, sending: EnginePair['sending']): Promise<void> {
  const pair = new EnginePair(hasher);
  try {
    pair.sending = sending;
    pair.startReplica();
    pair.startMaster();
    pair.connect();
    run(pair);
  } finally {
    pair.close();
  }
}

/** Incompressible and without runs of zeros, which are not sent. */
function noise(bytes: number, seed: number): string {
  let state = seed;
  let text = '';
  while (text.length < bytes) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    text += `${state.toString(36)}-`;
  }
  return text.slice(0, bytes);
}

test('a synchronization keeps to the bandwidth limit within 5 %, and an edit takes effect at once', async (t) => {
  await within(
    (pair) => {
      for (let n = 0; n < 80; n += 1) pair.user.writeFile(`f${n}`, noise(MEGABYTE, n + 1));
      const done = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
      pair.run(2_000);
      const from = { bytes: pair.sentBytes, ms: pair.clock.bootMs() };
      pair.run(10_000);
      const rate = ((pair.sentBytes - from.bytes) / (pair.clock.bootMs() - from.ms)) * 1000;
      t.true(Math.abs(rate / (2 * MEGABYTE) - 1) < 0.05, `${rate} bytes a second`);
      t.is(pair.answerOf(done), undefined);
      pair.call({ name: 'bandwidth', policy: { bytesPerSecond: 4 * MEGABYTE, grid: [] } });
      const then = { bytes: pair.sentBytes, ms: pair.clock.bootMs() };
      // Long enough that a frame more or less is well below the 5 %.
      pair.run(12_000);
      const faster = ((pair.sentBytes - then.bytes) / (pair.clock.bootMs() - then.ms)) * 1000;
      t.true(Math.abs(faster / (4 * MEGABYTE) - 1) < 0.05, `${faster} bytes a second`);
      pair.call({ name: 'bandwidth', policy: { bytesPerSecond: 0, grid: [] } });
      const untilMs = pair.clock.bootMs() + 1_000;
      t.true(
        pair.clock.runUntil(() => pair.answerOf(done) !== undefined, 1_000),
        'unlimited from now on',
      );
      t.true(pair.clock.bootMs() <= untilMs);
      pair.barrier();
      t.deepEqual(pair.replicaView(), pair.masterView());
    },
    { bandwidth: { bytesPerSecond: 2 * MEGABYTE, grid: [] } },
  );
});

test('the limit of the day and hour counts instead of the general one', async (t) => {
  await within(
    (pair) => {
      // A Wednesday, 7:59:50 on the clock on the wall of this host.
      pair.clock.setWallMs(new Date(2026, 10, 25, 7, 59, 50).getTime());
      for (let n = 0; n < 30; n += 1) pair.user.writeFile(`f${n}`, noise(MEGABYTE, n + 1));
      pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
      pair.run(10_000);
      const before = pair.sentBytes;
      t.true(Math.abs(before / (MEGABYTE * 10) - 1) < 0.15, `${before} bytes until eight o’clock`);
      pair.run(1_000);
      const from = pair.sentBytes;
      pair.run(5_000);
      const rate = (pair.sentBytes - from) / 5;
      t.true(Math.abs(rate / (MEGABYTE / 2) - 1) < 0.25, `${rate} bytes a second after eight o’clock`);
    },
    { bandwidth: { bytesPerSecond: MEGABYTE, grid: ['mon-fri 8-18 500kB', 'wed 8-9 5MB'] } },
  );
});

test('under a limit a comparison holds up no change, and a link that waits stays alive', async (t) => {
  await within(
    (pair) => {
      for (let d = 0; d < 50; d += 1) {
        pair.user.makeDirectory(`d${d}`);
        for (let n = 0; n < 100; n += 1) pair.user.writeFile(`d${d}/${'long-name'.repeat(8)}-${n}`, `${n}`);
      }
      pair.synchronize();
      pair.barrier();
      pair.call({ name: 'bandwidth', policy: { bytesPerSecond: 20_000, grid: [] } });
      const diff = pair.post({ name: 'diff', peer: 'replica', ignoreSame: true });
      pair.run(3_000);
      t.is(pair.answerOf(diff), undefined, 'it takes its time');
      pair.user.writeFile('urgent', 'live');
      pair.run(30_000);
      t.is(pair.replicaView().get('urgent'), pair.masterView().get('urgent'));
      t.true(pair.isLinked);
      t.false(pair.codes().includes('LNK-002'));
    },
    { bandwidth: { bytesPerSecond: 0, grid: [] } },
  );
});

test('a period that ends while a synchronization waits for its bandwidth costs no turns without end', async (t) => {
  await within(
    (pair) => {
      // The walk itself waits, with its transaction open.
      for (let d = 0; d < 50; d += 1) {
        pair.user.makeDirectory(`d${d}`);
        for (let n = 0; n < 100; n += 1) pair.user.writeFile(`d${d}/${'long-name'.repeat(8)}-${n}`, `${n}`);
      }
      const done = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
      // On virtual time turns without end would never come to it.
      t.true(pair.clock.runUntil(() => pair.answerOf(done) !== undefined, 120_000));
      pair.barrier();
      t.deepEqual(pair.replicaView(), pair.masterView());
    },
    {
      bandwidth: { bytesPerSecond: 30_000, grid: [] },
      schedule: { mode: 'periodic', periodMs: 2_000, grid: [], excludedDates: [] },
    },
  );
});

test('periodic: what was changed between two moments is collected, aggregated and sent at the next one', async (t) => {
  await within(
    (pair) => {
      pair.clock.setWallMs(new Date(2026, 10, 25, 10, 10).getTime());
      pair.user.writeFile('a', 'first');
      pair.synchronize();
      pair.user.writeFile('tail', 'changed during the synchronization goes with it');
      pair.run(5_000);
      t.true(pair.codes().includes('SYN-003'));
      const before = pair.replicaView();
      for (let n = 0; n < 50; n += 1) {
        pair.user.writeFile('a', `version ${n}`.repeat(1_000));
        pair.user.writeFile(`new${n % 5}`, `version ${n}`);
        pair.run(11_000);
      }
      t.deepEqual(pair.replicaView(), before, 'nothing is sent between the moments');
      t.is(pair.masterStatus?.nextSendAt, new Date(2026, 10, 25, 11, 0).getTime());
      t.true((pair.masterStatus?.peers.replica?.exposureMs ?? 0) > 500_000, 'the exposure is told');
      const sent = pair.masterStatus?.statistics.replicatedChanges ?? 0;
      pair.run(50 * 60_000 - 50 * 11_000);
      t.deepEqual(pair.replicaView(), pair.masterView());
      const changes = (pair.masterStatus?.statistics.replicatedChanges ?? 0) - sent;
      t.true(changes < 20, `${changes} changes were sent for 100 writes`);
      t.is(pair.masterStatus?.nextSendAt, new Date(2026, 10, 25, 12, 0).getTime());
    },
    { schedule: { mode: 'periodic', grid: [], periodMs: HOUR, excludedDates: [] } },
  );
});

test('scheduled: sent in the windows only, kept over a restart; a missed moment is made up for; send now', async (t) => {
  await within(
    (pair) => {
      pair.clock.setWallMs(new Date(2026, 10, 25, 18, 0).getTime());
      pair.synchronize();
      pair.run(5_000);
      pair.user.writeFile('a', 'kept until eight in the evening');
      pair.run(HOUR);
      t.false(pair.replicaView().has('a'));
      t.is(pair.masterStatus?.nextSendAt, new Date(2026, 10, 25, 20, 0).getTime());
      pair.killMaster();
      pair.startMaster();
      pair.connect();
      pair.run(HOUR / 2);
      t.false(pair.replicaView().has('a'));
      pair.run(HOUR / 2 + 10_000);
      t.true(pair.replicaView().has('a'));
      pair.user.writeFile('b', 'after the first moment of the window');
      pair.run(10 * 60_000);
      t.false(pair.replicaView().has('b'), 'every half hour, not at once');
      pair.run(25 * 60_000);
      t.true(pair.replicaView().has('b'));
      pair.user.writeFile('c', 'the engine does not run at the next moment');
      pair.run(2_000);
      pair.killMaster();
      pair.run(HOUR / 2);
      pair.startMaster();
      pair.connect();
      pair.run(20_000);
      t.true(pair.replicaView().has('c'));
      pair.run(2 * HOUR);
      pair.user.writeFile('d', 'outside of the window');
      pair.run(HOUR);
      t.false(pair.replicaView().has('d'));
      t.is(pair.masterStatus?.nextSendAt, new Date(2026, 10, 27, 20, 0).getTime(), 'the 26th is excluded');
      pair.call({ name: 'release', on: true });
      pair.barrier();
      pair.call({ name: 'release', on: false });
      t.deepEqual(pair.replicaView(), pair.masterView());
      pair.user.writeFile('e', 'waits again');
      pair.run(HOUR);
      t.false(pair.replicaView().has('e'));
    },
    {
      schedule: { mode: 'scheduled', grid: ['mon-fri 20-22'], periodMs: HOUR / 2, excludedDates: ['2026-11-26'] },
    },
  );
});

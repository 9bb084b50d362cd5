/** The mass-change brake: what deletes or overwrites a large share of a root within a minute is held until the operator says so. */
import test from 'ava';
import fc from 'fast-check';
import { type CaptureToll, MassChanges, type Wave } from '../../daemon/capture/mass-changes.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint, RewindPointList } from '../../shared/rewind.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

const hasher = await createContentHasher();
const OFF = { massDeletePercent: 0, massChangePercent: 0 };
const FILES = 100;

function pairOfFiles(limits: EnginePair['limits']): EnginePair {
  const pair = new EnginePair(hasher);
  pair.limits = limits;
  pair.user.makeDirectory('keep');
  for (let n = 0; n < FILES; n += 1) pair.user.writeFile(`keep/${n}`, `${n}`);
  pair.user.writeFile('a', '1');
  return pair;
}

function protectedPair(limits: EnginePair['limits']): EnginePair {
  const pair = pairOfFiles(limits);
  pair.start();
  pair.synchronize();
  pair.barrier();
  // The files are no new ones any more.
  pair.run(120_000);
  return pair;
}

/** Without the times of directories, which may be newer than what is held. */
const filesOf = (pair: EnginePair) => [...pair.replicaView()].filter(([path]) => path !== '' && path !== 'keep');
const replica = (pair: EnginePair) => pair.masterStatus?.peers['replica'];
const brakes = (pair: EnginePair) => pair.codes().filter((code) => code === 'BRK-001').length;

function encrypt(pair: EnginePair, from: number, to: number): void {
  for (let n = from; n < to; n += 1) pair.user.writeFile(`keep/${n}`, `encrypted ${n}`);
}

test('a mass deletion is held before it is applied, also over restarts, until the operator releases it', (t) => {
  const pair = protectedPair({ massDeletePercent: 30 });
  const before = filesOf(pair);
  pair.user.remove('keep');
  pair.run(2_000);
  pair.user.writeFile('later', 'x');
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  t.like(pair.masterStatus?.brake, { kinds: ['deletions'], removed: 101, total: 103, changed: 0 });
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
  pair.call({ name: 'limits', limits: { ...OFF, continuousVerification: false, delayedReplicas: [] } });
  pair.user.remove('keep');
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.is(pair.masterStatus?.brake, undefined);
  pair.close();
});

test('files overwritten like ransomware does are held before they are applied, over restarts, until released', (t) => {
  const pair = protectedPair({ massChangePercent: 30 });
  const before = filesOf(pair);
  encrypt(pair, 0, 60);
  pair.run(5_000);
  pair.user.writeFile('later', 'x');
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  t.like(pair.masterStatus?.brake, { kinds: ['changes'], changed: 60, files: 101, removed: 0 });
  t.is(brakes(pair), 1);
  t.regex(replica(pair)?.held ?? '', /brake/);
  // The Replica has them durably in its spool.
  t.is(replica(pair)?.receivedSeq, pair.masterStatus?.position?.seq);
  pair.killReplica();
  pair.killMaster();
  pair.startReplica();
  pair.startMaster();
  pair.connect();
  encrypt(pair, 60, 70);
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  t.like(pair.masterStatus?.brake, { changed: 70 });
  t.true(pair.call({ name: 'brake-release' }));
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.run(1_000);
  t.is(pair.masterStatus?.brake, undefined);
  pair.close();
});

const HISTORY = { retentionMs: 7 * 86_400_000, maxBytes: 2 ** 40, minFreeBytes: 0, whenFull: 'gap' } as const;

/** The Replica's bookmarks of held waves. */
function bookmarks(pair: EnginePair): readonly RewindPoint[] {
  const filter = { kinds: ['bookmark'], text: 'before the mass change', limit: 10 } as const;
  return (pair.callReplica({ name: 'points', filter }) as RewindPointList).points;
}

test('what is held has a bookmark right before it in the history of the Replica, one over restarts, also when nothing was applied yet', (t) => {
  for (const slow of [false, true]) {
    const pair = pairOfFiles({ massChangePercent: 30, ...(slow ? { applyDelayMs: 150_000 } : {}) });
    pair.startReplica({ history: HISTORY });
    pair.startMaster();
    pair.connect();
    pair.synchronize();
    pair.barrier();
    pair.run(120_000);
    pair.user.writeFile('keep/99', 'the last good change');
    // What is held begins before the minute of the wave.
    pair.run(70_000);
    t.deepEqual(bookmarks(pair), []);
    encrypt(pair, 0, 60);
    pair.run(20_000);
    t.truthy(pair.masterStatus?.brake);
    // Not before everything that came before the wave is applied.
    t.is(bookmarks(pair).length, slow ? 0 : 1);
    pair.run(150_000);
    const [first, ...others] = bookmarks(pair);
    t.deepEqual(others, []);
    t.regex(first?.text ?? '', /^Before the mass change held since 20/);
    t.true(pair.codes('replica').includes('RWD-003'));
    t.true(pair.codes('master').includes('RWD-003'));
    pair.killReplica();
    pair.startReplica({ history: HISTORY });
    pair.connect();
    pair.run(5_000);
    t.is(bookmarks(pair).length, 1);

    t.true(pair.call({ name: 'brake-release' }));
    pair.run(slow ? 300_000 : 20_000);
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
    const request = { kind: 'preview', point: first!.id, limit: 1_000 } as const;
    const { entries, counts } = pair.callReplica({ name: 'past', request }) as PreviewResult;
    t.is(counts.changed, 60);
    t.false(
      entries.some(({ path }) => path === 'keep/99'),
      'what came before the wave stays',
    );
    pair.close();
  }
});

test('what came within the minute may go again, and what is older counts whenever it came', (t) => {
  const pair = protectedPair({ massDeletePercent: 30 });
  pair.user.makeDirectory('build');
  for (let n = 0; n < 300; n += 1) pair.user.writeFile(`build/${n}`, `${n}`);
  pair.run(20_000);
  pair.user.remove('build');
  pair.run(5_000);
  t.is(pair.masterStatus?.brake, undefined);
  pair.barrier();
  pair.user.makeDirectory('build');
  for (let n = 0; n < 300; n += 1) pair.user.writeFile(`build/${n}`, `${n}`);
  pair.run(600_000);
  pair.user.remove('build');
  pair.run(5_000);
  t.like(pair.masterStatus?.brake, { kinds: ['deletions'], removed: 301 });
  pair.close();
});

test('fewer than the smallest mass change are everyday work, whatever share they are', (t) => {
  const pair = protectedPair({ massDeletePercent: 30, massChangePercent: 30, massMinimum: 80 });
  encrypt(pair, 0, 79);
  pair.run(70_000);
  t.is(pair.masterStatus?.brake, undefined);
  encrypt(pair, 0, 80);
  pair.run(5_000);
  t.like(pair.masterStatus?.brake, { kinds: ['changes'], changed: 80 });
  pair.close();
});

test('files replaced by others of their names are overwritten, not deleted', (t) => {
  const pair = protectedPair({ massDeletePercent: 30, massChangePercent: 30 });
  for (let n = 0; n < 50; n += 1) {
    pair.user.writeFile(`keep/${n}.new`, `new ${n}`);
    pair.user.rename(`keep/${n}.new`, `keep/${n}`);
    if (n % 10 === 0) pair.run(1_000);
  }
  pair.run(5_000);
  t.like(pair.masterStatus?.brake, { kinds: ['changes'], changed: 50, removed: 0 });
  pair.close();
});

test('new files, files written over and over and slow work do not put the brake on', (t) => {
  const pair = protectedPair({ massDeletePercent: 20, massChangePercent: 20 });
  pair.user.makeDirectory('release');
  for (let n = 0; n < 200; n += 1) pair.user.writeFile(`release/${n}`, '');
  pair.run(3_000);
  for (let n = 0; n < 200; n += 1) pair.user.writeFile(`release/${n}`, `content ${n}`);
  for (let n = 0; n < 200; n += 1) {
    pair.user.writeFile('a', `${n}`);
    pair.run(500);
  }
  for (let n = 0; n < FILES; n += 1) {
    pair.user.writeFile(`keep/${n}`, `slowly ${n}`);
    pair.run(2_000);
  }
  pair.barrier();
  t.is(brakes(pair), 0);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('what a site writes during its first synchronization is no mass change afterwards', (t) => {
  const pair = pairOfFiles({ massChangePercent: 20 });
  pair.user.makeDirectory('more');
  let written = false;
  pair.watchOperations((side, _operation, path) => {
    // The walk has passed these files.
    if (written || side !== 'master' || path !== 'more') return;
    written = true;
    encrypt(pair, 0, 80);
  });
  pair.start();
  pair.synchronize();
  pair.barrier();
  t.true(written);
  pair.run(1_000);
  t.true((pair.masterStatus?.position?.seq ?? 0) >= 80);
  t.is(brakes(pair), 0);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('a change that waited for the link when the wave came is held with it: its content is read when it is sent', (t) => {
  const pair = protectedPair({ massChangePercent: 30 });
  const before = filesOf(pair);
  pair.cut();
  pair.user.writeFile('keep/0', 'honest work');
  pair.run(120_000);
  encrypt(pair, 0, 60);
  pair.run(5_000);
  pair.connect();
  pair.run(5_000);
  t.deepEqual(filesOf(pair), before);
  t.like(pair.masterStatus?.brake, { changed: 60 });
  pair.call({ name: 'brake-release' });
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('a Replica that applies late has not applied anything of the minute in which the wave began', (t) => {
  const pair = protectedPair({ massChangePercent: 50 });
  pair.killReplica();
  pair.limits = { applyDelayMs: 30_000 };
  pair.startReplica();
  pair.connect();
  const before = filesOf(pair);
  for (let n = 0; n < 60; n += 1) {
    encrypt(pair, n, n + 1);
    pair.run(450);
  }
  pair.run(120_000);
  t.is(brakes(pair), 1);
  t.deepEqual(filesOf(pair), before);
  pair.close();
});

test('running the scenario again with a comparison is an answer too: the brake is off', (t) => {
  const pair = protectedPair({ massChangePercent: 30 });
  encrypt(pair, 0, 60);
  pair.run(5_000);
  t.is(brakes(pair), 1);
  pair.synchronize({ adoptRoots: true });
  pair.user.writeFile('b', '3');
  pair.barrier();
  pair.run(1_000);
  t.is(pair.masterStatus?.brake, undefined);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('a wave that was released goes on without the brake, over a restart too; the next one puts it on again', (t) => {
  const pair = protectedPair({ massDeletePercent: 10, massChangePercent: 10 });
  encrypt(pair, 0, 30);
  pair.run(5_000);
  t.is(brakes(pair), 1);
  pair.call({ name: 'brake-release' });
  encrypt(pair, 30, 60);
  pair.barrier();
  pair.killMaster();
  encrypt(pair, 60, 90);
  pair.startMaster();
  pair.connect();
  pair.barrier();
  t.is(brakes(pair), 1);
  t.deepEqual(pair.replicaView(), pair.masterView());
  // A deletion is another kind of thing.
  for (let n = 0; n < 30; n += 1) pair.user.remove(`keep/${n}`);
  pair.run(5_000);
  t.is(brakes(pair), 2);
  pair.call({ name: 'brake-release' });
  pair.run(200_000);
  encrypt(pair, 30, 60);
  pair.run(5_000);
  t.is(brakes(pair), 3);
  pair.close();
});

// ---------------------------------------------------------------- the counting

interface Steps {
  readonly share: number;
  readonly afterMs: number;
}

const ENTRIES = 1_000;

function counting(limits: Partial<{ massDeletePercent: number; massChangePercent: number }>) {
  const there = { entries: ENTRIES };
  const changes = new MassChanges({ ...OFF, ...limits }, { entries: () => there.entries, files: () => there.entries });
  let seq = 0;
  let nextId = 0;
  const note = (toll: Partial<CaptureToll>, nowMs: number): Wave | undefined => {
    there.entries -= toll.removed ?? 0;
    seq += 1;
    return changes.note({ removed: 0, changed: [], firstNewId: 1_000_000, seqBefore: seq - 1, ...toll }, nowMs);
  };
  const ids = (count: number) => Array.from({ length: count }, () => (nextId += 1));
  return { changes, note, ids };
}

test('deletions count within a minute, as a share of what there was before', (t) => {
  const { note } = counting({ massDeletePercent: 10 });
  t.is(note({ removed: 100 }, 0), undefined);
  t.like(note({ removed: 1 }, 59_999), { kind: 'deletions', removed: 101, entries: 1_000, seq: 0 });
  const { note: slowly } = counting({ massDeletePercent: 10 });
  t.is(slowly({ removed: 100 }, 0), undefined);
  t.is(slowly({ removed: 90 }, 60_000), undefined);
});

test('fewer than 20 are everyday work, whatever share they are', (t) => {
  const few = new MassChanges({ massDeletePercent: 10, massChangePercent: 10 }, { entries: () => 10, files: () => 10 });
  t.is(few.note({ removed: 19, changed: [1, 2], firstNewId: 100, seqBefore: 0 }, 0), undefined);
});

test('a wave of any course that was released does not put the brake on again before a calm minute', (t) => {
  const step: fc.Arbitrary<Steps> = fc.record({
    // Never below half of the limit in a minute, so it is one wave.
    share: fc.integer({ min: 20, max: 200 }),
    afterMs: fc.integer({ min: 1, max: 10_000 }),
  });
  const kind = fc.constantFrom('deletions' as const, 'changes' as const);
  fc.assert(
    fc.property(kind, fc.array(step, { minLength: 1, maxLength: 60 }), (kindOf, steps) => {
      const { changes, note, ids } = counting({ massDeletePercent: 20, massChangePercent: 20 });
      const toll = (count: number) => (kindOf === 'deletions' ? { removed: count } : { changed: ids(count) });
      let nowMs = 1_000_000;
      if (note(toll(201), nowMs)?.kind !== kindOf) return false;
      changes.letThrough([kindOf], nowMs);
      for (const { share, afterMs } of steps) {
        nowMs += afterMs;
        if (note(toll(share), nowMs) !== undefined) return false;
      }
      // After a calm minute it is on guard again.
      nowMs += 60_000;
      note({}, nowMs);
      return changes.passing.length === 0;
    }),
    PROPERTY_SETTINGS,
  );
  t.pass();
});

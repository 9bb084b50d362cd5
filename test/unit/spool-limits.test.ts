/** A spool at its limit: told in time, collapsed to places, and mended by comparing only these. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { DirtyPlaces } from '../../daemon/spool/dirty-places.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();
/** Room for 100 intents. */
const SMALL = { spoolMaxBytes: 100 * 256 };
const HOUR = 3_600_000;

const shown = (places: DirtyPlaces) => places.list().map(({ path, deep }) => (deep ? `${path}/**` : `${path}/*`));

test('places are directories in their present names; what is renamed or too many becomes subtrees', (t) => {
  const places = new DirtyPlaces([], 8);
  places.entryChanged(0, 'a/b/f');
  places.entryChanged(0, 'top');
  t.deepEqual(shown(places), ['/*', 'a/b/*']);
  places.renamed(0, 'a/b', 'c', true);
  t.deepEqual(shown(places), ['/*', 'a/*', 'c/**']);
  places.entryChanged(0, 'c/deep/f');
  places.removed(0, 'a');
  t.deepEqual(shown(places), ['/*', 'c/**']);
  for (let n = 0; n < 20; n += 1) places.entryChanged(0, `x/${n}/deep/f`);
  t.true(places.count <= 8);
  const covered = (path: string) =>
    places.list().some((one) => one.deep && (one.path === '' || path.startsWith(one.path)));
  for (let n = 0; n < 20; n += 1) t.true(covered(`x/${n}/deep`));
  for (let n = 0; n < 20; n += 1) places.entryChanged(0, `y${n}/f`);
  t.deepEqual(shown(places), ['/**']);
  const known = new DirtyPlaces(places.list(), 8);
  t.deepEqual(known.list(), places.list());
});

function startPair(limits: EnginePair['limits'] = SMALL): EnginePair {
  const pair = new EnginePair(hasher);
  pair.limits = limits;
  for (let d = 0; d < 40; d += 1) {
    pair.user.makeDirectory(`d${d}`);
    for (let n = 0; n < 10; n += 1) pair.user.writeFile(`d${d}/${n}`, `${d} ${n} ${'content '.repeat(200)}`);
  }
  pair.start();
  pair.synchronize();
  pair.barrier();
  return pair;
}

/** As the scenario's machine does when it hears that a Replica is not synchronized. */
function reconnect(pair: EnginePair): void {
  pair.connect();
  pair.clock.runUntil(() => pair.masterStatus?.peers['replica']?.link !== 'down', 60_000);
  pair.run(1_000);
  if (pair.masterStatus?.peers['replica']?.synchronized === false) pair.synchronize();
}

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
}

test('changes beyond the limit are collapsed, told, and only their places are compared when the Replica is back', (t) => {
  const pair = startPair();
  pair.cut();
  for (let n = 0; n < 300; n += 1) {
    pair.user.writeFile(`d3/new${n}`, `${n}`);
    pair.run(50);
  }
  pair.user.rename('d4', 'moved');
  pair.user.writeFile('moved/0', 'changed');
  pair.user.remove('d5');
  pair.user.makeDirectory('fresh');
  pair.user.writeFile('fresh/f', 'x');
  pair.run(5_000);
  t.true(pair.codes().includes('SPL-080'));
  t.true(pair.codes().includes('SPL-100'));
  t.true((pair.masterStatus?.spoolBytes ?? 0) <= SMALL.spoolMaxBytes);
  // What nobody looks at when only the places are compared.
  const place = pair.replicaTree.place('d20/1');
  pair.replicaTree.volume.setContent(place.node as never, new TextEncoder().encode('not looked at'));
  const before = pair.sentBytes;
  reconnect(pair);
  pair.barrier();
  t.true(pair.codes().includes('SYN-008'));
  t.deepEqual(
    pair.diff().differences.map(({ path }) => path),
    ['d20/1'],
  );
  t.true(pair.sentBytes - before < 200_000, `${pair.sentBytes - before} bytes`);
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

/** Changes in `count` directories beyond the limit while the Replica is away, and the Replica back without a synchronization. */
function heldPair(count: number): EnginePair {
  const pair = startPair();
  pair.cut();
  for (let n = 0; n < 300; n += 1) {
    pair.user.writeFile(`d${n % count}/new${n}`, `${n}`);
    pair.run(50);
  }
  pair.run(5_000);
  pair.connect();
  pair.clock.runUntil(() => pair.masterStatus?.peers['replica']?.link !== 'down', 60_000);
  pair.run(1_000);
  return pair;
}

test('when the operator runs a scenario that waits for its synchronization, only what was dropped is compared, and the result says so', (t) => {
  const pair = heldPair(3);
  t.true(pair.codes().includes('SPL-100'));
  const result = pair.synchronize({ adoptRoots: true, droppedOnly: true });
  // Three directories of 110 entries and the names in the one that holds them, where all of it has 740.
  t.is(result.places, 4);
  t.true(result.comparedEntries <= 3 * 110 + 40, `${result.comparedEntries}`);
  t.true(result.sentFiles <= 300);
  t.true(result.sentBytes < 10_000, `${result.sentBytes}`);
  checkEqual(t, pair);
  pair.close();

  const whole = heldPair(3);
  const all = whole.synchronize({ adoptRoots: true });
  t.is(all.places, undefined);
  t.is(all.comparedEntries, 740);
  checkEqual(t, whole);
  whole.close();
});

test('roots that were replaced on purpose are compared whole when the operator runs the scenario', (t) => {
  const pair = heldPair(3);
  pair.masterTree.unmountToEmptyDirectory();
  pair.user.writeFile('only', 'what the new root holds');
  const result = pair.synchronize({ adoptRoots: true, droppedOnly: true });
  t.is(result.places, undefined);
  checkEqual(t, pair);
  t.true(pair.replicaView().has('only'));
  t.false(pair.replicaView().has('d0'));
  pair.close();
});

test('a targeted comparison that is interrupted, on either host, is begun again and stays targeted', (t) => {
  for (const victim of ['cut', 'replica', 'master'] as const) {
    const pair = startPair();
    pair.cut();
    for (let n = 0; n < 300; n += 1) pair.user.writeFile(`d${n % 30}/new`, `${victim} ${n}`);
    for (let n = 0; n < 200; n += 1) {
      pair.user.writeFile(`d1/x${n}`, 'x'.repeat(5_000));
      pair.run(20);
    }
    pair.run(2_000);
    pair.connect();
    pair.run(500);
    pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
    const size = pair.sentBytes;
    pair.clock.runUntil(() => pair.sentBytes > size + 50_000, 60_000);
    if (victim === 'cut') pair.cut();
    if (victim === 'replica') {
      pair.killReplica();
      pair.startReplica();
    }
    if (victim === 'master') {
      pair.killMaster();
      pair.startMaster();
    }
    pair.user.writeFile('d7/0', 'changed in between');
    pair.user.rename('d8', 'e8');
    pair.run(1_000);
    if (victim === 'master') reconnect(pair);
    else pair.connect();
    pair.run(20_000);
    checkEqual(t, pair);
    t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1, victim);
    pair.close();
  }
});

test('a place that is renamed before the comparison reaches it arrives as it is now', (t) => {
  const pair = startPair();
  pair.cut();
  for (let n = 0; n < 150; n += 1) {
    pair.user.writeFile(`d${n % 40}/n${n}`, `new ${n}`);
    pair.run(50);
  }
  let renamed = false;
  pair.masterTree.beforeOperation = (operation, path) => {
    if (renamed || operation !== 'scan' || path !== 'd20') return;
    renamed = true;
    pair.user.rename('d30', 'elsewhere');
    pair.user.rename('d31', 'd30');
  };
  reconnect(pair);
  t.true(renamed);
  checkEqual(t, pair);
  pair.close();
});

test('the names of one file stay one file when only some of their directories were touched', (t) => {
  const pair = startPair();
  pair.user.link('d1/0', 'd2/second');
  pair.barrier();
  pair.cut();
  pair.user.writeFile('d1/0', 'through one of its names');
  for (let n = 0; n < 150; n += 1) {
    pair.user.writeFile(`d10/n${n}`, '');
    pair.run(50);
  }
  reconnect(pair);
  checkEqual(t, pair);
  pair.close();
});

test('a day without a link and a spool at its limit converges without anybody', (t) => {
  const pair = startPair();
  pair.cut();
  for (let hour = 0; hour < 24; hour += 1) {
    for (let n = 0; n < 40; n += 1) pair.user.writeFile(`d${(hour * 7 + n) % 40}/${hour}-${n % 10}`, `${n}`);
    pair.user.makeDirectory(`h${hour}`);
    pair.user.writeFile(`h${hour}/log`, `${hour}`);
    if (hour > 2) pair.user.rename(`h${hour - 2}`, `old${hour - 2}`);
    if (hour > 5) pair.user.remove(`old${hour - 5}`);
    if (hour === 12) {
      pair.stopMaster();
      pair.user.writeFile('d1/1', 'while the Master was down');
      pair.startMaster();
    }
    pair.run(HOUR);
  }
  t.true(pair.codes().filter((code) => code === 'SPL-100').length > 1);
  t.true((pair.masterStatus?.peers['replica']?.lagMs ?? 0) > 11 * HOUR);
  reconnect(pair);
  checkEqual(t, pair);
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

test('a Replica a week behind with room in the spool catches up without any comparison', (t) => {
  const pair = startPair({});
  pair.cut();
  for (let day = 0; day < 7; day += 1) {
    for (let n = 0; n < 30; n += 1) pair.user.writeFile(`d${n + 10}/${day}`, `${day}`);
    pair.user.rename(`d${day}`, `week${day}`);
    pair.run(HOUR / 2);
    pair.stopMaster();
    pair.run(23.5 * HOUR);
    pair.startMaster();
    pair.run(5_000);
  }
  t.true((pair.masterStatus?.peers['replica']?.lagMs ?? 0) >= 7 * 24 * HOUR - 60_000);
  t.true((pair.masterStatus?.peers['replica']?.exposureBytes ?? 0) > 0);
  reconnect(pair);
  checkEqual(t, pair);
  t.false(pair.codes().includes('SYN-008'));
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

test('the forecast says when the spool will be full', (t) => {
  const pair = startPair({ spoolMaxBytes: 10_000 * 256 });
  pair.cut();
  t.is(pair.masterStatus?.spoolFullInMs, undefined);
  for (let n = 0; n < 60; n += 1) {
    pair.user.writeFile('d1/1', `${n}`);
    pair.user.writeFile(`d2/grow${n}`, `${n}`);
    pair.run(1_000);
  }
  const left = pair.masterStatus?.spoolFullInMs ?? 0;
  // About three intents a second.
  t.true(left > 1_000_000 && left < 10_000_000, `${left}`);
  pair.close();
});

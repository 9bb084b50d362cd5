/** A full disk of the data directory: told, waited for, and nothing is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { openEventLog } from '../../daemon/store/event-log.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { isDiskFull, storeFault } from '../../daemon/store/sqlite-fault.ts';
import { Fault } from '../../shared/faults.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

/** What SQLite really throws when a database cannot grow. */
function sqliteFull(): unknown {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE a (b); PRAGMA max_page_count = 4');
  try {
    const insert = database.prepare('INSERT INTO a VALUES (zeroblob(4000))');
    for (let n = 0; n < 100; n += 1) insert.run();
  } catch (error) {
    return error;
  } finally {
    database.close();
  }
  throw new Error('it found room');
}

test('a database that cannot grow is a full disk, another error is not', (t) => {
  t.true(isDiskFull(sqliteFull()));
  t.is(storeFault(sqliteFull(), { directory: '/data' }).code, 'FS-FULL');
  t.regex(storeFault(sqliteFull(), { directory: '/data' }).message, /\/data/);
  const database = new DatabaseSync(':memory:');
  const error = t.throws(() => database.exec('nonsense'));
  t.false(isDiskFull(error));
  t.false(isDiskFull(new Error('x')));
  t.is(storeFault(error, { directory: '/data' }).code, 'INTERNAL');
  // A failed write counts when there is no room, not when the disk is broken.
  t.true(isDiskFull({ errcode: 778 }, () => 100));
  t.false(isDiskFull({ errcode: 778 }, () => 2 ** 30));
  database.close();
});

/** From now on nothing can be written to a state, until the returned function is called. */
function fill(prototype: MasterState): () => void {
  const { append } = prototype;
  const error = sqliteFull();
  prototype.append = () => {
    throw error;
  };
  return () => {
    prototype.append = append;
  };
}

test.serial('a Master whose data directory is full says so, and sends everything after its restart', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', '1');
  pair.start();
  pair.synchronize();
  const free = fill(MasterState.prototype);
  pair.user.writeFile('a', '2');
  pair.user.writeFile('b', '3');
  pair.run(5_000);
  free();
  t.deepEqual(
    pair.failures.map(({ code }) => code),
    ['FS-FULL'],
  );
  pair.stopMaster();
  pair.startMaster();
  pair.connect();
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test.serial('events of a time without room are shown at once and written when there is room', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-full-'));
  const path = join(directory, 'events.sqlite');
  const open = () => openEventLog({ path, clock: new SimulatedClock(), host: 'a' });
  const log = open();
  const heard: number[] = [];
  log.subscribe(({ n }) => heard.push(n));
  log.record('SCN-001', {}, 'web');
  const { run } = StatementSync.prototype;
  const error = sqliteFull();
  StatementSync.prototype.run = () => {
    throw error;
  };
  log.record('DSK-001', { path: '/data' }, 'web');
  log.record('SCN-011', {}, 'mail');
  const codes = (query = {}) => log.query({ limit: 10, ...query }).map(({ code }) => code);
  t.deepEqual(codes(), ['SCN-001', 'DSK-001', 'SCN-011']);
  t.deepEqual(codes({ scenario: 'web' }), ['SCN-001', 'DSK-001']);
  t.deepEqual(codes({ after: 1, limit: 1 }), ['DSK-001']);
  t.deepEqual(codes({ severity: 'error' }), ['DSK-001']);
  StatementSync.prototype.run = run;
  log.record('DSK-002', { path: '/data' }, 'web');
  t.deepEqual(heard, [1, 2, 3, 4]);
  log.close();
  const again = open();
  t.deepEqual(
    again.query({ limit: 10 }).map(({ n, code }) => `${n} ${code}`),
    ['1 SCN-001', '2 DSK-001', '3 SCN-011', '4 DSK-002'],
  );
  again.close();
  rmSync(directory, { recursive: true });
});

test.serial(
  'a Master whose data directory is full in a synchronization says so, and synchronizes after its restart',
  (t) => {
    const pair = new EnginePair(hasher);
    for (let n = 0; n < 50; n += 1) pair.user.writeFile(`file${n}`, 'content');
    pair.start();
    pair.run(1_000);
    const error = sqliteFull();
    pair.watchOperations((_side, operation) => {
      if (operation !== 'commit-state') return;
      // As SQLite does: what could not be committed is rolled back.
      const { masterState } = pair as unknown as { readonly masterState: { readonly database: DatabaseSync } };
      if (masterState.database.isTransaction) masterState.database.exec('ROLLBACK');
      throw error;
    });
    pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
    pair.run(5_000);
    pair.watchOperations(() => {});
    t.deepEqual(
      pair.failures.splice(0).map(({ code }) => code),
      ['FS-FULL'],
    );
    pair.killMaster();
    pair.startMaster();
    pair.connect();
    pair.synchronize();
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
    pair.close();
  },
);

test.serial(
  'a Replica that has no room to record what it applied says so, takes no more than its spool may hold, and goes on by itself',
  (t) => {
    for (const killed of [false, true]) {
      const pair = new EnginePair(hasher);
      pair.user.makeDirectory('d');
      pair.limits = { spoolMaxBytes: 64 * 1024 };
      pair.startReplica();
      pair.limits = {};
      pair.startMaster();
      pair.connect();
      pair.synchronize();
      pair.barrier();
      pair.run(5_000);
      let tries = 0;
      pair.watchOperations((side, operation) => {
        if (side !== 'replica' || operation !== 'save') return;
        tries += 1;
        throw new Fault('FS-FULL', { path: '/data/replica.state' });
      });
      for (let n = 0; n < 200; n += 1) {
        pair.user.writeFile(`d/file${n}`, 'content '.repeat(200));
        pair.run(100);
      }
      pair.run(60_000);
      t.regex(pair.replicaStatus?.held ?? '', /No space left for "\/data\/replica\.state".*Held since/s);
      t.regex(pair.masterStatus?.peers.replica?.held ?? '', /replica\.state|spool/);
      t.is(pair.replicaStatus?.phase, 'held');
      t.is(pair.codes('replica').filter((code) => code === 'APL-008').length, 1);
      t.true((pair.replicaStatus?.spoolBytes ?? 0) < 2 * 64 * 1024, `${pair.replicaStatus?.spoolBytes}`);
      t.true(tries < 60, `${tries} tries`);
      pair.watchOperations(() => {});
      if (killed) {
        pair.killReplica();
        pair.startReplica();
        pair.connect();
      }
      pair.run(10_000);
      t.is(pair.replicaStatus?.held, undefined);
      t.is(pair.codes('replica').filter((code) => code === 'APL-009').length, killed ? 0 : 1);
      pair.barrier();
      t.deepEqual(pair.replicaView(), pair.masterView());
      t.deepEqual(pair.failures, []);
      pair.close();
    }
  },
);

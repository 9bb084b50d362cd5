/** What a host knows of its role after a crash, a damaged disk and a failed flush. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DurableStateFile } from '../../daemon/platform/node/state-file.ts';
import { firstRecord, LOST_RECORD, type RoleRecord } from '../../daemon/role/record.ts';
import { RoleRecordStore } from '../../daemon/store/role-record.ts';
import { Fault } from '../../shared/faults.ts';
import { temporaryDirectories } from '../contract/temporary.ts';
import { MemoryStateFile } from '../memory/state-file.ts';

temporaryDirectories.removeAfterAll();

const first = firstRecord('A', 'A');
const later: RoleRecord = {
  ...first,
  turn: 7,
  role: 'standby',
  maxEpoch: { number: 2, holder: 'B' },
  epoch: { number: 2, holder: 'B' },
  switchover: {
    id: 's1',
    epoch: { number: 2, holder: 'B' },
    right: 'planned',
    step: 'commit',
    side: 'from',
    finalSeq: 9,
  },
  seal: { switchId: 's0', epoch: { number: 1, holder: 'A' }, seq: 3 },
};

function made(): { readonly path: string; readonly open: () => RoleRecordStore } {
  const path = join(temporaryDirectories.make(), 'role');
  return { path, open: () => new RoleRecordStore(new DurableStateFile(path), path) };
}

function saved(): ReturnType<typeof made> {
  const files = made();
  const store = files.open();
  store.create(first);
  store.save(later);
  return files;
}

test('a host that restarts knows what it was', (t) => {
  t.deepEqual(saved().open().load(), { record: later });
});

test('a host without a record is fenced, and only a new scenario begins one', (t) => {
  const { path, open } = made();
  t.deepEqual(open().load(), { record: LOST_RECORD });
  open().create(first);
  rmSync(path);
  t.is(open().load().record.role, 'fenced');
});

test('every byte that is wrong and every length that is short leaves a host fenced, also at the start after that', (t) => {
  const { path, open } = saved();
  const whole = readFileSync(path);
  const check = (what: string): void => {
    const { record, fault } = open().load();
    t.is(fault?.code, 'STATE-DAMAGED', what);
    t.deepEqual(record, LOST_RECORD, what);
    t.deepEqual(open().load().record, LOST_RECORD, `${what}, second start`);
    t.true(existsSync(`${path}.damaged`));
  };
  for (let at = 0; at < whole.length; at += 1) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 0x10;
    writeFileSync(path, bytes);
    check(`byte ${at}`);
    writeFileSync(path, whole);
    truncateSync(path, at);
    check(`length ${at}`);
  }
});

test('a record of fields nobody knows is not believed', (t) => {
  const file = new MemoryStateFile();
  for (const text of [
    '{}',
    '[]',
    'x',
    JSON.stringify({ ...first, maxEpoch: -1 }),
    JSON.stringify({ ...first, also: 1 }),
  ]) {
    file.save(new TextEncoder().encode(text));
    const { record, fault } = new RoleRecordStore(file, 'memory').load();
    t.deepEqual([record.role, fault?.code], ['fenced', 'STATE-DAMAGED'], text);
  }
});

test('a second beginning does not make a host active again', (t) => {
  const { open } = saved();
  t.throws(() => open().create(first), { instanceOf: Fault });
  t.deepEqual(open().load().record, later);
});

test('an epoch that goes back and a turn that is not new are refused', (t) => {
  const store = saved().open();
  store.load();
  t.throws(() => store.save({ ...later, turn: 8, maxEpoch: { number: 1, holder: 'A' } }), { message: /INV-5/ });
  t.throws(() => store.save({ ...later, role: 'active' }), { message: /new turn/ });
  t.deepEqual(store.load().record, later);
});

test('after a flush that failed nothing is saved any more', (t) => {
  const file = new MemoryStateFile();
  const store = new RoleRecordStore(file, 'memory');
  store.create(first);
  file.beforeSave = () => {
    throw new Fault('FS-IO', { path: 'memory', reason: 'EIO' });
  };
  t.throws(() => store.save(later), { instanceOf: Fault });
  file.beforeSave = () => {};
  t.throws(() => store.save(later), { instanceOf: Fault });
  t.deepEqual(new RoleRecordStore(file, 'memory').load().record, first);
});

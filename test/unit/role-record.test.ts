/** What a host knows of its role lies in a document; what comes back is what was said, or nothing that lets it act. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { effectsOf } from '../../daemon/role/effects.ts';
import { step } from '../../daemon/role/machine.ts';
import { firstRecord, LOST_RECORD, roleRecord } from '../../daemon/role/record.ts';
import { newRole, startRole } from '../../daemon/role/state.ts';
import { openDocument } from '../../daemon/store/documents.ts';

const SETUP = {
  self: 'alpha',
  peer: 'beta',
  arbiter: 'none',
  automatic: false,
  leaseMs: 3_000,
  marginMs: 500,
  gateMs: 1_500,
} as const;

function opened(directory: string, faults: string[]) {
  return openDocument({
    path: join(directory, 'role.json'),
    schema: roleRecord,
    initial: LOST_RECORD,
    onDamaged: (fault) => faults.push(fault.code),
  });
}

test('a record in the middle of a switchover comes back as it was', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-role-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const standby = newRole({ ...SETUP, self: 'beta', peer: 'alpha' }, 'alpha', 'b1', 0);
  const { turn, maxEpoch, role, epoch, voided } = standby.record;
  const word = { boot: 'b1', echo: 'a1', turn, maxEpoch, role, epoch, voided };
  const active = step(newRole(SETUP, 'alpha', 'a1', 0), { type: 'word', word }, SETUP, 0);
  const { record } = step(active, { type: 'switchover', id: 's1' }, SETUP, 0);
  t.is(record.switchover?.step, 'prepare');
  const store = await opened(directory, []);
  await store.update((value) => Object.assign(value, record));
  t.deepEqual((await opened(directory, [])).value, record);
});

test('a host whose record is damaged keeps it aside, says so and never opens its gate', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-role-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'role.json');
  writeFileSync(path, JSON.stringify({ ...firstRecord('alpha', 'alpha'), role: 'emperor' }));
  const faults: string[] = [];
  const { value } = await opened(directory, faults);
  t.deepEqual(faults, ['STATE-DAMAGED']);
  t.true(readFileSync(`${path}.damaged`, 'utf8').includes('emperor'));
  const state = startRole(value, 'a2', SETUP, 0);
  t.deepEqual(effectsOf(state, SETUP, 0), [{ type: 'close' }]);
  const forced = step(state, { type: 'force', id: 'f1', right: 'stated' }, SETUP, 0);
  t.is(forced.record.role, 'active', 'only the operator can say that its data is to be used');
});

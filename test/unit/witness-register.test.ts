/** The arbiter's register, step by step: what the search of `test/model` reaches too rarely. */
import test from 'ava';
import { lostRegister, type Register, stepWitness, type WitnessRequest } from '../../daemon/witness/machine.ts';

const SETUP = { leaseMs: 1_000, marginMs: 200 };

function after(register: Register, now: number, request: WitnessRequest) {
  return stepWitness(register, request, SETUP, now);
}

function heldByA(until: number): Register {
  return { kept: { number: 1, holder: 'A' }, expiresAt: until, heldUntil: 0 };
}

test('what an operator decided is a lease: the old host is granted nothing while it lasts', (t) => {
  const forced = after(heldByA(1_000), 5_000, { type: 'force', epoch: { number: 2, holder: 'B' } });
  t.deepEqual(forced.answer, { granted: true, epoch: { number: 2, holder: 'B' } });
  const request = { type: 'request', host: 'A', above: 1 } as const;
  t.deepEqual(after(forced.register, 6_199, request).answer, { granted: false, epoch: { number: 2, holder: 'B' } });
  t.deepEqual(after(forced.register, 6_200, request).answer, { granted: true, epoch: { number: 3, holder: 'A' } });
});

test('decided while the old host has its lease, it waits for its end, and nobody comes between', (t) => {
  const forced = after(heldByA(5_500), 5_000, { type: 'force', epoch: { number: 2, holder: 'B' } });
  t.false(forced.answer.granted);
  const renew = { type: 'renew', epoch: { number: 2, holder: 'B' } } as const;
  t.false(after(forced.register, 5_699, renew).answer.granted);
  t.false(after(forced.register, 5_700, { type: 'request', host: 'A', above: 1 }).answer.granted);
  t.true(after(forced.register, 5_700, renew).answer.granted);
});

test('a host that was granted an epoch and handed over one of that number hands over what it was granted', (t) => {
  const granted = after(heldByA(1_000), 5_000, { type: 'request', host: 'A', above: 1 });
  t.deepEqual(granted.answer, { granted: true, epoch: { number: 2, holder: 'A' } });
  const to = { number: 2, holder: 'B' };
  t.deepEqual(after(granted.register, 5_100, { type: 'transfer', to, by: 'A' }).answer, { granted: true, epoch: to });
  t.false(after(granted.register, 5_100, { type: 'transfer', to, by: 'C' }).answer.granted);
});

test('a witness that lost its register grants nothing while anybody may hold a lease, and learns who does', (t) => {
  const lost = lostRegister(SETUP, 5_000);
  t.false(after(lost, 5_001, { type: 'request', host: 'B', above: 1 }).answer.granted, 'nobody is asked over');
  const older = after(lost, 5_001, { type: 'renew', epoch: { number: 2, holder: 'B' }, held: true });
  t.deepEqual(older.answer, { granted: false, epoch: { number: 2, holder: 'B' } });
  const newer = after(older.register, 5_002, { type: 'renew', epoch: { number: 3, holder: 'A' }, held: true });
  t.deepEqual(newer.answer, { granted: false, epoch: { number: 3, holder: 'A' } });
  const again = after(newer.register, 5_003, { type: 'renew', epoch: { number: 2, holder: 'B' }, held: true });
  t.is(again.register, newer.register, 'the highest epoch counts');
  t.false(after(newer.register, 6_199, { type: 'renew', epoch: { number: 3, holder: 'A' } }).answer.granted);
  t.true(after(newer.register, 6_200, { type: 'renew', epoch: { number: 3, holder: 'A' } }).answer.granted);
});

test('a host that has just started is never believed by a register that knows nobody: the other may have gone on', (t) => {
  const lost = lostRegister(SETUP, 5_000);
  const renew = { type: 'renew', epoch: { number: 1, holder: 'A' } } as const;
  for (const now of [5_001, 6_200, 60_000]) t.is(after(lost, now, renew).register, lost);
  // What is left to it: the other says that it knows of no newer epoch, or the operator decides.
  t.true(after(lost, 6_200, { type: 'request', host: 'A', above: 1 }).answer.granted);
  t.true(after(lost, 6_200, { type: 'force', epoch: { number: 2, holder: 'A' } }).answer.granted);
});

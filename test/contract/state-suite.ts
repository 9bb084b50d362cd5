/** What every StateFile and SegmentLog promises (daemon/ports.ts). */
import test from 'ava';
import type { SegmentLog, StateFile } from '../../daemon/ports.ts';
import { Fault } from '../../shared/faults.ts';

export interface StateFixture {
  /** Opens the same state anew, as after a kill. */
  open(): StateFile;
  damage(): void;
}

export function stateFileContract(name: string, make: () => StateFixture): void {
  test(`${name}: what was saved last is loaded, also by the next process`, (t) => {
    const state = make();
    const file = state.open();
    t.is(file.load(), undefined);
    file.save(Buffer.from('one'));
    file.save(new Uint8Array(0));
    t.deepEqual(file.load(), new Uint8Array(0));
    const large = new Uint8Array(100_000).map((_, index) => index % 251);
    file.save(large);
    t.deepEqual(state.open().load(), large);
  });

  test(`${name}: a damaged file is refused once, then it is as if there was none`, (t) => {
    const state = make();
    state.open().save(Buffer.from('content'));
    state.damage();
    t.is(t.throws(() => state.open().load(), { instanceOf: Fault })?.code, 'STATE-DAMAGED');
    t.is(state.open().load(), undefined);
    state.open().save(Buffer.from('new'));
    t.deepEqual(state.open().load(), new Uint8Array(Buffer.from('new')));
  });

  test(`${name}: what is loaded is the caller's own`, (t) => {
    const file = make().open();
    const saved = Uint8Array.of(1, 2, 3);
    file.save(saved);
    saved[0] = 9;
    file.load()![1] = 9;
    t.deepEqual(file.load(), Uint8Array.of(1, 2, 3));
  });
}

export function segmentLogContract(name: string, make: () => { open(): SegmentLog }): void {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

  test(`${name}: appended records are read back in order, also by the next process`, (t) => {
    const place = make();
    const log = place.open();
    t.deepEqual(log.list(), []);
    for (const number of [9, 10, 100]) {
      log.append(number, Buffer.from(`first of ${number};`));
      log.append(number, Buffer.from('second'));
      log.flush(number);
    }
    log.append(9, Buffer.from(';third'));
    log.close();
    const next = place.open();
    t.deepEqual(next.list(), [9, 10, 100]);
    t.is(text(next.read(9)), 'first of 9;second;third');
    next.append(9, Buffer.from(';fourth'));
    t.is(text(next.read(9)), 'first of 9;second;third;fourth');
  });

  test(`${name}: a torn tail is cut and the next record follows the cut`, (t) => {
    const log = make().open();
    log.append(1, Buffer.from('whole|torn'));
    log.truncate(1, 6);
    log.append(1, Buffer.from('next'));
    log.flush(1);
    t.is(text(log.read(1)), 'whole|next');
  });

  test(`${name}: removed segments are gone, absent ones are no error to remove but to read`, (t) => {
    const log = make().open();
    log.append(1, Buffer.from('a'));
    log.append(2, Buffer.from('b'));
    log.remove(1);
    log.remove(1);
    t.deepEqual(log.list(), [2]);
    t.is(t.throws(() => log.read(1), { instanceOf: Fault })?.code, 'FS-NOT-FOUND');
    t.is(t.throws(() => log.flush(1), { instanceOf: Fault })?.code, 'FS-NOT-FOUND');
    log.append(1, Buffer.from('anew'));
    t.is(text(log.read(1)), 'anew');
  });
}

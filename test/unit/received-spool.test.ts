/** The Replica's spool: what was acknowledged is still there after a kill or a power cut, and nothing else is believed. */
import test from 'ava';
import { ReceivedSpool } from '../../daemon/spool/received.ts';
import { Fault } from '../../shared/faults.ts';
import { writeBatchHeader } from '../../shared/protocol/batch-codec.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import { SeededRandom } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';

const START = { segment: 1, offset: 0 };

function frame(batch: number, bytes = 100): Uint8Array {
  const writer = new ByteWriter();
  writeBatchHeader(writer, { batch, commitSeq: batch, oldestMs: 0, newestMs: 0, changes: 0 });
  return writer.raw(new Uint8Array(bytes).fill(batch)).take();
}

function batches(spool: ReceivedSpool): number[] {
  const found: number[] = [];
  for (let index = spool.firstIndex; index < spool.endIndex; index += 1) {
    found.push(spool.batch(index)!.header.batch);
  }
  return found;
}

test('after a power cut every flushed batch is there and the torn rest is gone', (t) => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = new SeededRandom(seed);
    const log = new MemorySegmentLog();
    const spool = new ReceivedSpool(log, 500);
    spool.recover(START);
    const flushed = random.below(10);
    const all = flushed + random.below(10);
    for (let batch = 1; batch <= all; batch += 1) {
      spool.append(frame(batch, random.below(300)));
      if (batch === flushed) spool.flush();
    }
    log.powerCut(random);
    const again = new ReceivedSpool(log, 500);
    again.recover(START);
    const found = batches(again);
    t.true(found.length >= flushed, `seed ${seed}: ${found.length} of ${flushed}`);
    t.deepEqual(
      found,
      found.map((_, index) => index + 1),
    );
    again.append(frame(found.length + 1));
    again.flush();
    const third = new ReceivedSpool(log, 500);
    third.recover(START);
    t.deepEqual(batches(third), [...found, found.length + 1]);
  }
});

test('replay starts behind the checkpoint and trimmed segments leave the disk', (t) => {
  const log = new MemorySegmentLog();
  const spool = new ReceivedSpool(log, 300);
  spool.recover(START);
  for (let batch = 1; batch <= 10; batch += 1) spool.append(frame(batch));
  spool.flush();
  const at = spool.batch(6)!;
  spool.dropBefore(6);
  spool.trim(at);
  t.true(log.list()[0]! > 1);
  t.is(spool.sizeBytes, log.sizeBytes());
  const again = new ReceivedSpool(log, 300);
  again.recover({ segment: at.segment, offset: at.offset });
  t.deepEqual(batches(again), [7, 8, 9, 10]);
  t.deepEqual([...again.payload(again.firstIndex)], [...frame(7)]);
});

test('an unfinished unit is cut and what follows takes its place', (t) => {
  const log = new MemorySegmentLog();
  const spool = new ReceivedSpool(log, 300);
  spool.recover(START);
  for (let batch = 1; batch <= 8; batch += 1) spool.append(frame(batch));
  spool.flush();
  spool.cutFrom(3);
  spool.append(frame(4, 7));
  spool.flush();
  const again = new ReceivedSpool(log, 300);
  again.recover(START);
  t.deepEqual(batches(again), [1, 2, 3, 4]);
  t.deepEqual([...again.payload(3)], [...frame(4, 7)]);
});

test('a full disk leaves no half record behind', (t) => {
  const log = new MemorySegmentLog();
  const spool = new ReceivedSpool(log);
  spool.recover(START);
  spool.append(frame(1));
  const append = log.append.bind(log);
  log.append = (segment, bytes) => {
    append(segment, bytes.subarray(0, 10));
    throw new Fault('FS-FULL', { path: 'spool' });
  };
  t.throws(() => spool.append(frame(2)), { instanceOf: Fault });
  log.append = append;
  spool.append(frame(2));
  spool.flush();
  const again = new ReceivedSpool(log);
  again.recover(START);
  t.deepEqual(batches(again), [1, 2]);
});

test('payloads that do not fit in memory are read from the segment again', (t) => {
  const log = new MemorySegmentLog();
  const spool = new ReceivedSpool(log, 1000);
  spool.recover(START);
  for (let batch = 1; batch <= 3; batch += 1) spool.append(frame(batch));
  spool.flush();
  spool.release(1);
  t.deepEqual([...spool.payload(1)], [...frame(2)]);
});

/** How old and how large what a Replica lacks is, however long it is away. */
import test from 'ava';
import { CaptureMarks } from '../../daemon/engine/capture-marks.ts';

/** More are thinned. */
const KEPT = 200_000;

test('what is after a position counts, also after marks nobody needs were dropped', (t) => {
  const marks = new CaptureMarks();
  for (let seq = 1; seq <= 3_000; seq += 1) marks.add(seq, seq, seq * 10);
  const bytesAfter = (seq: number) => (3_000 * 3_001 - seq * (seq + 1)) / 2;
  for (const seq of [0, 1, 1_500, 2_999, 3_000]) t.is(marks.bytesAfter(seq), bytesAfter(seq));
  t.is(marks.oldestAfter(1_500), 15_010);
  marks.forget(2_000);
  for (const seq of [2_000, 2_500, 3_000]) t.is(marks.bytesAfter(seq), bytesAfter(seq), `after ${seq}`);
  t.is(marks.oldestAfter(2_000), 20_010);
  t.is(marks.oldestAfter(3_000), undefined);
});

test('marks do not grow without end, and thinned ones never say less of age or size than is true', (t) => {
  const marks = new CaptureMarks();
  const count = 3 * KEPT;
  for (let seq = 1; seq <= count; seq += 1) marks.add(seq, 1, seq);
  const { length } = (marks as unknown as { readonly marks: readonly unknown[] }).marks;
  t.true(length <= KEPT, `${length} marks`);
  for (const seq of [0, 1, 2, 777, 50_000, 123_457, count - KEPT, count - 10, count - 1]) {
    const [oldest = 0, bytes] = [marks.oldestAfter(seq), marks.bytesAfter(seq)];
    t.true(oldest <= seq + 1, `after ${seq} nothing is said to be younger than ${seq + 1}: ${oldest}`);
    t.true(bytes >= count - seq, `${bytes} bytes after ${seq}`);
    // A mark stands for its neighbours only: further than that nothing is off.
    t.true(seq + 1 - oldest <= 512 && bytes - (count - seq) <= 512, `after ${seq}: ${oldest}, ${bytes}`);
  }
});

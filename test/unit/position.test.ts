/** Which of two histories is ahead, told by lineage and never by time (PROTOCOL.md). */
import test from 'ava';
import { comparePositions, type LineageEntry } from '../../shared/position.ts';

const entry = (generation: string, forkSeq: number, parent?: string): LineageEntry => ({
  generation,
  forkSeq,
  host: 'a',
  epoch: 1,
  forced: false,
  ...(parent === undefined ? {} : { parent }),
});

/** Newest first: c forked off b at 20, b off a at 10. */
const LINEAGE = [entry('c', 20, 'b'), entry('b', 10, 'a'), entry('a', 0)];

test('in one history the sequence decides', (t) => {
  t.is(comparePositions({ generation: 'c', seq: 5 }, { generation: 'c', seq: 5 }, LINEAGE), 'equal');
  t.is(comparePositions({ generation: 'c', seq: 4 }, { generation: 'c', seq: 5 }, LINEAGE), 'behind');
  t.is(comparePositions({ generation: 'c', seq: 6 }, { generation: 'c', seq: 5 }, LINEAGE), 'ahead');
});

test('an ancestor is behind up to the fork and diverged beyond it', (t) => {
  const now = { generation: 'c', seq: 30 };
  t.is(comparePositions({ generation: 'b', seq: 20 }, now, LINEAGE), 'behind');
  t.is(comparePositions({ generation: 'b', seq: 21 }, now, LINEAGE), 'diverged');
  t.is(comparePositions({ generation: 'a', seq: 10 }, now, LINEAGE), 'behind');
  t.is(comparePositions({ generation: 'a', seq: 11 }, now, LINEAGE), 'diverged');
});

test('a history outside the lineage is unrelated, also when the lineage is cut or goes round', (t) => {
  t.is(comparePositions({ generation: 'x', seq: 1 }, { generation: 'c', seq: 30 }, LINEAGE), 'unrelated');
  t.is(comparePositions({ generation: 'a', seq: 1 }, { generation: 'c', seq: 30 }, LINEAGE.slice(0, 1)), 'unrelated');
  t.is(comparePositions({ generation: 'x', seq: 1 }, { generation: 'c', seq: 1 }, [entry('c', 1, 'c')]), 'unrelated');
});

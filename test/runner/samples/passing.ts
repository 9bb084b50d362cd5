/** A clean run, to test the wrapper: not part of any suite. */
import test from 'ava';

test('passes', (t) => t.pass());
test('passes again', (t) => t.pass());

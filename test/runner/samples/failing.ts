/** One of each outcome, to test the wrapper: not part of any suite. */
import test from 'ava';

test('passes', (t) => t.pass());
test('fails', (t) => t.is(1 as number, 2));
test.skip('is skipped', (t) => t.pass());

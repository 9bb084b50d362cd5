/** A test that never ends, to test the wrapper: not part of any suite. */
import test from 'ava';

test('passes before the hang', (t) => t.pass());
test('never ends', async () => {
  setInterval(() => {}, 1000);
  await new Promise(() => {});
});

/** A test file whose process dies, to test the wrapper: not part of any suite. */
import test from 'ava';

test('passes before the crash', (t) => t.pass());
test('kills its own process', () => {
  process.kill(process.pid, 'SIGKILL');
});

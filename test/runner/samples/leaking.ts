/** A test that passes and leaves a detached process behind, to test the wrapper: not part of any suite. */
import { spawn } from 'node:child_process';
import test from 'ava';

test('passes and leaks', (t) => {
  spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { detached: true, stdio: 'ignore' }).unref();
  t.pass();
});

/** When the kernel drops events because nobody read them in time, it is noticed and the root is scanned. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { HintSink } from '../../daemon/platform/hint-sink.ts';
import { InotifyCapture } from '../../daemon/platform/linux/inotify.ts';
import type { CaptureHint } from '../../daemon/ports.ts';

const queueLength = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));

test('more changes than the queue of inotify holds end in a scan of the root, and capture goes on', (t) => {
  const top = mkdtempSync(join(tmpdir(), 'mainstay-overflow-'));
  const root = join(top, 'root');
  const cookies = join(top, 'cookies');
  mkdirSync(root);
  mkdirSync(cookies);
  const hints: CaptureHint[] = [];
  const nowMs = () => performance.now();
  const sink = new HintSink((batch) => hints.push(...batch), nowMs);
  const capture = new InotifyCapture({ path: root, cookies, root: 3, sink }, nowMs);
  const readAll = () => {
    while (capture.read());
    sink.flush();
  };
  try {
    // Create, open for writing and close are at least two events a file.
    for (let i = 0; i <= queueLength / 2; i += 1) writeFileSync(join(root, `f${i}`), 'x');
    readAll();
    const overflows = hints.filter((hint) => hint.kind === 'overflow');
    t.deepEqual(overflows, [{ kind: 'overflow', root: 3, path: '', reason: 'the queue of inotify overflowed' }]);

    hints.length = 0;
    mkdirSync(join(root, 'after'));
    readAll();
    writeFileSync(join(root, 'after', 'file'), 'x');
    readAll();
    t.true(hints.some((hint) => hint.kind === 'dirty' && hint.path === 'after/file' && hint.closed));
  } finally {
    capture.close();
    rmSync(top, { recursive: true, force: true });
  }
});

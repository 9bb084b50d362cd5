/** More directories than inotify may watch: told with what helps, captured by comparing meanwhile, and by events again after it was raised. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { HintSink, type WatchedRoot } from '../../daemon/platform/hint-sink.ts';
import { LinuxCapture } from '../../daemon/platform/linux/capture.ts';
import type { CaptureHint, RootCapture } from '../../daemon/ports.ts';

interface Rig {
  readonly root: string;
  readonly capture: LinuxCapture;
  readonly watched: WatchedRoot;
  readonly hints: CaptureHint[];
  readonly told: RootCapture[];
  most: number;
  /** Added to the clock. */
  laterMs: number;
  start(): RootCapture;
  until(what: string, done: () => boolean): void;
}

function rigOf(t: ExecutionContext, directories: number): Rig {
  const top = mkdtempSync(join(tmpdir(), 'mainstay-limit-'));
  const root = join(top, 'root');
  for (let n = 0; n < directories; n += 1) mkdirSync(join(root, `d${n}`), { recursive: true });
  const hints: CaptureHint[] = [];
  const told: RootCapture[] = [];
  const nowMs = () => performance.now() + rig.laterMs;
  const capture = new LinuxCapture({ nowMs, allowed: ['inotify', 'polling'], mostWatches: () => rig.most });
  const sink = new HintSink((batch) => hints.push(...batch), nowMs);
  const watched = { ...capture.prepare(root), root: 0, sink };
  t.teardown(() => {
    capture.close();
    rmSync(top, { recursive: true, force: true });
  });
  const rig: Rig = {
    root,
    capture,
    watched,
    hints,
    told,
    most: 10,
    laterMs: 0,
    start: () => capture.watch(watched, (choice) => told.push(choice)),
    until: (what, done) => {
      const deadline = performance.now() + 10_000;
      while (!done()) {
        if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
        capture.turn(20);
      }
    },
  };
  return rig;
}

const WHAT_HELPS =
  /needs 31 inotify watches.*allows each user 10\. Allow more: sysctl -w fs\.inotify\.max_user_watches=524288 .*sysctl\.d/;

/** Events of a file, without any comparing. */
function seesEvents({ root, hints, until }: Rig, path: string): void {
  hints.length = 0;
  writeFileSync(join(root, path), 'x');
  until('the event', () => hints.some((hint) => hint.kind === 'dirty' && hint.path === path));
}

test('too few watches are told with the number needed, the number allowed and the command, and events come back without a restart', (t) => {
  const rig = rigOf(t, 30);
  const choice = rig.start();
  t.like(choice, { method: 'polling', degraded: true });
  t.regex(choice.reason ?? '', WHAT_HELPS);
  rig.most = 31;
  rig.until('events again', () => rig.told.length > 0);
  t.deepEqual(rig.told, [{ method: 'inotify', degraded: false }]);
  t.true(
    rig.hints.some((hint) => hint.kind === 'overflow' && hint.path === ''),
    'what nobody saw is compared',
  );
  seesEvents(rig, 'd7/file');
});

test('a root that outgrows its watches while it is captured is compared from then on, and captured by events when they suffice', (t) => {
  const rig = rigOf(t, 5);
  t.deepEqual(rig.start(), { method: 'inotify', degraded: false });
  for (let n = 5; n < 30; n += 1) mkdirSync(join(rig.root, `d${n}`));
  rig.until('the limit', () => rig.told.length > 0);
  t.like(rig.told[0], { method: 'polling', degraded: true });
  t.regex(rig.told[0]?.reason ?? '', WHAT_HELPS);
  // The limit is the same, but half of the directories are gone: it is tried again after a while.
  for (let n = 5; n < 30; n += 1) rmSync(join(rig.root, `d${n}`), { recursive: true });
  rig.laterMs = 700_000;
  rig.until('events again', () => rig.told.length > 1);
  t.deepEqual(rig.told[1], { method: 'inotify', degraded: false });
  seesEvents(rig, 'd2/file');
});

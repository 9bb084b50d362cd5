/** Volumes mounted below a watched root by the real kernel: each is captured from the moment it is there. Needs root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { CaptureHint, CaptureMethod } from '../../daemon/ports.ts';
import { CaptureObserver } from './capture-observer.ts';

const isRoot = process.getuid?.() === 0;
const memory = '/dev/shm';

function mount(...args: string[]): void {
  execFileSync('mount', args);
}

function unmount(path: string): void {
  execFileSync('umount', ['--lazy', path], { stdio: 'ignore' });
}

function mountsTold(observer: CaptureObserver): readonly (readonly string[])[] {
  return observer.hints.flatMap((hint) => (hint.kind === 'mounts' ? [hint.paths] : []));
}

function isMounts(...paths: string[]): (hint: CaptureHint) => boolean {
  return (hint) => hint.kind === 'mounts' && hint.paths.join(' ') === paths.join(' ');
}

function story(
  title: string,
  run: (t: ExecutionContext, observer: CaptureObserver, method: CaptureMethod) => Promise<void>,
): void {
  for (const method of ['fanotify', 'inotify'] as const) {
    const report = isRoot ? test.serial : test.serial.skip;
    report(`${method}: ${title}`, async (t) => {
      const observer = await CaptureObserver.start(memory, [method]);
      try {
        await run(t, observer, method);
      } finally {
        for (const place of ['later', 'at start', 'bind']) {
          try {
            unmount(observer.at(place));
          } catch {
            // It was not mounted by this story.
          }
        }
        await observer.dispose();
      }
    });
  }
}

async function identical(t: ExecutionContext, observer: CaptureObserver, entries: number): Promise<void> {
  t.deepEqual(await observer.differences(), { missing: [], extra: [], entries });
}

story('a volume that is mounted later is told, and what happens on it', async (t, observer) => {
  mkdirSync(observer.at('later'));
  await observer.barrier();
  mount('-t', 'tmpfs', 'none', observer.at('later'));
  writeFileSync(observer.at('later', 'early'), 'x');
  await observer.hint(isMounts('later'));
  mkdirSync(observer.at('later', 'd'));
  writeFileSync(observer.at('later', 'd', 'file'), 'x');
  await observer.barrier();
  await observer.hint((hint) => hint.kind === 'overflow' || (hint.kind === 'dirty' && hint.path === 'later/d/file'));
  const seen = observer.hints.some(
    (hint) =>
      (hint.kind === 'dirty' && hint.path === 'later/d/file') || (hint.kind === 'overflow' && hint.path.length <= 5),
  );
  t.true(seen);
  unmount(observer.at('later'));
  await observer.hint(isMounts());
  t.deepEqual(mountsTold(observer).at(-1), []);
});

story('changes on a mounted volume come before the cookie that follows them', async (t, observer) => {
  mkdirSync(observer.at('later'));
  mount('-t', 'tmpfs', 'none', observer.at('later'));
  await observer.hint(isMounts('later'));
  await observer.barrier();
  for (let round = 0; round < 20; round += 1) {
    for (let file = 0; file < 50; file += 1) writeFileSync(observer.at('later', `${round}-${file}`), 'x');
    observer.hints.length = 0;
    await observer.barrier();
    const cookie = observer.hints.findIndex((hint) => hint.kind === 'cookie');
    const late = observer.hints.slice(cookie + 1).filter((hint) => hint.kind === 'dirty');
    t.deepEqual(late, []);
  }
  await observer.differences();
});

story('a directory mounted at a second place is captured at both', async (t, observer, method) => {
  mkdirSync(observer.at('real'));
  mkdirSync(observer.at('bind'));
  mount('--bind', observer.at('real'), observer.at('bind'));
  await observer.hint(isMounts('bind'));
  await observer.barrier();
  observer.hints.length = 0;
  writeFileSync(observer.at('real', 'file'), 'x');
  await observer.barrier();
  const paths = observer.hints.flatMap((hint) => (hint.kind === 'dirty' ? [hint.path] : []));
  // Two paths of one directory are one watch for inotify: there the second is found by comparing.
  if (method === 'fanotify') t.deepEqual([...new Set(paths)].sort(), ['bind/file', 'real/file']);
  else t.true(paths.includes('real/file') || paths.includes('bind/file'));
});

test.serial('a volume that was mounted before is told at the start', async (t) => {
  if (!isRoot) {
    t.pass('needs root');
    return;
  }
  const top = mkdtempSync(join(memory, 'mainstay-mounts-'));
  const root = join(top, 'root');
  mkdirSync(join(root, 'at start'), { recursive: true });
  mount('-t', 'tmpfs', 'none', join(root, 'at start'));
  const observer = await CaptureObserver.startAt(top, root, ['fanotify']);
  try {
    await observer.hint(isMounts('at start'));
    writeFileSync(join(root, 'at start', 'file'), 'x');
    await observer.hint((hint) => hint.kind === 'dirty' && hint.path === 'at start/file');
    await identical(t, observer, 2);
  } finally {
    unmount(join(root, 'at start'));
    await observer.dispose();
    rmSync(top, { recursive: true, force: true });
  }
});

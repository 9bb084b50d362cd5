/** Whatever programs do in a root, the hints lead to every change of it: fanotify and inotify, on disk and in memory. */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { createCaptureService } from '../../daemon/capture/host.ts';
import { WAKEUP } from '../../daemon/platform/wakeup.ts';
import type { CaptureMethod } from '../../daemon/ports.ts';
import { CaptureObserver, shell } from './capture-observer.ts';

const IDENTICAL = { missing: [], extra: [] };
const isRoot = process.geteuid?.() === 0;
const methods: readonly CaptureMethod[] = isRoot ? ['fanotify', 'inotify'] : ['inotify'];
const places: Readonly<Record<string, string>> = { tmpfs: '/dev/shm', disk: tmpdir() };

function story(
  title: string,
  run: (t: ExecutionContext, observer: CaptureObserver, place: string) => Promise<void>,
): void {
  for (const method of methods) {
    for (const [place, base] of Object.entries(places)) {
      test.serial(`${method} on ${place}: ${title}`, async (t) => {
        t.timeout(120_000);
        const observer = await CaptureObserver.start(base, [method]);
        try {
          t.like(observer.report, {
            method,
            degraded: false,
            roots: [{ path: observer.root, method, degraded: false }],
          });
          await run(t, observer, place);
        } finally {
          await observer.dispose();
        }
      });
    }
  }
}

async function identical(t: ExecutionContext, observer: CaptureObserver, atLeast = 0): Promise<void> {
  const { entries, ...differences } = await observer.differences();
  t.deepEqual(differences, IDENTICAL);
  t.true(entries >= atLeast, `${entries} entries, ${atLeast} expected`);
}

story('mkdir -p chains with files at every level', async (t, observer) => {
  await shell(
    observer.root,
    `for i in $(seq 40); do
       p=chain-$i/a/b/c/d/e/f/g; mkdir -p $p; echo deep > $p/file; echo shallow > chain-$i/a/file
       mkdir -p chain-$i/x/y/{1,2,3}/z && touch chain-$i/x/y/{1,2,3}/z/t
     done`,
  );
  await identical(t, observer, 40 * 20);
});

story('copied and unpacked trees', async (t, observer) => {
  await shell(
    observer.outside,
    'for d in $(seq 30); do mkdir -p tree/d$d/sub; for f in $(seq 30); do echo $f > tree/d$d/sub/f$f; done; done',
  );
  await shell(
    observer.root,
    `cp -r ${observer.outside}/tree copy; cp -a ${observer.outside}/tree kept; tar -C ${observer.outside} -c tree | tar x`,
  );
  await identical(t, observer, 3 * 930);
});

story('trees moved in, out, and in again changed', async (t, observer) => {
  await shell(
    observer.outside,
    'for d in $(seq 40); do mkdir -p tree/d$d/e; for f in $(seq 40); do echo $f > tree/d$d/e/$f; done; done',
  );
  await shell(
    observer.root,
    `mv ${observer.outside}/tree in; echo new > in/d1/e/late; mv in/d2 ${observer.outside}/; mkdir in/d2; echo x > in/d2/x
     mv in renamed; echo after > renamed/d3/e/after; mv renamed ${observer.outside}/away; echo gone > ${observer.outside}/away/d4/gone
     mv ${observer.outside}/away back; echo again > back/d5/e/again; mkdir -p back/d6/new/deep; touch back/d6/new/deep/file`,
  );
  await identical(t, observer, 1600);
});

story('files and directories renamed by three programs at once', async (t, observer) => {
  await shell(
    observer.root,
    'for d in $(seq 12); do mkdir -p d$d/sub; for f in $(seq 20); do echo $f > d$d/sub/f$f; done; done',
  );
  const storm = (seed: number) => `
    RANDOM=${seed}
    for i in $(seq 250); do
      a=$((RANDOM % 12 + 1)); b=$((RANDOM % 12 + 1)); f=$((RANDOM % 20 + 1))
      case $((RANDOM % 5)) in
        0) mv -T d$a tmp-${seed}-$i 2>/dev/null && mv -T tmp-${seed}-$i d$a 2>/dev/null || true ;;
        1) mv d$a/sub/f$f d$b/sub/g$f 2>/dev/null || true ;;
        2) { echo $i > d$a/sub/f$f; } 2>/dev/null || true ;;
        3) mv -T d$a/sub d$b/other-$i 2>/dev/null || true; mkdir -p d$a/sub 2>/dev/null || true ;;
        4) mv -n d$a d$b/ 2>/dev/null || true; mkdir -p d$a/sub 2>/dev/null || true ;;
      esac
    done`;
  await Promise.all([1, 2, 3].map((seed) => shell(observer.root, storm(seed))));
  await identical(t, observer);
});

story('a hundred thousand files created in a burst, half of them removed', async (t, observer, place) => {
  // The whole of it once; a fifth where it takes a minute on a disk shared with other work.
  const files = place === 'tmpfs' && observer.report?.method === methods[0] ? 1000 : 200;
  for (let d = 0; d < 100; d += 1) {
    mkdirSync(observer.at(`d${d}`));
    for (let f = 0; f < files; f += 1) writeFileSync(observer.at(`d${d}`, `f${f}`), 'x');
  }
  await shell(observer.root, 'for d in $(seq 0 2 99); do rm -r d$d; done');
  await identical(t, observer, 50 * files + 50);
});

story('links, pipes, modes, owners, times, truncation, names that are not text', async (t, observer) => {
  await shell(
    observer.root,
    `echo one > file; ln file hard; ln -s file soft; mkfifo pipe; chmod 600 file; touch -d 2001-01-01 file; touch -h -d 2002-02-02 soft
     mkdir dir; chmod 700 dir; printf x > $'raw\\xff\\xfename'; mkdir $'dir\\xff'; printf y > $'dir\\xff/\\xe4'; echo two >> hard`,
  );
  if (isRoot) await shell(observer.root, 'chown 5:6 file; chown -h 7 soft; chown 8 dir');
  truncateSync(observer.at('hard'), 1);
  await observer.hint((hint) => hint.kind === 'dirty' && hint.path === 'raw\udcff\udcfename');
  // A write through one name shows only that name; the engine finds the others by inode.
  await shell(observer.root, 'touch -c -r hard file');
  await identical(t, observer, 8);
});

story('a file still being written is not reported as closed before it is', async (t, observer) => {
  writeFileSync(observer.at('log'), '');
  await observer.barrier();
  observer.hints.length = 0;
  const handle = openSync(observer.at('log'), 'a');
  writeSync(handle, 'first');
  await observer.hint((hint) => hint.kind === 'dirty' && hint.path === 'log');
  t.false(observer.hints.some((hint) => hint.kind === 'dirty' && hint.closed));
  closeSync(handle);
  await observer.hint((hint) => hint.kind === 'dirty' && hint.path === 'log' && hint.closed);
});

story('a rename comes as one hint with both names', async (t, observer) => {
  mkdirSync(observer.at('a'));
  writeFileSync(observer.at('a', 'file'), 'x');
  await observer.barrier();
  renameSync(observer.at('a'), observer.at('b'));
  renameSync(observer.at('b', 'file'), observer.at('file'));
  await observer.barrier();
  const renames = observer.hints.filter((hint) => hint.kind === 'rename');
  t.deepEqual(renames, [
    { kind: 'rename', root: 0, from: 'a', to: 'b' },
    { kind: 'rename', root: 0, from: 'b/file', to: 'file' },
  ]);
});

story('our own directory is never reported', async (t, observer) => {
  await shell(
    observer.root,
    'mkdir -p .mainstay/staging d/.mainstay; echo x > .mainstay/staging/x; echo y > d/.mainstay/y; echo z > d/z',
  );
  await observer.barrier();
  const paths = observer.hints.flatMap((hint) =>
    hint.kind === 'dirty' || hint.kind === 'overflow' ? [hint.path] : [],
  );
  t.true(paths.includes('d'));
  t.false(
    paths.some((path) => path.includes('.mainstay')),
    paths.join(' '),
  );
});

story('a root that is removed is reported as lost', async (t, observer) => {
  rmSync(observer.root, { recursive: true });
  t.deepEqual(await observer.hint((hint) => hint.kind === 'root-lost'), { kind: 'root-lost', root: 0 });
});

story('a root that was moved away and came back is scanned as a whole', async (t, observer) => {
  writeFileSync(observer.at('before'), '');
  renameSync(observer.root, `${observer.root}.away`);
  await observer.hint((hint) => hint.kind === 'root-lost');
  writeFileSync(`${observer.root}.away/meanwhile`, '');
  renameSync(`${observer.root}.away`, observer.root);
  await observer.hint((hint) => hint.kind === 'overflow' && hint.path === '');
  await identical(t, observer, 2);
});

story('nothing is reported after the watch was ended', async (t, observer) => {
  await observer.barrier();
  await observer.unwatch();
  const before = observer.hints.length;
  writeFileSync(observer.at('unseen'), '');
  // The thread answers in order: when it has taken another watch, nothing of the old one can come.
  const other = await CaptureObserver.start(tmpdir(), methods);
  await other.barrier();
  await other.dispose();
  t.is(observer.hints.length, before);
});

test('a root that does not exist is refused with its reason', async (t) => {
  const service = createCaptureService(WAKEUP);
  const engine = { post: () => {}, onNotice: () => {}, onExit: () => {}, terminate: () => Promise.resolve() };
  const error = await t.throwsAsync(service.watch(engine, ['/nonexistent/root']));
  t.is((error as { code?: string }).code, 'ROOT-MISSING');
  await service.stop();
});

test('a root without usable events is compared as a whole, and says so', async (t) => {
  const observer = await CaptureObserver.start(tmpdir(), ['polling']);
  t.like(observer.report, { method: 'polling', degraded: true });
  writeFileSync(observer.at('file'), 'x');
  await observer.barrier();
  await observer.hint((hint) => hint.kind === 'overflow' && hint.path === '' && hint.reason === 'polling');
  await identical(t, observer, 1);
  await observer.dispose();
});

test('a method that is refused is passed over, and the reason is told', async (t) => {
  const error = await t.throwsAsync(CaptureObserver.start(tmpdir(), ['windows']));
  t.is((error as { code?: string }).code, 'FS-UNSUPPORTED');
  const observer = await CaptureObserver.start(tmpdir(), ['windows', 'inotify']);
  t.is(observer.report?.method, 'inotify');
  t.regex(observer.report?.reason ?? '', /windows: /);
  await observer.dispose();
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { EngineConfig } from '../../daemon/engine/engine-protocol.ts';
import { SystemClock } from '../../daemon/platform/node/clock.ts';
import { EnginePool } from '../../daemon/scenario/engine-host.ts';
import { EngineSession } from '../../daemon/scenario/engine-session.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';

function config(top: string, root: string): EngineConfig {
  return {
    scenarioId: '0'.repeat(32),
    scenarioName: 'web',
    role: 'replica',
    roots: [{ path: root }],
    directory: join(top, 'state'),
    exclude: [],
    fileFilter: [],
    attributeKinds: ALL_KINDS,
    agreedFingerprint: 'f',
    epoch: 1,
    limits: { spoolMaxBytes: 2 ** 30, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 },
  };
}

const clock = new SystemClock();
const silent = { onEvent: () => {}, onStatus: () => {}, onLinkClosed: () => {} };

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'life-engine-'));
}

test('an engine starts in a thread of its own, answers calls, stops and leaves nothing running', async (t) => {
  const top = temporary();
  const root = join(top, 'parent', 'root');
  mkdirSync(root, { recursive: true });
  const lost: string[] = [];
  const session = await EngineSession.start(new EnginePool(clock).spawn(), config(top, root), clock, {
    ...silent,
    onLost: (fault) => lost.push(fault.message),
  });
  const fault = await t.throwsAsync(session.call({ name: 'barrier' }), { instanceOf: Fault });
  t.is(fault?.code, 'SCENARIO-STATE', 'a Replica refuses what is for the Master');
  await session.stop();
  t.deepEqual(lost, [], 'a stop that was asked for is no loss');
  const late = await t.throwsAsync(session.call({ name: 'barrier' }), { instanceOf: Fault });
  t.is(late?.code, 'ENGINE-ENDED');
  rmSync(top, { recursive: true });
});

test('a missing root keeps an engine from starting, with the path', async (t) => {
  const top = temporary();
  const start = EngineSession.start(new EnginePool(clock).spawn(), config(top, join(top, 'nothing')), clock, {
    ...silent,
    onLost: () => t.fail(),
  });
  const fault = await t.throwsAsync(start, { instanceOf: Fault });
  t.is(fault?.code, 'ROOT-MISSING');
  t.is(fault?.details.path, join(top, 'nothing'));
  rmSync(top, { recursive: true });
});

/** Handles of this process, all threads together, that are open below a directory. */
function openBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((handle) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${handle}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      return [];
    }
  });
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('an engine that cannot open its files leaves none of them open: its thread may serve others', async (t) => {
  const top = temporary();
  const root = join(top, 'parent', 'root');
  mkdirSync(root, { recursive: true });
  mkdirSync(join(top, 'state'));
  writeFileSync(join(top, 'state', 'journal'), 'a file where a directory is needed');
  const pool = new EnginePool(clock, { mostThreads: 1 });
  // Another engine keeps the thread alive, so nothing is closed by its end.
  const own = join(top, 'other');
  mkdirSync(join(own, 'parent', 'root'), { recursive: true });
  const other = await EngineSession.start(pool.spawn(), config(own, join(own, 'parent', 'root')), clock, {
    ...silent,
    onLost: () => t.fail(),
  });
  await t.throwsAsync(
    EngineSession.start(pool.spawn(), config(top, root), clock, { ...silent, onLost: () => t.fail() }),
    { instanceOf: Fault },
  );
  t.deepEqual(openBelow(join(top, 'parent')), []);
  t.deepEqual(openBelow(join(top, 'state')), []);
  await other.stop();
  rmSync(top, { recursive: true });
});

test('an engine whose thread is ended from outside is reported lost, once, and its calls are answered', async (t) => {
  const top = temporary();
  const root = join(top, 'parent', 'root');
  mkdirSync(root, { recursive: true });
  const handle = new EnginePool(clock).spawn();
  let told = 0;
  const lost = new Promise<void>((resolve) => {
    void EngineSession.start(handle, config(top, root), clock, {
      ...silent,
      onLost: () => {
        told += 1;
        resolve();
      },
    }).then(() => handle.terminate());
  });
  await lost;
  await handle.terminate();
  t.is(told, 1);
  rmSync(top, { recursive: true });
});

test('engines beyond the number of threads share them: one is ended without the others, a thread that dies ends its own', async (t) => {
  const top = temporary();
  const pool = new EnginePool(clock, { mostThreads: 1 });
  const lost: string[] = [];
  const start = async (name: string) => {
    const root = join(top, name, 'root');
    mkdirSync(root, { recursive: true });
    const state = join(top, name);
    const own = { ...config(state, root), scenarioId: name };
    return await EngineSession.start(pool.spawn(), own, clock, { ...silent, onLost: () => lost.push(name) });
  };
  const [one, two, three] = await Promise.all([start('one'), start('two'), start('three')]);
  const missing = EngineSession.start(pool.spawn(), config(top, join(top, 'nothing')), clock, {
    ...silent,
    onLost: () => t.fail(),
  });
  t.is((await t.throwsAsync(missing, { instanceOf: Fault }))?.code, 'ROOT-MISSING');
  await two.stop();
  t.deepEqual(lost, []);
  const answer = async (session: EngineSession) =>
    (await t.throwsAsync(session.call({ name: 'barrier' }), { instanceOf: Fault }))?.code;
  t.is(await answer(one), 'SCENARIO-STATE', 'it goes on');
  // Not stopped before: taken away as by a supervisor whose patience is over.
  await three.handle.terminate();
  t.deepEqual(lost, ['three']);
  t.is(await answer(one), 'SCENARIO-STATE');
  const again = await start('three');
  t.is(await answer(again), 'SCENARIO-STATE', 'its files were closed');
  await Promise.all([one.stop(), again.stop()]);
  t.deepEqual(lost, ['three']);
  rmSync(top, { recursive: true });
});

/** Threads of this process that run workers. */
function threadNumbers(): string[] {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('WorkerThread');
    } catch {
      return false;
    }
  });
}

const workerThreads = (): number => threadNumbers().length;

async function untilThreads(count: number): Promise<void> {
  while (workerThreads() !== count) await new Promise((resolve) => setTimeout(resolve, 5));
}

const serialOnLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

// Alone: it counts the threads of the process.
serialOnLinux(
  'one thread stands ready while no engine runs, the first engine takes it, the last leaves another',
  async (t) => {
    const top = temporary();
    const root = join(top, 'parent', 'root');
    mkdirSync(root, { recursive: true });
    const before = workerThreads();
    const pool = new EnginePool(clock);
    pool.keepOneReady();
    await untilThreads(before + 1);
    const start = (own: EngineConfig, onLost: () => void = () => t.fail()) =>
      EngineSession.start(pool.spawn(), own, clock, { ...silent, onLost });
    const first = await start(config(top, root));
    t.is(workerThreads(), before + 1, 'it was there already');
    const other = join(top, 'other');
    mkdirSync(join(other, 'parent', 'root'), { recursive: true });
    const second = await start(config(other, join(other, 'parent', 'root')));
    t.is(workerThreads(), before + 2, 'a second engine has a thread of its own');
    await second.stop();
    await untilThreads(before + 1);
    const threads = threadNumbers();
    await first.stop();
    t.deepEqual(threadNumbers(), threads, 'the thread of an engine that ended in order serves the next one');
    const third = await start(config(top, root), () => {});
    t.deepEqual(threadNumbers(), threads);
    // Taken away as by a supervisor whose patience is over.
    await third.handle.terminate();
    await untilThreads(before + 1);
    t.notDeepEqual(threadNumbers(), threads, 'otherwise a fresh one stands ready');
    await pool.keepNoneReady();
    const last = await start(config(top, root));
    t.is(workerThreads(), before + 1);
    await last.stop();
    await untilThreads(before);
    t.pass();
    rmSync(top, { recursive: true });
  },
);

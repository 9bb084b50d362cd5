/** What runs in an engine's thread: adapters of this system around each engine, messages in, notices out. */

import nodeModule from 'node:module';
import { join } from 'node:path';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import { KeptAside, RootAside } from '../aside/kept-aside.ts';
import { AsideTree } from '../aside/tree.ts';
import { compileFilters } from '../capture/filter.ts';
import { createContentHasher } from '../link/content-hash.ts';
import { RingLinks, STUCK } from '../link/ring-link.ts';
import { freeBytesOf } from '../platform/node/free-bytes.ts';
import { loadMemoryRelease, loadPageRelease } from '../platform/node/memory.ts';
import { loadPlatform } from '../platform/select.ts';
import type { CaptureHint, RootTree } from '../ports.ts';
import { asideFile, SharedAsideStore, SqliteAsideStore } from '../store/aside-store.ts';
import { openFreshState } from '../store/fresh-state.ts';
import { PointIndex } from '../store/listed-points.ts';
import { MasterState } from '../store/master-state.ts';
import { SpoolPlaces } from '../store/spool-place.ts';
import { storeFault } from '../store/sqlite-fault.ts';
import { AssessEngine } from './assess-engine.ts';
import type { EngineConfig, EngineNotice, EngineRequest, EngineStatus } from './engine-protocol.ts';
import { HistoryEngine } from './history-engine.ts';
import { MasterEngine } from './master-engine.ts';
import { ReplicaEngine } from './replica-engine.ts';
import type { Addressed, WorkerNotice, WorkerRequest } from './worker-protocol.ts';

/** With less than this the first transaction would only fail: it waits for room instead. */
const ROOM_TO_START_BYTES = 2 * 1024 * 1024;

/** After a synchronization, once what it left behind can be collected. */
const RELEASE_MS = 5_000;

/** A thread that is ended keeps nothing for the next one: what it compiled is written once it is loaded. */
const COMPILED_MS = 2_000;

const port = parentPort!;
setTimeout(() => nodeModule.flushCompileCache?.(), COMPILED_MS).unref();
const releaseMemory = loadMemoryRelease();
const spareMemory = {
  later: (run: () => void) => void setTimeout(run, RELEASE_MS).unref(),
  release: loadPageRelease(),
};
type Engine = MasterEngine | ReplicaEngine | AssessEngine | HistoryEngine;

/** What an engine was given, which closes it. */
interface Opened {
  close(): void;
  releaseMemory?(): void;
}

async function createEngine(
  config: EngineConfig,
  notify: (notice: EngineNotice) => void,
): Promise<{ readonly engine: Engine; readonly opened: readonly Opened[] }> {
  const platform = await loadPlatform();
  const hasher = await createContentHasher();
  // When there is to be no engine, whoever opened it closes it.
  const opened: Opened[] = [];
  const open = <T extends Opened>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const spool = await settleSpool(config, notify);
    return { engine: openEngine(config, notify, { ...platform, spool }, hasher, open), opened };
  } catch (error) {
    for (const one of opened) one.close();
    throw error;
  }
}

function openEngine(
  config: EngineConfig,
  notify: (notice: EngineNotice) => void,
  platform: Awaited<ReturnType<typeof loadPlatform>> & { readonly spool: string },
  hasher: Awaited<ReturnType<typeof createContentHasher>>,
  open: <T extends Opened>(one: T) => T,
): Engine {
  const bare = config.roots.map((root) => open(platform.openTree(root.path)));
  const { trees, aside } = config.assess === true ? { trees: bare } : withKeptAside(config, bare, open);
  const { clock, random, spool } = platform;
  const freeBytes = freeBytesOf(spool);
  const at = (name: string): string => join(config.directory, name);
  if (config.assess === true) {
    const state = open(openFreshState(at('assess.sqlite')));
    return new AssessEngine(config, { clock, trees, state, hasher }, notify);
  }
  if (config.role === 'master') {
    const path = config.compareOnly === true ? ':memory:' : join(spool, 'master.sqlite');
    if (config.compareOnly !== true && freeBytes() < ROOM_TO_START_BYTES) throw new Fault('FS-FULL', { path: spool });
    const state = open(new MasterState(path));
    return new MasterEngine(config, { clock, random, trees, state, hasher, freeBytes }, notify);
  }
  const standby = {
    clock,
    trees,
    spoolLog: open(platform.openSegmentLog(join(spool, 'received'))),
    journalLog: open(platform.openSegmentLog(at('journal'))),
    stateFile: platform.openStateFile(at('replica.state')),
    hasher,
    ...(aside === undefined ? {} : { aside }),
    points: open(new PointIndex(at('points.sqlite'))),
    lostFile: platform.openStateFile(at('lost.state')),
  };
  if (config.historyOnly === true) return new HistoryEngine(config, standby, notify);
  return new ReplicaEngine(
    config,
    {
      ...standby,
      freeBytes,
      filters: compileFilters(config, trees),
    },
    notify,
  );
}

/** The directory of the spool, there and ours. An engine that leaves nothing behind needs none. */
async function settleSpool(config: EngineConfig, notify: (notice: EngineNotice) => void): Promise<string> {
  const { directory, role, spool, assess, compareOnly } = config;
  if (spool === undefined || assess === true || compareOnly === true) return directory;
  const roots = config.roots.map(({ path }) => path);
  const places = new SpoolPlaces(directory, role, roots, { onProgress: () => notify({ type: 'starting' }) });
  const { path, moved, lost } = await places.settle(spool);
  if (moved !== undefined) notify({ type: 'event', code: 'SPL-001', details: { ...moved } });
  if (lost !== undefined) notify({ type: 'event', code: 'SPL-002', details: { path: lost } });
  return path;
}

/** A Master's roots have something aside when they have been a Replica's: it is what the files should have. */
function withKeptAside(
  { role, directory, asideDirectory = directory, asideShared, feeds, limits }: EngineConfig,
  bare: readonly RootTree[],
  open: <T extends { close(): void }>(one: T) => T,
): { readonly trees: readonly RootTree[]; readonly aside?: KeptAside } {
  if (asideShared === true) {
    const shared = (path: string) => open(new SharedAsideStore(asideFile(asideDirectory, path)));
    return { trees: bare.map((tree) => new AsideTree(tree, new RootAside(tree, shared(tree.path)))) };
  }
  const stores = bare.map(({ path }) => open(new SqliteAsideStore(asideFile(asideDirectory, path))));
  if (role === 'master' && stores.every((store) => store.count === 0)) {
    for (const store of stores) store.close();
    return { trees: bare };
  }
  const roots = bare.map((tree, root) => new RootAside(tree, stores[root]!));
  const trees = bare.map((tree, root) => new AsideTree(tree, roots[root]!, feeds === true));
  return { trees, aside: new KeptAside(roots, limits.asideMaxBytes) };
}

/** One of the engines of this thread. */
class Resident {
  readonly #id: number;
  readonly #links: RingLinks;
  #engine: Engine | undefined;
  #opened: readonly Opened[] = [];
  #capture: MessagePort | undefined;
  #early: EngineRequest[] = [];
  #starting: Promise<void> = Promise.resolve();
  #phase: EngineStatus['phase'] = 'idle';
  /** Nobody listens any more. */
  #gone = false;

  constructor(id: number) {
    this.#id = id;
    this.#links = new RingLinks('engine', (signal) => this.#post(signal), spareMemory);
  }

  take(request: WorkerRequest): void {
    switch (request.type) {
      case 'start':
        this.#starting = this.#start(request.config);
        return;
      case 'link-rings':
        this.#links.open(request.peer, request.rings);
        return;
      case 'link-wake':
      case 'link-room':
        this.#links.onSignal(request, (bytes) => this.#handle({ type: 'link-bytes', peer: request.peer, bytes }));
        return;
      case 'dispose':
        void this.#dispose();
        return;
      default:
        this.#handle(request);
    }
  }

  async #start(config: EngineConfig): Promise<void> {
    try {
      const { engine, opened } = await createEngine(config, (notice) => this.#notify(notice));
      this.#engine = engine;
      this.#opened = opened;
      engine.start();
      for (const request of this.#early.splice(0)) this.#handle(request);
    } catch (error) {
      const fault = storeFault(error, config, freeBytesOf(config.spool?.directory ?? config.directory));
      this.#notify({ type: 'failed', fault: fault.toDocument() });
    }
  }

  #handle(request: EngineRequest): void {
    if (this.#engine === undefined) this.#early.push(request);
    else if (request.type === 'capture') {
      this.#capture?.close();
      this.#capture = request.port as MessagePort;
      this.#capture.on('message', (hints: readonly CaptureHint[]) => this.#engine?.handle({ type: 'hints', hints }));
    } else this.#engine.handle(request);
  }

  async #dispose(): Promise<void> {
    this.#gone = true;
    residents.delete(this.#id);
    // Whoever opens its files next must find them closed.
    await this.#starting;
    this.#close();
    // Standing ready for the next one, the thread needs little; an engine that follows at once finds its code compiled.
    setTimeout(() => residents.size === 0 && releaseMemory(), RELEASE_MS).unref();
    port.postMessage({ engine: this.#id, message: { type: 'disposed' } } satisfies Addressed<WorkerNotice>);
  }

  /** An engine that was not stopped before is stopped now; one that has ended ignores it. */
  #close(): void {
    this.#capture?.close();
    try {
      this.#engine?.handle({ type: 'stop' });
    } catch {
      // It goes either way; what it has not made durable is found again by its next start.
    }
  }

  #notify(notice: EngineNotice): void {
    if (this.#gone) return;
    if (notice.type === 'link-send') {
      if (this.#links.write(notice.peer, notice.bytes)) return;
      this.#post({ type: 'link-close', peer: notice.peer, fault: STUCK });
    } else if (notice.type === 'link-release') this.#links.release(notice.peer, notice.count);
    else {
      this.#links.announce();
      if (notice.type === 'status') this.#passTo(notice.status.phase);
      this.#post(notice);
    }
  }

  #passTo(phase: EngineStatus['phase']): void {
    const before = this.#phase;
    this.#phase = phase;
    if (before !== 'synchronizing' || phase === 'synchronizing') return;
    setTimeout(() => this.#releaseMemory(), RELEASE_MS).unref();
  }

  #releaseMemory(): void {
    if (this.#gone || this.#phase === 'synchronizing') return;
    for (const one of this.#opened) one.releaseMemory?.();
    releaseMemory();
  }

  #post(message: WorkerNotice): void {
    if (!this.#gone) port.postMessage({ engine: this.#id, message } satisfies Addressed<WorkerNotice>);
  }
}

const residents = new Map<number, Resident>();

port.on('message', ({ engine, message }: Addressed<WorkerRequest>) => {
  let resident = residents.get(engine);
  if (resident === undefined) {
    // A message to one that is gone.
    if (message.type !== 'start') return;
    resident = new Resident(engine);
    residents.set(engine, resident);
  }
  resident.take(message);
});

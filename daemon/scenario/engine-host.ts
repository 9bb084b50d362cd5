/**
 * Engines in worker threads: the data path must not delay the main thread's heartbeats and consoles. The first scenarios have
 * a thread each; further ones share them (docs/decisions/0025): an engine is a plain class whose work is cut into turns.
 */
import { setFlagsFromString } from 'node:v8';
import { MessagePort, Worker } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import type { EngineNotice, EngineRequest } from '../engine/engine-protocol.ts';
import type { Addressed, WorkerNotice, WorkerRequest } from '../engine/worker-protocol.ts';
import { giveBack } from '../link/copy-bytes.ts';
import { createRingPair, isRingSignal, RingLinks, type SpareMemory, STUCK } from '../link/ring-link.ts';
import type { Clock } from '../ports.ts';
import type { EngineHandle } from '../services.ts';

/** Heap limits of one thread: the indexes are in SQLite, so more than this is a defect and must not take the host down. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 64 };
/**
 * From this size on a thread's heap is collected whole for the first time. By default V8 begins at some 20 MB and does it five
 * times in a short synchronization, a fifth of its processor time.
 */
const FIRST_COLLECTION_MB = 96;
/** An engine that is not gone by then hangs in a file call: its thread is ended with everything in it. */
const DISPOSE_MS = 10_000;
/** So many bytes over a link are work; an idle one carries some hundred a second. */
const WORK_BYTES = 256 * 1024;
/** About 30 MB each. */
const MOST_THREADS = 8;

/** What engines do to the process they run in. */
interface EngineUse {
  readonly spare: SpareMemory | undefined;
  /** Their links are at work. */
  readonly onWork: () => void;
}

export class EnginePool {
  readonly #clock: Clock;
  readonly #mostThreads: number;
  readonly #use: EngineUse;
  readonly #threads = new Set<EngineThread>();
  #keepsReady = false;

  constructor(
    clock: Clock,
    { mostThreads = MOST_THREADS, ...used }: { readonly mostThreads?: number } & Partial<EngineUse> = {},
  ) {
    this.#clock = clock;
    this.#mostThreads = mostThreads;
    this.#use = { spare: used.spare, onWork: used.onWork ?? (() => {}) };
  }

  /** An engine in a thread of its own while there are few, else in the thread with the fewest. */
  spawn(): EngineHandle {
    return this.#room().add(this.#use);
  }

  /**
   * While no engine runs, one thread stands ready: loading its modules takes longer than starting an engine. Once an engine
   * runs there is none beside it. The thread of the last engine stays when that ended in order: its code is compiled, which
   * takes more processor time than comparing 50,000 files.
   */
  keepOneReady(): void {
    this.#keepsReady = true;
    if (this.#threads.size === 0) this.#start();
  }

  /** The host goes down: what ends now is not followed by another thread, and one that only stands ready ends. */
  async keepNoneReady(): Promise<void> {
    this.#keepsReady = false;
    await Promise.all([...this.#threads].filter(({ engines }) => engines === 0).map((thread) => thread.end()));
  }

  #room(): EngineThread {
    const [least] = [...this.#threads].sort((a, b) => a.engines - b.engines);
    const roomy = least !== undefined && (least.engines === 0 || this.#threads.size >= this.#mostThreads);
    return roomy ? least : this.#start();
  }

  #start(): EngineThread {
    const thread = new EngineThread(
      this.#clock,
      (ended) => {
        this.#threads.delete(ended);
        if (this.#keepsReady && this.#threads.size === 0 && ended.served) this.#start();
      },
      (last) => this.#keepsReady && this.#threads.size === 1 && this.#threads.has(last),
    );
    this.#threads.add(thread);
    return thread;
  }
}

class EngineThread {
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #gone: Promise<void>;
  readonly #engines = new Map<number, PooledEngine>();
  readonly #mayStay: (thread: EngineThread) => boolean;
  #next = 0;
  /** An engine in it did not end in order: nothing is left to chance for the next one. */
  failed = false;

  /** `mayStay`: it may stand ready once it has no engine. */
  constructor(
    clock: Clock,
    onEnd: (thread: EngineThread) => void,
    mayStay: (thread: EngineThread) => boolean = () => false,
  ) {
    this.#clock = clock;
    this.#mayStay = mayStay;
    setFlagsFromString(`--initial-old-space-size=${FIRST_COLLECTION_MB}`);
    const worker = new Worker(new URL('../engine/worker.js', import.meta.url), { resourceLimits: RESOURCE_LIMITS });
    this.#worker = worker;
    // One that only stands ready keeps no process alive.
    worker.unref();
    worker.on('message', ({ engine, message }: Addressed<WorkerNotice>) => this.#engines.get(engine)?.hear(message));
    // The stack of the defect; `exit` follows.
    const failed = (error: unknown) => {
      for (const engine of this.#engines.values()) engine.fail(Fault.from(error));
    };
    worker.on('error', failed);
    worker.on('messageerror', failed);
    this.#gone = new Promise((resolve) => {
      worker.on('exit', (code) => {
        onEnd(this);
        resolve();
        for (const engine of [...this.#engines.values()]) engine.exit(code);
      });
    });
    this.end = async () => {
      // No new engine comes into a thread that ends.
      onEnd(this);
      await worker.terminate();
      await this.#gone;
    };
  }

  readonly end: () => Promise<void>;

  get engines(): number {
    return this.#engines.size;
  }

  /** It had an engine; one that fails before is not replaced at once. */
  get served(): boolean {
    return this.#next > 0;
  }

  add(use: EngineUse): EngineHandle {
    this.#worker.ref();
    this.#next += 1;
    const id = this.#next;
    const send: PooledEngine['send'] = (message, ports) =>
      this.#worker.postMessage({ engine: id, message } satisfies Addressed<WorkerRequest>, ports);
    const engine = new PooledEngine(this, this.#clock, send, use);
    this.#engines.set(id, engine);
    return engine;
  }

  get staysReady(): boolean {
    return !this.failed && this.#mayStay(this);
  }

  /** The last one takes the thread with it, unless that stays ready. */
  async remove(engine: PooledEngine): Promise<void> {
    for (const [id, one] of this.#engines) if (one === engine) this.#engines.delete(id);
    if (this.#engines.size > 0) return;
    if (this.staysReady) this.#worker.unref();
    else await this.end();
  }
}

class PooledEngine implements EngineHandle {
  onNotice: (notice: EngineNotice) => void = () => {};
  onExit: (code: number) => void = () => {};
  readonly #thread: EngineThread;
  readonly #clock: Clock;
  readonly send: (message: WorkerRequest, ports: readonly MessagePort[]) => void;
  readonly #links: RingLinks;
  readonly #onWork: () => void;
  #movedBytes = 0;
  #disposed: (() => void) | undefined;
  #ending: Promise<void> | undefined;
  #stopped = false;
  #gone = false;

  constructor(
    thread: EngineThread,
    clock: Clock,
    send: (message: WorkerRequest, ports: readonly MessagePort[]) => void,
    { spare, onWork }: EngineUse,
  ) {
    this.#thread = thread;
    this.#clock = clock;
    this.send = send;
    this.#onWork = onWork;
    this.#links = new RingLinks('main', (signal) => this.#tell(signal), spare);
  }

  post(request: EngineRequest): void {
    if (this.#gone) return;
    if (request.type !== 'link-bytes') this.#links.announce();
    switch (request.type) {
      case 'link-bytes':
        if (!this.#links.write(request.peer, request.bytes)) {
          this.onNotice({ type: 'link-close', peer: request.peer, fault: STUCK });
        }
        this.#count(request.bytes.length);
        giveBack(request.bytes);
        return;
      case 'link-open': {
        const rings = createRingPair();
        this.#links.open(request.peer, rings);
        this.#tell({ type: 'link-rings', peer: request.peer, rings });
        break;
      }
      case 'link-closed':
        this.#links.close(request.peer);
        break;
      default:
    }
    // A port can only travel by transfer; the capture thread talks to the engine's thread through it directly.
    const ports = request.type === 'capture' && request.port instanceof MessagePort ? [request.port] : [];
    this.send(request, ports);
  }

  #tell(request: WorkerRequest): void {
    this.send(request, []);
  }

  hear(notice: WorkerNotice): void {
    if (notice.type === 'disposed') {
      this.#disposed?.();
      return;
    }
    if (!isRingSignal(notice)) {
      if (notice.type === 'stopped') this.#stopped = true;
      this.onNotice(notice);
      return;
    }
    const { peer } = notice;
    this.#links.onSignal(notice, (bytes, onSent) => {
      this.#count(bytes.length);
      this.onNotice({ type: 'link-send', peer, bytes, onSent });
    });
  }

  #count(bytes: number): void {
    this.#movedBytes += bytes;
    if (this.#movedBytes < WORK_BYTES) return;
    this.#movedBytes = 0;
    this.#onWork();
  }

  fail(fault: Fault): void {
    this.onNotice({ type: 'failed', fault: fault.toDocument() });
  }

  /** Its thread ended, or it did. */
  exit(code: number): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#disposed?.();
    this.onExit(code);
  }

  terminate(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    // One that did not stop may hang: alone in its thread it is not asked.
    if (!this.#stopped) this.#thread.failed = true;
    if (!this.#gone && (this.#thread.engines > 1 || this.#thread.staysReady)) {
      const answered = await this.#askToGo();
      // The others in it are started again by their supervisors.
      if (!answered) await this.#thread.end();
    }
    await this.#thread.remove(this);
    this.exit(0);
  }

  #askToGo(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(DISPOSE_MS, () => resolve(false));
      this.#disposed = () => {
        timer.cancel();
        resolve(true);
      };
      this.#tell({ type: 'dispose' });
    });
  }
}

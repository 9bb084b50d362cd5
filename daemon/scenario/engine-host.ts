/** An engine in a worker thread of its own: the data path must not delay the main thread's heartbeats and consoles. */
import { MessagePort, Worker } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import { createRingPair, isRingSignal, RingLinks, type RingPair, type RingSignal, STUCK } from '../link/ring-link.ts';
import type { EngineHandle } from '../services.ts';
import type { EngineNotice, EngineRequest } from './engine-protocol.ts';

/** Heap limits of one engine: its indexes are in SQLite, so more than this is a defect and must not take the host down. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 64 };

export function spawnEngine(): EngineHandle {
  return new WorkerEngine(new Worker(new URL('./worker.js', import.meta.url), { resourceLimits: RESOURCE_LIMITS }));
}

/** What travels beside requests and notices: the shared memory of a link and its signals (link/ring-link.ts). */
export type WorkerRequest = EngineRequest | RingSignal | { type: 'link-rings'; peer: string; rings: RingPair };
export type WorkerNotice = Exclude<EngineNotice, { type: 'link-send' | 'link-release' }> | RingSignal;

class WorkerEngine implements EngineHandle {
  onNotice: (notice: EngineNotice) => void = () => {};
  onExit: (code: number) => void = () => {};
  readonly #worker: Worker;
  readonly #gone: Promise<void>;
  readonly #links = new RingLinks('main', (signal) => this.#tell(signal));

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (notice: WorkerNotice) => this.#heard(notice));
    // The stack of the defect; `exit` follows.
    worker.on('error', (error) => {
      this.onNotice({ type: 'failed', fault: Fault.from(error).toDocument() });
    });
    worker.on('messageerror', (error) => {
      this.onNotice({ type: 'failed', fault: Fault.from(error).toDocument() });
    });
    this.#gone = new Promise((resolve) => {
      worker.on('exit', (code) => {
        resolve();
        this.onExit(code);
      });
    });
  }

  post(request: EngineRequest): void {
    switch (request.type) {
      case 'link-bytes':
        if (!this.#links.write(request.peer, request.bytes)) {
          this.onNotice({ type: 'link-close', peer: request.peer, fault: STUCK });
        }
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
    this.#worker.postMessage(request, ports);
  }

  #tell(request: WorkerRequest): void {
    this.#worker.postMessage(request);
  }

  #heard(notice: WorkerNotice): void {
    if (!isRingSignal(notice)) {
      this.onNotice(notice);
      return;
    }
    const { peer } = notice;
    this.#links.onSignal(notice, (bytes, onSent) => this.onNotice({ type: 'link-send', peer, bytes, onSent }));
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
    await this.#gone;
  }
}

/** An engine in a worker thread of its own: the data path must not delay the main thread's heartbeats and consoles. */
import { MessagePort, Worker } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import type { EngineHandle } from '../services.ts';
import type { EngineNotice, EngineRequest } from './engine-protocol.ts';

/** Heap limits of one engine: its indexes are in SQLite, so more than this is a defect and must not take the host down. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 64 };

export function spawnEngine(): EngineHandle {
  return new WorkerEngine(new Worker(new URL('./worker.js', import.meta.url), { resourceLimits: RESOURCE_LIMITS }));
}

class WorkerEngine implements EngineHandle {
  onNotice: (notice: EngineNotice) => void = () => {};
  onExit: (code: number) => void = () => {};
  readonly #worker: Worker;
  readonly #gone: Promise<void>;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (notice: EngineNotice) => this.onNotice(notice));
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

  post(request: EngineRequest, transfer: readonly ArrayBuffer[] = []): void {
    // A port can only travel by transfer; the capture thread talks to the engine's thread through it directly.
    const ports = request.type === 'capture' && request.port instanceof MessagePort ? [request.port] : [];
    this.#worker.postMessage(request, [...transfer, ...ports]);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
    await this.#gone;
  }
}

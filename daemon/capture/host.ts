/** The main thread's side of capture: starts the one capture thread and joins engines to it. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import type { CaptureMethod, RootCapture } from '../ports.ts';
import type { CaptureReport, CaptureService, EngineHandle } from '../services.ts';
import type { CaptureAnswer, CaptureOrder, CaptureWorkerData } from './messages.ts';

interface Waiting {
  readonly resolve: (answer: CaptureAnswer) => void;
  readonly reject: (fault: Fault) => void;
}

export interface StoppableCapture extends CaptureService {
  /** Ends the thread; hints stop. */
  stop(): Promise<void>;
}

/** Wakes the thread where it waits in the kernel; see platform/wakeup.ts. */
export interface ThreadWakeup {
  signal(handle: number): void;
  close(handle: number): void;
}

/** `allowed`: restricts the methods, for tests. The thread starts with the first watch. */
export function createCaptureService(wakeup: ThreadWakeup, allowed?: readonly CaptureMethod[]): StoppableCapture {
  return new CaptureThread(wakeup, allowed);
}

class CaptureThread implements StoppableCapture {
  readonly #wakeup: ThreadWakeup;
  readonly #allowed: readonly CaptureMethod[] | undefined;
  readonly #ids = new Map<EngineHandle, number>();
  readonly #listeners = new Map<number, (choices: readonly RootCapture[]) => void>();
  readonly #waiting = new Map<string, Waiting>();
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #wakeHandle: number | undefined;
  #nextId = 0;

  constructor(wakeup: ThreadWakeup, allowed: readonly CaptureMethod[] | undefined) {
    this.#wakeup = wakeup;
    this.#allowed = allowed;
  }

  async watch(
    engine: EngineHandle,
    roots: readonly string[],
    onChange: (report: CaptureReport) => void = () => {},
  ): Promise<CaptureReport> {
    if (this.#ids.has(engine)) await this.unwatch(engine);
    this.#nextId += 1;
    const id = this.#nextId;
    const { port1, port2 } = new MessageChannel();
    this.#ids.set(engine, id);
    engine.post({ type: 'capture', port: port1 });
    const answer = await this.#ask({ type: 'watch', id, roots, port: port2 }, [port2]);
    if (answer.type === 'watching') {
      this.#listeners.set(id, (choices) => onChange(reportOf(choices, roots)));
      return reportOf(answer.choices, roots);
    }
    this.#ids.delete(engine);
    throw answer.type === 'refused'
      ? Fault.fromDocument(answer.fault)
      : new Fault('INTERNAL', { reason: 'capture answered out of turn' });
  }

  prepare(): void {
    if (this.#port === undefined) this.#start();
  }

  async unwatch(engine: EngineHandle): Promise<void> {
    const id = this.#ids.get(engine);
    if (id === undefined) return;
    this.#ids.delete(engine);
    this.#listeners.delete(id);
    if (this.#worker !== undefined) await this.#ask({ type: 'unwatch', id });
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    this.#port?.postMessage({ type: 'stop' } satisfies CaptureOrder);
    this.#wake();
    await gone;
  }

  #ask(order: Exclude<CaptureOrder, { type: 'stop' }>, transfer: MessagePort[] = []): Promise<CaptureAnswer> {
    const port = this.#port ?? this.#start();
    return new Promise((resolve, reject) => {
      // A watch that is ended before it answered still gets its own answer first.
      this.#waiting.set(`${order.type === 'watch'} ${order.id}`, { resolve, reject });
      port.ref();
      port.postMessage(order, transfer);
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#wakeHandle !== undefined) this.#wakeup.signal(this.#wakeHandle);
  }

  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const data: CaptureWorkerData = { port: port2, allowed: this.#allowed };
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: data, transferList: [port2] });
    this.#worker = worker;
    this.#port = port1;
    // The daemon's sockets keep the process alive, not this thread.
    worker.unref();
    port1.on('message', (answer: CaptureAnswer) => this.#answered(port1, answer));
    port1.unref();
    worker.on('error', (error) => this.#fail(worker, Fault.from(error)));
    worker.on('exit', () => this.#fail(worker, new Fault('INTERNAL', { reason: 'the capture thread ended' })));
    return port1;
  }

  #answered(port: MessagePort, answer: CaptureAnswer): void {
    if (answer.type === 'ready') {
      this.#wakeHandle = answer.wakeHandle;
      // Ordered before it could be woken.
      this.#wake();
      return;
    }
    if (answer.type === 'changed') {
      this.#listeners.get(answer.id)?.(answer.choices);
      return;
    }
    const key = `${answer.type !== 'unwatched'} ${answer.id}`;
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (this.#waiting.size === 0) port.unref();
    waiting?.resolve(answer);
  }

  /** The thread is gone: whoever waits is told, and the next watch starts another. */
  #fail(worker: Worker, fault: Fault): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#port?.close();
    this.#port = undefined;
    if (this.#wakeHandle !== undefined) this.#wakeup.close(this.#wakeHandle);
    this.#wakeHandle = undefined;
    for (const { reject } of this.#waiting.values()) reject(fault);
    this.#waiting.clear();
    this.#ids.clear();
    this.#listeners.clear();
  }
}

/** One line for all roots: their methods, and why not better ones. */
function reportOf(choices: readonly RootCapture[], roots: readonly string[]): CaptureReport {
  const methods = [...new Set(choices.map((choice) => choice.method))];
  const reasons = choices.flatMap((choice, index) =>
    choice.reason === undefined ? [] : [`${roots[index]}: ${choice.reason}`],
  );
  return {
    method: methods.join(', '),
    degraded: choices.some((choice) => choice.degraded),
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    roots: choices.map((choice, index) => ({ path: roots[index]!, ...choice })),
  };
}

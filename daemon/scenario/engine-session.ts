/**
 * One engine thread from its start to its end: its start-up, its calls with their answers, and the link streams whose
 * bytes pass through here between sockets (this thread) and engine (its own thread).
 */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { EngineCall, EngineConfig, EngineNotice, EngineStatus } from '../engine/engine-protocol.ts';
import type { Clock, LinkStream, Timer } from '../ports.ts';
import type { EngineHandle } from '../services.ts';

/** Opening the state and re-applying what a crash left behind may take a while. */
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 15_000;

export interface EngineListener {
  onEvent(code: string, details: FaultDetails): void;
  onStatus(status: EngineStatus): void;
  onLinkClosed(peer: string, reason: string): void;
  onSent?(sent: SentNotice): void;
  /** The thread ended or failed without being asked; the session is over and cleaned up. */
  onLost(fault: Fault): void;
}

export type SentNotice = Extract<EngineNotice, { readonly type: 'sent' }>;
type OnAnswer = (result: unknown, fault: Fault | undefined) => void;

export class EngineSession {
  readonly handle: EngineHandle;
  readonly #clock: Clock;
  readonly #listener: EngineListener;
  readonly #streams = new Map<string, LinkStream>();
  readonly #calls = new Map<number, OnAnswer>();
  #nextCall = 1;
  #over = false;
  #onStarting: (() => void) | undefined;
  #onStarted: ((fault: Fault | undefined) => void) | undefined;
  #onStopped: (() => void) | undefined;

  private constructor(handle: EngineHandle, clock: Clock, listener: EngineListener) {
    this.handle = handle;
    this.#clock = clock;
    this.#listener = listener;
    handle.onNotice = (notice) => this.#notice(notice);
    handle.onExit = (code) => this.#lost(new Fault('INTERNAL', { reason: `the engine's thread ended (exit ${code})` }));
  }

  /** Resolves when the engine has opened its state; throws what kept it from that. */
  static async start(
    handle: EngineHandle,
    config: EngineConfig,
    clock: Clock,
    listener: EngineListener,
  ): Promise<EngineSession> {
    const session = new EngineSession(handle, clock, listener);
    const fault = await new Promise<Fault | undefined>((resolve) => {
      const wait = () =>
        clock.after(START_TIMEOUT_MS, () =>
          resolve(new Fault('TIMEOUT', { seconds: START_TIMEOUT_MS / 1000, what: 'the engine to start' })),
        );
      let timer = wait();
      session.#onStarting = () => {
        timer.cancel();
        timer = wait();
      };
      session.#onStarted = (result) => {
        timer.cancel();
        resolve(result);
      };
      handle.post({ type: 'start', config });
    });
    session.#onStarted = undefined;
    session.#onStarting = undefined;
    if (fault === undefined) return session;
    session.#end(fault.message);
    await handle.terminate();
    throw fault;
  }

  call(call: EngineCall, timeoutMs?: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const id = this.ask(call, (result, fault) => {
        timer?.cancel();
        if (fault === undefined) resolve(result);
        else reject(fault);
      });
      if (timeoutMs === undefined || id === undefined) return;
      timer = this.#clock.after(timeoutMs, () =>
        this.#answered(id, undefined, new Fault('TIMEOUT', { seconds: timeoutMs / 1000, what: call.name })),
      );
    });
  }

  /** Like `call`, but the answer is given before any later notice: for what must keep its order with events. */
  ask(call: EngineCall, onAnswer: OnAnswer): number | undefined {
    if (this.#over) {
      onAnswer(undefined, new Fault('ENGINE-ENDED', { reason: 'it was stopped' }));
      return undefined;
    }
    const id = this.#nextCall;
    this.#nextCall += 1;
    this.#calls.set(id, onAnswer);
    this.handle.post({ type: 'call', id, call });
    return id;
  }

  /** Gives the engine a stream to `peer`; an older one to the same peer ends first. */
  openLink(peer: string, stream: LinkStream): void {
    if (this.#over) {
      stream.close();
      return;
    }
    const older = this.#streams.get(peer);
    if (older !== undefined) {
      this.#closed(peer, older, 'replaced by a newer connection');
      older.close();
    }
    this.#streams.set(peer, stream);
    stream.onBytes = (bytes) => {
      if (this.#streams.get(peer) !== stream) return;
      this.handle.post({ type: 'link-bytes', peer, bytes });
    };
    stream.onClose = (reason) => this.#closed(peer, stream, reason);
    this.handle.post({ type: 'link-open', peer });
  }

  closeLink(peer: string, reason: string): void {
    const stream = this.#streams.get(peer);
    if (stream === undefined) return;
    this.#closed(peer, stream, reason);
    stream.close();
  }

  /** Drains the engine, then ends its thread; ends it anyway when it does not answer. `release` runs in between. */
  async stop(release: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    if (!this.#over) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(STOP_TIMEOUT_MS, resolve);
        this.#onStopped = () => {
          timer.cancel();
          resolve();
        };
        this.handle.post({ type: 'stop' });
      });
      this.#end('the scenario was stopped');
    }
    try {
      await release();
    } finally {
      await this.handle.terminate();
    }
  }

  #notice(notice: EngineNotice): void {
    switch (notice.type) {
      case 'started':
        this.#onStarted?.(undefined);
        return;
      case 'starting':
        this.#onStarting?.();
        return;
      case 'link-send':
        this.#send(notice);
        return;
      case 'link-release':
        // Between this thread and the engine's: see engine-host.ts.
        return;
      case 'link-close':
        this.closeLink(notice.peer, notice.fault?.text ?? 'closed by the engine');
        return;
      case 'event':
        // An engine whose root is missing waits for it: whoever started it decides how long.
        if (this.#onStarted !== undefined && notice.code === 'ROOT-001') {
          this.#failed(new Fault('ROOT-MISSING', notice.details));
        } else this.#listener.onEvent(notice.code, notice.details);
        return;
      case 'status':
        this.#listener.onStatus(notice.status);
        return;
      case 'sent':
        this.#listener.onSent?.(notice);
        return;
      case 'reply':
        this.#answered(notice.id, notice.result, notice.fault && Fault.fromDocument(notice.fault));
        return;
      case 'failed':
        this.#failed(Fault.fromDocument(notice.fault));
        return;
      case 'stopped':
        this.#onStopped?.();
    }
  }

  #send({ peer, bytes, onSent }: Extract<EngineNotice, { readonly type: 'link-send' }>): void {
    const stream = this.#streams.get(peer);
    if (stream === undefined) onSent?.();
    else stream.send(bytes, onSent);
  }

  #answered(id: number, result: unknown, fault: Fault | undefined): void {
    const onAnswer = this.#calls.get(id);
    this.#calls.delete(id);
    onAnswer?.(result, fault);
  }

  #failed(fault: Fault): void {
    if (this.#onStarted !== undefined) this.#onStarted(fault);
    else this.#lost(fault);
  }

  #lost(fault: Fault): void {
    if (this.#over) return;
    if (this.#onStarted !== undefined) {
      this.#onStarted(fault);
      return;
    }
    const stopping = this.#onStopped;
    this.#end(fault.message);
    if (stopping === undefined) this.#listener.onLost(fault);
    else stopping();
  }

  #closed(peer: string, stream: LinkStream, reason: string): void {
    if (this.#streams.get(peer) !== stream) return;
    this.#streams.delete(peer);
    stream.onBytes = () => {};
    stream.onClose = () => {};
    if (this.#over) return;
    this.handle.post({ type: 'link-closed', peer, reason });
    this.#listener.onLinkClosed(peer, reason);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    for (const stream of this.#streams.values()) {
      stream.onBytes = () => {};
      stream.onClose = () => {};
      stream.close();
    }
    this.#streams.clear();
    for (const id of [...this.#calls.keys()]) this.#answered(id, undefined, new Fault('ENGINE-ENDED', { reason }));
  }
}

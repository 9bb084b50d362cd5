/**
 * Starts and ends the Master's engine thread together with its capture. Each engine has a number: what an older one still
 * reports is dropped, and a new one starts only after the one before is gone.
 */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { EngineConfig, EngineStatus } from '../engine/engine-protocol.ts';
import type { LinkStream } from '../ports.ts';
import type { CaptureReport, EngineHandle } from '../services.ts';
import { EngineSession, type SentNotice } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';

export interface KeeperListener {
  onReady(): void;
  /** Before `onReady`, and whenever it changes. */
  onCapture(report: CaptureReport): void;
  /** It could not start, or ended without being asked. */
  onFault(fault: Fault): void;
  onEvent(code: string, details: FaultDetails): void;
  onStatus(status: EngineStatus): void;
  onLinkClosed(peer: string, reason: string): void;
  onSent(sent: SentNotice): void;
}

/** What the event log says of how changes are captured: nothing when it is as before. */
export function captureEvents(before: CaptureReport | undefined, now: CaptureReport): [string, FaultDetails][] {
  if (before?.reason === now.reason && before?.method === now.method) return [];
  const { method, reason = 'unknown' } = now;
  return now.degraded
    ? [
        ['CAP-001', { method }],
        ['CAP-003', { method, reason }],
      ]
    : [['CAP-001', { method }]];
}

export class EngineKeeper {
  readonly #environment: ScenarioEnvironment;
  readonly #listener: KeeperListener;
  #number = 0;
  #session: EngineSession | undefined;
  #starting: { readonly handle: EngineHandle; readonly done: Promise<void> } | undefined;
  #cleanup: Promise<void> = Promise.resolve();

  constructor(environment: ScenarioEnvironment, listener: KeeperListener) {
    this.#environment = environment;
    this.#listener = listener;
  }

  /** Raised by every start and end. */
  get number(): number {
    return this.#number;
  }

  get session(): EngineSession | undefined {
    return this.#session;
  }

  /** Gives a stream to the engine; closes it when there is none. */
  openLink(peer: string, stream: LinkStream): void {
    if (this.#session === undefined) stream.close();
    else this.#session.openLink(peer, stream);
  }

  /** `onReady` or `onFault` follows. */
  start(configure: () => EngineConfig): void {
    this.#number += 1;
    const number = this.#number;
    const before = this.#cleanup;
    const launch = async () => {
      await before;
      if (number !== this.#number) return;
      try {
        await this.#launch(number, configure());
      } catch (error) {
        if (number === this.#number) this.#listener.onFault(Fault.from(error));
      }
    };
    void launch();
  }

  /** Drains and ends thread and capture; resolves when both are gone. */
  end(): Promise<void> {
    this.#number += 1;
    const session = this.#session;
    const starting = this.#starting;
    this.#session = undefined;
    this.#starting = undefined;
    const before = this.#cleanup;
    this.#cleanup = before.then(() => this.#tearDown(session, starting));
    return this.#cleanup;
  }

  async #launch(number: number, config: EngineConfig): Promise<void> {
    const { clock, capture, spawnEngine } = this.#environment;
    const current = () => number === this.#number;
    const handle = spawnEngine();
    const starting = EngineSession.start(handle, config, clock, {
      // Also what an engine says while it drains belongs into the log.
      onEvent: (code, details) => this.#listener.onEvent(code, details),
      onStatus: (status) => current() && this.#listener.onStatus(status),
      onLinkClosed: (peer, reason) => current() && this.#listener.onLinkClosed(peer, reason),
      // Also of an engine that is ending: its last changes.
      onSent: (sent) => this.#listener.onSent(sent),
      onLost: (fault) => current() && this.#listener.onFault(fault),
    });
    const nothing = () => undefined;
    this.#starting = { handle, done: starting.then(nothing, nothing) };
    const session = await starting;
    if (!current()) {
      await session.stop();
      return;
    }
    this.#starting = undefined;
    this.#session = session;
    const roots = config.roots.map((root) => root.path);
    const report = await capture.watch(handle, roots, (changed) => current() && this.#listener.onCapture(changed));
    if (!current()) return;
    this.#listener.onCapture(report);
    this.#listener.onReady();
  }

  async #tearDown(
    session: EngineSession | undefined,
    starting: { readonly handle: EngineHandle; readonly done: Promise<void> } | undefined,
  ): Promise<void> {
    const { capture, complain } = this.#environment;
    try {
      if (session === undefined) {
        await starting?.handle.terminate();
        await starting?.done;
        return;
      }
      await session.stop(() => capture.unwatch(session.handle));
    } catch (error) {
      complain(`ending an engine: ${String(error)}`);
    }
  }
}

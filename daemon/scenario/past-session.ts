/**
 * The engine that looks into the past of a Replica whose scenario is stopped. It stays for a moment after each question:
 * whoever takes files out of the past asks many times.
 */
import type { EngineCall, EngineConfig } from '../engine/engine-protocol.ts';
import type { Timer } from '../ports.ts';
import { EngineSession } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';

const ASK_TIMEOUT_MS = 600_000;
const IDLE_MS = 5_000;

export class PastSession {
  readonly #environment: ScenarioEnvironment;
  readonly #onIdle: () => void;
  #session: EngineSession | undefined;
  #idle: Timer | undefined;

  /** `onIdle`: nobody asked for a while; `end` is expected. */
  constructor(environment: ScenarioEnvironment, onIdle: () => void) {
    this.#environment = environment;
    this.#onIdle = onIdle;
  }

  async ask(config: EngineConfig, call: EngineCall): Promise<unknown> {
    const { spawnEngine, clock } = this.#environment;
    this.#idle?.cancel();
    this.#session ??= await EngineSession.start(spawnEngine(), { ...config, historyOnly: true }, clock, {
      onEvent: () => {},
      onStatus: () => {},
      onLinkClosed: () => {},
      onLost: () => {
        this.#session = undefined;
      },
    });
    try {
      return await this.#session.call(call, ASK_TIMEOUT_MS);
    } finally {
      this.#idle = clock.after(IDLE_MS, this.#onIdle);
    }
  }

  async end(): Promise<void> {
    this.#idle?.cancel();
    const session = this.#session;
    this.#session = undefined;
    await session?.stop();
  }
}

/**
 * Holds the state, runs effects, and decides when the screen follows: at once after a key, at most four times a second for
 * what daemons push, so that thousands of events a second cost four frames.
 */
import { Fault } from '../shared/faults.ts';
import type { ShownState } from './app.tsx';
import type { HostConnection } from './connection.ts';
import type { ConsoleState, Effect, ExtractArgs, Message, Outcome } from './state.ts';
import type { Extraction } from './state-recovery.ts';
import { update } from './update.ts';

const FRAME_MS = 250;

export interface Surroundings {
  now(): number;
  /** Returns the cancellation. */
  after(ms: number, run: () => void): () => void;
  copy(text: string): void;
  /** Answers the path of what was written. */
  save(file: string, text: string): string;
  /** Writes files out of the past below a directory. */
  extract(
    connection: HostConnection,
    directory: string,
    args: ExtractArgs,
    onProgress: (files: number, bytes: number) => void,
  ): Promise<Extraction>;
  redraw(): void;
  quit(): void;
}

export class ConsoleStore implements ShownState {
  #state: ConsoleState;
  #shown: ConsoleState;
  #listeners = new Set<() => void>();
  #connections = new Map<string, HostConnection>();
  #lastFrame = 0;
  #cancelFrame: (() => void) | undefined;
  readonly #surroundings: Surroundings;

  constructor(initial: ConsoleState, surroundings: Surroundings) {
    this.#state = initial;
    this.#shown = initial;
    this.#surroundings = surroundings;
  }

  readonly current = (): ConsoleState => this.#shown;

  readonly subscribe = (onChange: () => void): (() => void) => {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  };

  /** From now on the connection's news are heard; the first subscription makes it connect. */
  attach(connection: HostConnection): void {
    const { name } = connection.host;
    this.#connections.set(name, connection);
    connection.subscribe((news) => this.send({ type: 'news', host: name, news, at: this.#surroundings.now() }));
  }

  send(message: Message): void {
    const step = update(this.#state, message);
    const before = this.#state;
    this.#state = step.state;
    for (const effect of step.effects) this.#perform(effect);
    if (this.#state !== before) this.#schedule(message.type !== 'news');
  }

  close(): void {
    this.#cancelFrame?.();
    for (const connection of this.#connections.values()) connection.close();
  }

  #schedule(atOnce: boolean): void {
    const now = this.#surroundings.now();
    const wait = this.#lastFrame + FRAME_MS - now;
    if (atOnce || wait <= 0) this.#show(now);
    else this.#cancelFrame ??= this.#surroundings.after(wait, () => this.#show(this.#surroundings.now()));
  }

  #show(now: number): void {
    this.#cancelFrame?.();
    this.#cancelFrame = undefined;
    this.#lastFrame = now;
    this.#shown = this.#state;
    for (const listener of this.#listeners) listener();
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'copy':
        this.#surroundings.copy(effect.text);
        return;
      case 'save':
        this.#save(effect.file, effect.text);
        return;
      case 'redraw':
        this.#surroundings.redraw();
        return;
      case 'quit':
        this.#surroundings.quit();
        return;
      case 'settle': {
        const { ms, scenarioId, moves } = effect;
        this.#surroundings.after(ms, () =>
          this.send({ type: 'settled', scenarioId, moves, at: this.#surroundings.now() }),
        );
        return;
      }
      case 'extract':
        void this.#extract(effect);
        return;
      case 'request':
        void this.#request(effect);
    }
  }

  #save(file: string, text: string): void {
    let outcome: Outcome;
    try {
      outcome = { ok: true, result: this.#surroundings.save(file, text) };
    } catch (error) {
      outcome = { ok: false, fault: Fault.from(error).toDocument() };
    }
    this.send({ type: 'reply', host: '', purpose: { kind: 'saved' }, outcome, at: this.#surroundings.now() });
  }

  async #extract({ host, directory, args, scenarioId }: Extract<Effect, { type: 'extract' }>): Promise<void> {
    const { now, extract } = this.#surroundings;
    let outcome: Outcome;
    let told = 0;
    try {
      const connection = this.#connections.get(host);
      if (connection === undefined) throw new Fault('LINK-UNREACHABLE', { host, reason: 'not connected yet' });
      const result = await extract(connection, directory, args, (files, bytes) => {
        if (now() - told < FRAME_MS) return;
        told = now();
        this.send({ type: 'extracted', files, bytes, at: told });
      });
      outcome = { ok: true, result };
    } catch (error) {
      outcome = { ok: false, fault: Fault.from(error).toDocument() };
    }
    this.send({ type: 'reply', host, purpose: { kind: 'extract', scenarioId }, outcome, at: now() });
  }

  async #request(effect: Extract<Effect, { type: 'request' }>): Promise<void> {
    const { host, purpose } = effect;
    let outcome: Outcome;
    try {
      const connection = this.#connections.get(host);
      if (connection === undefined) throw new Fault('LINK-UNREACHABLE', { host, reason: 'not connected yet' });
      const { timeoutMs } = effect;
      const options = timeoutMs === undefined ? {} : { timeoutMs };
      outcome = { ok: true, result: await connection.request(effect.command, effect.args, options) };
    } catch (error) {
      outcome = { ok: false, fault: Fault.from(error).toDocument() };
    }
    this.send({ type: 'reply', host, purpose, outcome, at: this.#surroundings.now() });
  }
}

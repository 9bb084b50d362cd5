/** Follows the state of one or more daemons, across lost connections, for the commands that wait or watch. */
import type { EventRecord } from '../../shared/events.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioStatus, Snapshot } from '../../shared/status.ts';
import type { ClientNews, DaemonClient } from '../client.ts';
import { mergePush, mergeReports } from '../live-state.ts';

export interface LiveCallbacks {
  /** New events as they are pushed; `dropped`: so many more were left out. */
  readonly onEvents?: (client: DaemonClient, events: readonly EventRecord[], dropped: number) => void;
  /** Connected, for the first time or again: something may have been missed. */
  readonly onSnapshot?: (client: DaemonClient) => void;
}

interface HostState {
  snapshot?: Snapshot;
  /** Monotonic ms of the last message. */
  heardAt?: number;
  fault?: Fault;
}

export class LiveView {
  readonly #states = new Map<DaemonClient, HostState>();
  readonly #ends: (() => void)[] = [];
  readonly #now: () => number;
  readonly #callbacks: LiveCallbacks;
  #wake: (() => void) | undefined;
  #changed = false;
  #lastShown: string | undefined;

  constructor(clients: readonly DaemonClient[], now: () => number, callbacks: LiveCallbacks = {}) {
    this.#now = now;
    this.#callbacks = callbacks;
    for (const client of clients) {
      this.#states.set(client, {});
      this.#ends.push(client.subscribe((news) => this.#onNews(client, news)));
    }
  }

  /** Resolves at the next change, or after `limitMs`. */
  async changed(limitMs: number): Promise<void> {
    if (!this.#changed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, limitMs));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#changed = false;
  }

  scenarios(): ScenarioStatus[] {
    return mergeReports(
      [...this.#states.values()].flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot])),
    );
  }

  /** What each host that answers says of a scenario. */
  reportsOf(id: string): ScenarioStatus[] {
    return [...this.#states.values()].flatMap(({ snapshot, fault }) =>
      snapshot === undefined || fault !== undefined ? [] : snapshot.scenarios.filter((scenario) => scenario.id === id),
    );
  }

  scenario(name: string): ScenarioStatus | undefined {
    return this.scenarios().find((scenario) => scenario.name.toLowerCase() === name.toLowerCase());
  }

  /** Hosts that do not answer now; their part of what is shown is `ageMs` old (undefined: never heard). */
  silent(): { readonly client: DaemonClient; readonly fault: Fault; readonly ageMs: number | undefined }[] {
    return [...this.#states].flatMap(([client, { fault, heardAt }]) =>
      fault === undefined ? [] : [{ client, fault, ageMs: heardAt === undefined ? undefined : this.#now() - heardAt }],
    );
  }

  /** True when every host has answered or failed at least once. */
  complete(): boolean {
    return [...this.#states.values()].every(({ snapshot, fault }) => snapshot !== undefined || fault !== undefined);
  }

  /** True when at least one host has answered. */
  answered(): boolean {
    return [...this.#states.values()].some(({ snapshot }) => snapshot !== undefined);
  }

  /** False when the same was asked about last time: a stream repeats nothing. */
  isNews(shown: unknown): boolean {
    const text = JSON.stringify(shown);
    const before = this.#lastShown;
    this.#lastShown = text;
    return text !== before;
  }

  end(): void {
    for (const end of this.#ends) end();
    this.#wake?.();
  }

  #onNews(client: DaemonClient, news: ClientNews): void {
    const state = this.#states.get(client)!;
    if (news.type === 'snapshot') {
      state.snapshot = news.snapshot;
      delete state.fault;
      this.#callbacks.onSnapshot?.(client);
    } else if (news.type === 'push') {
      if (state.snapshot !== undefined) state.snapshot = mergePush(state.snapshot, news.batch);
      this.#callbacks.onEvents?.(client, news.batch.events, news.batch.eventsDropped);
    } else if (news.type === 'down') {
      state.fault = Fault.fromDocument(news.fault);
    }
    if (news.type === 'snapshot' || news.type === 'push') state.heardAt = this.#now();
    this.#changed = true;
    this.#wake?.();
  }
}

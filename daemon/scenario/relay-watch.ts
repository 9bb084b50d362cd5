/** What the Master of a scenario knows of the Replicas that other Replicas feed: it asks the ones that feed them. */
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { Timer } from '../ports.ts';
import type { BarrierTarget } from './barrier-wait.ts';
import { storedIn } from './book.ts';
import { feeders } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';

export interface RelayReport {
  /** The feeding host's view of what it feeds; absent: it does not feed yet. */
  readonly status?: ScenarioStatus;
  /** Why it does not. */
  readonly problem?: string;
  /** The feeding host did not answer; this is what it said before. */
  readonly outdated?: boolean;
}

const ASK_MS = 1_000;
const ASK_TIMEOUT_MS = 5_000;

export class RelayWatch {
  readonly #environment: ScenarioEnvironment;
  readonly #id: string;
  readonly #changed: () => void;
  readonly #reports = new Map<string, RelayReport>();
  #timer: Timer | undefined;
  #running = false;

  constructor(environment: ScenarioEnvironment, id: string, changed: () => void) {
    this.#environment = environment;
    this.#id = id;
    this.#changed = changed;
  }

  /** By name of the feeding host. */
  get reports(): ReadonlyMap<string, RelayReport> {
    return this.#reports;
  }

  /** Asks while the scenario runs and somebody feeds others. */
  follow(running: boolean): void {
    const wanted = running && this.#feeders().length > 0;
    if (wanted === this.#running) return;
    this.#running = wanted;
    this.#timer?.cancel();
    this.#reports.clear();
    if (wanted) this.#askSoon(0);
  }

  /** Resolves when what the feeding Replicas have now is applied on every one behind them, or on the one that was named. */
  async barrier(timeoutMs: number, { feeders: hosts, behind }: BarrierTarget): Promise<void> {
    const named = behind === undefined ? {} : { replica: behind };
    const args = { scenarioId: this.#id, timeoutMs: Math.ceil(timeoutMs), ...named };
    const ask = (host: HostReference) =>
      this.#environment.peers.request(host, 'peer.relayBarrier', args, timeoutMs + ASK_TIMEOUT_MS);
    await Promise.all(hosts.map(ask));
  }

  #feeders() {
    return feeders(storedIn(this.#environment.book.value, this.#id).document);
  }

  #askSoon(delayMs: number): void {
    this.#timer = this.#environment.clock.after(delayMs, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    const before = JSON.stringify([...this.#reports]);
    await Promise.all(
      this.#feeders().map(async (host) => {
        try {
          const args = { scenarioId: this.#id };
          const answer = await this.#environment.peers.request(host, 'peer.relayStatus', args, ASK_TIMEOUT_MS);
          this.#reports.set(host.name, answer as RelayReport);
        } catch (error) {
          const known = this.#reports.get(host.name) ?? { problem: Fault.from(error).message };
          this.#reports.set(host.name, { ...known, outdated: true });
        }
      }),
    );
    if (!this.#running) return;
    if (JSON.stringify([...this.#reports]) !== before) this.#changed();
    this.#askSoon(ASK_MS);
  }
}

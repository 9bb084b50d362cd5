/** What the Master of a scenario knows of the Replicas that other Replicas feed: it asks the ones that feed them. */
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { Timer } from '../ports.ts';
import type { BarrierTarget } from './barrier-wait.ts';
import { storedIn } from './book.ts';
import { below, feeders } from './cascade.ts';
import { unfed } from './cascade-view.ts';
import type { ScenarioEnvironment } from './environment.ts';

export interface RelayReport {
  /** The feeding host's view of what it feeds; absent: it does not feed yet. */
  readonly status?: ScenarioStatus;
  /** Why it does not. */
  readonly problem?: string;
  /** The feeding host did not answer; this is what it said before. */
  readonly outdated?: boolean;
}

interface Reminding {
  /** Tells a feeding Replica of the document once more. */
  remind(feeder: HostReference): void;
}

const ASK_MS = 1_000;
const ASK_TIMEOUT_MS = 5_000;
const REMIND_MS = 10_000;

export class RelayWatch {
  readonly #environment: ScenarioEnvironment;
  readonly #id: string;
  readonly #changed: () => void;
  readonly #reports = new Map<string, RelayReport>();
  readonly #peers: Reminding;
  /** Boot time since when a feeding host does not count everybody behind it. */
  #shortSinceMs: number | undefined;
  #timer: Timer | undefined;
  #running = false;

  constructor(environment: ScenarioEnvironment, id: string, peers: Reminding, changed: () => void) {
    this.#peers = peers;
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
    const { document } = storedIn(this.#environment.book.value, this.#id);
    const named = behind === undefined ? {} : { replica: behind };
    const ask = (host: HostReference) => {
      const all = below(document, host.name).map(({ name }) => name);
      const args = { scenarioId: this.#id, timeoutMs: Math.ceil(timeoutMs), behind: all, ...named };
      return this.#environment.peers.request(host, 'peer.relayBarrier', args, timeoutMs + ASK_TIMEOUT_MS);
    };
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
    this.#remindOfUnfed();
    this.#askSoon(ASK_MS);
  }

  /** One that lost what it knew (a backup was put back) hears of the ones behind it again, after a while. */
  #remindOfUnfed(): void {
    const { clock, book } = this.#environment;
    const { document } = storedIn(book.value, this.#id);
    const isShort = (feeder: HostReference) => {
      const report = this.#reports.get(feeder.name);
      return report !== undefined && unfed(document, feeder.name, report).length > 0;
    };
    const short = this.#feeders().filter(isShort);
    if (short.length === 0) this.#shortSinceMs = undefined;
    else this.#shortSinceMs ??= clock.bootMs();
    if (this.#shortSinceMs === undefined || clock.bootMs() - this.#shortSinceMs < REMIND_MS) return;
    this.#shortSinceMs = clock.bootMs();
    for (const feeder of short) this.#peers.remind(feeder);
  }
}

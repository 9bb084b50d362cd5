/** The streams a Master keeps to the Replicas of one scenario. */
import type { HostReference } from '../../shared/scenario.ts';
import type { LinkStream } from '../ports.ts';
import type { KeptLink } from '../services.ts';
import type { ScenarioEnvironment } from './environment.ts';

export interface ReplicaLinksListener {
  onOpen(peer: string, stream: LinkStream): void;
  /** There is no connection to that Replica, and why. */
  onDown(peer: string, reason: string): void;
}

export class ReplicaLinks {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarioId: string;
  readonly #listener: ReplicaLinksListener;
  readonly #links = new Map<string, KeptLink>();

  constructor(environment: ScenarioEnvironment, scenarioId: string, listener: ReplicaLinksListener) {
    this.#environment = environment;
    this.#scenarioId = scenarioId;
    this.#listener = listener;
  }

  /** Replaces an older link to the same Replica. */
  open(peer: string, host: HostReference | undefined): void {
    if (host === undefined) return;
    this.close(peer);
    const link = this.#environment.links.keep(
      host,
      this.#scenarioId,
      (stream) => this.#listener.onOpen(peer, stream),
      (reason) => this.#listener.onDown(peer, reason),
    );
    this.#links.set(peer, link);
  }

  close(peer: string): void {
    this.#links.get(peer)?.stop();
    this.#links.delete(peer);
  }

  /** All of them; the caller ends them. */
  take(): KeptLink[] {
    const links = [...this.#links.values()];
    this.#links.clear();
    return links;
  }
}

/** A host's way to its witness. The lease of an answer counts from before the question was sent. */
import { Fault } from '../../shared/faults.ts';
import type { Epoch } from '../../shared/role.ts';
import type { Clock } from '../ports.ts';
import type { BootMs } from '../role/state.ts';
import type { PeerControl } from '../services.ts';
import type { Arbiter, ArbiterAnswer } from '../switchover/ports.ts';
import type { WitnessAnswer, WitnessRequest } from './machine.ts';

export interface WitnessAddress {
  /** `host:port`; paired with this host. */
  readonly address: string;
  readonly scenarioId: string;
  /** Device ids: this host, and the other one. */
  readonly self: string;
  readonly other: string;
  readonly leaseMs: number;
  readonly marginMs: number;
}

export class WitnessArbiter implements Arbiter {
  readonly #witness: WitnessAddress;
  readonly #peers: Pick<PeerControl, 'request'>;
  readonly #clock: Clock;

  constructor(witness: WitnessAddress, peers: Pick<PeerControl, 'request'>, clock: Clock) {
    this.#witness = witness;
    this.#peers = peers;
    this.#clock = clock;
  }

  renew(epoch: Epoch, held: boolean): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'renew', epoch, ...(held ? { held } : {}) });
  }

  request(above: number): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'request', host: this.#witness.self, above });
  }

  transfer(to: Epoch): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'transfer', to, by: this.#witness.self });
  }

  enforce(epoch: Epoch): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'force', epoch });
  }

  async look(): Promise<void> {
    const { address, leaseMs } = this.#witness;
    await this.#peers.request({ name: address, address }, 'witness.look', {}, Math.max(1_000, leaseMs / 4));
  }

  async #ask(question: WitnessRequest): Promise<ArbiterAnswer> {
    const { address, scenarioId, self, other, leaseMs, marginMs } = this.#witness;
    const sentAt: BootMs = this.#clock.bootMs();
    const args = { scenarioId, hosts: [self, other].sort(), leaseMs, marginMs, question: { ...question } };
    try {
      const host = { name: address, address };
      // An answer that comes later than this is worth less than the next question.
      const answer = await this.#peers.request(host, 'witness.ask', args, Math.max(100, leaseMs / 4));
      const { granted, epoch } = answer as WitnessAnswer;
      return granted && epoch.holder === self ? { type: 'lease', epoch, sentAt } : { type: 'refused', epoch };
    } catch (error) {
      return { type: 'silent', reason: Fault.from(error).message };
    }
  }
}

/** Calls to the Masters' engines of simulated hosts; what a dead process was asked is never answered. */
import type { EngineCall } from '../../daemon/engine/engine-protocol.ts';
import type { FaultDocument } from '../../shared/faults.ts';
import type { SimulatedHost } from './hosts.ts';

export interface Answer {
  readonly result?: unknown;
  readonly fault?: FaultDocument;
}

interface Waiting {
  readonly host: SimulatedHost;
  readonly done: (answer: Answer) => void;
}

export class Calls {
  private next = 1;
  private readonly waiting = new Map<number, Waiting>();

  ask(host: SimulatedHost, call: EngineCall, done: (answer: Answer) => void = () => {}): void {
    const id = this.next;
    this.next += 1;
    this.waiting.set(id, { host, done });
    host.handle('master', { type: 'call', id, call });
  }

  answer(id: number, answer: Answer): void {
    const call = this.waiting.get(id);
    this.waiting.delete(id);
    call?.done(answer);
  }

  forget(host: SimulatedHost): void {
    for (const [id, call] of this.waiting) if (call.host === host) this.waiting.delete(id);
  }
}

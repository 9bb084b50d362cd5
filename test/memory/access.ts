/** How clients reach a host of the memory world. */
import type { ClientGate, GateReading } from '../../daemon/services.ts';
import type { ClientAccess } from '../../daemon/switchover/ports.ts';
import type { Fault } from '../../shared/faults.ts';
import type { World } from './scenario-world.ts';

/** What leads clients: one address in the world. */
export class FakeAccess implements ClientAccess {
  readonly gate: ClientGate;
  readonly done: string[] = [];
  openUntil = 0;
  refused: Fault | undefined;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    this.gate = {
      arm: (untilBootMs) => {
        this.openUntil = untilBootMs;
        return Promise.resolve();
      },
      close: () => {
        this.openUntil = 0;
        return Promise.resolve();
      },
      read: () => Promise.resolve({ state: this.open ? 'open' : 'closed' } satisfies GateReading),
    };
  }

  get open(): boolean {
    return this.openUntil > this.#world.clock.bootMs();
  }

  findings = () => Promise.resolve([]);
  describe = () => [];
  adopt = () => this.#do('adopt');
  giveBack = () => this.#do('giveBack');
  lookAhead = () => Promise.resolve();
  release = async () => {
    await this.#do('release');
    return [];
  };
  acquire = async () => {
    await this.#do('acquire');
    return [];
  };

  handOver = () => Promise.resolve();

  #do(what: string): Promise<void> {
    if (this.refused !== undefined) return Promise.reject(this.refused);
    this.done.push(what);
    return Promise.resolve();
  }
}

/** All gates of a scenario on this host as one: clients get through only while every one of them is open. */
import { Fault } from '../../shared/faults.ts';
import type { ClientGate, GateReading } from '../services.ts';

/** Changes of the kernel's tables of one scenario, one after another, in the order in which they were asked for. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}

export interface GatedAddresses {
  readonly gate: ClientGate;
  /** Takes what belongs here and is not here, and notes what the system is owed. */
  take(): Promise<void>;
}

export class ScenarioGate implements ClientGate {
  private readonly turns: Turns;
  private readonly addresses: GatedAddresses | undefined;
  private readonly ports: ClientGate | undefined;
  private isAdopted = false;

  constructor(turns: Turns, addresses: GatedAddresses | undefined, ports: ClientGate | undefined) {
    this.turns = turns;
    this.addresses = addresses;
    this.ports = ports;
  }

  arm(untilBootMs: number): Promise<void> {
    return this.turns.run(async () => {
      try {
        // Clients that get to the address find the ports open.
        await this.ports?.arm(untilBootMs);
        if (this.addresses !== undefined) await this.armAddresses(this.addresses, untilBootMs);
      } catch (error) {
        await this.closeAll();
        throw error;
      }
    });
  }

  private async armAddresses({ gate, take }: GatedAddresses, untilBootMs: number): Promise<void> {
    // What is permanent is leased from now on, which has to be written down first.
    if (!this.isAdopted) await take();
    this.isAdopted = true;
    try {
      await gate.arm(untilBootMs);
    } catch {
      // It ran out while this engine stood still; whoever has it by now keeps it.
      await take();
      await gate.arm(untilBootMs);
    }
  }

  close(): Promise<void> {
    return this.turns.run(() => this.closeAll());
  }

  /** All are tried; the first fault is thrown. */
  private async closeAll(): Promise<void> {
    const gates = [this.addresses?.gate, this.ports].filter((gate) => gate !== undefined);
    const results = await Promise.allSettled(gates.map((gate) => gate.close()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw Fault.from(failed.reason);
  }

  read(): Promise<GateReading> {
    return this.turns.run(async () => {
      const gates = [this.addresses?.gate, this.ports].filter((gate) => gate !== undefined);
      const readings = await Promise.all(gates.map((gate) => gate.read()));
      if (readings.some(({ state }) => state === 'closed')) return { state: 'closed' };
      return { state: 'open', untilBootMs: Math.min(...readings.map(({ untilBootMs = Infinity }) => untilBootMs)) };
    });
  }
}

/**
 * All gates of a scenario on this host as one: clients get through only while every one of them is open. A gate that was closed is
 * looked at again and again: whoever flushes the rules of the packet filter or adds the address would open it unseen.
 */
import { Fault } from '../../shared/faults.ts';
import type { Clock, Timer } from '../ports.ts';
import type { ClientGate, GateReading } from '../services.ts';

const LOOK_MS = 1_000;

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

export interface GateParts {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly addresses?: GatedAddresses | undefined;
  /** The service ports. */
  readonly ports?: ClientGate | undefined;
  /** Something else had opened it; it is closed again, or `problem` says why not. */
  onReopened(problem: string | undefined): void;
}

export class ScenarioGate implements ClientGate {
  private readonly parts: GateParts;
  private readonly turns: Turns;
  private isAdopted = false;
  /** Set while it has to be closed. */
  private watch: Timer | undefined;

  constructor(parts: GateParts) {
    this.parts = parts;
    this.turns = parts.turns;
  }

  private get gates(): ClientGate[] {
    const { addresses, ports } = this.parts;
    return [addresses?.gate, ports].filter((gate) => gate !== undefined);
  }

  arm(untilBootMs: number): Promise<void> {
    return this.turns.run(async () => {
      const { addresses, ports } = this.parts;
      this.stopWatching();
      try {
        // Clients that get to the address find the ports open.
        await ports?.arm(untilBootMs);
        if (addresses !== undefined) await this.armAddresses(addresses, untilBootMs);
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
    this.watchLater();
    const results = await Promise.allSettled(this.gates.map((gate) => gate.close()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw Fault.from(failed.reason);
  }

  /** Nobody guards this host any more. */
  stopWatching(): void {
    this.watch?.cancel();
    this.watch = undefined;
  }

  private watchLater(): void {
    this.watch?.cancel();
    this.watch = this.parts.clock.after(LOOK_MS, () => void this.turns.run(() => this.look()));
  }

  private async look(): Promise<void> {
    const { watch } = this;
    // Armed or given back while it waited for its turn.
    if (watch === undefined) return;
    try {
      const readings = await Promise.all(this.gates.map((gate) => gate.read()));
      if (this.watch !== watch) return;
      if (readings.every(({ state }) => state === 'closed')) return this.watchLater();
      await this.closeAll();
      this.parts.onReopened(undefined);
    } catch (error) {
      if (this.watch === watch) this.watchLater();
      this.parts.onReopened(Fault.from(error).message);
    }
  }

  read(): Promise<GateReading> {
    return this.turns.run(async () => {
      const readings = await Promise.all(this.gates.map((gate) => gate.read()));
      if (readings.some(({ state }) => state === 'closed')) return { state: 'closed' };
      return { state: 'open', untilBootMs: Math.min(...readings.map(({ untilBootMs = Infinity }) => untilBootMs)) };
    });
  }
}

/**
 * The gates through which clients reach the active host (`ClientGate`). The kernel closes them: a lease is given to it, and the
 * engine only renews. The kernel's lease begins when it is given, so it is cut short by what giving it may take, and looked at again
 * afterwards: an engine that was paused in between closes at once what would stay open too long.
 */
import { Fault } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { ClientGate, GateReading } from '../services.ts';
import type { HostAddresses } from './host-addresses.ts';

/** What a command to the kernel may take on a busy machine. */
const COMMAND_MS = 100;
const TRIES = 3;

/** Port: the packet filter of this host. */
export interface PortFilter {
  /** Why there is none; undefined when there is. */
  unavailable(): Promise<string | undefined>;
  /** Rules are there and all ports open for `openMs`, or closed at once when it is 0; one transaction. */
  set(openMs: number): Promise<void>;
  /** Milliseconds for which all ports stay open, 0: closed; undefined: no rules are there, everybody gets through. */
  remainingMs(): Promise<number | undefined>;
  /** No rules any more: for a scenario that is stopped or deleted. */
  remove(): Promise<void>;
}

function refused(reason: string): Fault {
  return new Fault('REDIRECT-FAILED', { method: 'The client gate', reason });
}

/** A lease in the kernel, in its own units. */
interface KernelLease {
  readonly unitMs: number;
  set(units: number): Promise<void>;
}

/** Gives the kernel a lease that ends by `untilBootMs`; throws, having given none or one that `close` must end. */
async function lease(clock: Clock, untilBootMs: number, kernel: KernelLease): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const units = Math.floor((untilBootMs - clock.bootMs() - COMMAND_MS) / kernel.unitMs);
    if (units < 1) throw refused('the lease is over, or too short for the kernel');
    await kernel.set(units);
    if (clock.bootMs() + units * kernel.unitMs <= untilBootMs) return;
  }
  throw refused('this machine is too slow to hold a lease');
}

/** Moved addresses with a lifetime in the kernel, in whole seconds; for leases of 3 s and more. */
export class AddressGate implements ClientGate {
  private readonly addresses: readonly string[];
  private readonly host: HostAddresses;
  private readonly clock: Clock;

  constructor(addresses: readonly string[], host: HostAddresses, clock: Clock) {
    this.addresses = addresses;
    this.host = host;
    this.clock = clock;
  }

  private async held() {
    return (await this.host.list()).filter(({ address }) => this.addresses.includes(address));
  }

  async arm(untilBootMs: number): Promise<void> {
    try {
      const held = await this.held();
      if (held.length < this.addresses.length) throw refused('an address is not on this host (any more)');
      await lease(this.clock, untilBootMs, {
        unitMs: 1_000,
        set: async (seconds) => {
          for (const { address, prefix, device } of held) await this.host.put(address, prefix, device, seconds);
        },
      });
      const after = await this.held();
      const isLeased = after.every(({ validSeconds }) => validSeconds !== 'forever');
      if (after.length < this.addresses.length || !isLeased) throw refused('the kernel did not take the lease');
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const { address, prefix, device } of await this.held()) await this.host.remove(address, prefix, device);
    if ((await this.held()).length > 0) throw refused('an address could not be removed');
  }

  async read(): Promise<GateReading> {
    const held = await this.held();
    if (held.length === 0) return { state: 'closed' };
    const seconds = held.map(({ validSeconds }) => (validSeconds === 'forever' ? Infinity : validSeconds + 1));
    return { state: 'open', untilBootMs: this.clock.bootMs() + Math.max(...seconds) * 1_000 };
  }
}

/** Service ports that the kernel keeps open for some milliseconds at a time; for DNS and name redirection, and short leases. */
export class PortGate implements ClientGate {
  private readonly filter: PortFilter;
  private readonly clock: Clock;

  constructor(filter: PortFilter, clock: Clock) {
    this.filter = filter;
    this.clock = clock;
  }

  async arm(untilBootMs: number): Promise<void> {
    try {
      await lease(this.clock, untilBootMs, { unitMs: 1, set: (openMs) => this.filter.set(openMs) });
      const remainingMs = await this.filter.remainingMs();
      if (remainingMs === undefined) throw refused('the kernel did not take the rules');
      if (this.clock.bootMs() + remainingMs > untilBootMs + COMMAND_MS) throw refused('the kernel took a longer lease');
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.filter.set(0);
    if ((await this.filter.remainingMs()) !== 0) throw refused('the ports could not be closed');
  }

  async read(): Promise<GateReading> {
    const remainingMs = await this.filter.remainingMs();
    if (remainingMs === 0) return { state: 'closed' };
    return { state: 'open', untilBootMs: remainingMs === undefined ? Infinity : this.clock.bootMs() + remainingMs };
  }
}

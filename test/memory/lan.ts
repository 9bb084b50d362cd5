/** A network in memory: which machine has which addresses and until when, its port filters and its name. */

import type { Clock } from '../../daemon/ports.ts';
import type { DeskPorts } from '../../daemon/redirect/desk.ts';
import type { PortFilter } from '../../daemon/redirect/gates.ts';
import type { HeldAddress, HostAddresses } from '../../daemon/redirect/host-addresses.ts';
import type { MethodPorts } from '../../daemon/redirect/methods.ts';
import type { AdoptionDocument } from '../../daemon/redirect/move-ip.ts';
import type { DocumentStore } from '../../daemon/services.ts';
import { Fault } from '../../shared/faults.ts';
import { SeededRandom } from './clock.ts';

interface Entry extends HeldAddress {
  readonly endsAt: number;
}

export class MemoryMachine {
  readonly hardware: string;
  readonly announced: string[] = [];
  /** Files of its system that name an address. */
  readonly configured = new Map<string, string>();
  /** Milliseconds of boot time until which a filter's ports are open, by label. */
  readonly filters = new Map<string, number>();
  name: { running: string; configured: string };
  /** Ports that an application answers at. */
  readonly serves = new Set<number>();
  /** Commands of the kernel that change nothing. */
  deaf = false;
  /** What it was told to do, in order. */
  readonly log: string[] = [];
  private entries: Entry[] = [];
  private readonly lan: MemoryLan;

  constructor(lan: MemoryLan, name: string, addresses: readonly string[]) {
    this.lan = lan;
    this.hardware = `02:00:00:00:00:${lan.machines.size.toString(16).padStart(2, '0')}`;
    this.name = { running: name, configured: name };
    for (const address of addresses) this.add(address, 24, 'forever');
  }

  private add(address: string, prefix: number, validSeconds: number | 'forever'): void {
    const endsAt = validSeconds === 'forever' ? Infinity : this.lan.clock.bootMs() + validSeconds * 1_000;
    this.entries = this.entries.filter((entry) => entry.address !== address);
    this.entries.push({ address, prefix, device: 'd0', validSeconds, endsAt });
  }

  /** `192.0.2.10 forever`, `192.0.2.10 leased`. */
  get addresses(): string[] {
    return this.held().map(
      ({ address, validSeconds }) => `${address} ${validSeconds === 'forever' ? 'forever' : 'leased'}`,
    );
  }

  get nowMs(): number {
    return this.lan.clock.bootMs();
  }

  held(): HeldAddress[] {
    const now = this.lan.clock.bootMs();
    this.entries = this.entries.filter(({ endsAt }) => endsAt > now);
    return this.entries.map(({ endsAt, ...entry }) =>
      endsAt === Infinity ? entry : { ...entry, validSeconds: Math.floor((endsAt - now) / 1_000) },
    );
  }

  table(): HostAddresses {
    return {
      unavailable: async () => undefined,
      list: async () => this.held(),
      put: async (address, prefix, _device, validSeconds) => {
        this.log.push(`put ${address} ${validSeconds}`);
        if (!this.deaf) this.add(address, prefix, validSeconds);
      },
      remove: async (address) => {
        this.log.push(`remove ${address}`);
        if (!this.deaf) this.entries = this.entries.filter((entry) => entry.address !== address);
      },
      holder: async (address) => this.lan.holderOf(address, this),
      announce: async (address) => void this.announced.push(address),
      configuredIn: async (address) => [...this.configured].flatMap(([file, text]) => (text === address ? [file] : [])),
    };
  }

  filter(label: string): PortFilter {
    const now = () => this.lan.clock.bootMs();
    return {
      unavailable: async () => undefined,
      set: async (openMs) => {
        this.log.push(`ports ${openMs > 0 ? 'open' : 'closed'}`);
        this.filters.set(label, now() + openMs);
      },
      remainingMs: async () => {
        const until = this.filters.get(label);
        return until === undefined ? undefined : Math.max(0, until - now());
      },
      remove: async () => void this.filters.delete(label),
    };
  }

  /** All that redirection asks of this machine; it has no scripts and no DNS server. */
  ports(record: DocumentStore<AdoptionDocument>, events: MethodPorts['events']): DeskPorts {
    return {
      clock: this.lan.clock,
      random: new SeededRandom(1),
      events,
      scripts: {
        confirm: (name) => {
          throw new Fault('SCRIPT-NOT-FOUND', { name });
        },
        run: (name) => Promise.reject(new Fault('SCRIPT-NOT-FOUND', { name })),
      },
      exchange: {
        exchange: () =>
          Promise.reject(new Fault('REDIRECT-FAILED', { method: 'Redirect DNS', reason: 'no answer (memory)' })),
      },
      addresses: this.table(),
      computer: {
        unavailable: async () => undefined,
        read: async () => this.name,
        set: async (names) => {
          if (!this.deaf) this.name = names;
        },
      },
      adoption: record,
      tsigKey: () => undefined,
      portFilter: (label) => this.filter(label),
      hostServers: () => [],
      silence: async (address, port) =>
        this.serves.has(port) && this.held().some((entry) => entry.address === address) ? undefined : 'refused',
      domain: () => '',
    };
  }
}

export class MemoryLan {
  readonly machines = new Map<string, MemoryMachine>();
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  machine(name: string, ...addresses: string[]): MemoryMachine {
    const machine = new MemoryMachine(this, name, addresses);
    this.machines.set(name, machine);
    return machine;
  }

  holderOf(address: string, asker: MemoryMachine): string | undefined {
    const others = [...this.machines.values()].filter((machine) => machine !== asker);
    return others.find((machine) => machine.held().some((entry) => entry.address === address))?.hardware;
  }
}

/** Survives the engine, not the machine's data directory. */
export function adoptionRecord(): DocumentStore<AdoptionDocument> {
  const record: DocumentStore<AdoptionDocument> = {
    value: { adopted: [] },
    update: async (change) => change(record.value),
  };
  return record;
}

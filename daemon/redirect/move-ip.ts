/**
 * Move IP: the production addresses go to the host that becomes active. While a scenario runs they are leased: the kernel takes them
 * away when nobody renews them (address-gate.ts), so a host whose engine died, or that comes back, does not answer for them.
 */
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { Clock } from '../ports.ts';
import type { DocumentStore } from '../services.ts';
import { deviceFor, type HeldAddress, type HostAddresses } from './host-addresses.ts';
import {
  type Applied,
  type RedirectDirection,
  type Redirection,
  type RedirectState,
  redirectFinding,
} from './model.ts';
import type { MovedAddress } from './plan.ts';

/** An address that this host had for ever before the engine leased it. */
export interface AdoptedAddress extends MovedAddress {
  readonly device: string;
  /** `permanent`: given back; the engine sees to it that it is there after a boot. */
  readonly state: 'leased' | 'permanent';
}

/** What the engine owes the operating system; durable before anything is changed. */
export interface AdoptionDocument {
  adopted: AdoptedAddress[];
}

export interface MoveIpOptions {
  readonly host: string;
  readonly addresses: readonly MovedAddress[];
  readonly engineAddress: string;
  /** How long an address stays that was taken and is not renewed, whole seconds. */
  readonly leaseSeconds: number;
  /** Clients are led to this host now, so the addresses have to be here; false: they must not be. */
  readonly isActive?: boolean;
}

export interface MoveIpPorts {
  readonly addresses: HostAddresses;
  readonly clock: Clock;
  readonly record: DocumentStore<AdoptionDocument>;
}

/** Neighbours that were busy, and switches that learn slowly, are told again. */
const ANNOUNCE_AT_MS = [0, 200, 1_000, 3_000];

interface Taken extends MovedAddress {
  readonly device: string;
}

export class MoveIpRedirection implements Redirection {
  readonly kind = 'move-ip';
  private readonly options: MoveIpOptions;
  private readonly ports: MoveIpPorts;
  private taken: Taken[] = [];
  private released: HeldAddress[] = [];

  constructor(options: MoveIpOptions, ports: MoveIpPorts) {
    this.options = options;
    this.ports = ports;
  }

  async check(): Promise<Finding[]> {
    const { host, addresses, engineAddress } = this.options;
    const error = (code: string, text: string, fix: string) => redirectFinding(host, 'error', code, text, fix);
    const unavailable = await this.ports.addresses.unavailable();
    if (unavailable !== undefined)
      return [error('MOVE-IP-SYSTEM', `Addresses cannot be moved here: ${unavailable}`, 'Install or allow it.')];
    const found: Finding[] = [];
    if (addresses.length === 0)
      found.push(error('MOVE-IP-NONE', 'No address is to be moved', 'Enter the production address as IP/Mask.'));
    const entries = await this.ports.addresses.list();
    for (const { address, prefix } of addresses) {
      if (address === engineAddress)
        found.push(
          error(
            'MOVE-IP-ENGINE',
            `${address} is the address that the engines talk over`,
            'Add another address to the Master (XO-IP) and enter it as the host of the scenario: this one leaves it.',
          ),
        );
      if (deviceFor(entries, address, prefix) === undefined)
        found.push(
          error(
            'MOVE-IP-SUBNET',
            `No interface of this host is on the subnet of ${address}/${prefix}`,
            'Use Move IP only when both servers are on the same IP subnet; else Redirect DNS.',
          ),
        );
      found.push(...(await this.checkPlace(entries, address, prefix)));
      for (const file of await this.ports.addresses.configuredIn(address))
        found.push(
          error(
            'MOVE-IP-BOOT',
            `${file} gives ${address} to this host at every boot, also when the other host has it`,
            `Remove ${address} from ${file} (leave the address that is there now): the engine holds it from then on.`,
          ),
        );
    }
    return found;
  }

  /** The address is where it has to be before Run and before a switchover. */
  private async checkPlace(entries: readonly HeldAddress[], address: string, prefix: number): Promise<Finding[]> {
    const { host, isActive } = this.options;
    const held = entries.find((entry) => entry.address === address);
    const device = deviceFor(entries, address, prefix);
    if (isActive === undefined || device === undefined || isActive === (held !== undefined)) return [];
    if (!isActive) {
      const fix = `Take it away here (ip address del ${address}/${prefix} dev ${device}): the other host is the active one.`;
      return [redirectFinding(host, 'error', 'MOVE-IP-BOTH', `${address} is on this host too`, fix)];
    }
    const holder = await this.ports.addresses.holder(address, device);
    if (holder !== undefined) {
      const fix = 'Two machines with one address lose clients: find it by its hardware address and take it away there.';
      const text = `${address} is not on this host but on another machine (${holder})`;
      return [redirectFinding(host, 'error', 'MOVE-IP-TAKEN', text, fix)];
    }
    // One that ran out while the engine was away is taken again by itself.
    if (this.ports.record.value.adopted.some((entry) => entry.address === address)) return [];
    const fix = `Add it (ip address add ${address}/${prefix} dev ${device}) when it is the address that clients use.`;
    return [redirectFinding(host, 'error', 'MOVE-IP-ABSENT', `${address} is not on this host`, fix)];
  }

  async apply(direction: RedirectDirection): Promise<Applied> {
    this.taken = [];
    this.released = [];
    if (direction === 'acquire') await this.acquire();
    else await this.release();
    const changed = this.taken.length + this.released.length > 0;
    return { changed, state: await this.readBack(), remarks: [] };
  }

  private async acquire(): Promise<void> {
    try {
      for (const moved of this.options.addresses) {
        const entries = await this.ports.addresses.list();
        const device = deviceFor(entries, moved.address, moved.prefix);
        if (device === undefined) throw failed(`no interface is on the subnet of ${moved.address}/${moved.prefix}`);
        if (entries.some(({ address }) => address === moved.address)) continue;
        this.taken.push({ ...moved, device });
        await this.take(moved, device, this.options.leaseSeconds);
      }
    } catch (error) {
      const stuck = await this.giveUp(this.taken);
      this.taken = [];
      if (stuck.length === 0) throw error;
      throw failed(`${Fault.from(error).message} And still here: ${stuck.join(', ')}`);
    }
    this.announce();
  }

  /** Throws `REDIRECT-IN-USE` before anything is changed. */
  private async take(moved: MovedAddress, device: string, validSeconds: number | 'forever'): Promise<void> {
    const { addresses } = this.ports;
    const holder = await addresses.holder(moved.address, device);
    if (holder !== undefined) throw new Fault('REDIRECT-IN-USE', { address: moved.address, device, by: holder });
    // A boot, or an engine that never starts again: whoever looks finds out that it belongs here.
    await this.keep({ ...moved, device, state: 'leased' });
    await addresses.put(moved.address, moved.prefix, device, validSeconds);
    await this.confirm(moved.address, true);
  }

  private async confirm(address: string, present: boolean): Promise<void> {
    const entries = await this.ports.addresses.list();
    if (entries.some((entry) => entry.address === address) === present) return;
    throw failed(present ? `${address} was not added` : `${address} was not removed`);
  }

  private async release(): Promise<void> {
    const moving = this.options.addresses.map(({ address }) => address);
    const held = (await this.ports.addresses.list()).filter(({ address }) => moving.includes(address));
    this.released = held;
    const stuck = await this.giveUp(held);
    if (stuck.length > 0) throw failed(`still here: ${stuck.join(', ')}`);
    await this.forget();
  }

  /** The other host has them from now on: nothing is owed here. */
  private async forget(): Promise<void> {
    const moving = this.options.addresses.map(({ address }) => address);
    const { record } = this.ports;
    if (!record.value.adopted.some(({ address }) => moving.includes(address))) return;
    await record.update((value) => {
      value.adopted = value.adopted.filter(({ address }) => !moving.includes(address));
    });
  }

  /** Removes addresses; which of them are still there. */
  private async giveUp(taken: readonly Taken[]): Promise<string[]> {
    for (const { address, prefix, device } of taken) await this.ports.addresses.remove(address, prefix, device);
    const entries = await this.ports.addresses.list();
    return taken.map(({ address }) => address).filter((address) => entries.some((entry) => entry.address === address));
  }

  async revert(): Promise<Applied> {
    const { taken, released } = this;
    this.taken = [];
    this.released = [];
    const stuck = await this.giveUp(taken);
    if (stuck.length > 0) throw failed(`still here: ${stuck.join(', ')}`);
    for (const { address, prefix, device } of released)
      await this.take({ address, prefix }, device, this.options.leaseSeconds);
    if (released.length > 0) this.announce();
    return { changed: taken.length + released.length > 0, state: await this.readBack(), remarks: [] };
  }

  async readBack(): Promise<RedirectState> {
    const entries = await this.ports.addresses.list();
    const held = this.options.addresses.map(({ address }) => entries.find((entry) => entry.address === address));
    const detail = this.options.addresses.map(({ address }, index) => lineOf(address, held[index]));
    const here = held.filter((entry) => entry !== undefined).length;
    if (here === held.length) return { clients: 'here', detail };
    return { clients: here === 0 ? 'elsewhere' : 'mixed', detail };
  }

  describe(direction: RedirectDirection): string[] {
    const { addresses, leaseSeconds } = this.options;
    return addresses.map(({ address, prefix }) =>
      direction === 'acquire'
        ? `Move IP: if nobody answers for ${address}: ip address add ${address}/${prefix} valid_lft ${leaseSeconds}, then gratuitous ARP`
        : `Move IP: ip address del ${address}/${prefix}`,
    );
  }

  /** Tells the neighbours now and a few times more, and does not wait for it; also for after any conflict. */
  announce(): void {
    for (const delayMs of ANNOUNCE_AT_MS)
      this.ports.clock.after(delayMs, () => void this.announceHeld().catch(() => undefined));
  }

  private async announceHeld(): Promise<void> {
    const moving = this.options.addresses.map(({ address }) => address);
    const held = (await this.ports.addresses.list()).filter(({ address }) => moving.includes(address));
    for (const { address, device } of held) await this.ports.addresses.announce(address, device);
  }

  /**
   * Run, or the start of the engine, on the host that is active: addresses that were there for ever become leased ones. One that ran
   * out while the engine was away is taken again, unless somebody else has it by now (`REDIRECT-IN-USE`).
   */
  async adopt(leaseSeconds = this.options.leaseSeconds): Promise<void> {
    const { addresses, record } = this.ports;
    const entries = await addresses.list();
    for (const { address, prefix } of this.options.addresses) {
      const held = entries.find((entry) => entry.address === address);
      const owed = record.value.adopted.find((entry) => entry.address === address);
      const device = held?.device ?? owed?.device;
      if (device === undefined) continue;
      if (held?.validSeconds === 'forever' || owed !== undefined)
        await this.keep({ address, prefix: held?.prefix ?? prefix, device, state: 'leased' });
      if (held === undefined) await this.take({ address, prefix }, device, leaseSeconds);
      else await addresses.put(address, held.prefix, device, leaseSeconds);
    }
    this.announce();
  }

  /** Before a restart or upgrade: the address stays for as long as the next engine may need, at most what the gate allows. */
  async handOver(leaseSeconds: number): Promise<void> {
    for (const held of await this.ports.addresses.list())
      if (this.options.addresses.some(({ address }) => address === held.address) && held.validSeconds !== 'forever')
        await this.ports.addresses.put(held.address, held.prefix, held.device, leaseSeconds);
  }

  /**
   * Stop, delete and uninstall. On the active host the addresses are there for ever again, and after a boot as soon as the engine
   * starts; the other host owes nothing any more.
   */
  async giveBack(isActive: boolean): Promise<void> {
    const { addresses } = this.ports;
    if (!isActive) return await this.forget();
    const entries = await addresses.list();
    for (const { address, prefix } of this.options.addresses) {
      const known = this.ports.record.value.adopted.find((entry) => entry.address === address);
      // Given back before; wherever the administrator has moved it since is his affair.
      if (known?.state === 'permanent' && !entries.some((entry) => entry.address === address)) continue;
      const device = deviceFor(entries, address, prefix);
      if (device === undefined) throw failed(`no interface is on the subnet of ${address}/${prefix}`);
      await this.keep({ address, prefix, device, state: 'permanent' });
      await makePermanent(addresses, { address, prefix, device });
      await this.confirm(address, true);
    }
    this.announce();
  }

  private async keep(adopted: AdoptedAddress): Promise<void> {
    const known = this.ports.record.value.adopted.find(({ address }) => address === adopted.address);
    if (known?.state === adopted.state && known.device === adopted.device && known.prefix === adopted.prefix) return;
    await this.ports.record.update((value) => {
      value.adopted = [...value.adopted.filter(({ address }) => address !== adopted.address), adopted];
    });
  }
}

function lineOf(address: string, held: HeldAddress | undefined): string {
  if (held === undefined) return `${address}: not on this host`;
  const howLong = held.validSeconds === 'forever' ? 'for ever' : `for ${held.validSeconds} s unless renewed`;
  return `${address}: on ${held.device} ${howLong}`;
}

function failed(reason: string): Fault {
  return new Fault('REDIRECT-FAILED', { method: 'Move IP', reason });
}

async function makePermanent(addresses: HostAddresses, { address, prefix, device }: Taken): Promise<void> {
  const isHere = (await addresses.list()).some((entry) => entry.address === address);
  const holder = isHere ? undefined : await addresses.holder(address, device);
  if (holder !== undefined) throw new Fault('REDIRECT-IN-USE', { address, device, by: holder });
  await addresses.put(address, prefix, device, 'forever');
}

/** Start of the engine: addresses that were given back are there again, which the system itself does not see to. */
export async function restorePermanent(record: AdoptionDocument, addresses: HostAddresses): Promise<void> {
  for (const adopted of record.adopted) if (adopted.state === 'permanent') await makePermanent(addresses, adopted);
}

/** `doctor`: addresses that the engine holds for this host and that are not there, with the command that gives them back. */
export function missingAdopted(host: string, record: AdoptionDocument, entries: readonly HeldAddress[]): Finding[] {
  return record.adopted
    .filter(({ address }) => !entries.some((entry) => entry.address === address))
    .map(({ address, prefix, device, state }) =>
      redirectFinding(
        host,
        state === 'permanent' ? 'error' : 'warning',
        'MOVE-IP-MISSING',
        `${address} was taken over by the engine on ${device} and is not on this host`,
        `If no other host has it (arping -D -c 2 -I ${device} ${address}) and the engine cannot be started: ip address add ${address}/${prefix} dev ${device}`,
      ),
    );
}

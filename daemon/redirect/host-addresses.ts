/** Port: the IPv4 addresses of this host, and who else on the network holds one. */
import { addressBytes } from './dns-message.ts';

export interface HeldAddress {
  readonly address: string;
  /** Bits of the network part. */
  readonly prefix: number;
  readonly device: string;
  /** Seconds until the kernel removes it by itself, rounded down. */
  readonly validSeconds: number | 'forever';
}

export interface HostAddresses {
  /** Why addresses cannot be moved here; undefined when they can. */
  unavailable(): Promise<string | undefined>;
  list(): Promise<HeldAddress[]>;
  /** Adds it, or changes how long one that is there stays, without a gap. What came of it: `list`. */
  put(address: string, prefix: number, device: string, validSeconds: number | 'forever'): Promise<void>;
  remove(address: string, prefix: number, device: string): Promise<void>;
  /** Hardware address of another machine that answers for it; undefined when nobody does. */
  holder(address: string, device: string): Promise<string | undefined>;
  /** Tells every neighbour that the address is here (gratuitous ARP, asked and answered). */
  announce(address: string, device: string): Promise<void>;
  /** Configuration files of the system that would bring the address back at a boot. */
  configuredIn(address: string): Promise<string[]>;
}

/** The network of an address as text, for comparison. */
function networkOf(address: string, prefix: number): string {
  const bits = [...(addressBytes(address) ?? [])].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return `${bits.slice(0, prefix)}/${prefix}`;
}

/** The interface that is on the network of an address, because it holds it or another one of it. */
export function deviceFor(entries: readonly HeldAddress[], address: string, prefix: number): string | undefined {
  const own = entries.find((entry) => entry.address === address);
  const network = networkOf(address, prefix);
  return (own ?? entries.find((entry) => networkOf(entry.address, entry.prefix) === network))?.device;
}

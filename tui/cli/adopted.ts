/** Addresses that an engine took over and that are not on this host, read from its data directory: for when it does not start. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../../shared/results.ts';

interface Adopted {
  readonly address: string;
  readonly prefix: number;
  readonly device: string;
}

const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;
const DEVICE = /^[\w.@:-]{1,15}$/;

/** `present`: addresses of this host. */
export function adoptedOnDisk(data: string, present: readonly string[] = ownAddresses()): Finding[] {
  return read(data)
    .filter(({ address }) => !present.includes(address))
    .map(({ address, prefix, device }) => ({
      severity: 'error',
      code: 'MOVE-IP-MISSING',
      host: '',
      text: `${address} was taken over by the engine on ${device} and is not on this host`,
      fix: `Start the engine. If it cannot be started and no other host has the address (arping -D -c 2 -I ${device} ${address} ends with 0): ip address add ${address}/${prefix} dev ${device}`,
    }));
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
}

/** What is no record of ours has nothing: the values become commands that an administrator types. */
function read(data: string): Adopted[] {
  try {
    const { adopted = [] } = JSON.parse(readFileSync(join(data, 'adopted.json'), 'utf8')) as { adopted?: Adopted[] };
    return adopted.filter(
      ({ address, prefix, device }) => ADDRESS.test(address) && Number.isInteger(prefix) && DEVICE.test(device),
    );
  } catch {
    return [];
  }
}

/** IPv4 addresses by the kernel and iputils-arping. Changes give no verdict: the caller reads the list again. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../../shared/faults.ts';
import { ArpProbe } from './arp-probe.ts';
import { type KernelAddress, listAddresses, NetlinkError, putAddress, removeAddress } from './route-netlink.ts';
import { runTool } from './tool.ts';

const TIMEOUT_MS = 5_000;
/** A machine on the same network answers within a few milliseconds; clients wait meanwhile, so not the seconds of RFC 5227. */
const PROBES = 4;
const PROBE_MS = 25;
/** Where Debian, Ubuntu, Red Hat and SUSE write down addresses. */
const CONFIGURATION = [
  '/etc/network/interfaces',
  '/etc/network/interfaces.d',
  '/etc/netplan',
  '/etc/systemd/network',
  '/etc/NetworkManager/system-connections',
  '/etc/sysconfig/network-scripts',
  '/etc/sysconfig/network',
];

export class LinuxHostAddresses {
  async unavailable(): Promise<string | undefined> {
    if (process.geteuid?.() !== 0) return 'the engine does not run as root';
    const arping = await runTool('arping', ['-V'], TIMEOUT_MS);
    return arping.stdout.includes('iputils') ? undefined : 'arping is missing (package iputils-arping)';
  }

  list(): Promise<KernelAddress[]> {
    return fromKernel('list addresses', listAddresses);
  }

  async put(address: string, prefix: number, device: string, validSeconds: number | 'forever'): Promise<void> {
    // Else the kernel takes every other address of the network away together with the first one.
    if (validSeconds !== 'forever') promoteSecondaries(device);
    await quietly(() => putAddress({ address, prefix, device, validSeconds }));
  }

  async remove(address: string, prefix: number, device: string): Promise<void> {
    promoteSecondaries(device);
    await quietly(() => removeAddress(address, prefix, device));
  }

  async holder(address: string, device: string): Promise<string | undefined> {
    let probe: ArpProbe | undefined;
    try {
      probe = new ArpProbe(device, address);
      for (let asked = 0; asked < PROBES; asked += 1) {
        probe.ask();
        await delay(PROBE_MS);
        const [answered] = probe.answers();
        if (answered !== undefined) return answered;
      }
      return undefined;
    } catch (error) {
      const reason = `${address} could not be asked for on ${device}`;
      throw new Fault('REDIRECT-FAILED', { method: 'Move IP', reason }, error);
    } finally {
      probe?.close();
    }
  }

  async announce(address: string, device: string): Promise<void> {
    // Some neighbours learn from questions only, others from answers only.
    const tell = (kind: string) => runTool('arping', [kind, '-c', '1', '-w', '1', '-I', device, address], TIMEOUT_MS);
    await Promise.all([tell('-U'), tell('-A')]);
  }

  async configuredIn(address: string): Promise<string[]> {
    const word = new RegExp(`(?<![0-9.])${address.replaceAll('.', '\\.')}(?![0-9.])`);
    return CONFIGURATION.flatMap(filesOf).filter((path) => word.test(textOf(path)));
  }
}

/** Throws `REDIRECT-FAILED`. */
function fromKernel<T>(what: string, call: () => T): Promise<T> {
  return new Promise((resolve) => {
    try {
      resolve(call());
    } catch (error) {
      throw new Fault('REDIRECT-FAILED', { method: 'Move IP', reason: `the kernel does not ${what}` }, error);
    }
  });
}

/** Whether it worked is seen in the list. */
function quietly(call: () => void): Promise<void> {
  return new Promise((resolve) => {
    try {
      call();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
    }
    resolve();
  });
}

/** Files in a folder, or the file itself; what is not there has nothing. */
function filesOf(path: string): string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch {
    return [path];
  }
}

/** Without comments; empty when it cannot be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll(/#.*/g, '');
  } catch {
    return '';
  }
}

function promoteSecondaries(device: string): void {
  const path = `/proc/sys/net/ipv4/conf/${device.replaceAll('.', '/')}/promote_secondaries`;
  try {
    if (readFileSync(path, 'utf8').trim() !== '1') writeFileSync(path, '1');
  } catch (error) {
    const reason = `${path} cannot be set: other addresses of the network would go with this one`;
    throw new Fault('REDIRECT-FAILED', { method: 'Move IP', reason }, error);
  }
}

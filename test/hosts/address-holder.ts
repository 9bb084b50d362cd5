/**
 * A host's side of Move IP as a process of its own, for a network namespace: commands come as JSON lines, each answered by one line.
 * argv: JSON of HolderOptions.
 */
import { LinuxHostAddresses } from '../../daemon/platform/linux/host-addresses.ts';
import { NftPortFilter } from '../../daemon/platform/linux/port-filter.ts';
import { SystemClock } from '../../daemon/platform/node/clock.ts';
import { AddressGate, PortGate } from '../../daemon/redirect/gates.ts';
import {
  type AdoptionDocument,
  MoveIpRedirection,
  missingAdopted,
  restorePermanent,
} from '../../daemon/redirect/move-ip.ts';
import type { ClientGate, DocumentStore } from '../../daemon/services.ts';
import { answerLines } from './line-program.ts';

export interface HolderOptions {
  readonly moved: { readonly address: string; readonly prefix: number };
  readonly engineAddress: string;
  readonly leaseSeconds: number;
  readonly port: number;
  readonly adopted: AdoptionDocument['adopted'];
}

export interface HolderCommand {
  readonly do: string;
  readonly ms?: number;
  readonly active?: boolean;
}

const options = JSON.parse(process.argv[2]!) as HolderOptions;
const clock = new SystemClock();
const addresses = new LinuxHostAddresses();
const record: DocumentStore<AdoptionDocument> = {
  value: { adopted: options.adopted },
  update: async (change) => change(record.value),
};
const moveIp = new MoveIpRedirection(
  {
    host: 'here',
    addresses: [options.moved],
    engineAddress: options.engineAddress,
    leaseSeconds: options.leaseSeconds,
  },
  { addresses, clock, record },
);
const filter = new NftPortFilter('test', [options.port]);
const gates: Readonly<Record<string, ClientGate>> = {
  address: new AddressGate([options.moved.address], addresses, clock),
  port: new PortGate(filter, clock),
};

/** Renews as an engine does, until the process is paused or killed. */
function renewing(gate: ClientGate, leaseMs: number): Promise<void> {
  const renew = async (): Promise<void> => {
    await gate.arm(clock.bootMs() + leaseMs);
    clock.after(leaseMs / 4, () => void renew().catch((error) => process.stderr.write(`${error}\n`)));
  };
  return renew();
}

const COMMANDS: Readonly<Record<string, (command: HolderCommand) => Promise<unknown>>> = {
  check: () => moveIp.check(),
  acquire: () => moveIp.apply('acquire'),
  release: () => moveIp.apply('release'),
  revert: () => moveIp.revert(),
  adopt: () => moveIp.adopt(),
  handOver: ({ ms = 0 }) => moveIp.handOver(ms / 1_000),
  giveBack: ({ active = true }) => moveIp.giveBack(active),
  restore: () => restorePermanent(record.value, addresses),
  missing: async () => missingAdopted('here', record.value, await addresses.list()),
  record: async () => record.value,
  renewAddress: ({ ms = 0 }) => renewing(gates.address!, ms),
  renewPort: ({ ms = 0 }) => renewing(gates.port!, ms),
  armPort: ({ ms = 0 }) => gates.port!.arm(clock.bootMs() + ms),
  armAddress: ({ ms = 0 }) => gates.address!.arm(clock.bootMs() + ms),
  closePort: () => gates.port!.close(),
  closeAddress: () => gates.address!.close(),
  readPort: () => gates.port!.read(),
  readAddress: () => gates.address!.read(),
  removeFilter: () => filter.remove(),
};

await answerLines((command: HolderCommand) => COMMANDS[command.do]!(command));

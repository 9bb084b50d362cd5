/** Gates on a kernel in memory: however long the engine stands still between two steps, nothing is open beyond what was allowed. */
import test from 'ava';
import type { Clock } from '../../daemon/ports.ts';
import { AddressGate, type PortFilter, PortGate } from '../../daemon/redirect/gates.ts';
import type { HeldAddress, HostAddresses } from '../../daemon/redirect/host-addresses.ts';
import { Fault } from '../../shared/faults.ts';

/** Time that a test moves; every command takes `commandMs`, and `pauses` are taken one before each command. */
class Kernel implements Clock, PortFilter {
  nowMs = 1_000_000;
  commandMs = 5;
  pauses: number[] = [];
  closesAtMs = 0;
  hasRules = true;
  ignoresClose = false;

  wallMs(): number {
    return 0;
  }
  bootMs(): number {
    return this.nowMs;
  }
  after(): never {
    throw new Error('a gate does not wait');
  }
  private command(): void {
    this.nowMs += (this.pauses.shift() ?? 0) + this.commandMs;
  }
  async unavailable(): Promise<undefined> {}
  async set(openMs: number): Promise<void> {
    this.command();
    if (openMs > 0 || !this.ignoresClose) this.closesAtMs = this.nowMs + openMs;
  }
  async remainingMs(): Promise<number | undefined> {
    this.command();
    return this.hasRules ? Math.max(0, this.closesAtMs - this.nowMs) : undefined;
  }
  async remove(): Promise<void> {
    this.hasRules = false;
  }
  /** The same kernel's table of addresses: one, that ends with its lifetime. */
  addresses(entry: HeldAddress): HostAddresses {
    let held: HeldAddress | undefined = entry;
    let endsAtMs = Infinity;
    return {
      unavailable: async () => undefined,
      list: async () => {
        this.command();
        if (this.nowMs >= endsAtMs) held = undefined;
        const left = Math.floor((endsAtMs - this.nowMs) / 1_000);
        return held === undefined ? [] : [{ ...held, validSeconds: endsAtMs === Infinity ? 'forever' : left }];
      },
      put: async (_address, _prefix, _device, seconds) => {
        this.command();
        endsAtMs = seconds === 'forever' ? Infinity : this.nowMs + seconds * 1_000;
        this.closesAtMs = endsAtMs;
      },
      remove: async () => {
        this.command();
        held = undefined;
        this.closesAtMs = this.nowMs;
      },
      holder: async () => undefined,
      announce: async () => undefined,
      configuredIn: async () => [],
    };
  }
}

const ENTRY: HeldAddress = { address: '192.0.2.10', prefix: 24, device: 'd0', validSeconds: 'forever' };

async function armed(run: Promise<void>): Promise<string> {
  try {
    await run;
    return 'open';
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

test('ports are open until shortly before what was allowed, and read so', async (t) => {
  const kernel = new Kernel();
  const gate = new PortGate(kernel, kernel);
  const allowed = kernel.nowMs + 1_000;
  t.is(await armed(gate.arm(allowed)), 'open');
  t.true(kernel.closesAtMs <= allowed && kernel.closesAtMs > allowed - 150, String(kernel.closesAtMs - allowed));
  t.deepEqual(await gate.read(), { state: 'open', untilBootMs: kernel.closesAtMs });
  await gate.close();
  t.deepEqual(await gate.read(), { state: 'closed' });
});

test('an engine that stands still before any step leaves nothing open beyond what was allowed once it goes on', async (t) => {
  let opened = 0;
  for (const make of [
    (kernel: Kernel) => new PortGate(kernel, kernel),
    (kernel: Kernel) => new AddressGate([ENTRY.address], kernel.addresses(ENTRY), kernel),
  ])
    for (let step = 0; step < 6; step += 1)
      for (const pauseMs of [0, 50, 99, 101, 900, 1_100, 2_900, 3_100, 60_000]) {
        const kernel = new Kernel();
        kernel.pauses = [...Array.from({ length: step }, () => 0), pauseMs];
        const allowed = kernel.nowMs + 3_000;
        const result = await armed(make(kernel).arm(allowed));
        const says = `${pauseMs} ms before step ${step}: ${result}`;
        if (result === 'open') opened += 1;
        else t.is(result, 'REDIRECT-FAILED', says);
        t.true(kernel.closesAtMs <= Math.max(allowed, kernel.nowMs), says);
      }
  t.true(opened > 40, `${opened} of 108 opened`);
});

test('a lease that is over or too short for the kernel opens nothing and closes what was open', async (t) => {
  const kernel = new Kernel();
  const gate = new PortGate(kernel, kernel);
  await gate.arm(kernel.nowMs + 5_000);
  t.is(await armed(gate.arm(kernel.nowMs + 90)), 'REDIRECT-FAILED');
  t.is((await gate.read()).state, 'closed');
  const addresses = new AddressGate([ENTRY.address], kernel.addresses(ENTRY), kernel);
  t.is(await armed(addresses.arm(kernel.nowMs + 1_050)), 'REDIRECT-FAILED');
  t.is((await addresses.read()).state, 'closed');
});

test('an address that ran out is not added again by a renewal: somebody else may have it', async (t) => {
  const kernel = new Kernel();
  const gate = new AddressGate([ENTRY.address], kernel.addresses(ENTRY), kernel);
  t.deepEqual(await gate.read(), { state: 'open', untilBootMs: Infinity }, 'not leased yet');
  t.is(await armed(gate.arm(kernel.nowMs + 5_000)), 'open');
  kernel.nowMs += 6_000;
  t.is(await armed(gate.arm(kernel.nowMs + 5_000)), 'REDIRECT-FAILED');
  t.is((await gate.read()).state, 'closed');
});

test('a gate that does not close, or has no rules, is not told as closed', async (t) => {
  const kernel = new Kernel();
  const gate = new PortGate(kernel, kernel);
  await gate.arm(kernel.nowMs + 5_000);
  kernel.ignoresClose = true;
  t.is(await armed(gate.close()), 'REDIRECT-FAILED');
  await kernel.remove();
  t.deepEqual(await gate.read(), { state: 'open', untilBootMs: Infinity });
  t.is(await armed(gate.close()), 'REDIRECT-FAILED');
});

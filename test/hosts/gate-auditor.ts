/**
 * Looks all the time which machines clients could reach, as a process of its own on a machine of the network rig. Three ways that do
 * not know of each other: what the kernel of each machine takes for its own addresses (also behind a cut link), who answers an ARP
 * request, and, when asked for, who serves at its own address. argv: JSON of AuditorOptions. It ends by itself.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { ArpProbe } from '../../daemon/platform/linux/arp-probe.ts';
import { answerLines } from './line-program.ts';
import { holdsAddress } from './namespace-rig.ts';

export interface AuditedMachine {
  readonly name: string;
  /** Process whose directory in /proc shows its network. */
  readonly anchor: number;
  readonly hardwareAddress: string;
  readonly address: string;
}

export interface AuditorOptions {
  readonly machines: readonly AuditedMachine[];
  readonly production: string;
  readonly device: string;
  /** Set when service ports are the gate: each machine is asked at its own address. */
  readonly served?: { readonly port: number; readonly hostHeader: string };
  readonly limitSeconds: number;
}

export type Sense = 'kernel' | 'arp' | 'served';

/** More than one machine at one instant, milliseconds of the monotonic clock. */
export interface Conflict {
  readonly sense: Sense;
  readonly machines: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
}

export interface AuditReport {
  /** How often each was looked at. */
  readonly looks: Readonly<Record<Sense, number>>;
  /** Longest time without a look into the kernels. */
  readonly blindMs: number;
  readonly conflicts: readonly Conflict[];
  /** Who held the address by their kernels, and from when. */
  readonly held: readonly { readonly sinceMs: number; readonly machines: readonly string[] }[];
}

const KERNEL_EVERY_MS = 2;
const ARP_EVERY_MS = 20;
const SERVED_TIMEOUT_MS = 150;
/** Two looks that find the same conflict within this belong to one. */
const SAME_CONFLICT_MS = 100;

const options = JSON.parse(process.argv[2]!) as AuditorOptions;
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const looks: Record<Sense, number> = { kernel: 0, arp: 0, served: 0 };
const conflicts: Conflict[] = [];
const held: { sinceMs: number; machines: string[] }[] = [];
let blindMs = 0;
let lastLookMs = nowMs();

function note(sense: Sense, machines: readonly string[]): void {
  const atMs = nowMs();
  const last = conflicts.findLast((one) => one.sense === sense);
  const isSame = last !== undefined && atMs - last.toMs < SAME_CONFLICT_MS && `${last.machines}` === `${machines}`;
  if (isSame) conflicts[conflicts.indexOf(last)] = { ...last, toMs: atMs };
  else conflicts.push({ sense, machines, fromMs: atMs, toMs: atMs });
}

function holdingIn(machines: readonly AuditedMachine[]): AuditedMachine[] {
  return machines.filter(({ anchor }) =>
    holdsAddress(readFileSync(`/proc/${anchor}/net/fib_trie`, 'utf8'), options.production),
  );
}

/** Machines are read one after the other; who still holds it when all were read held it together with the ones after it. */
function lookIntoKernels(): void {
  const atMs = nowMs();
  blindMs = Math.max(blindMs, atMs - lastLookMs);
  lastLookMs = atMs;
  looks.kernel += 1;
  const first = holdingIn(options.machines);
  const still = first.length > 1 ? holdingIn(first) : first;
  if (still.length > 1)
    note(
      'kernel',
      still.map(({ name }) => name),
    );
  const machines = first.map(({ name }) => name);
  if (`${held.at(-1)?.machines}` !== `${machines}`) held.push({ sinceMs: atMs, machines });
}

const probe = new ArpProbe(options.device, options.production);

/** All answers to one request: it reached every machine at one time. */
function lookAtNetwork(): void {
  const names = new Set(
    probe.answers().map((hardware) => options.machines.find((one) => one.hardwareAddress === hardware)?.name ?? '?'),
  );
  if (names.size > 1) note('arp', [...names].sort());
  looks.arp += 1;
  probe.ask();
}

function serves({ address }: AuditedMachine, { port, hostHeader }: { port: number; hostHeader: string }) {
  return new Promise<boolean>((resolve) => {
    const sent = request({ host: address, port, agent: false, headers: { host: hostHeader } }, (response) => {
      response.resume();
      response.once('close', () => resolve(true));
    });
    sent.setTimeout(SERVED_TIMEOUT_MS, () => sent.destroy());
    sent.once('error', () => resolve(false));
    sent.once('close', () => resolve(false));
    sent.end();
  });
}

async function lookAtServices(served: { port: number; hostHeader: string }): Promise<void> {
  looks.served += 1;
  const found: AuditedMachine[] = [];
  for (const machine of options.machines) if (await serves(machine, served)) found.push(machine);
  // The first answered before the second did; only when it still does it served together with it.
  if (found.length > 1 && (await serves(found[0]!, served)))
    note(
      'served',
      found.map(({ name }) => name),
    );
  setTimeout(() => void lookAtServices(served), KERNEL_EVERY_MS);
}

setInterval(lookIntoKernels, KERNEL_EVERY_MS);
setInterval(lookAtNetwork, ARP_EVERY_MS);
if (options.served !== undefined) void lookAtServices(options.served);
setTimeout(() => process.exit(3), options.limitSeconds * 1_000);

await answerLines((_: { readonly do: 'report' }): AuditReport => ({ looks, blindMs, conflicts, held }));

/** A protected pair that is switched over, with a client that asks and writes all the time and an auditor. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { NetworkFleet, type NetworkFleetOptions, PRODUCTION } from './network-fleet.ts';
import type { Machine } from './network-machine.ts';
import type { GateAuditor, WebClient } from './network-watch.ts';
import { eventually, oracle } from './rig.ts';

const SETTINGS = {
  'redirect.moveIp': true,
  'redirect.moveIpAddresses': [`${PRODUCTION}/24`],
  'switchover.reverseAutomatic': true,
  'switchover.returnPolicy': 'resynchronize',
};
/**
 * The shortest lease that an address can be moved with. A host that stands still or is alone is reached by clients until it ends:
 * what they write there meanwhile is in its quarantine (INV-7).
 */
const LEASE_MS = 6_000;
const AUTOMATIC = {
  'switchover.automatic': true,
  'switchover.leaseMs': LEASE_MS,
  'isAlive.heartbeatMs': 500,
  'isAlive.timeoutMs': 2_000,
};
export const TIMEOUT_MS = 30_000;
/** What a Replica may not have received yet when its Master loses its power, on a machine that does other things too. */
const EXPOSED_MS = 3_000;

export interface Watched {
  readonly t: ExecutionContext;
  readonly fleet: NetworkFleet;
  readonly client: WebClient;
  readonly auditor: GateAuditor;
  readonly alpha: Machine;
  readonly beta: Machine;
  /** When the active machine lost its power or its link, or stood still, and the other one took over. */
  readonly takenOverMs: number[];
}

/** With a third machine it is the witness, and switchovers are automatic. Afterwards nobody saw two machines, and nothing that was acknowledged is missing where users are. `run` gives the active machine. */
export async function watched(
  t: ExecutionContext,
  options: NetworkFleetOptions,
  run: (watched: Watched) => Promise<Machine>,
): Promise<void> {
  const fleet = await NetworkFleet.start(options);
  const { master: alpha, replica: beta } = fleet;
  try {
    mkdirSync(join(alpha.root, 'written'));
    writeFileSync(join(alpha.root, 'index.html'), 'the site\n');
    const witness = options.names === undefined ? {} : { ...AUTOMATIC, ...(await fleet.witness()) };
    await fleet.createScenario({ ...SETTINGS, ...witness });
    const small = Object.keys(options.disks ?? {}).map((name) => `spool.minFreeBytes@${name}=0`);
    if (small.length > 0) await alpha.engine.must('scenario', 'set', 'web', ...small);
    await fleet.run();
    const client = fleet.client({ writeEveryMs: 20 });
    const auditor = fleet.auditor();
    await Promise.all([client.answeredBy('alpha'), auditor.report()]);
    const all = { t, fleet, client, auditor, alpha, beta, takenOverMs: [] };
    await judge(all, await run(all));
  } catch (error) {
    for (const machine of fleet.machines) t.log(await stateOf(fleet, machine).catch(String));
    throw error;
  } finally {
    await fleet.remove();
  }
}

/** For whoever has to find out why. */
async function stateOf({ lan }: NetworkFleet, { name, engine }: Machine): Promise<string> {
  const status = await engine.status('web');
  const events = (await engine.events()).slice(-12).map(({ at, code, text }) => `  ${at % 1_000_000} ${code} ${text}`);
  const seen = { state: status?.state, problem: status?.problem, roles: status?.roles, addresses: lan.addresses(name) };
  return [name, JSON.stringify(seen), ...events, engine.lastLog()].join('\n');
}

async function judge({ t, client, auditor, alpha, beta, takenOverMs }: Watched, active: Machine): Promise<void> {
  await client.rest();
  await active.engine.must('wait', 'web', '--state', 'protected', '--timeout', '60');
  await active.engine.must('barrier', 'web', '--timeout', '60');
  const { acknowledged, missing } = await client.missingWrites(active.root);
  const isExposed = (endedMs: number) =>
    takenOverMs.some((atMs) => endedMs > atMs - EXPOSED_MS && endedMs < atMs + LEASE_MS + EXPOSED_MS);
  const lost = missing.filter(({ endedMs }) => !isExposed(endedMs));
  t.deepEqual(lost, [], `of ${acknowledged} acknowledged writes`);
  if (missing.length > 0) {
    const quarantines = (await alpha.engine.countEvents('SWT-013')) + (await beta.engine.countEvents('SWT-013'));
    t.true(quarantines > 0, 'what is lost is in quarantine');
  }
  t.true(acknowledged > 20, `${acknowledged} writes`);
  t.log(`${acknowledged} acknowledged writes, exposed when the other host took over: ${missing.length}`);
  t.is(await oracle(active.root, (active === alpha ? beta : alpha).root), '');
  const { conflicts, blindMs, looks } = await auditor.report();
  t.deepEqual(conflicts, []);
  t.true(looks.kernel > 500 && looks.arp > 50, JSON.stringify({ looks, blindMs }));
}

export async function switchOver(from: Machine): Promise<void> {
  await from.engine.must('switchover', 'web', '--yes', '--wait', '--json');
}

/** By the word of the operator, as soon as it counts. */
export async function takeOver(machine: Machine): Promise<void> {
  await eventually('the operator’s word counts', TIMEOUT_MS, async () => {
    const { code } = await machine.engine.command('switchover', 'web', '--peer-is-fenced', '--yes', '--json');
    return code === 0 ? true : undefined;
  });
}

export async function roleOf(machine: Machine): Promise<string | undefined> {
  return (await machine.engine.status('web'))?.roles?.role;
}

export async function becomes(machine: Machine, role: string): Promise<void> {
  await eventually(`${machine.name} is ${role}`, TIMEOUT_MS, async () =>
    (await roleOf(machine)) === role ? true : undefined,
  );
}

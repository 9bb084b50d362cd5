/** Fifty scenarios between one pair of engines: they share threads, memory stays small, and each is replicated. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { CommandArgs, CommandName } from '../../shared/commands.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { DaemonClient } from '../../tui/client.ts';
import { localAccess } from '../../tui/profile.ts';
import { eventually, type Host, oracle, Pair } from './rig.ts';

const SCENARIOS = 50;
/** 30 MB for each thread of engines, a little for each engine; one thread each would take 1.6 GB. */
const MOST_MEMORY_MB = 800;
const MOST_THREADS = 40;

/** One connection for all: a command line for each request would measure the start of programs. */
function connect(host: Host) {
  const { hosts, identity } = localAccess(host.data);
  const client = new DaemonClient({ host: hosts[0]!, identity, now: () => performance.now() });
  return {
    open: () => client.open(),
    close: () => client.close(),
    ask: <Name extends CommandName>(command: Name, args: CommandArgs<Name>) => client.request(command, args),
  };
}

function figure(host: Host, name: string): number {
  const status = readFileSync(`/proc/${host.pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
}

async function allLive(host: Host): Promise<ScenarioStatus[]> {
  return await eventually('all are protected', 60_000, async () => {
    const { scenarios } = JSON.parse(await host.must('status', '--json')) as { scenarios: ScenarioStatus[] };
    const live = scenarios.filter(
      (one) => one.state === 'protected' && one.hosts.every(({ replica }) => (replica?.link ?? 'live') === 'live'),
    );
    return live.length === SCENARIOS ? live : undefined;
  });
}

test('fifty scenarios on one pair of hosts share a few threads, and all go on by themselves after a kill', async (t) => {
  const pair = await Pair.start();
  const root = (side: 'm' | 'r', n: number) => join(pair.top, `${side}${n}`, 'www');
  const client = connect(pair.master);
  try {
    await client.open();
    for (let n = 0; n < SCENARIOS; n += 1) {
      for (const side of ['m', 'r'] as const) mkdirSync(root(side, n), { recursive: true });
      for (let f = 0; f < 5; f += 1) writeFileSync(join(root('m', n), `f${f}`), `scenario ${n} file ${f}`);
      const document = {
        name: `s${n}`,
        serverType: 'custom',
        master: { name: pair.master.name, address: pair.master.address },
        replicas: [{ name: pair.replica.name, address: pair.replica.address }],
        roots: [{ master: root('m', n), replica: root('r', n) }],
      };
      await client.ask('scenario.create', { document });
    }
    for (let n = 0; n < SCENARIOS; n += 5) {
      const five = Array.from({ length: 5 }, (_, index) => `s${n + index}`);
      const choices = { sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;
      await Promise.all(five.map((name) => client.ask('scenario.run', { name, ...choices })));
    }
    await allLive(pair.master);
    for (const host of [pair.master, pair.replica]) {
      const megabytes = Math.round(figure(host, 'VmRSS') / 1024);
      t.true(megabytes < MOST_MEMORY_MB, `${host.name} uses ${megabytes} MB`);
      t.true(figure(host, 'Threads') < MOST_THREADS, `${host.name} has ${figure(host, 'Threads')} threads`);
      t.log(`${host.name}: ${megabytes} MB, ${figure(host, 'Threads')} threads`);
    }
    await pair.master.kill();
    writeFileSync(join(root('m', 7), 'meanwhile'), 'changed while the host was down');
    const startedAt = performance.now();
    await pair.master.start();
    await allLive(pair.master);
    t.log(`all live again ${Math.round(performance.now() - startedAt)} ms after the start`);
    await pair.master.must('barrier', 's7', '--timeout', '30');
    for (const n of [0, 7, SCENARIOS - 1]) t.is(await oracle(root('m', n), root('r', n)), '');
    await pair.master.must('stop', 's7', '--yes');
    writeFileSync(join(root('m', 8), 'live'), 'the others go on');
    await pair.master.must('barrier', 's8', '--timeout', '30');
    t.is(await oracle(root('m', 8), root('r', 8)), '');
  } finally {
    client.close();
    await pair.remove();
  }
});

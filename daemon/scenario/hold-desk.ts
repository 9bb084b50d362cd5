/** What the operator does about held Replicas: the mass-change brake, restarts of hosts, a spool that is gone for good. */
import { Fault } from '../../shared/faults.ts';
import type { CommandHandlers } from '../services.ts';
import { fedBy } from './cascade.ts';
import { MasterRunner } from './master-runner.ts';
import { type RunnerSet, sameName } from './runner-set.ts';

const DRAIN_TIMEOUT_MS = 60_000;

export function holdHandlers(scenarios: RunnerSet): CommandHandlers {
  return {
    'scenario.brakeRelease': async ({ name }) => ({
      released: (await scenarios.onMaster(name).ask({ name: 'brake-release' })) === true,
    }),
    'scenario.giveUpSpool': async ({ name }) => {
      const runner = scenarios.find(name);
      if (!(runner instanceof MasterRunner)) return { path: await runner.giveUpSpool() };
      const reason =
        'this host is its Master: stop it and run it again, which begins a new spool and compares everything';
      throw new Fault('SCENARIO-STATE', { name, state: runner.status().state, reason });
    },
    'host.prepareReboot': async ({ host, timeoutMs }) => {
      const done: string[] = [];
      for (const runner of scenarios.all()) {
        if (!(runner instanceof MasterRunner) || runner.life.is !== 'running') continue;
        const peers = concerned(runner, host);
        if (peers.length === 0) continue;
        await drain(runner, host, peers, timeoutMs ?? DRAIN_TIMEOUT_MS);
        for (const peer of peers) await runner.suspend(peer, true, true);
        done.push(runner.document.name);
      }
      return { scenarios: done };
    },
  };
}

/** Device ids of the Replicas that are held while `host` restarts: itself, or all when it is the Master. */
function concerned({ document }: MasterRunner, host: string): string[] {
  const all = fedBy(document);
  const restarted = sameName(document.master.name, host) ? all : all.filter(({ name }) => sameName(name, host));
  return restarted.flatMap(({ deviceId }) => deviceId ?? []);
}

/**
 * Nothing may be on its way when the host goes down, to nobody when it is the Master, else to it alone: others may be away.
 * One that is held already has nothing to drain.
 */
async function drain(runner: MasterRunner, host: string, peers: readonly string[], timeoutMs: number): Promise<void> {
  const { life, document } = runner;
  if (life.is === 'running' && peers.some((peer) => life.peers[peer]?.suspended)) return;
  try {
    await runner.barrier(timeoutMs, sameName(document.master.name, host) ? undefined : host);
  } catch (error) {
    const fault = Fault.from(error);
    const { name } = runner.document;
    throw new Fault('SCENARIO-STATE', { name, state: 'not drained', reason: fault.message }, error);
  }
}

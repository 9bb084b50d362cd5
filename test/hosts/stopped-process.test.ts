/** A host whose engine stands still (a frozen virtual machine, a debugger, a stopped process) is told, and comes back by itself. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually, type Host, oracle, Pair } from './rig.ts';

function fill(root: string): void {
  mkdirSync(join(root, 'd'));
  for (let n = 0; n < 30; n += 1) writeFileSync(join(root, 'd', `f${n}`), `page ${n}\n`.repeat(n));
}

/** Runs `during` while the engine of the host stands still. */
async function whileStopped(host: Host, during: () => Promise<void>): Promise<void> {
  const { pid } = host;
  if (pid === undefined) throw new Error('it does not run');
  process.kill(pid, 'SIGSTOP');
  try {
    await during();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

test('a Replica that stands still is told with what it lacks, and goes on without a synchronization', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await whileStopped(pair.replica, async () => {
      writeFileSync(join(pair.masterRoot, 'd', 'meanwhile'), 'changed while it stands still');
      const seen = await eventually('the Master says that it lacks something', 10_000, async () => {
        const replica = (await pair.master.status('web'))?.hosts[1];
        return replica !== undefined && replica.lagMs > 2_000 && replica.exposureMs > 2_000 ? replica : undefined;
      });
      t.true((seen.replica?.pendingChanges ?? 0) > 0);
      t.not(await oracle(pair.masterRoot, pair.replicaRoot), '');
    });
    t.is(await pair.differences(), '');
    await pair.waitFor('protected');
    t.is(await pair.master.countEvents('SYN-001'), 1);
  } finally {
    await pair.remove();
  }
});

test('a Master that stands still is not taken for one without changes, and sends them when it goes on', async (t) => {
  const pair = await Pair.protectedPair({}, fill);
  try {
    await whileStopped(pair.master, async () => {
      writeFileSync(join(pair.masterRoot, 'd', 'meanwhile'), 'nobody is told');
      const seen = await eventually('the Replica says that it hears nothing', 14_000, async () => {
        const status = await pair.replica.status('web');
        return status?.hosts[0]?.health === 'unknown' ? status : undefined;
      });
      t.deepEqual(
        seen.hosts.map(({ lagKnown }) => lagKnown),
        [false, false],
      );
    });
    t.is(await pair.differences(), '');
    await pair.waitFor('protected');
    t.is(await pair.master.countEvents('SYN-001'), 1);
  } finally {
    await pair.remove();
  }
});

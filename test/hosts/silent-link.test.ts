/** A link that is open and silent: both hosts notice, say so, and go on where they were when bytes get through again. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually, oracle, Pair } from './rig.ts';
import { type Silence, SilentProxy } from './silent-proxy.ts';

/** Four silent seconds end a session (daemon/link/session.ts); the rest is for commands on a busy machine. */
const NOTICED_WITHIN_MS = 10_000;

function fill(root: string): void {
  mkdirSync(join(root, 'd'));
  for (let n = 0; n < 30; n += 1) writeFileSync(join(root, 'd', `f${n}`), `page ${n}\n`.repeat(n));
}

function change(root: string): void {
  for (let n = 0; n < 20; n += 1) writeFileSync(join(root, 'd', `new${n}`), `while it is silent ${n}`);
  writeFileSync(join(root, 'd', 'f1'), 'another page');
  renameSync(join(root, 'd', 'f2'), join(root, 'd', 'renamed'));
  rmSync(join(root, 'd', 'f3'));
}

/** The Master says that it does not hear the Replica, with what that one lacks as far as it knows. */
function masterNotices(pair: Pair) {
  return eventually('the Master says that it hears nothing', NOTICED_WITHIN_MS, async () => {
    const status = await pair.master.status('web');
    const host = status?.hosts[1];
    return host?.health === 'unknown' && host.replica?.link === 'down' ? { host, problem: status?.problem } : undefined;
  });
}

function replicaNotices(pair: Pair) {
  return eventually('the Replica says that it hears nothing', NOTICED_WITHIN_MS, async () => {
    const status = await pair.replica.status('web');
    return status?.hosts[0]?.health === 'unknown' ? status : undefined;
  });
}

async function throughProxy(run: (pair: Pair, proxy: SilentProxy) => Promise<void>): Promise<void> {
  const pair = await Pair.start();
  const proxy = await SilentProxy.open(pair.replica.address);
  try {
    fill(pair.masterRoot);
    await pair.createScenario(proxy.address);
    await pair.run();
    await run(pair, proxy);
  } finally {
    await pair.remove();
    proxy.close();
  }
}

const CASES: readonly { silence: Silence; says: string; heal: (proxy: SilentProxy) => void }[] = [
  { silence: 'both', says: 'in both directions', heal: (proxy) => proxy.replace() },
  { silence: 'from-dialer', says: 'from the Master to the Replica', heal: (proxy) => proxy.setSilence('none') },
  { silence: 'to-dialer', says: 'from the Replica to the Master', heal: (proxy) => proxy.setSilence('none') },
];

for (const { silence, says, heal } of CASES) {
  test(`a link that falls silent ${says} is told on both hosts and loses nothing`, async (t) => {
    await throughProxy(async (pair, proxy) => {
      proxy.setSilence(silence);
      change(pair.masterRoot);
      const [{ host, problem }, seen] = await Promise.all([masterNotices(pair), replicaNotices(pair)]);
      t.regex(problem ?? '', /^No connection to beta/);
      t.true(host.lagMs > 1_000 && host.exposureMs > 1_000, `lag ${host.lagMs}, exposure ${host.exposureMs}`);
      t.true((host.replica?.pendingChanges ?? 0) > 0);
      t.deepEqual(
        seen.hosts.map(({ lagKnown }) => lagKnown),
        [false, false],
      );
      t.regex(seen.problem ?? '', /^No connection from alpha/);
      await eventually('lag and exposure grow', 5_000, async () => {
        const later = (await pair.master.status('web'))?.hosts[1];
        return later !== undefined && later.lagMs > host.lagMs && later.exposureMs > host.exposureMs
          ? later
          : undefined;
      });
      // What the Master sent still reaches a Replica whose answers are lost.
      if (silence !== 'to-dialer') t.not(await oracle(pair.masterRoot, pair.replicaRoot), '');

      heal(proxy);
      t.is(await pair.differences(), '');
      await pair.waitFor('protected');
      t.is((await pair.master.status('web'))?.hosts[1]?.health, 'alive');
      t.is(await pair.master.countEvents('SYN-001'), 1, 'no new synchronization');
    });
  });
}

/** Switchovers of three real engines: one takes over, the other Replica follows it, and nothing is lost; back as a group. */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Fleet } from './fleet.ts';
import { eventually, oracle } from './rig.ts';

function fill(root: string): void {
  for (let n = 0; n < 200; n += 1) {
    mkdirSync(join(root, `d${n % 10}`), { recursive: true });
    writeFileSync(join(root, `d${n % 10}`, `f${n}`), `page ${n}\n`);
  }
}

test('a planned switchover to the designated one of two Replicas: the other one follows it without a resynchronization', async (t) => {
  const fleet = await Fleet.start(['alpha', 'beta', 'gamma']);
  try {
    const [alpha, beta, gamma] = ['alpha', 'beta', 'gamma'].map((name) => fleet.host(name));
    fill(fleet.root('alpha'));
    await fleet.pair('alpha', 'beta');
    await fleet.pair('alpha', 'gamma');
    await fleet.pair('gamma', 'beta');
    await fleet.create(
      { beta: {}, gamma: {} },
      { 'switchover.reverseAutomatic': true, 'switchover.host': 'gamma', 'switchover.returnPolicy': 'resynchronize' },
    );
    await fleet.run();
    writeFileSync(join(fleet.root('alpha'), 'last change'), 'x');
    await alpha!.must('switchover', 'web', '--to', 'gamma', '--yes', '--wait', '--json');
    await gamma!.must('wait', 'web', '--state', 'protected', '--timeout', '60');
    t.like(await gamma!.status('web'), { active: 'gamma', epoch: 2 });
    const begun = (await gamma!.events()).filter(({ code }) => code === 'SYN-001');
    t.deepEqual(
      begun.map(({ data }) => data?.method),
      ['skip', 'skip'],
      'nothing was compared',
    );

    writeFileSync(join(fleet.root('gamma'), 'made on gamma'), 'gamma');
    renameSync(join(fleet.root('gamma'), 'd1'), join(fleet.root('gamma'), 'renamed on gamma'));
    rmSync(join(fleet.root('gamma'), 'd2'), { recursive: true });
    appendFileSync(join(fleet.root('gamma'), 'd3', 'f3'), 'more');
    await gamma!.must('barrier', 'web', '--timeout', '60');
    t.is(await oracle(fleet.root('gamma'), fleet.root('alpha')), '');
    t.is(await oracle(fleet.root('gamma'), fleet.root('beta')), '');

    // One that is away during the switchback follows when it is back, and lost nothing.
    await beta!.kill();
    writeFileSync(join(fleet.root('gamma'), 'while beta is away'), 'gamma');
    const made = JSON.parse(await gamma!.must('group', 'create', 'site', 'web', '--json')) as { missed: string[] };
    t.deepEqual(made.missed, ['beta'], 'it is told when it is back');
    t.is((await alpha!.command('group', 'switchover', 'site', '--dry-run')).code, 0);
    const switched = await gamma!.must('group', 'switchover', 'site', '--yes', '--wait', '--json');
    t.like(JSON.parse(switched), {
      run: { state: 'done', members: [{ scenario: 'web', to: 'alpha', state: 'done' }] },
    });
    writeFileSync(join(fleet.root('alpha'), 'made on alpha'), 'alpha');
    await beta!.start();
    const followed = await eventually('beta follows alpha', 60_000, async () => {
      const status = await alpha!.status('web');
      return status?.state === 'protected' && status.hosts.every((host) => host.replica?.link !== 'down')
        ? status
        : undefined;
    });
    t.like(followed, { active: 'alpha', epoch: 3 });
    await alpha!.must('barrier', 'web', '--timeout', '60');
    t.is(await oracle(fleet.root('alpha'), fleet.root('beta')), '');
    t.is(await oracle(fleet.root('alpha'), fleet.root('gamma')), '');
  } finally {
    await fleet.remove();
  }
});

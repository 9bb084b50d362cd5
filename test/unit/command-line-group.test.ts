/** `mainstay group …`: what is asked of the host, what is printed, and exit codes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { CommandHandlers } from '../../daemon/services.ts';
import { Fault } from '../../shared/faults.ts';
import type { GroupDocument, GroupRun, GroupStatus } from '../../shared/group.ts';
import { startRigHost } from '../hosts/network-rig.ts';
import { run, scenarioStatus } from './command-line-rig.ts';

/** One group whose switchover ends with the second look. */
function handlers(end: GroupRun['state'], received: unknown[]): CommandHandlers {
  let group: GroupDocument | undefined;
  let last: GroupRun | undefined;
  const status = (): GroupStatus => {
    if (group === undefined) throw new Fault('GROUP-NOT-FOUND', { name: 'site' });
    const members = group.scenarios.map((scenario) => ({ scenario, state: 'protected' as const, active: 'beta' }));
    return { group, members, ...(last === undefined ? {} : { run: last }) };
  };
  const member = (scenario: string, state: 'done' | 'failed' | 'switching', reason?: string) => {
    return { scenario, to: 'beta', state, tookMs: 900, ...(reason === undefined ? {} : { reason }) };
  };
  return {
    'group.create': (args) => {
      received.push(args);
      group = { name: args.name, scenarios: args.scenarios, limitMs: args.limitMs ?? 600_000, revision: 1 };
      return { group, missed: ['gamma'] };
    },
    'group.list': () => ({ groups: group === undefined ? [] : [status()] }),
    'group.show': () => {
      const second = end === 'done' ? member('blog', 'done') : member('blog', 'failed', 'stuck is stuck');
      if (last?.state === 'running') last = { ...last, state: end, members: [member('shop', 'done'), second] };
      return status();
    },
    'group.delete': () => {
      group = undefined;
      return { missed: [] };
    },
    'group.switchover': (args) => {
      received.push(args);
      last = { state: 'running', startedAt: 1, members: [member('shop', 'switching')] };
      return { name: 'site', run: last };
    },
  };
}

async function startHost(t: ExecutionContext, own: CommandHandlers) {
  const host = await startRigHost(t, 'alpha', { handlers: own });
  const { address, data, network } = host;
  writeFileSync(join(data, 'run.json'), JSON.stringify({ address, deviceId: network.deviceId, pid: process.pid }));
  host.board.list = [scenarioStatus('shop'), scenarioStatus('blog')];
  return (...args: string[]) => run(['group', ...args, '--data', data]);
}

test('a group is made, listed, shown and deleted', async (t) => {
  const received: unknown[] = [];
  const group = await startHost(t, handlers('done', received));
  t.is((await group('show', 'site')).exit, 3);
  t.is((await group('list')).stdout, 'there is no group\n');
  const made = await group('create', 'site', 'shop', 'blog', '--limit', '5min');
  t.is(made.exit, 0, made.stderr);
  t.regex(made.stderr, /told later: gamma/);
  t.deepEqual(received, [{ name: 'site', scenarios: ['shop', 'blog'], limitMs: 300_000 }]);
  t.regex((await group('list')).stdout, /site +shop, blog +-/);
  t.regex((await group('show', 'site')).stdout, /blog +protected +beta/);
  t.is((await group('delete', 'site')).exit, 4, 'it takes the name once more, or --yes');
  t.is((await group('delete', 'site', '--confirm', 'site')).exit, 0);
  t.is((await group('show', 'site')).exit, 3);
});

test('its switchover says each member, and its exit code whether all were switched over', async (t) => {
  for (const end of ['done', 'failed'] as const) {
    const received: unknown[] = [];
    const group = await startHost(t, handlers(end, received));
    await group('create', 'site', 'shop', 'blog');
    t.is((await group('switchover', 'site')).exit, 4);
    t.is(received.length, 1, 'nothing without a confirmation');
    const done = await group('switchover', 'site', '--confirm', 'site', '--to', 'beta', '--continue', '--wait');
    t.is(done.exit, end === 'done' ? 0 : 1, done.stderr);
    t.deepEqual(received.at(-1), { name: 'site', to: 'beta', resume: true });
    t.regex(
      done.stdout,
      end === 'done' ? /blog to beta: done/ : /blog to beta: failed after 900 ms \(stuck is stuck\)/,
    );
    const { run: last } = JSON.parse((await group('switchover', 'site', '--yes', '--json')).stdout) as {
      run: GroupRun;
    };
    t.is(last.state, 'running');
  }
});

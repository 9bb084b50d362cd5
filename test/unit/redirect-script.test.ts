/** Redirection scripts really run: their arguments, their exit codes in events, their time limit, and what an identify script says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RegisteredScripts } from '../../daemon/platform/node/registered-scripts.ts';
import type { PlannedScript } from '../../daemon/redirect/plan.ts';
import { ScriptRedirection } from '../../daemon/redirect/script.ts';
import { openEventLog } from '../../daemon/store/event-log.ts';
import { ScriptFolder } from '../../daemon/store/script-folder.ts';
import type { EventCode } from '../../shared/events.ts';
import { SimulatedClock } from '../memory/clock.ts';

const onUnix = process.platform === 'win32' ? test.skip : test;

function host(t: ExecutionContext, scripts: Readonly<Record<string, string>>, plan: Partial<PlannedScript>) {
  const data = mkdtempSync(join(tmpdir(), 'mainstay-redirect-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  const folder = new ScriptFolder(data);
  for (const [name, text] of Object.entries(scripts)) {
    const path = join(data, `${name}.given`);
    writeFileSync(path, `#!/bin/sh\ncd ${data}\n${text}\n`);
    folder.register(path, name);
  }
  const events = openEventLog({ path: ':memory:', clock: new SimulatedClock(), host: 'beta' });
  t.teardown(() => events.close());
  const redirection = new ScriptRedirection(
    {
      host: 'beta',
      scenarioName: 'web',
      switchId: 'k7',
      plan: { kind: 'script', identify: '', activate: '', deactivate: '', arguments: [], timeoutMs: 10_000, ...plan },
    },
    { scripts: new RegisteredScripts(join(data, 'scripts')), events },
  );
  const told = (code: EventCode) => events.query({ limit: 10 }).filter((event) => event.code === code);
  return { redirection, told, text: (name: string) => readFileSync(join(data, name), 'utf8') };
}

const SWITCH = {
  on: 'printf "%s|" "$@" > args; echo "$MAINSTAY_SWITCH $MAINSTAY_DIRECTION $MAINSTAY_SCENARIO" >> args; touch active',
  off: 'rm active',
  who: 'test -e active',
};

onUnix('scripts run with their arguments, the identify script decides, and revert runs the opposite one', async (t) => {
  const { redirection, told, text } = host(t, SWITCH, {
    activate: 'on',
    deactivate: 'off',
    identify: 'who',
    arguments: ['a b', '$(touch x)'],
  });
  t.deepEqual(await redirection.check(), []);
  t.is((await redirection.readBack()).clients, 'elsewhere');
  t.like(await redirection.apply('acquire'), { changed: true, state: { clients: 'here' } });
  t.is(text('args'), 'a b|$(touch x)|k7 acquire web\n', 'arguments are no shell text');
  t.is(told('RED-001')[0]?.text, 'The script on ended with exit code 0 (acquire)');
  t.like(await redirection.revert(), { changed: true, state: { clients: 'elsewhere' } });
  t.like(await redirection.revert(), { changed: false });
});

onUnix('any other exit code is a failure that an event tells with what the script wrote', async (t) => {
  const { redirection, told } = host(t, { on: 'echo no route; exit 7' }, { activate: 'on' });
  await t.throwsAsync(redirection.apply('acquire'), { message: 'The script on failed: exit code 7.' });
  t.like(told('RED-002')[0], { text: 'The script on failed: exit code 7 (acquire)', data: { output: 'no route\n' } });
});

onUnix('one that takes too long is ended; exit code 0 is not believed against the identify script', async (t) => {
  const slow = host(t, { on: 'exec sleep 30' }, { activate: 'on', timeoutMs: 100 });
  await t.throwsAsync(slow.redirection.apply('acquire'), { message: /time limit/ });
  const liar = host(t, { on: 'exit 0', who: SWITCH.who }, { activate: 'on', identify: 'who' });
  await t.throwsAsync(liar.redirection.apply('acquire'), { message: /who says that it did not/ });
  const vague = host(t, { who: 'exit 3' }, { identify: 'who' });
  t.deepEqual(await vague.redirection.readBack(), { clients: 'unknown', detail: ['who: exit code 3'] });
});

onUnix('a script that is not registered is found before a switchover', async (t) => {
  const { redirection } = host(t, {}, { activate: 'nowhere' });
  t.regex((await redirection.check())[0]?.text ?? '', /nowhere/);
});

/** Addresses that an engine took over: how an administrator gets them back when the engine does not start, or goes for good. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { adoptedOnDisk } from '../../tui/cli/adopted.ts';
import { Context } from '../../tui/cli/context.ts';
import { doctor } from '../../tui/cli/doctor.ts';
import { service } from '../../tui/cli/service-command.ts';
import { composition, memoryTerminal } from './command-line-rig.ts';

const ADOPTED = { address: '192.0.2.10', prefix: 24, device: 'eth0', state: 'leased' };

function directory(t: ExecutionContext, text: string): string {
  const data = mkdtempSync(join(tmpdir(), 'mainstay-adopted-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  writeFileSync(join(data, 'adopted.json'), text);
  return data;
}

test('doctor says how to get an address back that the engine took over, also when the engine is dead', async (t) => {
  const data = directory(t, JSON.stringify({ adopted: [ADOPTED] }));
  const terminal = memoryTerminal();
  await doctor(new Context(terminal, composition), { data });
  t.regex(terminal.stdout, /MOVE-IP-MISSING: 192\.0\.2\.10 was taken over/);
  t.regex(terminal.stdout, /ip address add 192\.0\.2\.10\/24 dev eth0/);
  t.deepEqual(adoptedOnDisk(data, ['192.0.2.10']), [], 'one that is there is not missed');
});

test('a damaged record, or one that somebody wrote a command into, says nothing', (t) => {
  t.deepEqual(adoptedOnDisk(directory(t, 'no JSON'), []), []);
  t.deepEqual(adoptedOnDisk(directory(t, '{"adopted":[{}]}'), []), []);
  const planted = { ...ADOPTED, device: 'eth0; rm -rf /' };
  t.deepEqual(adoptedOnDisk(directory(t, JSON.stringify({ adopted: [planted] })), []), []);
});

test('removing the service of an engine that does not answer tells what it leaves behind', async (t) => {
  const data = directory(t, JSON.stringify({ adopted: [ADOPTED] }));
  const did: string[] = [];
  const terminal = memoryTerminal();
  const exit = await service(
    new Context(terminal, composition),
    'uninstall',
    {},
    {
      system: 'systemd',
      node: '/opt/node',
      defaultData: '/nowhere',
      absolute: (path) => path,
      write: () => undefined,
      remove: (path) => did.push(path),
      read: () => `[Service]\nExecStart=/opt/node mainstay.js daemon --data ${data} --name web\n`,
      run: (program, args) => ({ exit: 0, output: String(did.push([program, ...args].join(' '))) }),
    },
  );
  t.is(exit, 0);
  t.regex(terminal.stderr, /ip address add 192\.0\.2\.10\/24 dev eth0/);
  t.is(did[0], 'systemctl disable --now mainstay');
});

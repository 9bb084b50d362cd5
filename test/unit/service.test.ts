import test from 'ava';
import { systemdUnit, windowsTask } from '../../config/service-unit.ts';
import { Context } from '../../tui/cli/context.ts';
import { service } from '../../tui/cli/service-command.ts';
import type { ServiceHost } from '../../tui/cli/service-host.ts';
import { composition, memoryTerminal } from './command-line-rig.ts';

function fakeHost(system: ServiceHost['system'], answers: Record<string, { exit: number; output: string }> = {}) {
  const did: string[] = [];
  const host: ServiceHost = {
    system,
    node: '/opt/node',
    defaultData: '/var/lib/mainstay',
    absolute: (path) => (path.startsWith('/') ? path : `/here/${path}`),
    write: (path, text) => did.push(`write ${path} ${text.includes('ExecStart=')}`),
    remove: (path) => did.push(`remove ${path}`),
    read: () => undefined,
    run: (program, args) => {
      const line = [program, ...args].join(' ');
      did.push(line);
      return answers[args[0]!] ?? { exit: 0, output: 'active' };
    },
  };
  return { host, did };
}

function context() {
  const terminal = memoryTerminal();
  return { terminal, context: new Context(terminal, composition) };
}

test('the unit starts the engine with what was asked, however the names are spelled', (t) => {
  const unit = systemdUnit({
    node: '/opt/node',
    program: '/opt/mainstay/mainstay.js',
    data: '/var/lib/my data',
    name: '50%$HOME',
    listen: '0.0.0.0:25000',
  });
  t.regex(
    unit,
    /^ExecStart=\/opt\/node --disable-warning=ExperimentalWarning \/opt\/mainstay\/mainstay\.js daemon --data "\/var\/lib\/my data" --name "50%%\$\$HOME" --listen 0\.0\.0\.0:25000$/m,
  );
  t.regex(unit, /^WantedBy=multi-user\.target$/m);
});

test('install writes the unit, enables and restarts; uninstall takes all of it back', async (t) => {
  const { host, did } = fakeHost('systemd');
  t.is(await service(context().context, 'install', { data: 'd' }, host), 0);
  t.deepEqual(did, [
    'write /etc/systemd/system/mainstay.service true',
    'systemctl daemon-reload',
    'systemctl enable mainstay',
    'systemctl restart mainstay',
  ]);
  const removing = fakeHost('systemd', { disable: { exit: 1, output: 'not loaded' } });
  t.is(await service(context().context, 'uninstall', {}, removing.host), 0);
  t.deepEqual(removing.did, [
    'systemctl disable --now mainstay',
    'remove /etc/systemd/system/mainstay.service',
    'systemctl daemon-reload',
  ]);
});

test('a step that fails is named with its output, and nothing is done after it', async (t) => {
  const { host, did } = fakeHost('systemd', { enable: { exit: 1, output: 'read-only file system' } });
  const error = await t.throwsAsync(service(context().context, 'install', {}, host));
  t.regex(error?.message ?? '', /systemctl enable mainstay.*read-only file system/);
  t.is(did.at(-1), 'systemctl enable mainstay');
});

test('a dry run shows everything and does nothing; without systemd it says so', async (t) => {
  const { host, did } = fakeHost('systemd');
  const { context: dry, terminal } = context();
  t.is(await service(dry, 'install', { dryRun: true, name: 'web-01' }, host), 0);
  t.deepEqual(did, []);
  t.regex(terminal.stdout, /--name web-01[\s\S]*run systemctl restart mainstay/);
  const none = fakeHost('none');
  await t.throwsAsync(service(context().context, 'install', {}, none.host), { message: /not supported here/ });
});

test('on Windows a start-up task runs the engine, and status tells whether it runs', async (t) => {
  const { host, did } = fakeHost('windows', { '/Query': { exit: 0, output: 'Status: Running' } });
  t.is(await service(context().context, 'install', { data: '/d' }, host), 0);
  t.deepEqual(did, [
    'write /d\\service.xml false',
    'schtasks.exe /Create /F /TN mainstay /XML /d\\service.xml',
    'schtasks.exe /Run /TN mainstay',
  ]);
  const task = windowsTask({ node: 'C:\\node.exe', program: 'C:\\a&b\\m.js', data: 'D:\\my data' });
  t.regex(task, /<Arguments>.*"C:\\a&amp;b\\m\.js" "daemon" "--data" "D:\\my data"<\/Arguments>/);
  t.regex(task, /<ExecutionTimeLimit>PT0S</, 'without it Windows ends the task after three days');
  const { context: status, terminal } = context();
  t.is(await service(status, 'status', { json: true }, host), 0);
  t.like(JSON.parse(terminal.stdout), { installed: true, running: true });
  const stopped = fakeHost('systemd', { 'is-active': { exit: 3, output: 'inactive' } });
  t.is(await service(context().context, 'status', {}, stopped.host), 3);
});

/** Scripts an administrator registered on a host: who may change them, how they run, how they end. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RegisteredScripts } from '../../daemon/platform/node/registered-scripts.ts';
import { ScriptFolder } from '../../daemon/store/script-folder.ts';
import { Fault } from '../../shared/faults.ts';
import { run } from './command-line-rig.ts';

function host(t: ExecutionContext) {
  const data = mkdtempSync(join(tmpdir(), 'mainstay-scripts-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  const program = (text: string): string => {
    const path = join(data, 'given.sh');
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    return path;
  };
  return { data, program, folder: new ScriptFolder(data), scripts: new RegisteredScripts(join(data, 'scripts')) };
}

const onUnix = process.platform === 'win32' ? test.skip : test;

onUnix('a registered script runs with its variables; its exit code and both outputs are told', async (t) => {
  const { folder, scripts, program } = host(t);
  folder.register(program('echo "on $MAINSTAY_HOST"; echo oops >&2; exit 3'), 'check');
  const outcome = await scripts.run('check', { MAINSTAY_HOST: 'beta' }, 10_000);
  t.is(outcome.exitCode, 3);
  t.false(outcome.timedOut);
  t.deepEqual(outcome.output.split('\n').sort(), ['', 'on beta', 'oops']);
});

onUnix(
  'nothing of the environment of the engine reaches it but a few names, and of much output the end is kept',
  async (t) => {
    const { folder, scripts, program } = host(t);
    process.env['MAINSTAY_SECRET_OF_TEST'] = 'x';
    folder.register(program('env; yes 0123456789 | head -c 200000; echo end'), 'check');
    const { output } = await scripts.run('check', {}, 10_000);
    delete process.env['MAINSTAY_SECRET_OF_TEST'];
    t.false(output.includes('MAINSTAY_SECRET_OF_TEST'));
    t.is(Buffer.byteLength(output), 64 * 1024);
    t.true(output.endsWith('end\n'));
  },
);

onUnix('one that goes on too long is ended with everything it started', async (t) => {
  const { data, folder, scripts, program } = host(t);
  const late = join(data, 'late');
  folder.register(program(`trap '' TERM; (sleep 5; touch ${late}) & echo $!; sleep 30`), 'check');
  const outcome = await scripts.run('check', {}, 200);
  t.true(outcome.timedOut);
  t.is(outcome.exitCode, undefined);
  const child = Number(outcome.output.trim());
  // Killed, though perhaps not yet waited for by its new parent.
  t.true(!existsSync(`/proc/${child}/cmdline`) || readFileSync(`/proc/${child}/cmdline`, 'utf8') === '');
});

onUnix('what others could change, a link, and a name that leaves the folder are not run', async (t) => {
  const { data, folder, scripts, program } = host(t);
  folder.register(program('echo never'), 'check');
  const path = join(data, 'scripts', 'check');
  chmodSync(path, 0o722);
  t.is((await faultOf(t, scripts.run('check', {}, 1_000))).code, 'SCRIPT-UNSAFE');
  chmodSync(path, 0o600);
  t.is((await faultOf(t, scripts.run('check', {}, 1_000))).code, 'SCRIPT-UNSAFE', 'not executable');
  symlinkSync('/bin/true', join(data, 'scripts', 'link'));
  t.is((await faultOf(t, scripts.run('link', {}, 1_000))).code, 'SCRIPT-UNSAFE');
  for (const name of ['../given.sh', '', 'gone', '/bin/true']) {
    t.is((await faultOf(t, scripts.run(name, {}, 1_000))).code, 'SCRIPT-NOT-FOUND', name);
  }
});

onUnix('one that is not what was registered any more is not run, and is told', async (t) => {
  const { data, folder, scripts, program } = host(t);
  const before = folder.register(program('echo one'), 'check');
  const path = join(data, 'scripts', 'check');
  writeFileSync(path, '#!/bin/sh\necho two\n');
  const changed = await faultOf(t, scripts.run('check', {}, 1_000));
  t.is(changed.code, 'SCRIPT-UNSAFE');
  t.regex(changed.message, /changed since/);
  t.like(folder.list(), [{ name: 'check', sha256: before.sha256, changed: true }]);
  t.regex((await run(['script', 'list', '--data', data])).stdout, /changed since/);
  writeFileSync(join(data, 'scripts', 'foreign'), '#!/bin/sh\n', { mode: 0o700 });
  t.regex((await faultOf(t, scripts.run('foreign', {}, 1_000))).message, /without being registered/);
  folder.register(program('echo three'), 'check');
  t.is((await scripts.run('check', {}, 10_000)).output, 'three\n');
  t.is((await faultOf(t, scripts.run('.sha256', {}, 1_000))).code, 'SCRIPT-NOT-FOUND');
});

onUnix('scripts are registered, listed and removed by the command line of that computer', async (t) => {
  const { data, program } = host(t);
  const command = async (...args: string[]) => await run([...args, '--data', data]);
  t.is((await command('script', 'list')).stdout, 'no script is registered\n');
  t.is((await command('script', 'register', program('true'), '--as', 'check')).exit, 0);
  t.is((await command('script', 'register', join(data, 'gone'))).exit, 3);
  t.is((await command('script', 'register', program('true'), '--as', 'a/b')).exit, 2);
  t.regex((await command('script', 'list', '--json')).stdout, /"name": ?"check"/);
  t.is((await command('script', 'remove', 'check')).exit, 0);
  t.is((await command('script', 'remove', 'check')).exit, 3);
});

async function faultOf(t: ExecutionContext, action: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(action, { instanceOf: Fault }))!;
}

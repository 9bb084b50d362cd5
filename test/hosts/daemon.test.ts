import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { checkChain } from '../../daemon/access/audit.ts';
import { temporaryDirectory } from './network-rig.ts';
import { mainstay } from './rig.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));

interface Teardown {
  teardown(run: () => unknown): void;
}

interface Engine {
  readonly address: string;
  readonly deviceId: string;
  readonly pid: number;
  /** Resolves with the exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

async function startEngine(t: Teardown, data: string, ...more: string[]): Promise<Engine> {
  const args = ['--disable-warning=ExperimentalWarning', PROGRAM, 'daemon', '--data', data, '--name', 'web1', ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let output = '';
  const ready = new Promise<RegExpMatchArray>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        const match = /^ready (\S+) ([0-9a-f]{64})$/m.exec(output);
        if (match !== null) resolve(match);
      });
    }
    exited.then(([code]) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  const [, address = '', deviceId = ''] = await ready;
  return {
    address,
    deviceId,
    pid: child.pid ?? 0,
    end: async (signal) => {
      child.kill(signal);
      const [code, killedBy] = await exited;
      return code ?? killedBy;
    },
  };
}

const anyPort = ['--listen', '127.0.0.1:0'];

async function eventCodes(data: string): Promise<string[]> {
  const { stdout } = await mainstay(['events', '--json', '--data', data]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { code: string }).code);
}

test('killed with -9 it starts again as the same device at the same address, and says that it was not stopped', async (t) => {
  const data = join(temporaryDirectory(t), 'data');
  const first = await startEngine(t, data, ...anyPort);
  t.is((await mainstay(['pair', 'invite', '--data', data])).code, 0);
  t.is(await first.end('SIGKILL'), 'SIGKILL');
  const second = await startEngine(t, data, ...anyPort);
  t.is(second.deviceId, first.deviceId);
  t.is(second.address, first.address);
  t.deepEqual(await eventCodes(data), ['HST-001', 'HST-003', 'HST-001']);
  t.is(checkChain(readFileSync(join(data, 'audit.jsonl'), 'utf8')).brokenAt, undefined);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} drains and stops with exit code 0; nothing is left that claims it runs`, async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    const first = await startEngine(t, data, ...anyPort);
    t.is(statSync(data).mode & 0o777, 0o700);
    const asked = performance.now();
    t.is(await first.end(signal), 0);
    t.true(performance.now() - asked < 7_500, 'it ends when it has stopped, not when the drain limit of 8 s is over');
    t.false(existsSync(join(data, 'run.json')));
    const second = await startEngine(t, data, ...anyPort);
    t.is(second.deviceId, first.deviceId);
    t.deepEqual(await eventCodes(data), ['HST-001', 'HST-002', 'HST-001']);
  });
}

test('a second engine on the same data directory is refused with the process that has it; a stale note does not block', async (t) => {
  const data = join(temporaryDirectory(t), 'data');
  const engine = await startEngine(t, data, ...anyPort);
  const refused = await mainstay(['daemon', '--data', data, ...anyPort]);
  t.is(refused.code, 4);
  t.regex(refused.stderr, new RegExp(`DATA-LOCKED.*process ${engine.pid}\\)`));
  t.is(await engine.end('SIGTERM'), 0);
  // The process id of a living process, as after a reboot: nobody holds the lock.
  writeFileSync(join(data, 'engine.pid'), `${process.pid}\n`);
  await startEngine(t, data, ...anyPort);
  t.true((await eventCodes(data)).includes('HST-003'));
});

test('it says why it cannot start: a bad address, a port in use, a wrong setting, a damaged key', async (t) => {
  const top = temporaryDirectory(t);
  const engine = await startEngine(t, join(top, 'one'), ...anyPort);
  const config = join(top, 'host.json');
  const start = (...args: string[]) => mainstay(['daemon', '--data', join(top, 'two'), ...args]);
  const expectFailure = async (code: string, ...args: string[]) => {
    const result = await start(...args);
    t.not(result.code, 0, code);
    t.regex(result.stderr, new RegExp(`mainstay: ${code}`), args.join(' '));
  };
  await expectFailure('USAGE', '--listen', 'nonsense');
  await expectFailure('USAGE', '--listen', engine.address);
  await expectFailure('FS-NOT-FOUND', '--config', config);
  for (const text of ['{', '[]', '{"engine.unknown": 1}', '{"engine.logLevel": "loud"}']) {
    writeFileSync(config, text);
    await expectFailure('CONFIG-INVALID', '--config', config);
  }
  await start('--listen', engine.address);
  writeFileSync(join(top, 'two', 'identity', 'key.pem'), 'damaged');
  await expectFailure('STATE-DAMAGED', ...anyPort);
  t.is(readFileSync(join(top, 'two', 'identity', 'key.pem'), 'utf8'), 'damaged');
});

test('the settings file names the host and its address; comments are allowed', async (t) => {
  const top = temporaryDirectory(t);
  const config = join(top, 'host.json');
  writeFileSync(config, '{\n  // ours\n  "engine.listen": "127.0.0.1:0",\n  "engine.logLevel": "debug",\n}\n');
  const data = join(top, 'data');
  const engine = await startEngine(t, data, '--config', config);
  t.regex(engine.address, /^127\.0\.0\.1:\d+$/);
  t.is((await mainstay(['pair', 'list', '--data', data])).code, 0);
});

test('damaged documents are set aside and the engine starts, saying so', async (t) => {
  const data = join(temporaryDirectory(t), 'data');
  const first = await startEngine(t, data, ...anyPort);
  await first.end('SIGTERM');
  for (const name of ['devices.json', 'scenarios.json']) writeFileSync(join(data, name), '{"devices": [');
  await startEngine(t, data, ...anyPort);
  t.is((await eventCodes(data)).filter((code) => code === 'HST-005').length, 2);
  t.is(readFileSync(join(data, 'devices.json.damaged'), 'utf8'), '{"devices": [');
  t.true(existsSync(join(data, 'scenarios.json.damaged')));
});

test('doctor finds what is wrong with a host: a paired host that is gone, an audit log that was edited', async (t) => {
  const top = temporaryDirectory(t);
  const one = join(top, 'one');
  const two = join(top, 'two');
  const first = await startEngine(t, one, ...anyPort);
  const second = await startEngine(t, two, ...anyPort);
  const { stdout } = await mainstay(['pair', 'invite', '--data', two, '--json']);
  const { invite } = JSON.parse(stdout) as { invite: string };
  t.is((await mainstay(['pair', 'accept', invite, '--data', one])).code, 0);
  const codes = async () => {
    const result = await mainstay(['doctor', '--data', one, '--json']);
    const { findings } = JSON.parse(result.stdout) as { findings: { code: string }[] };
    return findings.map(({ code }) => code);
  };
  t.false((await codes()).includes('PEER-REACH'));
  await second.end('SIGTERM');
  t.true((await codes()).includes('PEER-REACH'));
  await first.end('SIGTERM');
  const audit = join(one, 'audit.jsonl');
  writeFileSync(audit, readFileSync(audit, 'utf8').replace('"role":"super"', '"role":"view"'));
  rmSync(join(one, 'run.json'), { force: true });
  await startEngine(t, one, ...anyPort);
  t.true((await codes()).includes('AUDIT-CHAIN'));
  t.true((await eventCodes(one)).includes('ACC-005'));
});

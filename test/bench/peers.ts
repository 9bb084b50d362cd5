/**
 * The programs we are measured against, started by us on loopback: an rsync daemon, rsync over ssh with a key of its own, lsyncd
 * with delay 0. Everything they need lies in one scratch directory.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort } from '../hosts/rig.ts';

const run = promisify(execFile);
const START_TIMEOUT_MS = 10_000;

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const waitFor = (what: string, ready: () => boolean | Promise<boolean>): Promise<true> =>
  eventually(`${what} starts`, START_TIMEOUT_MS, async () => ((await ready()) ? true : undefined));

export interface Peer {
  readonly pid: number;
  stop(): Promise<void>;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}

/** An rsync daemon with the module `target` = `directory`. */
export async function startRsyncDaemon(scratch: string, directory: string): Promise<Peer & { readonly url: string }> {
  mkdirSync(scratch, { recursive: true });
  const port = await freePort();
  const config = join(scratch, `rsyncd-${port}.conf`);
  const owner = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : '';
  writeFileSync(
    config,
    `use chroot = no\naddress = 127.0.0.1\n${owner}log file = ${join(scratch, 'rsyncd.log')}\n` +
      `pid file = ${join(scratch, `rsyncd-${port}.pid`)}\n[target]\npath = ${directory}\nread only = false\n`,
  );
  const child = spawn('rsync', ['--daemon', '--no-detach', `--config=${config}`, `--port=${port}`], {
    stdio: 'ignore',
  });
  await waitFor('the rsync daemon', () => canConnect(port));
  return { pid: child.pid!, url: `rsync://127.0.0.1:${port}/target`, stop: () => stopProcess(child) };
}

/** An ssh server on loopback that accepts one new key; `shell` goes to `rsync -e`. */
export async function startSshServer(
  scratch: string,
): Promise<Peer & { readonly shell: string; readonly host: string }> {
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(scratch, name);
  for (const key of ['host_key', 'client_key']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  }
  writeFileSync(at('authorized_keys'), readFileSync(at('client_key.pub')));
  chmodSync(at('authorized_keys'), 0o600);
  const port = await freePort();
  writeFileSync(
    at('sshd_config'),
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${at('host_key')}\nAuthorizedKeysFile ${at('authorized_keys')}\n` +
      'PasswordAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPidFile none\n',
  );
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' });
  await waitFor('the ssh server', () => canConnect(port));
  const shell = `ssh -p ${port} -i ${at('client_key')} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`;
  return { pid: child.pid!, shell, host: `${userInfo().username}@127.0.0.1`, stop: () => stopProcess(child) };
}

/** lsyncd with delay 0, replicating `source` to an rsync target (a directory or an rsync:// address). Ready once its first synchronization is over. */
export async function startLsyncd(scratch: string, source: string, target: string): Promise<Peer> {
  mkdirSync(scratch, { recursive: true });
  const config = join(scratch, 'lsyncd.lua');
  const log = join(scratch, 'lsyncd.log');
  writeFileSync(log, '');
  writeFileSync(
    config,
    `settings { logfile = "${log}", nodaemon = true, inotifyMode = "CloseWrite" }\n` +
      `sync { default.rsync, source = "${source}", target = "${target}", delay = 0, rsync = { archive = true } }\n`,
  );
  const child = spawn('lsyncd', [config], { stdio: 'ignore' });
  await waitFor('lsyncd', () => readFileSync(log, 'utf8').includes('Startup of'));
  return { pid: child.pid!, stop: () => stopProcess(child) };
}

const SCAN_TIMEOUT_MS = 20 * 60_000;

/** Syncthing with one folder and nobody to share it with, no discovery, no reports. Ready when the folder is scanned and idle. */
export async function startSyncthing(scratch: string, folder: string, files: number): Promise<Peer> {
  const home = join(scratch, 'home');
  mkdirSync(home, { recursive: true });
  const environment = { ...process.env, HOME: scratch, STNOUPGRADE: '1' };
  await run('syncthing', ['generate', `--home=${home}`, '--skip-port-probing'], { env: environment });
  const configuration = join(home, 'config.xml');
  const off = ['globalAnnounceEnabled', 'localAnnounceEnabled', 'relaysEnabled', 'natEnabled', 'crashReportingEnabled'];
  let text = readFileSync(configuration, 'utf8').replace(/(<folder id="default"[^>]* path=")[^"]*/, `$1${folder}`);
  for (const name of off) text = text.replace(`<${name}>true<`, `<${name}>false<`);
  text = text.replace('<listenAddress>default<', `<listenAddress>tcp://127.0.0.1:${await freePort()}<`);
  writeFileSync(configuration, text);
  mkdirSync(join(folder, '.stfolder'), { recursive: true });
  const port = await freePort();
  const key = 'mainstay-bench';
  const child = spawn(
    'syncthing',
    [
      'serve',
      `--home=${home}`,
      '--no-browser',
      '--no-restart',
      `--gui-address=127.0.0.1:${port}`,
      `--gui-apikey=${key}`,
    ],
    { stdio: 'ignore', env: environment },
  );
  try {
    await eventually('syncthing has scanned', SCAN_TIMEOUT_MS, async () => {
      const address = `http://127.0.0.1:${port}/rest/db/status?folder=default`;
      const answer = await fetch(address, { headers: { 'X-API-Key': key } });
      const { state, localFiles } = (await answer.json()) as { state: string; localFiles: number };
      return state === 'idle' && localFiles >= files ? true : undefined;
    });
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
  const worker = childOf(child.pid!);
  const stop = async () => {
    if (worker !== child.pid) process.kill(worker, 'SIGKILL');
    await stopProcess(child);
  };
  return { pid: worker, stop };
}

/** What is started only watches over the process that does the work. */
function childOf(pid: number): number {
  const isChild = (id: string): boolean => {
    try {
      return / \S (\d+) /.exec(readFileSync(`/proc/${id}/stat`, 'utf8').replace(/\(.*\)/, ''))?.[1] === String(pid);
    } catch {
      return false;
    }
  };
  return Number(readdirSync('/proc').find((id) => /^\d+$/.test(id) && isChild(id)) ?? pid);
}

/** Runs `rsync -a` and returns the seconds from its start to its end. */
export async function timeRsync(args: readonly string[]): Promise<number> {
  const started = performance.now();
  await run('rsync', ['-a', ...args]);
  return (performance.now() - started) / 1000;
}

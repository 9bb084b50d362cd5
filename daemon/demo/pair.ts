/**
 * Sets up the demo's pair through the product's own command line, exactly as the README tells an administrator to:
 * two engines, pairing, a profile for the console, a scenario, run.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));
const READY_TIMEOUT_MS = 20_000;
const COMMAND_TIMEOUT_MS = 120_000;

export interface DemoPaths {
  readonly top: string;
  readonly masterRoot: string;
  readonly replicaRoot: string;
  readonly profile: string;
}

export const MASTER = 'web-01';
export const REPLICA = 'web-02';
export const SCENARIO = 'web-sites';

export function programArguments(...args: string[]): string[] {
  return ['--disable-warning=ExperimentalWarning', PROGRAM, ...args];
}

/** Runs one `mainstay` command; resolves with its stdout, rejects with its stderr. */
export function mainstay(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, programArguments(...args), options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`mainstay ${args.join(' ')} failed (${String(error.code)}): ${stderr.trim()}`));
    });
  });
}

export interface DemoEngine {
  readonly name: string;
  readonly address: string;
  readonly process: ChildProcess;
}

/** Starts an engine and waits until it says `ready ADDRESS …`. */
export async function startEngine(paths: DemoPaths, name: string): Promise<DemoEngine> {
  const data = join(paths.top, name);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const log = openSync(join(paths.top, `${name}.stderr`), 'a');
  const child = spawn(
    process.execPath,
    programArguments('daemon', '--data', data, '--name', name, '--listen', '127.0.0.1:0'),
    {
      stdio: ['ignore', 'pipe', log],
    },
  );
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    const timer = setTimeout(
      () => reject(new Error(`the engine ${name} did not get ready; see ${paths.top}/${name}.stderr`)),
      READY_TIMEOUT_MS,
    );
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      const ready = /^ready\b.*?((?:127\.0\.0\.1|\[::1\]|localhost):\d+)/m.exec(output);
      if (ready === null) return;
      clearTimeout(timer);
      resolve(ready[1]!);
    });
    child.once('exit', (code) =>
      reject(new Error(`the engine ${name} ended with ${code}; see ${paths.top}/${name}.stderr`)),
    );
  });
  return { name, address, process: child };
}

/** The invitation in the output of `pair invite --json`. */
function inviteOf(output: string): string {
  const answer = JSON.parse(output) as { invite?: string; token?: string };
  const invite = answer.invite ?? answer.token;
  if (invite === undefined) throw new Error('pair invite gave no invitation');
  return invite;
}

export async function pairAndCreate(paths: DemoPaths, master: DemoEngine, replica: DemoEngine): Promise<void> {
  const data = (name: string): string => join(paths.top, name);
  const forHost = inviteOf(await mainstay('pair', 'invite', '--data', data(REPLICA), '--role', 'peer', '--json'));
  await mainstay('pair', 'accept', forHost, '--data', data(MASTER), '--json');
  for (const name of [MASTER, REPLICA]) {
    const forConsole = inviteOf(await mainstay('pair', 'invite', '--data', data(name), '--role', 'super', '--json'));
    await mainstay('pair', 'accept', forConsole, '--profile', paths.profile, '--json');
  }
  const document = {
    name: SCENARIO,
    serverType: 'custom',
    solution: 'ha',
    master: { name: MASTER, address: master.address },
    replicas: [{ name: REPLICA, address: replica.address }],
    roots: [{ master: paths.masterRoot, replica: paths.replicaRoot }],
  };
  const file = join(paths.top, 'scenario.json');
  writeFileSync(file, `${JSON.stringify(document, undefined, 2)}\n`);
  await mainstay('scenario', 'create', file, '--data', data(MASTER), '--json');
  // So that what the console can do with the past has a past.
  await mainstay('scenario', 'set', SCENARIO, `recovery.dataRewind@${REPLICA}=on`, '--data', data(MASTER), '--json');
}

/** Registered scripts: files in `DATA/scripts/` that nobody but the engine's account (or root) can change. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../../shared/faults.ts';
import { codeOf, translating } from '../system-fault.ts';

const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const OUTPUT_BYTES = 64 * 1024;
/** A program that ignores being asked to end. */
const KILL_AFTER_MS = 2_000;
const LAST_OUTPUT_MS = 1_000;
const WRITABLE_BY_OTHERS = 0o022;
/** What was registered: one line a script, its SHA-256 in hex, two blanks, its name. */
const HASHES = '.sha256';
const HASH_LENGTH = 64;
const PASSED_ON = ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR', 'LANG'] as const;

export interface Outcome {
  readonly exitCode: number | undefined;
  readonly timedOut: boolean;
  readonly output: string;
}

export class RegisteredScripts {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  confirm(name: string): void {
    this.pathOf(name);
  }

  async run(
    name: string,
    variables: Readonly<Record<string, string>>,
    timeoutMs: number,
    args: readonly string[] = [],
  ): Promise<Outcome> {
    const path = this.pathOf(name);
    const passed = PASSED_ON.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]));
    const child = spawn(path, args, {
      cwd: this.folder,
      env: { ...Object.fromEntries(passed), ...variables },
      // A group of its own, so that what it starts can be ended with it.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    // Heard from the beginning: it may come together with the end of the program.
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    let output = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      const whole = Buffer.concat([output, chunk]);
      output = whole.subarray(Math.max(0, whole.length - OUTPUT_BYTES));
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    let timedOut = false;
    const end = (signal: NodeJS.Signals): void => endGroup(child.pid, signal);
    const limit = setTimeout(() => {
      timedOut = true;
      end('SIGTERM');
    }, timeoutMs);
    const harder = setTimeout(() => end('SIGKILL'), timeoutMs + KILL_AFTER_MS);
    try {
      const exitCode = await new Promise<number | undefined>((resolve, reject) => {
        child.on('error', reject);
        child.on('exit', (code) => resolve(code ?? undefined));
      });
      // What it left behind would go on writing into a view that is gone.
      end('SIGKILL');
      await closing(closed);
      return { exitCode, timedOut, output: output.toString('utf8') };
    } catch (error) {
      throw new Fault('SCRIPT-UNSAFE', { name, reason: `it cannot be run (${codeOf(error)})` }, error);
    } finally {
      clearTimeout(limit);
      clearTimeout(harder);
    }
  }

  /** It is what the administrator registered, byte for byte (store/script-folder.ts). */
  private refuseChanged(name: string, path: string): void {
    const text = translating(path, () => readIfPresent(join(this.folder, HASHES)));
    const registered = text.split('\n').find((line) => line.slice(HASH_LENGTH + 2) === name);
    if (registered === undefined)
      throw new Fault('SCRIPT-UNSAFE', { name, reason: 'it was put there without being registered' });
    const hash = translating(path, () => createHash('sha256').update(readFileSync(path)).digest('hex'));
    if (registered.slice(0, HASH_LENGTH) !== hash)
      throw new Fault('SCRIPT-UNSAFE', { name, reason: 'it was changed since it was registered' });
  }

  private pathOf(name: string): string {
    if (!NAME.test(name) || name === HASHES) throw new Fault('SCRIPT-NOT-FOUND', { name });
    const path = join(this.folder, name);
    const stat = translating(path, () => lstatSync(path, { throwIfNoEntry: false }));
    if (stat === undefined) throw new Fault('SCRIPT-NOT-FOUND', { name });
    if (!stat.isFile()) throw new Fault('SCRIPT-UNSAFE', { name, reason: 'it is not a file' });
    this.refuseChanged(name, path);
    if (process.platform === 'win32') return path;
    const own = stat.uid === 0 || stat.uid === process.getuid?.();
    if (!own) throw new Fault('SCRIPT-UNSAFE', { name, reason: 'it belongs to another account' });
    if ((stat.mode & WRITABLE_BY_OTHERS) !== 0)
      throw new Fault('SCRIPT-UNSAFE', { name, reason: 'others may change it' });
    return path;
  }
}

function readIfPresent(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** What it wrote last is still in the pipes; a program that left its group may keep them open for ever. */
async function closing(closed: Promise<void>): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    limit = setTimeout(resolve, LAST_OUTPUT_MS);
  });
  await Promise.race([closed, enough]);
  clearTimeout(limit);
}

/** The program and what it started; nothing when they are gone. */
function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

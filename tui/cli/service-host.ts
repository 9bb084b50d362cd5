/** The operating system's service control, for `mainstay service`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Fault } from '../../shared/faults.ts';

export interface Ran {
  readonly exit: number;
  readonly output: string;
}

export interface ServiceHost {
  readonly system: 'systemd' | 'windows' | 'none';
  readonly node: string;
  readonly defaultData: string;
  absolute(path: string): string;
  /** Makes the directory as well. `utf16`: with a byte order mark, as Windows wants it. */
  write(path: string, text: string, utf16: boolean): void;
  remove(path: string): void;
  read(path: string): string | undefined;
  run(program: string, args: readonly string[]): Ran;
}

export function serviceHost(): ServiceHost {
  const windows = process.platform === 'win32';
  const guarded = <T>(path: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new Fault('FS-DENIED', { path }, error);
    }
  };
  return {
    // systemd(1): this directory exists exactly when systemd is the init of the running system.
    system: windows ? 'windows' : existsSync('/run/systemd/system') ? 'systemd' : 'none',
    node: process.execPath,
    defaultData: windows ? 'C:\\ProgramData\\Mainstay' : '/var/lib/mainstay',
    absolute: (path) => resolve(path),
    write: (path, text, utf16) =>
      guarded(path, () => {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        writeFileSync(path, utf16 ? Buffer.from(`\ufeff${text}`, 'utf16le') : text, { mode: 0o644 });
      }),
    remove: (path) => guarded(path, () => rmSync(path, { force: true })),
    read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
    run: (program, args) => {
      const result = spawnSync(program, [...args], { encoding: 'utf8' });
      if (result.error !== undefined) return { exit: 127, output: result.error.message };
      return { exit: result.status ?? 1, output: `${result.stdout}${result.stderr}`.trim() };
    },
  };
}

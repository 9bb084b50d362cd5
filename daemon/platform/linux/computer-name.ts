/** The name of this computer: the kernel's (uname), and the one that it boots with (hostname(5)). */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { Fault } from '../../../shared/faults.ts';
import { flushParent } from '../node/durable.ts';

const CONFIGURED = '/etc/hostname';
/** A write is sethostname(2), without a tool. */
const RUNNING = '/proc/sys/kernel/hostname';
const MODE = 0o644;

interface Names {
  readonly running: string;
  readonly configured: string;
}

export class LinuxComputerName {
  async unavailable(): Promise<string | undefined> {
    if (process.geteuid?.() !== 0) return 'the engine does not run as root';
    for (const path of [CONFIGURED, RUNNING])
      try {
        accessSync(path, constants.W_OK);
      } catch (error) {
        return `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
      }
    return undefined;
  }

  async read(): Promise<Names> {
    return { running: hostname(), configured: this.configured() };
  }

  /** hostname(5): the first line that is no comment. */
  private configured(): string {
    try {
      const lines = readFileSync(CONFIGURED, 'utf8').split('\n');
      return lines.map((line) => line.trim()).find((line) => line !== '' && !line.startsWith('#')) ?? '';
    } catch (error) {
      throw refused(error);
    }
  }

  async set({ running, configured }: Names): Promise<void> {
    try {
      writeConfigured(`${configured}\n`);
      writeFileSync(RUNNING, running);
    } catch (error) {
      throw refused(error);
    }
  }
}

function writeConfigured(text: string): void {
  const temporary = `${CONFIGURED}.mainstay`;
  writeDurably(temporary, text);
  try {
    renameSync(temporary, CONFIGURED);
    flushParent(CONFIGURED);
  } catch (error) {
    rmSync(temporary, { force: true });
    // A mount point of its own, as in containers.
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    writeDurably(CONFIGURED, text);
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'w', MODE);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function refused(error: unknown): Fault {
  const reason = error instanceof Error ? error.message : String(error);
  return new Fault('REDIRECT-FAILED', { method: 'Switch Computer Name', reason }, error);
}

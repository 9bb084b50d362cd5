/** What the command line touches of its computer: streams, files, clocks. Tests put a memory terminal in its place. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Fault } from '../../shared/faults.ts';

export interface Terminal {
  /** Someone sits there: questions may be asked. */
  readonly interactive: boolean;
  /** Standard output is a terminal: progress may redraw. */
  readonly redraws: boolean;
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Results. */
  out(text: string): void;
  /** Everything else: progress, notes, errors. */
  err(text: string): void;
  ask(question: string): Promise<string>;
  /** Whole text of a file, `-` for standard input; throws `FS-NOT-FOUND`, `FS-DENIED`. */
  readText(path: string): string;
  writeText(path: string, text: string): void;
  wallNow(): number;
  monotonicNow(): number;
  sleep(ms: number): Promise<void>;
  /** Ctrl-C; returns the end of the subscription. */
  onInterrupt(handler: () => void): () => void;
}

export function processTerminal(): Terminal {
  // `mainstay events | head` closes the pipe: that is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  return {
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    redraws: process.stdout.isTTY === true && process.env.TERM !== 'dumb',
    columns: process.stdout.columns ?? 80,
    environment: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    ask: askPerson,
    readText: (path) => withFaults(path, () => decodeText(readFileSync(path === '-' ? 0 : path))),
    writeText: (path, text) => withFaults(path, () => writeFileSync(path, text)),
    wallNow: () => Date.now(),
    monotonicNow: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    onInterrupt: (handler) => {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.removeListener('SIGINT', handler);
        process.removeListener('SIGTERM', handler);
      };
    },
  };
}

/** Windows tools like to write UTF-16 or a byte order mark. */
function decodeText(bytes: Uint8Array): string {
  const mark = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

async function askPerson(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await reader.question(question);
  } finally {
    reader.close();
  }
}

function withFaults<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Fault('FS-NOT-FOUND', { path }, error);
    if (code === 'EACCES' || code === 'EPERM') throw new Fault('FS-DENIED', { path }, error);
    throw new Fault('USAGE', { reason: `"${path}": ${error instanceof Error ? error.message : String(error)}` }, error);
  }
}

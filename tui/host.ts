/**
 * The console's platform file: terminal, signals, clock, log. Whatever happens (quit, a signal, a thrown error), the terminal is
 * put back exactly as it was: alternate screen left, cursor shown, bracketed paste off, raw mode off.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { format } from 'node:util';
import { ESCAPE_DELAY_MS, type Input, KeyDecoder } from './input/decoder.ts';

const PASTE_ON = '\x1b[?2004h';
const PASTE_OFF = '\x1b[?2004l';
/** End of synchronized output, paste off, attributes off, cursor shown, alternate screen left. */
const RESTORE = `\x1b[?2026l${PASTE_OFF}\x1b[0m\x1b[?25h\x1b[?1049l`;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SIGNAL_EXIT: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

export interface TerminalFacts {
  /** Why no full screen can be shown here. */
  readonly refusal?: string;
  readonly colour: boolean;
  readonly ascii: boolean;
  readonly spareRows: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the terminal can do, by its name and the locale. */
export function terminalFacts(streams: TerminalStreams, env: Environment, platform: string): TerminalFacts {
  const term = env.TERM ?? '';
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  const windows = platform === 'win32';
  const ascii = term === 'linux' || (!windows && !/utf-?8/i.test(locale));
  const facts = { colour: (env.NO_COLOR ?? '') === '', ascii, spareRows: windows ? 1 : 0 };
  if (!streams.stdin.isTTY || !streams.stdout.isTTY) return { ...facts, refusal: 'this is not a terminal' };
  if (!windows && (term === 'dumb' || term === ''))
    return { ...facts, refusal: `the terminal "${term}" cannot move its cursor` };
  return facts;
}

export function systemFacts(): {
  readonly env: Environment;
  readonly platform: string;
  readonly streams: TerminalStreams;
} {
  return { env: process.env, platform: process.platform, streams: { stdin: process.stdin, stdout: process.stdout } };
}

/** Milliseconds that only ever grow, for round trips. */
export const monotonicClock = (): number => performance.now();

export const wallClock = (): number => Date.now();

export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

export function every(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms);
  return () => clearInterval(timer);
}

/** Writes a file into the directory the console was started in; answers its path. Throws what the system says. */
export function saveHere(file: string, text: string): string {
  const path = resolve(file);
  writeFileSync(path, text);
  return path;
}

export interface OpenTerminal {
  /** Puts everything back. May be called any number of times. */
  restore(): void;
  write(text: string): void;
}

export interface TerminalHandlers {
  onInput(input: Input): void;
  onResize(columns: number, rows: number): void;
  /** A signal or an error nobody caught: leave with this exit code. */
  onEnd(exitCode: number, error?: unknown): void;
}

export function openTerminal(streams: TerminalStreams, handlers: TerminalHandlers): OpenTerminal {
  const { stdin, stdout } = streams;
  const decoder = new KeyDecoder();
  let cancelFlush: (() => void) | undefined;
  let open = true;

  const onData = (chunk: string): void => {
    cancelFlush?.();
    cancelFlush = undefined;
    for (const input of decoder.push(chunk)) handlers.onInput(input);
    if (decoder.pending) {
      cancelFlush = after(ESCAPE_DELAY_MS, () => {
        for (const input of decoder.flush()) handlers.onInput(input);
      });
    }
  };
  const onResize = (): void => handlers.onResize(stdout.columns, stdout.rows);
  const onSignal = (signal: string): void => handlers.onEnd(SIGNAL_EXIT[signal] ?? 1);
  const onError = (error: unknown): void => handlers.onEnd(1, error);
  // The terminal is gone (closed window, dropped SSH): no write can help, only the end.
  const onGone = (): void => handlers.onEnd(129);
  const onExit = (): void => restore();

  const restore = (): void => {
    if (!open) return;
    open = false;
    cancelFlush?.();
    stdin.off('data', onData);
    stdin.off('end', onGone);
    stdout.off('resize', onResize);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
    process.off('exit', onExit);
    try {
      stdin.setRawMode?.(false);
      stdin.pause();
      stdout.write(RESTORE);
    } catch {
      // the terminal is gone: there is nothing to put back
    }
  };

  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  process.on('exit', onExit);
  stdout.on('resize', onResize);
  stdout.on('error', onGone);
  stdin.setEncoding('utf8');
  stdin.setRawMode?.(true);
  stdin.on('data', onData);
  stdin.on('end', onGone);
  stdin.on('error', onGone);
  stdout.write(PASTE_ON);
  return { restore, write: (text) => void stdout.write(text) };
}

/** While the screen is drawn, `console.*` of any library goes to a file; returns how to give it back. */
export function divertConsole(file: string | undefined): () => void {
  const saved = { ...console };
  const write = (...parts: unknown[]): void => {
    if (file === undefined) return;
    try {
      mkdirSync(dirname(file), { recursive: true });
      appendFileSync(file, `${new Date(wallClock()).toISOString()} ${format(...parts)}\n`, { mode: 0o600 });
    } catch {
      // a log that cannot be written must not take the console down
    }
  };
  const methods = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;
  for (const method of methods) console[method] = write;
  return () => {
    for (const method of methods) console[method] = saved[method];
  };
}

/** A program in a pseudo terminal of its own, as bytes: for how fast it answers a key. The screen itself is `terminal.ts`. */
import { type ChildProcess, spawn } from 'node:child_process';

const PATIENCE_MS = 10_000;

export interface PtyOptions {
  readonly columns: number;
  readonly rows: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Pty {
  readonly #child: ChildProcess;
  #heard = '';
  #listener: (() => void) | undefined;

  /** `command` is a line for sh. */
  constructor(command: string, { columns, rows, environment = {} }: PtyOptions) {
    const line = `stty cols ${columns} rows ${rows}; exec ${command}`;
    const env = { ...process.env, LANG: 'C.UTF-8', TERM: 'xterm-256color', ...environment };
    this.#child = spawn('script', ['-qfec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#heard += text;
      this.#listener?.();
    });
  }

  /** Milliseconds from the key to the arrival of `sign`. */
  async answer(key: string, sign: string): Promise<number> {
    this.#heard = '';
    const started = performance.now();
    this.#child.stdin?.write(key);
    await this.#until(() => this.#heard.includes(sign), `an answer to ${JSON.stringify(key)}`);
    return performance.now() - started;
  }

  /** Waits until it has written this. */
  async see(what: RegExp): Promise<void> {
    await this.#until(() => what.test(this.#heard), String(what));
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`never came: ${what}\n${this.#heard.slice(-2000)}`)), PATIENCE_MS);
    this.#listener = () => {
      if (holds()) resolve();
    };
    this.#listener();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#listener = undefined;
    }
  }

  close(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}

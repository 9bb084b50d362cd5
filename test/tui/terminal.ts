/** A real terminal for journeys: a shell in a tmux of its own, keys in, screen out. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';

const PATIENCE_MS = 20_000;

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Terminal {
  readonly #socket = `mainstay-test-${process.pid}-${randomUUID().slice(0, 8)}`;

  constructor(options: TerminalOptions) {
    const environment = Object.entries({ LANG: 'C.UTF-8', ...options.environment });
    const settings = environment.flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', String(options.columns), '-y', String(options.rows)];
    this.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, ...settings, 'sh');
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' });
  }

  screen(): string {
    return this.#tmux('capture-pane', '-p');
  }

  /** Named keys as tmux calls them: `Enter`, `Escape`, `Tab`, `j`. */
  press(...keys: readonly string[]): void {
    for (const key of keys) this.#tmux('send-keys', key);
  }

  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  command(text: string): void {
    this.type(text);
    this.press('Enter');
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Alternate screen, cursor, and what else a program may leave behind. */
  modes(): string {
    return this.#tmux(
      'display-message',
      '-p',
      '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag}',
    ).trim();
  }

  /** Waits until the screen has it; fails with the screen as it is. */
  async see(what: string | RegExp, patienceMs = PATIENCE_MS): Promise<string> {
    const holds = (screen: string) => (typeof what === 'string' ? screen.includes(what) : what.test(screen));
    return this.seeThat(`"${what}"`, holds, patienceMs);
  }

  async seeNot(what: string): Promise<string> {
    return this.seeThat(`no "${what}"`, (screen) => !screen.includes(what));
  }

  /** Waits until the screen is as `holds` says; fails with the screen as it is. */
  async seeThat(what: string, holds: (screen: string) => boolean, patienceMs = PATIENCE_MS): Promise<string> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const screen = this.screen();
      if (holds(screen)) return screen;
      if (performance.now() > deadline) throw new Error(`never on the screen: ${what}\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  close(): void {
    try {
      this.#tmux('kill-server');
    } catch {
      // it ended by itself
    }
  }
}

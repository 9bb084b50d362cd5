/** A terminal without a terminal: Ink draws into @xterm/headless, and tests read what a person would see. */
import { Writable } from 'node:stream';
import xterm from '@xterm/headless';
import { render } from 'ink';
import { App } from '../../tui/app.tsx';
import type { ChartSurface } from '../../tui/charts/surface.ts';
import type { ConsoleState } from '../../tui/state.ts';

class FakeOutput extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly terminal: xterm.Terminal;
  readonly written: string[] = [];

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
    // Ink writes "\n" and relies on the terminal driver for the carriage return.
    this.terminal = new xterm.Terminal({ cols: columns, rows, convertEol: true, allowProposedApi: true });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk.toString());
    this.terminal.write(chunk.toString(), done);
  }
}

export interface Screen {
  /** Rows as text, without what follows the last character. */
  readonly rows: readonly string[];
  /** Everything written, with its escape codes. */
  readonly raw: string;
}

/** The first frame of a state. */
export async function draw(state: ConsoleState, surface: ChartSurface): Promise<Screen> {
  const output = new FakeOutput(state.columns, state.rows);
  const shown = { subscribe: () => () => {}, current: () => state };
  const theme = { colour: state.settings.colour, ascii: state.settings.ascii };
  const instance = render(<App shown={shown} theme={theme} surface={() => surface} />, {
    stdout: output as unknown as NodeJS.WriteStream,
    alternateScreen: true,
    incrementalRendering: true,
    interactive: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  await instance.waitUntilRenderFlush();
  await new Promise<void>((resolve) => output.terminal.write('', resolve));
  const buffer = output.terminal.buffer.active;
  const rows = Array.from({ length: state.rows }, (_, row) => buffer.getLine(row)?.translateToString(true) ?? '');
  const raw = output.written.join('');
  instance.unmount();
  output.terminal.dispose();
  return { rows, raw };
}

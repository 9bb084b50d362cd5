/** The console in a real terminal, against pretended daemons: one that answers and one that is down. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { widthOf } from '../../tui/present/text.ts';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';

const PLAY = join(import.meta.dirname, 'play.js');
const NODE = process.execPath;

interface Journey {
  readonly terminal: Terminal;
  readonly directory: string;
  /** Starts the console after writing down how the terminal was. */
  open(mode: string, ...options: readonly string[]): Promise<void>;
  /** Waits for the shell and compares the terminal with how it was. */
  assertRestored(exitCode: number): Promise<void>;
}

function journey(t: ExecutionContext, options: TerminalOptions): Journey {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-tui-'));
  const terminal = new Terminal(options);
  t.teardown(() => {
    terminal.close();
    rmSync(directory, { recursive: true, force: true });
  });
  let modes = '';
  return {
    terminal,
    directory,
    open: async (mode, ...more) => {
      await terminal.see(/[#$] *$/m);
      terminal.command(`echo what was here before; stty -a > ${directory}/before`);
      await terminal.see(/^what was here before$/m);
      modes = terminal.modes();
      const command = [NODE, PLAY, mode, ...more].join(' ');
      terminal.command(
        `sh -c 'echo $$ > ${directory}/pid; CONSOLE_LOG=${directory}/log exec ${command} 2> ${directory}/err'; echo "left with $?"; stty -a > ${directory}/after; echo restored`,
      );
      await terminal.see('MAINSTAY');
    },
    assertRestored: async (exitCode) => {
      const screen = await terminal.see(/^left with \d+$/m);
      t.true(screen.includes(`left with ${exitCode}\n`), screen);
      t.true(screen.includes('what was here before'), screen);
      t.false(screen.includes('MAINSTAY'), screen);
      await terminal.see(/^restored$/m);
      t.is(terminal.modes(), modes);
      t.is(readFileSync(join(directory, 'after'), 'utf8'), readFileSync(join(directory, 'before'), 'utf8'));
    },
  };
}

/** A person reads a dialog before answering; the console ignores faster answers. */
function read(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DIALOG_GUARD_MS + 50));
}

for (const size of [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 36 },
]) {
  test.serial(`open, move, filter, palette, help, run, stop and quit at ${size.columns}x${size.rows}`, async (t) => {
    const { terminal, open, assertRestored } = journey(t, size);
    await open('calm');
    await terminal.see('[ERR ]');
    await terminal.see('hosts 1/2, 1 DOWN');

    terminal.press('/');
    terminal.type('fresh');
    await terminal.see(/>▾ fresh +\[STOP\]/);
    terminal.press('Enter');

    terminal.press('?');
    await terminal.see('Keys: scenarios');
    terminal.press('Escape');
    await terminal.seeNot('Keys: scenarios');

    terminal.press('r');
    await terminal.see('clocks differ: found 3.2 s');
    await read();
    terminal.press('a');
    await terminal.see('Are you sure you want to run scenario "fresh"?');
    await read();
    terminal.press('y');
    await terminal.see(/fresh +\[SYNC\]/);
    await terminal.see('All modifications during synchronization period are replicated');
    await terminal.see(/fresh +\[RUN \]/);

    terminal.press(':');
    await terminal.see('Actions');
    terminal.type('stop');
    await terminal.see(/> stop +x/);
    terminal.press('Enter');
    await terminal.see('Are you sure you want to stop scenario "fresh"?');
    await read();
    terminal.press('Escape');
    await terminal.seeNot('Are you sure');
    await terminal.see(/fresh +\[RUN \]/);
    terminal.press('x');
    await terminal.see('Are you sure you want to stop scenario "fresh"?');
    await read();
    terminal.press('y');
    await terminal.see(/fresh +\[STOP\] +by user/);
    await terminal.see('Stopped by user');

    terminal.press('2');
    await terminal.see('2 fresh:');
    terminal.press(']');
    await terminal.see('/data/assets');
    terminal.press('3', 'k');
    await terminal.see('PAUSED');
    terminal.press('Enter');
    await terminal.see('Event ');
    terminal.press('Escape', 'Escape', 'Escape', 'Escape', 'Escape');
    await terminal.see('1 Scenarios');
    terminal.press('q');
    await assertRestored(0);
  });
}

test.serial('keys typed ahead in one chunk all count', async (t) => {
  const { terminal, open, assertRestored } = journey(t, { columns: 120, rows: 36 });
  await open('calm');
  await terminal.see(/>▾ legacy/);
  terminal.type('jjjk');
  await terminal.see(/> +old-02/);
  terminal.type('jj?');
  await terminal.see('Keys: scenarios');
  terminal.press('Escape');
  terminal.type('gq');
  await assertRestored(0);
});

for (const [signal, code] of [
  ['TERM', 143],
  ['INT', 130],
  ['HUP', 129],
] as const) {
  test.serial(`SIG${signal} leaves the terminal as it was`, async (t) => {
    const { terminal, directory, open, assertRestored } = journey(t, { columns: 80, rows: 24 });
    await open('calm');
    await terminal.see('[ERR ]');
    terminal.press('?');
    await terminal.see('Keys: scenarios');
    process.kill(Number(readFileSync(join(directory, 'pid'), 'utf8')), `SIG${signal}`);
    await assertRestored(code);
  });
}

test.serial('an error nobody caught leaves the terminal as it was and says what it was', async (t) => {
  const { directory, open, assertRestored } = journey(t, { columns: 80, rows: 24 });
  await open('throw');
  await assertRestored(1);
  t.regex(readFileSync(join(directory, 'err'), 'utf8'), /thrown on purpose/);
});

test.serial('5,000 events a second neither stop the keys nor lose what the ring holds', async (t) => {
  const { terminal, open, assertRestored } = journey(t, { columns: 120, rows: 36 });
  await open('busy');
  await terminal.see(/ev \d\.\dk\/s/);
  terminal.press('3', 'k');
  const paused = await terminal.see('PAUSED');
  const row = />.* change (\d+) replicated/.exec(paused);
  t.not(row, null, paused);
  await terminal.see(/PAUSED \(\+\d{4,} new/);
  t.true(terminal.screen().includes(`change ${row![1]} replicated`), 'the reader stays where he was');
  terminal.press('G');
  await terminal.see('LIVE');
  terminal.press('q');
  await assertRestored(0);
});

test.serial('a restore is followed over a lost connection and a resize, among 100,000 points', async (t) => {
  const terminal = new Terminal({ columns: 80, rows: 24 });
  t.teardown(() => terminal.close());
  await terminal.see(/[#$] *$/m);
  terminal.command(`${NODE} ${join(import.meta.dirname, 'play-recovery.js')}; echo "left with $?"`);
  await terminal.see(/web-shop +\[STOP\]/);
  terminal.press('w');
  await terminal.see('200 rewind points on web-02');
  terminal.press('Enter');
  await terminal.see(/1-10 of 100,000/);
  terminal.press('G');
  await terminal.see(/>.*SYNC +After synchronization/);
  terminal.press('g');
  // Typed ahead in one go: all count, and none goes further than one page.
  terminal.type('jjjjj');
  await terminal.see(/>.*BOOKMARK +before deployment 5/);
  terminal.press('Enter');
  await terminal.see('(*) Block Synchronization');
  await read();
  terminal.press('Enter');
  await terminal.see('Type the name web-shop to go on');
  terminal.type('web-shop');
  await terminal.see('[>Restore<]');
  await read();
  terminal.press('Enter');
  await terminal.see('Rewinding the Replica');
  terminal.resize(120, 36);
  await terminal.see('No connection to the host');
  await terminal.see(/conn OK|hosts 1\/1/);
  await terminal.see('The restore is over');
  const told = await terminal.see('Rewind process is completed successfully');
  t.regex(told, /└─+┘/);
  terminal.press('Escape');
  await terminal.see('1 Scenarios');
  terminal.press('q');
  await terminal.see(/^left with 0/m);
});

test.serial('after a storm of resizes the screen is exact', async (t) => {
  const { terminal, open, assertRestored } = journey(t, { columns: 120, rows: 36 });
  await open('empty');
  await terminal.see('No scenario yet.');
  for (const [columns, rows] of [
    [80, 24],
    [200, 50],
    [61, 16],
    [40, 10],
    [150, 40],
    [79, 23],
    [120, 36],
  ] as const)
    terminal.resize(columns, rows);
  const straight = (row: string): boolean => /^[┌│└].*[┐│┘]$/u.test(row) && widthOf(row) === 120;
  const settled = await terminal.seeThat('straight borders at 120x36', (screen) =>
    screen.split('\n').slice(1, 34).every(straight),
  );
  for (const title of ['MAINSTAY', '1 Scenarios', '2 Quick start', '3 Events', '4 Hosts']) {
    t.is(settled.split(title).length, 2, title);
  }
  terminal.press('q');
  await assertRestored(0);
});

test.serial('the console makes do with a read-only view and an ASCII terminal', async (t) => {
  const { terminal, open, assertRestored } = journey(t, { columns: 100, rows: 30 });
  await open('calm', '--readonly', '--ascii');
  await terminal.see('READ-ONLY');
  await terminal.see('[ERR ]');
  const screen = await terminal.see('+-1 Scenarios');
  t.regex(screen, /^[\x20-\x7e\n]*$/);
  terminal.press('r');
  await terminal.see('--readonly');
  t.false(terminal.screen().includes('Are you sure'));
  terminal.press('q');
  await assertRestored(0);
});

test.serial('without a terminal, or on a dumb one, it refuses and names the command line', async (t) => {
  const refused = await new Promise<{ code: unknown; stderr: string; stdout: string }>((resolve) => {
    execFile(NODE, [PLAY, 'calm'], (error, stdout, stderr) => resolve({ code: error?.code, stderr, stdout }));
  });
  t.is(refused.code, 4);
  t.regex(refused.stderr, /not a terminal; use the command line instead: mainstay status/);
  t.is(refused.stdout, '');
  const { terminal } = journey(t, { columns: 80, rows: 24, environment: {} });
  terminal.command(`TERM=dumb ${NODE} ${PLAY} calm; echo "left with $?"`);
  const screen = await terminal.see(/^left with 4$/m);
  t.true(screen.includes('mainstay status'));
});

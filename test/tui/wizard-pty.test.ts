/** Every page of the restore wizard in a real terminal that is resized again and again: the frame ends exact, and Esc never quits. */
import { join } from 'node:path';
import test from 'ava';
import { widthOf } from '../../tui/present/text.ts';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { Terminal } from './terminal.ts';

const PLAY = join(import.meta.dirname, 'play-recovery.js');
const SIZES = [
  [120, 36],
  [61, 16],
  [200, 50],
  [40, 10],
  [79, 23],
  [100, 28],
] as const;
const COLUMNS = 80;
const ROWS = 24;

function read(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DIALOG_GUARD_MS + 50));
}

function isExact(screen: string): boolean {
  const rows = screen.split('\n');
  const inside = rows.slice(1, ROWS - 2);
  const straight = (row: string) => /^[┌│└].*[┐│┘]$/u.test(row) && widthOf(row) === COLUMNS;
  return inside.every(straight) && inside.filter((row) => row.startsWith('┌')).length === 1;
}

test('a storm of sizes on each page of the wizard ends with an exact frame, and nothing typed is lost', async (t) => {
  t.timeout(90_000);
  const terminal = new Terminal({ columns: COLUMNS, rows: ROWS });
  t.teardown(() => terminal.close());
  const storm = async (page: string, title: string): Promise<void> => {
    for (const [columns, rows] of SIZES) terminal.resize(columns, rows);
    terminal.resize(COLUMNS, ROWS);
    const screen = await terminal.seeThat(`the exact page ${page}`, (shown) => isExact(shown) && shown.includes(page));
    t.is(screen.split(title).length, 2, `${page}: one title`);
  };
  await terminal.see(/[#$] *$/m);
  terminal.command(`${process.execPath} ${PLAY}; echo "left with $?"`);
  await terminal.see(/web-shop +\[STOP\]/);
  terminal.press('w');
  await terminal.see('200 rewind points on web-02');
  await storm('[Method]', 'Restore Data: web-shop');
  terminal.press('Enter');
  await terminal.see(/1-10 of 100,000/);
  terminal.press('b');
  await terminal.see(/>.*BOOKMARK +before deployment 5/);
  await storm('[Point]', 'Restore Data: web-shop');
  terminal.press('f', 'Down');
  terminal.type('2h');
  await terminal.see(/> From +2h/);
  await storm('Filter Rewind Points', 'Restore Data: web-shop');
  t.regex(terminal.screen(), /> From +2h/);
  terminal.press('Escape');
  await terminal.see(/>.*BOOKMARK +before deployment 5/);
  terminal.press('p');
  await terminal.see('[Preview]');
  await storm('[Preview]', 'Restore Data: web-shop');
  terminal.press('w');
  await terminal.see('(*) Block Synchronization');
  await storm('[Synchronization]', 'Restore Data: web-shop');
  await read();
  terminal.press('Enter');
  await terminal.see('Type the name web-shop to go on');
  terminal.type('web-s');
  await storm('[Confirm]', 'Restore Data: web-shop');
  await terminal.see('> web-s');
  terminal.type('hop');
  await terminal.see('[>Restore<]');
  await read();
  terminal.press('Enter');
  await terminal.see('Rewinding the Replica');
  // The connection breaks and comes back meanwhile.
  await storm('[Progress]', 'Restore Data: web-shop');
  terminal.press('Escape');
  await terminal.see('it goes on without this window; w shows it again');
  terminal.press('Escape', 'Escape', 'Escape');
  await terminal.see('1 Scenarios');
  t.notRegex(terminal.screen(), /left with/);
  terminal.press('q');
  await terminal.see(/^left with 0/m);
});

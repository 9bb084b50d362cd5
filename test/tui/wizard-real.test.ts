/**
 * The restore wizard over two real daemons, twice on the screen: figures of the history against the disk, two restores started at
 * once, and a daemon killed in the middle of one.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parseBytes } from '../../shared/units.ts';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { eventually, mainstay, oracle, Pair } from '../hosts/rig.ts';
import { Terminal } from './terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));
const FILES = 2_000;
const FOLDERS = 30;
/** The figures round to three digits, and a segment of the log may be written between them and du. */
const TOLERANCE = 0.05;

function read(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DIALOG_GUARD_MS + 50));
}

function fill(root: string, text: (n: number) => string): void {
  for (let n = 0; n < FILES; n += 1) {
    if (n < FOLDERS) mkdirSync(join(root, `d${n}`), { recursive: true });
    writeFileSync(join(root, `d${n % FOLDERS}`, `file${n}.txt`), text(n));
  }
}

async function profileOf(pair: Pair): Promise<string> {
  const profile = join(pair.top, 'profile', 'prod.json');
  for (const host of [pair.master, pair.replica]) {
    const { invite } = JSON.parse(await host.must('pair', 'invite', '--role', 'super', '--json')) as { invite: string };
    const result = await mainstay(['pair', 'accept', invite, '--profile', profile, '--json']);
    if (result.code !== 0) throw new Error(result.stderr);
  }
  return profile;
}

/** What the disk says of the history of a Replica: kept objects beside the root, log in the data directory. */
function onDisk(pair: Pair): number {
  const find = (top: string, name: string) =>
    readdirSync(top, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name === name)
      .map(({ parentPath, name: own }) => join(parentPath, own));
  const places = [...find(join(pair.replicaRoot, '..'), 'kept'), ...find(pair.replica.data, 'journal')];
  const out = execFileSync('du', ['-sc', '--block-size=1', ...places], { encoding: 'utf8' });
  return Number(/^(\d+)\s+total$/m.exec(out)?.[1]);
}

async function openConsole(pair: Pair, profile: string, terminal: Terminal): Promise<void> {
  await terminal.see(/[#$] *$/m);
  terminal.command(`${process.execPath} ${PROGRAM} console --profile ${profile}; echo "left with $?"`);
  await terminal.see('hosts 2/2');
  await terminal.see(new RegExp(`${pair.scenario} +\\[`));
}

async function toQuestion(terminal: Terminal): Promise<void> {
  terminal.press('w');
  await terminal.see('The Replica is set back to a moment you pick');
  await read();
  terminal.press('Enter');
  await terminal.see('[Point]');
  await terminal.see(/>\d{4}-/);
  terminal.press('b');
  await terminal.see(/>.*BOOKMARK +before the mistake/);
  await read();
  terminal.press('Enter');
  await terminal.see('(*) Block Synchronization');
  await read();
  terminal.press('Enter');
  await terminal.see('Type the name shop to go on');
  terminal.type('shop');
  await terminal.see('[>Restore<]');
  await read();
}

test('figures as on the disk, two restores at once, and a daemon killed in the middle of one', async (t) => {
  t.timeout(180_000);
  const pair = await Pair.start({ scenario: 'shop' });
  const small = new Terminal({ columns: 80, rows: 24 });
  const large = new Terminal({ columns: 120, rows: 36 });
  try {
    fill(pair.masterRoot, (n) => `order ${n}\n`.repeat(400));
    await pair.createScenario();
    await pair.master.must('scenario', 'set', 'shop', 'recovery.dataRewind@beta=on');
    await pair.run();
    const profile = await profileOf(pair);
    const kept = join(pair.top, 'as it was');
    await pair.barrier();
    await pair.master.must('bookmark', 'shop', 'before the mistake');
    execFileSync('rsync', ['-aHX', `${pair.masterRoot}/`, `${kept}/`]);
    fill(pair.masterRoot, (n) => `MISTAKE ${n}\n`.repeat(300));
    t.is(await pair.differences(), '');

    await openConsole(pair, profile, small);
    await openConsole(pair, profile, large);
    const used = onDisk(pair);
    t.true(used > FILES * 4096, `du: ${used}`);
    for (const terminal of [small, large]) {
      terminal.press('5');
      const screen = await terminal.see(/On disk +[\d.,]+ \w+/);
      const shown = parseBytes(/On disk +([\d.,]+ \w+)/.exec(screen)?.[1]?.replaceAll(',', '') ?? '') ?? Number.NaN;
      t.log(`shown ${shown}, du ${used}`);
      t.true(Math.abs(shown - used) <= used * TOLERANCE, `shown ${shown}, du ${used}`);
      t.regex(screen, /History +.*\(since \d{4}-.* of .* asked/);
      t.regex(screen, /Growth +/);
      t.regex(screen, /Points +2,\d{3}, 1 bookmark/);
    }
    await pair.stopScenario();
    for (const terminal of [small, large]) {
      terminal.press('1');
      await terminal.see(/shop +\[STOP\]/);
    }

    // Both are at the question; both names are typed; both press Enter at once.
    await toQuestion(small);
    await toQuestion(large);
    small.press('Enter');
    large.press('Enter');
    const working = /Rewinding the Replica|Synchronizing back to the Master|Finishing/;
    const refused = /being restored|restored meanwhile|changed while the question was open|under way/;
    const first = await eventually('one of them restores', 20_000, () =>
      [small, large].find((terminal) => working.test(terminal.screen())),
    );
    await pair.replica.kill();
    const second = first === small ? large : small;
    const told = await second.see(refused);
    t.notRegex(told, working, 'only one of them began');

    // The Replica is dead: the screen says so; alive again it goes on, and the end is told.
    await first.see(/does not answer|NOT CONNECTED|1 DOWN|No connection/);
    await pair.replica.start();
    await first.see('hosts 2/2', 40_000);
    const end = await first.see(/\[Result\]|It failed/, 60_000);
    t.notRegex(end, /It failed/);
    t.regex(end, /Rewind process is completed successfully|The restore is over/);
    t.is(await oracle(kept, pair.masterRoot), '', 'the Master has every byte it had at the bookmark');
    t.is(await oracle(kept, pair.replicaRoot), '');
    const begun = (await pair.master.events()).filter(({ code }) => code === 'RST-001').length;
    t.is(begun, 1, 'restored once');
  } finally {
    small.close();
    large.close();
    await pair.remove();
  }
});

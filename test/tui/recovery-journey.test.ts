/** Data Rewind in a real terminal over two real engines, as an administrator does it: bookmark, damage, wizard, undo. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { mainstay, oracle, Pair } from '../hosts/rig.ts';
import { Terminal } from './terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));
const FILES = 120;

function read(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DIALOG_GUARD_MS + 50));
}

function fill(root: string): void {
  for (let n = 0; n < FILES; n += 1) {
    mkdirSync(join(root, `orders${n % 4}`), { recursive: true });
    writeFileSync(join(root, `orders${n % 4}`, `order${n}.txt`), `order ${n}\nopen\npaid\n`);
  }
}

/** What ransomware leaves: files encrypted in place, some gone, and a note. */
function damage(root: string): void {
  for (const folder of readdirSync(root)) {
    for (const name of readdirSync(join(root, folder))) {
      const path = join(root, folder, name);
      if (name.endsWith('9.txt')) rmSync(path);
      else writeFileSync(path, `ENCRYPTED ${name}\n`);
    }
    writeFileSync(join(root, folder, 'PAY_US.txt'), 'send coins\n');
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

test('bookmark, damage, preview, rewind back to the Master, and undo of it, in one sitting', async (t) => {
  t.timeout(120_000);
  const pair = await Pair.start({ scenario: 'shop' });
  const terminal = new Terminal({ columns: 80, rows: 24 });
  try {
    fill(pair.masterRoot);
    await pair.createScenario();
    await pair.master.must('scenario', 'set', 'shop', 'recovery.dataRewind@beta=on');
    await pair.run();
    const profile = await profileOf(pair);
    await terminal.see(/[#$] *$/m);
    terminal.command(`${process.execPath} ${PROGRAM} console --profile ${profile}; echo "left with $?"`);
    await terminal.see('hosts 2/2');
    await terminal.see(/shop +\[RUN \] +protected/);

    terminal.press('b');
    await terminal.see('Name of the bookmark');
    terminal.press('C-u');
    terminal.type('before the damage');
    terminal.press('Enter');
    await terminal.see('the bookmark is set on beta');

    const kept = join(pair.top, 'as it was');
    execFileSync('rsync', ['-aHX', `${pair.masterRoot}/`, `${kept}/`]);
    damage(pair.masterRoot);
    t.is(await pair.differences(), '', 'the damage is on the Replica too');

    // Running: looked at, then stopped from within the wizard.
    terminal.press('w');
    await terminal.see('shop is running; stop it first (x)');
    terminal.press('x');
    await terminal.see('Are you sure you want to stop scenario "shop"?');
    await read();
    terminal.press('y');
    await terminal.see('The Replica is set back to a moment you pick');
    terminal.press('Enter');
    await terminal.see('[Point]');
    await terminal.see(/>.*orders\d\/(order\d+|PAY_US)\.txt/);
    terminal.press('b');
    await terminal.see(/>.*BOOKMARK +before the damage/);
    await terminal.see(/comes back 12 .*lost 4 .*changed 108/);

    terminal.press('p');
    await terminal.see('[Preview]');
    await terminal.see(/- +PAY_US\.txt +lost/);
    terminal.resize(120, 36);
    await terminal.see(/~ +order0\.txt +changes back \d+ B > \d+ B/);
    terminal.press('t');
    await terminal.see(/\+ +order9\.txt +comes back/);
    terminal.press('t', 't');
    await terminal.see('Shown   changes back');
    terminal.press('j', 'Enter');
    await terminal.see('- ENCRYPTED order0.txt');
    t.regex(terminal.screen(), /\+ order 0/);
    terminal.press('Escape');
    await terminal.see('[Preview]');
    terminal.press('e');
    await terminal.see('Into which directory of this computer');
    terminal.press('C-u');
    terminal.type(join(pair.top, 'taken out'));
    terminal.press('Enter');
    await terminal.see('extracted 1 into');
    t.is(readFileSync(join(pair.top, 'taken out', 'order0.txt'), 'utf8'), 'order 0\nopen\npaid\n');
    terminal.press('w');
    await terminal.see('(*) Block Synchronization');
    await read();
    terminal.press('Enter');
    await terminal.see('What was made since then goes: 4 entries');
    terminal.type('shop');
    await terminal.see('[>Restore<]');
    await read();
    terminal.press('Enter');
    await terminal.see(/Rewinding the Replica|Synchronizing back|Finishing|\[Result\]/);
    const result = await terminal.see('Rewind process is completed successfully');
    t.regex(result, /beta: \d+ changes taken back/);
    t.regex(result, /Can be undone +until 2/);
    t.is(await oracle(kept, pair.masterRoot), '', 'the Master has every byte it had at the bookmark');
    t.is(await oracle(kept, pair.replicaRoot), '');

    terminal.press('R');
    await terminal.see(/> .*Synchronization +completed/);
    terminal.press('Escape', 'Escape');
    await terminal.see('[Result]');
    terminal.press('U');
    await terminal.see('Undo the last restore: shop');
    await read();
    terminal.type('shop');
    await terminal.see('[>Undo<]');
    terminal.press('Enter');
    await terminal.see('The last restore is undone');
    t.is(readFileSync(join(pair.masterRoot, 'orders0', 'order0.txt'), 'utf8'), 'ENCRYPTED order0.txt\n');
    t.is(readFileSync(join(pair.masterRoot, 'orders0', 'PAY_US.txt'), 'utf8'), 'send coins\n');
    terminal.press('Escape');
    await terminal.seeNot('The last restore is undone');
    terminal.press('q');
    // A terminal enlarged meanwhile keeps cells of the old screen to the right of it.
    await terminal.see(/^left with 0/m);
  } finally {
    terminal.close();
    await pair.remove();
  }
});

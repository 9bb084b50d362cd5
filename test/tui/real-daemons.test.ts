/** The console in a real terminal over two real engines: what a person does first. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { mainstay, oracle, Pair } from '../hosts/rig.ts';
import { Terminal } from './terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));

function read(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DIALOG_GUARD_MS + 50));
}

/** A profile with both hosts of the pair, made as a person makes it. */
async function profileOf(pair: Pair): Promise<string> {
  const profile = join(pair.top, 'profile', 'prod.json');
  for (const host of [pair.master, pair.replica]) {
    const { invite } = JSON.parse(await host.must('pair', 'invite', '--role', 'super', '--json')) as { invite: string };
    const result = await mainstay(['pair', 'accept', invite, '--profile', profile, '--json']);
    if (result.code !== 0) throw new Error(result.stderr);
  }
  return profile;
}

test('watch an engine pair: run, see it protected, lose a host, get it back, stop, quit', async (t) => {
  t.timeout(120_000);
  const pair = await Pair.start({ scenario: 'shop' });
  const terminal = new Terminal({ columns: 140, rows: 40 });
  try {
    for (let n = 0; n < 200; n += 1) {
      mkdirSync(join(pair.masterRoot, `dir${n % 10}`), { recursive: true });
      writeFileSync(join(pair.masterRoot, `dir${n % 10}`, `file${n}`), `content ${n}\n`);
    }
    await pair.createScenario();
    const profile = await profileOf(pair);

    await terminal.see(/[#$] *$/m);
    terminal.command(`${process.execPath} ${PROGRAM} console --profile ${profile}; echo "left with $?"`);
    await terminal.see('MAINSTAY prod super');
    await terminal.see(/shop +\[STOP\] +never run/);
    await terminal.see('hosts 2/2');

    terminal.press('r');
    await terminal.see(/Are you sure you want to run scenario "shop"\?|Verification found/);
    if (terminal.screen().includes('Verification found')) {
      await read();
      terminal.press('a');
      await terminal.see('Are you sure you want to run scenario "shop"?');
    }
    await read();
    terminal.press('y');
    await terminal.see(/shop +\[RUN \] +protected/);
    await terminal.see('State PROTECTED');
    await terminal.see('All modifications during synchronization period are replicated');
    t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');

    terminal.press('2', ']');
    await terminal.see(pair.masterRoot.slice(-12));
    terminal.press('[', '1');

    await pair.replica.kill();
    await terminal.see('hosts 1/2, 1 DOWN');
    await terminal.see(/\[WARN\] +attention/);
    terminal.press('!');
    await terminal.see(/NOW +ERR +now +beta/);
    terminal.press('Escape');
    await pair.replica.start();
    await terminal.see('hosts 2/2');
    await terminal.see(/shop +\[RUN \] +protected/);

    terminal.press('x');
    await terminal.see('Are you sure you want to stop scenario "shop"?');
    await read();
    terminal.press('y');
    await terminal.see(/shop +\[STOP\] +by user/);
    await terminal.see('Stopped by user');
    terminal.press('q');
    await terminal.see(/^left with 0$/m);
  } finally {
    terminal.close();
    await pair.remove();
  }
});

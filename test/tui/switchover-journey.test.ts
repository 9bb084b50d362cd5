/** Switchover, switchback and a dead Master in a real terminal over two real engines, as an administrator does it at 80x24. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { eventually, mainstay, oracle, Pair } from '../hosts/rig.ts';
import { Terminal } from './terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));
const SIZE = { columns: 80, rows: 24 };

function read(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DIALOG_GUARD_MS + 50));
}

function fill(root: string): void {
  for (let n = 0; n < 60; n += 1) {
    mkdirSync(join(root, `d${n % 6}`), { recursive: true });
    writeFileSync(join(root, `d${n % 6}`, `f${n}`), `file ${n}\n`);
  }
}

async function consoleOver(pair: Pair, terminal: Terminal): Promise<void> {
  const profile = join(pair.top, 'profile', 'prod.json');
  for (const host of [pair.master, pair.replica]) {
    const { invite } = JSON.parse(await host.must('pair', 'invite', '--role', 'super', '--json')) as { invite: string };
    const result = await mainstay(['pair', 'accept', invite, '--profile', profile, '--json']);
    if (result.code !== 0) throw new Error(result.stderr);
  }
  await terminal.see(/[#$] *$/m);
  terminal.command(`${process.execPath} ${PROGRAM} console --profile ${profile}; echo "left with $?"`);
  await terminal.see('hosts 2/2');
  await terminal.see(/shop +\[RUN \] +protected/);
}

test.serial(
  'a switchover and the way back, each with its dry run, the typed name and the time of every step',
  async (t) => {
    t.timeout(40_000);
    const pair = await Pair.protectedPair(
      { scenario: 'shop', settings: { 'switchover.reverseAutomatic': true } },
      fill,
    );
    const terminal = new Terminal(SIZE);
    try {
      await consoleOver(pair, terminal);
      writeFileSync(join(pair.masterRoot, 'last change'), 'x');
      terminal.press('6');
      await terminal.see('Roles  active: alpha, epoch 1');
      terminal.press('s');
      await terminal.see('Move the users of "shop" from alpha to beta?');
      await terminal.see('Data at risk: none, 0 B, 0 s');
      await terminal.see('Dry run  nothing of this was done');
      await read();
      terminal.type('sho');
      terminal.press('Enter');
      await terminal.see('type "shop" first');
      terminal.type('p');
      await terminal.see('[>Switch over<]');
      await read();
      terminal.press('Enter');
      const over = await terminal.see('Switchover completed: beta is active in epoch 2');
      t.regex(over, /users were cut off for\s+│?\n?.*about \d+|users were cut off for about \d+/);
      for (const step of [1, 2, 3, 4, 6, 7])
        t.regex(over, new RegExp(`\\[done\\] ${step} .*\\d+(\\.\\d+)? m?s`), `${step}`);
      t.regex(over, /\[done\] 8 /);
      t.true(existsSync(join(pair.replicaRoot, 'last change')));
      await read();
      terminal.press('Enter');
      await terminal.see(/Roles {2}active: beta, epoch 2 {2}backward/);
      terminal.press('1');
      await terminal.see(/shop +\[RUN \] +protected/);
      writeFileSync(join(pair.replicaRoot, 'made on beta'), 'beta');

      terminal.press('s');
      await terminal.see('Switchback: shop');
      await terminal.see('[ Switch over ]');
      await read();
      terminal.type('shop');
      await terminal.see('[>Switch over<]');
      await read();
      terminal.press('Enter');
      await terminal.see('Switchover completed: alpha is active in epoch 3');
      await pair.master.must('wait', 'shop', '--state', 'protected', '--timeout', '30');
      await pair.master.must('barrier', 'shop', '--timeout', '30');
      t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
      terminal.press('q', 'q');
      await terminal.see(/^left with 0$/m);
    } finally {
      terminal.close();
      await pair.remove();
    }
  },
);

test.serial(
  'a Master that died is replaced after its fencing and the name were typed; what only it had is compared and taken out',
  async (t) => {
    t.timeout(60_000);
    const pair = await Pair.protectedPair(
      { scenario: 'shop', settings: { 'switchover.reverseAutomatic': true } },
      fill,
    );
    const terminal = new Terminal(SIZE);
    try {
      await consoleOver(pair, terminal);
      const { master: alpha, replica: beta } = pair;
      process.kill(beta.pid!, 'SIGSTOP');
      writeFileSync(join(pair.masterRoot, 'd1', 'f1'), 'changed on alpha\nnever sent\n');
      await eventually('captured', 15_000, async () => {
        const [own, other] = (await alpha.status('shop'))?.hosts ?? [];
        return (own?.position.seq ?? 0) > (other?.replica?.receivedSeq ?? 0) ? true : undefined;
      });
      await alpha.kill();
      process.kill(beta.pid!, 'SIGCONT');
      await terminal.see('hosts 1/2, 1 DOWN');
      const silentSince = performance.now();
      terminal.press('s');
      await terminal.see('Switchover: shop');
      terminal.press('Escape');
      // The standby calls nobody dead that it heard in the last 15 s; then the console asks for the operator's word.
      await terminal.seeThat(
        'the question of the operator’s word',
        (screen) => {
          if (screen.includes('alpha must be FENCED') && screen.includes('[ Switch over ]')) return true;
          if (screen.includes('Move the users') || screen.includes('was heard')) terminal.press('Escape');
          else if (!screen.includes('alpha must be FENCED') && performance.now() - silentSince > 16_000)
            terminal.press('s');
          return false;
        },
        30_000,
      );
      await terminal.see('Data at risk:');
      await read();
      terminal.type('shop');
      terminal.press('Enter');
      await terminal.see('type "alpha is fenced" first');
      for (let n = 0; n < 4; n += 1) terminal.press('BSpace');
      terminal.type('alpha is fenced');
      await terminal.see('[ok]');
      await read();
      terminal.press('Enter');
      terminal.type('shop');
      await terminal.see('[>Switch over<]');
      await read();
      terminal.press('Enter');
      const over = await terminal.see('Switchover completed: beta is active in epoch 2');
      t.regex(over, /\[skip\] 2 /);
      t.regex(over, /\[done\] 6 /);
      t.like(await beta.status('shop'), { active: 'beta', epoch: 2 });
      terminal.press('Escape');

      // What was in the pipe when alpha died may have reached beta: users change it there.
      writeFileSync(join(pair.replicaRoot, 'd1', 'f1'), 'changed on beta\n');
      await alpha.start();
      await terminal.see('hosts 2/2');
      await eventually('kept', 15_000, async () => {
        const { quarantines } = JSON.parse(await alpha.must('quarantine', '--json')) as { quarantines: unknown[] };
        return quarantines.length === 1 ? true : undefined;
      });
      terminal.press(':');
      terminal.type('quarantine');
      await terminal.see('> quarantine');
      terminal.press('Enter');
      await terminal.see(/> .* alpha .* shop/);
      terminal.press('Enter');
      await terminal.see(/> written .* d1\/f1/);
      terminal.press('Enter');
      const compared = await terminal.see('beta: DIFFERS');
      t.regex(compared, /\+ changed on alpha/);
      t.regex(compared, /- changed on beta/);
      terminal.press('e');
      await terminal.see('Extract d1/f1 into which new directory of alpha?');
      terminal.press('C-u');
      const out = join(pair.top, 'out');
      terminal.type(out);
      await read();
      terminal.press('Enter');
      await terminal.see('1 file extracted on the host');
      t.is(readFileSync(join(out, 'd1', 'f1'), 'utf8'), 'changed on alpha\nnever sent\n');
      terminal.press('t');
      await terminal.see('Put d1/f1 back? Users have the kept version');
      await read();
      terminal.type('shop');
      await terminal.see('[>Put back<]');
      await read();
      terminal.press('Enter');
      await terminal.see('beta: the same');
      t.is(readFileSync(join(pair.replicaRoot, 'd1', 'f1'), 'utf8'), 'changed on alpha\nnever sent\n');
      const { quarantines } = JSON.parse(await beta.must('quarantine', 'shop', '--json')) as {
        quarantines: { id: string; items: number }[];
      };
      t.is(quarantines[0]?.items, 1, 'what users had of it is kept on beta');
      terminal.press('q', 'q');
      await terminal.see(/^left with 0$/m);
    } finally {
      terminal.close();
      await pair.remove();
    }
  },
);

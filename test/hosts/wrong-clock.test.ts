/** Real engines, one with a clock that is wrong by more than a year, set back and forth while it runs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../runner/needing.ts';
import { eventually, oracle, Pair } from './rig.ts';

const DAY_MS = 86_400_000;

/** What makes an engine believe in the offset that a file names (`+400d`); read anew each second. */
function wrongClock(file: string): Record<string, string> {
  const library = execFileSync('faketime', ['-m', '-f', '+0d', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    // Times of files are the kernel's.
    NO_FAKE_STAT: '1',
  };
}

/** Figures in ms of a status: none is negative, and none is as long as the clock is wrong. */
function absurd(value: unknown, path = ''): string[] {
  if (typeof value === 'number') {
    const isSpan = /Ms$/.test(path) && !/(clockAhead|spoolFullIn)Ms$/.test(path);
    return (isSpan && (value < 0 || value > 2 * 3_600_000)) || value < -400 * DAY_MS * 2 ? [`${path}: ${value}`] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => absurd(one, `${path}.${key}`));
}

testNeeding('faketime')(
  'the clock of the Replica is a year ahead, then set back: all is replicated and said',
  async (t) => {
    const pair = await Pair.start();
    const file = join(pair.top, 'offset');
    const at = (...parts: string[]) => join(pair.masterRoot, ...parts);
    try {
      writeFileSync(file, '+400d');
      await pair.replica.stop();
      pair.replica.environment = wrongClock(file);
      await pair.replica.start();
      mkdirSync(at('d'));
      for (let n = 0; n < 30; n += 1) writeFileSync(at('d', `f${n}`), `page ${n}`);
      await pair.createScenario();
      const verified = await pair.master.command('verify', 'web', '--json');
      t.regex(verified.stdout, /CLOCK-DIFFERS/);
      t.regex(verified.stdout, /(399 d 23 h|400 d) ahead/);
      await pair.run();
      const shown = (what: RegExp) =>
        eventually(`status says ${what}`, 30_000, async () =>
          what.test(await pair.master.must('status')) ? true : undefined,
        );
      await shown(/beta: its clock is (399 d 23 h|400 d) ahead/);
      for (const offset of ['-30d', '+400d']) {
        writeFileSync(file, offset);
        writeFileSync(at('d', 'live'), offset);
        renameSync(at('d'), at('e'));
        rmSync(at('e', 'f1'), { force: true });
        await pair.master.must('barrier', 'web', '--timeout', '60');
        t.is(await oracle(pair.masterRoot, pair.replicaRoot), '', offset);
        renameSync(at('e'), at('d'));
        if (offset === '-30d') await shown(/beta: its clock is (29 d 23 h|30 d) behind/);
        for (const host of [pair.master, pair.replica]) t.deepEqual(absurd(await host.status('web')), []);
      }
      // What it remembers is from its own future.
      writeFileSync(file, '+0d');
      await pair.replica.kill();
      await pair.replica.start();
      writeFileSync(at('d', 'live'), 'after a start with the right clock');
      await pair.master.must('barrier', 'web', '--timeout', '60');
      t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
      t.is(await pair.master.countEvents('SYN-001'), 1, 'nothing was synchronized again');
      for (const host of [pair.master, pair.replica]) t.deepEqual(absurd(await host.status('web')), []);
      const numbers = (await pair.replica.events()).map(({ n }) => n);
      t.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
        'events stay in the order they happened',
      );
    } finally {
      await pair.remove();
    }
  },
);

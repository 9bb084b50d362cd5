/**
 * Heartbeats of 100 ms and a timeout of 500 ms while the cores are busy, the disk flushes all the time and changes are replicated: no
 * verdict but `alive` may come of it, and the Master must still be found down at once when it is. `npm run test:long` does it for longer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { Load } from './load.ts';
import { delay, eventually, Pair } from './rig.ts';

const GIVEN = process.env.MAINSTAY_ALIVE_SECONDS;
const SECONDS = Number(GIVEN ?? 15);
/** In the whole suite another file runs beside this one, which has its own limits. */
const BUSY_PROGRAMS = GIVEN === undefined ? 1 : 2;
const LOOK_MS = 2_000;

/** Computes all the time, and gives way now and then as programs do. */
const BUSY = 'for (;;) Math.sqrt(Math.random())';
/** Writes 1 MiB and flushes it, again and again. */
const FLUSHES = `
const { openSync, writeSync, fsyncSync } = require('node:fs');
const file = openSync(process.argv[1], 'w');
const block = Buffer.alloc(1 << 20, 7);
for (;;) { writeSync(file, block, 0, block.length, 0); fsyncSync(file); }`;

const run = (code: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, ['-e', code, ...args], { stdio: 'ignore' });

test.serial(
  `${SECONDS} s of full load on processors and disk make nobody seem down; a kill does, within two seconds`,
  async (t) => {
    t.timeout((SECONDS + 60) * 1_000);
    const site = createServer((_request, response) => response.end('here'));
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    const settings = {
      'isAlive.heartbeatMs': 100,
      'isAlive.timeoutMs': 500,
      'isAlive.sites': [`http://127.0.0.1:${(site.address() as AddressInfo).port}/`],
      'isAlive.referenceAddresses': ['127.0.0.1'],
    };
    const pair = await Pair.protectedPair({ settings });
    const verdict = async () => {
      const status = await pair.replica.status(pair.scenario);
      return status?.hosts.find(({ name }) => name === pair.master.name)?.isAlive;
    };
    const children: ChildProcess[] = [];
    const load = new Load(pair.masterRoot, 20_261_123);
    let most = 0;
    try {
      await eventually('alive', 10_000, async () => ((await verdict())?.state === 'alive' ? true : undefined));
      for (let n = 0; n < BUSY_PROGRAMS; n += 1) children.push(run(BUSY));
      children.push(run(FLUSHES, join(pair.top, 'flushed')));
      const until = performance.now() + SECONDS * 1_000;
      while (performance.now() < until) {
        await delay(LOOK_MS);
        most = Math.max(most, (await verdict())?.failedRounds ?? 0);
      }
      await load.stop();
      const told = (await pair.replica.events()).filter(({ code }) => code.startsWith('HLT-'));
      t.log(`${load.changes} changes; at most ${most} failed rounds in a row when it was looked at`);
      t.deepEqual(
        told.map(({ code, text }) => `${code} ${text}`),
        [],
      );
      site.closeAllConnections();
      site.close();
      const killed = Date.now();
      await pair.master.kill();
      const down = await eventually('down', 10_000, async () =>
        (await pair.replica.events()).find(({ code }) => code === 'HLT-001'),
      );
      t.log(`down ${down.at - killed} ms after the kill`);
      t.true(down.at - killed < 2_000);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      await load.stop();
      site.close();
      await pair.remove();
    }
  },
);

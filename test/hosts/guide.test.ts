/** Every command of the operator's guide, in its order, on two real engines: what it says is what works. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { RewindPoint } from '../../shared/rewind.ts';
import { Pair } from './rig.ts';

const GUIDE = fileURLToPath(new URL('../../../docs/guide/recovering-data.md', import.meta.url));

interface GuideSection {
  readonly title: string;
  readonly commands: readonly string[];
}

function sections(text: string): GuideSection[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => ({
      title: part.slice(0, part.indexOf('\n')),
      commands: [...part.matchAll(/^```\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n')),
    }));
}

/** Words of a command; quotes hold a word together. */
function words(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

test('recovering data: every command of the guide works, in its order', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('SKIPPED: a test of the copy needs root');
    t.pass();
    return;
  }
  const pair = await Pair.start({ scenario: 'shop', settings: { 'general.integrityTesting': true } });
  try {
    const prices = join(pair.masterRoot, 'htdocs', 'prices.csv');
    mkdirSync(join(pair.masterRoot, 'htdocs'));
    writeFileSync(prices, 'good prices\n');
    await pair.createScenario();
    await pair.run();
    const check = join(pair.top, 'check-shop');
    writeFileSync(check, '#!/bin/sh\ngrep -q good "$MAINSTAY_ROOT_1/htdocs/prices.csv"\n');
    const found = join(pair.top, 'found');
    let point = '';
    const before: Record<string, () => Promise<void>> = {
      'Something is wrong: look first': async () => {
        writeFileSync(prices, 'rotten prices\n');
        await pair.barrier();
        const list = await pair.master.must('points', 'shop', '--kind', 'bookmark', '--json');
        point = (JSON.parse(list.split('\n')[0]!) as RewindPoint).id;
        mkdirSync(found);
      },
      'Is the copy any good? Test it': async () => {
        writeFileSync(prices, 'good prices again\n');
        await pair.run();
      },
    };
    const after: Record<string, () => Promise<void>> = {
      'Something is wrong: look first': async () => {
        t.is(readFileSync(join(found, 'prices.csv'), 'utf8'), 'good prices\n');
      },
      'Put the data back': async () => {
        t.is(readFileSync(prices, 'utf8'), 'good prices\n');
        t.is(await pair.differences(), '');
      },
      'That was the wrong moment: undo': async () => {
        t.is(readFileSync(prices, 'utf8'), 'rotten prices\n');
      },
      'Is the copy any good? Test it': async () => {
        t.is((await pair.master.command('rehearse', 'shop')).code, 0, 'the script of the guide passes');
      },
    };
    let ran = 0;
    for (const { title, commands } of sections(readFileSync(GUIDE, 'utf8'))) {
      await before[title]?.();
      for (const command of commands) {
        const [program, ...args] = words(command);
        t.is(program, 'mainstay', command);
        const told = args.map((word) =>
          word
            .replace(/^POINT$/, point)
            .replace('@web-02=', '@beta=')
            .replace('/root/found', found)
            .replace('/root/check-shop', check),
        );
        const result = await onHost(pair, told);
        // 7: done, and there is a difference to show.
        t.true(result.code === 0 || (result.code === 7 && args[0] === 'preview'), `${command}: ${result.stderr}`);
        ran += 1;
      }
      await after[title]?.();
    }
    t.true(ran >= 18, `${ran} commands`);
  } finally {
    await pair.remove();
  }
});

/** With the data directory of the guide, that of the Replica's host; else on the Master. */
function onHost(pair: Pair, args: readonly string[]) {
  const at = args.indexOf('--data');
  if (at < 0) return pair.master.command(...args);
  return pair.replica.command(...args.filter((_, index) => index !== at && index !== at + 1));
}

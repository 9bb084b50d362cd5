/** Move IP and the gates on a network of kernel namespaces: what a client on the same network reaches, and until when. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { AdoptionDocument } from '../../daemon/redirect/move-ip.ts';
import { testNeeding } from '../runner/needing.ts';
import { Lan } from './namespace-rig.ts';
import { until } from './network-rig.ts';

const story = testNeeding('root', 'ip', 'arping', 'nft');
const PRODUCTION = '10.9.0.10';
const MASTER = '10.9.0.11';
const REPLICA = '10.9.0.12';
const PORT = 8_080;

function options(engineAddress: string, leaseSeconds = 3, adopted: AdoptionDocument['adopted'] = []) {
  return { moved: { address: PRODUCTION, prefix: 24 }, engineAddress, leaseSeconds, port: PORT, adopted };
}

const SERVE = `require('net').createServer((socket) => socket.on('error', () => {}).end()).listen(${PORT})`;
/** Exit code 0: a machine says that nothing listens there. */
const REFUSED = [
  process.execPath,
  '-e',
  "require('net').connect({host: process.argv[1], port: +process.argv[2], timeout: 1000}).on('error', (e) => process.exit(e.code === 'ECONNREFUSED' ? 0 : 1)).on('timeout', () => process.exit(1))",
];
/** Exit code 0: a connection came about. */
const CONNECT = [
  process.execPath,
  '-e',
  "require('net').connect({host: process.argv[1], port: +process.argv[2], timeout: 2000}).on('connect', () => process.exit(0)).on('error', () => process.exit(1)).on('timeout', () => process.exit(1))",
];

/** The Master holds the production address before its own, so the kernel counts its own as belonging to that. */
async function onLan(run: (lan: Lan) => Promise<void>): Promise<void> {
  const lan = new Lan();
  try {
    lan.machine('a', `${PRODUCTION}/24`, `${MASTER}/24`);
    lan.machine('b', `${REPLICA}/24`);
    lan.machine('c', '10.9.0.99/24');
    await run(lan);
  } finally {
    await lan.remove();
  }
}

const reaches = (lan: Lan, address: string): boolean => lan.succeeds('c', ...REFUSED, address, '9');

/** Milliseconds until the condition holds. */
async function msUntil(what: string, limitMs: number, condition: () => boolean): Promise<number> {
  const start = performance.now();
  await until(what, condition, limitMs);
  return performance.now() - start;
}

story(
  'the address is leased at Run, moves with its neighbours to the Replica, and is permanent again after Stop',
  async (t) => {
    await onLan(async (lan) => {
      const a = lan.holder('a', options(MASTER, 30));
      const b = lan.holder('b', options(REPLICA, 30));
      t.deepEqual(await a.tell({ do: 'check' }), []);
      t.true(reaches(lan, PRODUCTION));
      t.is(lan.neighbour('c', PRODUCTION), lan.hardwareAddress('a'));
      await a.tell({ do: 'adopt' });
      t.deepEqual(lan.addresses('a'), [`${PRODUCTION}/24 leased`, `${MASTER}/24 forever`]);

      const refused = await b.ask({ do: 'acquire' });
      t.is(refused.fault?.code, 'REDIRECT-IN-USE', 'nobody takes what another machine answers for');
      t.is(String(refused.fault?.details?.by).toLowerCase(), lan.hardwareAddress('a'));
      t.deepEqual(lan.addresses('b'), [`${REPLICA}/24 forever`]);

      t.like(await a.tell({ do: 'release' }), { changed: true, state: { clients: 'elsewhere' } });
      t.deepEqual(lan.addresses('a'), [`${MASTER}/24 forever`], 'the address that the engines talk over stays');
      t.like(await b.tell({ do: 'acquire' }), { changed: true, state: { clients: 'here' } });
      await until('the client learnt who has it', () => lan.neighbour('c', PRODUCTION) === lan.hardwareAddress('b'));
      t.true(reaches(lan, PRODUCTION));
      t.like(await b.tell({ do: 'acquire' }), { changed: false }, 'done before a crash: not done twice');

      await b.tell({ do: 'giveBack' });
      t.deepEqual(lan.addresses('b'), [`${REPLICA}/24 forever`, `${PRODUCTION}/24 forever`]);
      await a.tell({ do: 'giveBack', active: false });
      t.deepEqual(await a.tell({ do: 'record' }), { adopted: [] });
    });
  },
);

story('an engine that is killed or paused loses the address within the lease; its own address stays', async (t) => {
  await onLan(async (lan) => {
    const a = lan.holder('a', options(MASTER));
    await a.tell({ do: 'adopt' });
    await a.tell({ do: 'renewAddress', ms: 3_000 });
    const held = performance.now();
    await until('renewed for longer than one lease', () => {
      if (!lan.addresses('a').includes(`${PRODUCTION}/24 leased`)) throw new Error('lost while it was renewed');
      return performance.now() - held > 3_500;
    });
    a.pause();
    const gone = await msUntil('the paused engine lost it', 6_000, () => lan.addresses('a').length === 1);
    t.true(gone <= 3_500, `${gone} ms`);
    t.deepEqual(lan.addresses('a'), [`${MASTER}/24 forever`]);
    await a.kill();
    const b = lan.holder('b', options(REPLICA));
    t.like(await b.tell({ do: 'acquire' }), { state: { clients: 'here' } });
    t.true(reaches(lan, PRODUCTION));
    await b.kill();
    await until('the killed engine lost it', () => lan.addresses('b').length === 1, 6_000);
    t.false(reaches(lan, PRODUCTION));
  });
});

story(
  'a restart hands the address over without a gap; lost meanwhile it is taken again, unless another machine has it',
  async (t) => {
    await onLan(async (lan) => {
      const first = lan.holder('a', options(MASTER));
      await first.tell({ do: 'adopt' });
      await first.tell({ do: 'handOver', ms: 30_000 });
      const { adopted } = (await first.tell({ do: 'record' })) as AdoptionDocument;
      t.deepEqual(adopted, [{ address: PRODUCTION, prefix: 24, device: 'd0', state: 'leased' }]);
      await first.kill();
      t.true(reaches(lan, PRODUCTION), 'nobody runs, the address is there');
      const second = lan.holder('a', options(MASTER, 30, adopted));
      await second.tell({ do: 'adopt' });
      t.deepEqual(lan.addresses('a'), [`${PRODUCTION}/24 leased`, `${MASTER}/24 forever`]);
      await second.tell({ do: 'closeAddress' });
      t.deepEqual(lan.addresses('a'), [`${MASTER}/24 forever`], 'as after a boot');
      const [missing] = (await second.tell({ do: 'missing' })) as { fix: string }[];
      t.true(missing?.fix.endsWith(`ip address add ${PRODUCTION}/24 dev d0`), 'doctor says how to get it back by hand');
      await second.tell({ do: 'adopt' });
      t.is(lan.addresses('a').length, 2);
      await second.tell({ do: 'closeAddress' });
      const b = lan.holder('b', options(REPLICA, 30));
      await b.tell({ do: 'acquire' });
      for (const command of ['adopt', 'giveBack'])
        t.is((await second.ask({ do: command })).fault?.code, 'REDIRECT-IN-USE');
      t.deepEqual(lan.addresses('a'), [`${MASTER}/24 forever`]);
      await b.tell({ do: 'release' });
      await second.tell({ do: 'restore' });
      t.deepEqual(
        lan.addresses('a'),
        [`${MASTER}/24 forever`, `${PRODUCTION}/24 forever`],
        'given back: there after a boot',
      );
    });
  },
);

story('what cannot work is found before: the address of the engines, and one of another network', async (t) => {
  await onLan(async (lan) => {
    const codes = async (t: ExecutionContext, moved: { address: string; prefix: number }): Promise<unknown> => {
      const holder = lan.holder('b', { ...options(REPLICA), moved });
      const found = (await holder.tell({ do: 'check' })) as { code: string }[];
      if (found.length > 0) t.deepEqual(lan.addresses('b'), [`${REPLICA}/24 forever`]);
      return found.map(({ code }) => code);
    };
    t.deepEqual(await codes(t, { address: REPLICA, prefix: 24 }), ['MOVE-IP-ENGINE']);
    t.deepEqual(await codes(t, { address: '10.77.0.1', prefix: 24 }), ['MOVE-IP-SUBNET']);
    const b = lan.holder('b', options(REPLICA));
    t.is(
      (await b.ask({ do: 'armAddress', ms: 3_000 })).fault?.code,
      'REDIRECT-FAILED',
      'what is not here is not renewed',
    );
  });
});

story('service ports close by themselves when the engine is paused', async (t) => {
  await onLan(async (lan) => {
    const a = lan.holder('a', options(MASTER));
    const isOpen = (): boolean => lan.succeeds('c', ...CONNECT, MASTER, String(PORT));
    await a.tell({ do: 'closePort' });
    t.deepEqual(await a.tell({ do: 'readPort' }), { state: 'closed' });
    const stop = lan.background('a', process.execPath, '-e', SERVE);
    try {
      await until('it listens', () => lan.succeeds('a', ...CONNECT, '127.0.0.1', String(PORT)));
      t.false(isOpen(), `open to others, not only to this host itself: ${lan.exec('a', 'nft', 'list', 'ruleset')}`);
      await a.tell({ do: 'renewPort', ms: 800 });
      const renewed = performance.now();
      await until('open for longer than two leases', () => {
        if (!isOpen()) throw new Error('closed while it was renewed');
        return performance.now() - renewed > 1_700;
      });
      a.pause();
      const closed = await msUntil('the paused engine closed', 5_000, () => !isOpen());
      t.true(closed <= 1_300, `${closed} ms`);
      const other = lan.holder('a', options(MASTER));
      t.is((await other.ask({ do: 'armPort', ms: 50 })).fault?.code, 'REDIRECT-FAILED', 'too short to be kept');
      t.false(isOpen());
      await other.tell({ do: 'removeFilter' });
      t.true(isOpen(), 'a stopped scenario guards nothing');
    } finally {
      stop();
    }
  });
});

story('a filter that somebody flushed, and a program that is only called nft, are not taken for closed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-nft-'));
  try {
    writeFileSync(join(folder, 'nft'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await onLan(async (lan) => {
      // As npm does it for the programs of packages, one of which has that name.
      const a = lan.holder('a', options(MASTER), { PATH: `${folder}:${process.env.PATH}` });
      await a.tell({ do: 'closePort' });
      t.deepEqual(await a.tell({ do: 'readPort' }), { state: 'closed' });
      t.regex(lan.exec('a', 'nft', 'list', 'ruleset'), /reject with tcp reset/);
      lan.exec('a', 'nft', 'flush', 'chain', 'inet', 'mainstay_test', 'input');
      t.like(await a.tell({ do: 'readPort' }), { state: 'open' }, 'the set is there, what uses it is not');
      await a.tell({ do: 'closePort' });
      t.deepEqual(await a.tell({ do: 'readPort' }), { state: 'closed' });
      lan.exec('a', 'nft', 'flush', 'ruleset');
      t.like(await a.tell({ do: 'readPort' }), { state: 'open' });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

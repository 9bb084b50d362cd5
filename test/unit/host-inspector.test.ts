import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createHostInspector } from '../../daemon/platform/node/host-inspector.ts';
import { hostFacts } from '../../daemon/verify/facts.ts';

const inspector = createHostInspector();

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'life-inspect-'));
}

test('a directory, a file, a link and nothing are told apart', async (t) => {
  const top = temporary();
  mkdirSync(join(top, 'real'));
  writeFileSync(join(top, 'file'), 'x');
  symlinkSync(join(top, 'real'), join(top, 'link'));
  const real = await inspector.path(join(top, 'real'));
  t.like(real, { type: 'directory', readable: true, writable: true, mounts: [] });
  t.true((real.freeBytes ?? 0) > 0);
  t.is((await inspector.path(join(top, 'file'))).type, 'file');
  t.is((await inspector.path(join(top, 'nothing'))).type, 'missing');
  const link = await inspector.path(join(top, 'link'));
  t.is(link.type, 'directory');
  t.is(link.realPath, real.realPath);
  rmSync(top, { recursive: true });
});

test('the dataset is counted without following links, and names that differ in case are told', async (t) => {
  const top = temporary();
  mkdirSync(join(top, 'sub'));
  mkdirSync(join(top, '.mainstay'));
  writeFileSync(join(top, '.mainstay', 'ours'), 'x'.repeat(1_000));
  writeFileSync(join(top, 'sub', 'Readme'), 'x'.repeat(10));
  writeFileSync(join(top, 'sub', 'README'), 'x'.repeat(20));
  symlinkSync(top, join(top, 'sub', 'loop'));
  const counted = await inspector.dataset(top, 5_000, true);
  t.like(counted, { entries: 4, bytes: 30, complete: true, unreadable: [] });
  t.is(counted.collisions.length, 1);
  rmSync(top, { recursive: true });
});

test('mounts below a directory are found, and what is no mount point is not', async (t) => {
  const proc = await inspector.path('/');
  t.true(proc.mounts.includes('/proc'));
  t.deepEqual((await inspector.path('/proc/self')).mounts, []);
});

test('the facts of this machine pass the check of the peer that asks for them', async (t) => {
  const machine = await inspector.machine();
  const again = await createHostInspector().machine();
  t.is(machine.machine, again.machine);
  t.true(machine.addresses.some(({ address }) => address === '127.0.0.1'));
  t.true(hostFacts.pick({ machine: true, platform: true, addresses: true }).safeParse(machine).success);
});

test('counting ends in time also within one directory, and says that it did not see all', async (t) => {
  const top = temporary();
  for (let file = 0; file < 1_000; file += 1) writeFileSync(join(top, `file-${file}`), 'x');
  const counted = await inspector.dataset(top, -1, false);
  t.false(counted.complete);
  t.true(counted.entries > 0 && counted.entries < 1_000, String(counted.entries));
  const all = await inspector.dataset(top, 60_000, false);
  t.like(all, { entries: 1_000, complete: true });
  t.is(all.bytes, undefined, 'sizes were not asked for');
  t.is(all.names?.length, 5);
  rmSync(top, { recursive: true });
});

/** The disk of a data directory is full: replication waits and goes on by itself, and nothing differs afterwards. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { testNeeding } from '../runner/needing.ts';
import { fillUp } from './disk-filler.ts';
import { eventually, type Host, oracle, Pair } from './rig.ts';

const TIMEOUT_MS = 60_000;
const FILES = 4_000;
const MEMORY_DISK = '/dev/shm';

/** Moves a host's data onto a small file system of its own. */
async function onSmallDisk(host: Host, size: string): Promise<() => void> {
  await host.stop();
  const before = `${host.data}.before`;
  renameSync(host.data, before);
  mkdirSync(host.data, { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', host.data]);
  execFileSync('cp', ['-a', `${before}/.`, host.data]);
  await host.start();
  return () => execFileSync('umount', ['--lazy', host.data]);
}

function writeMany(root: string, name: string, count: number, text: string): void {
  mkdirSync(join(root, name), { recursive: true });
  for (let n = 0; n < count; n += 1) writeFileSync(join(root, name, `${n}`), text);
}

testNeeding('mount', 'root')(
  'A full data directory of the Master is told, waited for, and loses nothing',
  async (t) => {
    const pair = await Pair.start({ below: MEMORY_DISK });
    const unmount = await onSmallDisk(pair.master, '24m');
    try {
      writeMany(pair.masterRoot, 'before', 100, 'x');
      await pair.createScenario();
      await pair.master.must('scenario', 'set', 'web', 'spool.minFreeBytes@alpha=0', 'spool.minFreeBytes@beta=0');
      await pair.run();
      const makeRoom = fillUp(pair.master.data);
      writeMany(pair.masterRoot, 'while', FILES, 'y');
      rmSync(join(pair.masterRoot, 'before'), { recursive: true });
      const full = await eventually('the full disk in the status', TIMEOUT_MS, async () => {
        const status = await pair.master.status('web');
        return status?.problem?.includes('No space') ? status : undefined;
      });
      t.not(full.state, 'protected');
      t.not(full.state, 'failed');
      t.is(await pair.master.countEvents('DSK-001'), 1);
      makeRoom();
      t.is(await pair.differences(), '');
      await pair.waitFor('protected');
      t.is(await pair.master.countEvents('DSK-002'), 1);
    } finally {
      await Promise.all([pair.master.kill(), pair.replica.kill()]);
      unmount();
      await pair.remove();
    }
  },
);

testNeeding('mount', 'root')(
  'A full data directory of the Replica holds it, and the Master keeps the changes',
  async (t) => {
    const pair = await Pair.start({ below: MEMORY_DISK });
    const unmount = await onSmallDisk(pair.replica, '24m');
    try {
      writeMany(pair.masterRoot, 'before', 100, 'x');
      await pair.createScenario();
      await pair.master.must('scenario', 'set', 'web', 'spool.minFreeBytes@alpha=0', 'spool.minFreeBytes@beta=0');
      await pair.run();
      const makeRoom = fillUp(pair.replica.data);
      writeMany(pair.masterRoot, 'while', 300, 'y'.repeat(100_000));
      rmSync(join(pair.masterRoot, 'before'), { recursive: true });
      await eventually('the full disk in the status', TIMEOUT_MS, async () =>
        (await pair.master.status('web'))?.problem?.includes('No space') ? true : undefined,
      );
      makeRoom();
      t.is(await pair.differences(), '');
      t.is((await pair.master.status('web'))?.problem, undefined);
    } finally {
      await Promise.all([pair.master.kill(), pair.replica.kill()]);
      unmount();
      await pair.remove();
    }
  },
);

/** A small file system of its own below the memory disk. */
function smallDisk(size: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(MEMORY_DISK, 'mainstay-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  const remove = () => {
    execFileSync('umount', ['--lazy', path]);
    rmSync(path, { recursive: true, force: true });
  };
  return { path, remove };
}

function writePages(root: string, from: number, to: number, text: string): void {
  for (let n = from; n < to; n += 1) writeFileSync(join(root, `page${n}`), text.repeat(20_000));
}

testNeeding('mount', 'root')(
  'Without any room for history and data a Replica that keeps its history waits, still shows its points, goes on by itself, and gives back exactly',
  async (t) => {
    const disk = smallDisk('24m');
    const pair = await Pair.start({ below: MEMORY_DISK, replicaBelow: disk.path });
    const unmount = await onSmallDisk(pair.replica, '24m');
    const good = join(pair.top, 'good');
    try {
      writePages(pair.masterRoot, 0, 15, 'first ');
      await pair.createScenario();
      const room = ['spool.minFreeBytes@beta=0', 'recovery.minFreeBytes@beta=0'];
      const history = ['recovery.dataRewind@beta=on', 'recovery.whenFull@beta=hold'];
      await pair.master.must('scenario', 'set', 'web', ...room, ...history);
      await pair.run();
      writePages(pair.masterRoot, 0, 3, 'second ');
      await pair.master.must('bookmark', 'web', 'before');
      execFileSync('cp', ['-a', pair.masterRoot, good]);
      writePages(pair.masterRoot, 2, 6, 'third ');
      t.is(await pair.differences(), '');

      const free = [fillUp(pair.replica.data), fillUp(disk.path)];
      writePages(pair.masterRoot, 4, 10, 'while full ');
      for (const n of [13, 14]) rmSync(join(pair.masterRoot, `page${n}`));
      const full = await eventually('the full disk in the status', TIMEOUT_MS, async () => {
        const status = await pair.master.status('web');
        return status?.problem?.includes('No space') ? status : undefined;
      });
      t.not(full.state, 'failed');
      const behind = full.hosts.find(({ name }) => name === 'beta')!;
      t.true(behind.lagMs > 0 || behind.exposureMs > 0, JSON.stringify(behind));
      await eventually('the full disk among the events', TIMEOUT_MS, async () => {
        const told = (await pair.replica.events()).map(({ code }) => code);
        return told.some((code) => ['APL-002', 'APL-008', 'DSK-001'].includes(code)) ? true : undefined;
      });
      const points = await pair.replica.must('points', 'web', '--kind', 'bookmark', '--json');
      const { id } = JSON.parse(points) as RewindPoint;
      const preview = JSON.parse(await pair.replica.must('preview', 'web', '--at', id, '--json')) as PreviewResult;
      t.is(preview.problemCount, 0);

      for (const makeRoom of free) makeRoom();
      t.is(await pair.differences(), '');
      await eventually('no word of a full disk', TIMEOUT_MS, async () =>
        (await pair.master.status('web'))?.problem === undefined ? true : undefined,
      );
      await pair.stopScenario();
      await pair.master.must('restore', 'web', '--method', 'rewind-replica', '--at', id, '--confirm', 'web');
      t.is(await oracle(good, pair.replicaRoot), '', 'exactly as it was at the bookmark');
    } finally {
      await Promise.all([pair.master.kill(), pair.replica.kill()]);
      unmount();
      await pair.remove();
      disk.remove();
    }
  },
);

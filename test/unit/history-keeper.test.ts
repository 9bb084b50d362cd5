/** History stays within its limits, says when it is shorter than was asked for, and never stops replication by itself. */
import test, { type ExecutionContext } from 'ava';
import type { HistoryLimits } from '../../daemon/engine/engine-protocol.ts';
import { JournalHistory } from '../../daemon/journal/history.ts';
import { HistoryRetention } from '../../daemon/journal/retention.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { JournalFigures } from '../../shared/rewind.ts';
import { ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
/** Between two changes. */
const STEP_MS = 10_000;
const KIB = 1024;
const MIB = 1024 * KIB;
const FILE_BYTES = 64 * KIB;
const LIMITS: HistoryLimits = {
  retentionMs: 60 * STEP_MS,
  maxBytes: 2 ** 40,
  minFreeBytes: 0,
  whenFull: 'gap',
};

class Rig {
  readonly host: ReplicaHost;
  readonly volume: MemoryVolume;
  private master: ScriptedMaster;
  private seq = 0;
  private calls = 0;

  constructor(limits: Partial<HistoryLimits>) {
    this.host = new ReplicaHost(hasher, { history: { ...LIMITS, ...limits } });
    this.volume = this.host.volume;
    const tree = new MemoryTree({ volume: new MemoryVolume(this.host.clock) });
    new MemoryUser(tree).writeFile('file', 'first');
    this.master = new ScriptedMaster(this.host, hasher);
    this.master.hello();
    this.master.synchronize(tree);
  }

  /** Replaces the file so many times. */
  live(changes: number): void {
    for (let n = 0; n < changes; n += 1) {
      this.seq += 1;
      const { clock } = this.host;
      const content = new Uint8Array(FILE_BYTES).fill(this.seq);
      const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: BigInt(clock.wallMs()) * 1_000_000n };
      const change = { op: 'put', root: 0, path: 'file', metadata, content } as const;
      this.master.batchOf([change], this.seq, clock.wallMs());
      this.master.settle(STEP_MS);
    }
  }

  restart(): void {
    this.host.engine.handle({ type: 'stop' });
    this.host.boot();
    this.master = new ScriptedMaster(this.host, hasher);
    this.master.hello();
  }

  settle(durationMs: number): void {
    this.master.settle(durationMs);
  }

  get applied(): number {
    return this.master.of('ack').at(-1)?.appliedSeq ?? -1;
  }

  get sent(): number {
    return this.seq;
  }

  figures(): JournalFigures {
    this.calls += 1;
    const id = this.calls;
    this.host.engine.handle({ type: 'call', id, call: { name: 'journal' } });
    const reply = this.host.notices.find((notice) => notice.type === 'reply' && notice.id === id);
    if (reply?.type !== 'reply') throw new Error('no answer');
    return reply.result as JournalFigures;
  }

  told(): string[] {
    return this.host.events().filter((code) => code.startsWith('RWD-'));
  }

  /** Every point that is offered can be reached: what its way needs is there. */
  checkPoints(t: ExecutionContext): void {
    const kept = new Set(this.host.tree.listKept());
    const { records } = new JournalHistory(this.host.journalLog);
    for (const { kept: name, n } of records) if (name !== undefined) t.true(kept.has(name), `record ${n}`);
  }
}

test('with room enough the whole retention period is kept, and not more', (t) => {
  const rig = new Rig({});
  rig.live(50);
  t.like(rig.figures(), { on: true, coverage: 1, gaps: [], askedMs: LIMITS.retentionMs });
  rig.live(50);
  const { keptSince, coverage, points, bytesPerHour, trimsInMs } = rig.figures();
  const keptMs = rig.host.clock.wallMs() - keptSince!;
  t.is(coverage, 1);
  t.true(keptMs >= LIMITS.retentionMs && keptMs < LIMITS.retentionMs * 1.12, `${keptMs / STEP_MS} steps`);
  t.true(points >= 60 && points < 68, `${points}`);
  t.true(bytesPerHour! > 360 * FILE_BYTES * 0.9 && bytesPerHour! < 360 * FILE_BYTES * 1.3, `${bytesPerHour}`);
  t.is(trimsInMs, undefined);
  t.deepEqual(rig.told(), []);
  t.is(rig.applied, rig.sent);
  rig.checkPoints(t);
});

test('without room the oldest goes, replication goes on, and it is told, also when it is back', (t) => {
  const rig = new Rig({ maxBytes: 28 * FILE_BYTES });
  rig.live(22);
  const before = rig.figures();
  t.true(before.trimsInMs !== undefined && before.trimsInMs < 10 * STEP_MS, `${before.trimsInMs}`);
  rig.live(40);
  const figures = rig.figures();
  t.true(figures.bytes <= 30 * FILE_BYTES, `${figures.bytes}`);
  t.true(figures.coverage < 0.75);
  t.is(figures.gaps.length, 1);
  t.is(figures.gaps[0]!.to, figures.keptSince);
  t.deepEqual(rig.told(), ['RWD-007']);
  t.is(rig.applied, rig.sent);
  rig.checkPoints(t);
  rig.restart();
  t.true(rig.figures().keptSince! >= figures.keptSince!, 'remembered');
  rig.settle(58 * STEP_MS);
  t.is(rig.told().at(-1), 'RWD-008');
});

test('between 85 and 75 percent it is a warning', (t) => {
  const rig = new Rig({ maxBytes: 50 * FILE_BYTES });
  rig.live(80);
  const { coverage } = rig.figures();
  t.true(coverage < 0.85 && coverage > 0.75, `${coverage}`);
  t.deepEqual(rig.told(), ['RWD-006']);
});

test('the oldest goes when the volume has too little room', (t) => {
  const rig = new Rig({ minFreeBytes: 8 * MIB });
  rig.volume.totalBytes = rig.volume.usedBytes + 10 * MIB;
  rig.live(60);
  t.is(rig.applied, rig.sent);
  t.true(rig.host.tree.space().freeBytes >= 8 * MIB - 2 * FILE_BYTES, `${rig.host.tree.space().freeBytes}`);
  t.true(rig.told().includes('RWD-007'));
  rig.checkPoints(t);
});

test('a volume that is full although nothing was asked to stay free gets its room from the history', (t) => {
  const rig = new Rig({});
  rig.live(15);
  rig.volume.totalBytes = rig.volume.usedBytes + FILE_BYTES;
  rig.live(20);
  t.is(rig.applied, rig.sent);
  t.true(rig.host.events().includes('APL-002'));
  rig.checkPoints(t);
});

test('where the operator wants the history whole, apply waits until some of it is old enough to go', (t) => {
  const rig = new Rig({ maxBytes: 28 * FILE_BYTES, whenFull: 'hold' });
  rig.live(36);
  t.true(rig.applied < rig.sent);
  t.deepEqual(rig.told(), ['RWD-009']);
  t.is(rig.figures().coverage, 1);
  rig.live(32);
  t.is(rig.told()[1], 'RWD-010');
  t.is(rig.figures().coverage, 1);
  rig.checkPoints(t);
});

test('killed at any step of removing, the rest is whole and nothing is left over', (t) => {
  let kills = 0;
  for (let step = 1; ; step += 1) {
    const rig = new Rig({ retentionMs: 20 * STEP_MS });
    rig.live(15);
    const { journalLog, tree, clock } = rig.host;
    const current = journalLog.list().at(-1)!;
    const retention = new HistoryRetention(journalLog, [tree]);
    let operations = 0;
    const kill = () => {
      operations += 1;
      if (operations === step) throw new Error('killed');
    };
    const { remove } = journalLog;
    journalLog.remove = (segment) => {
      kill();
      remove.call(journalLog, segment);
    };
    tree.beforeOperation = kill;
    let killed = false;
    try {
      retention.enforce({ retentionMs: 5 * STEP_MS, maxBytes: 2 ** 40 }, current, clock.wallMs());
    } catch {
      killed = true;
    }
    tree.beforeOperation = () => {};
    journalLog.remove = remove;
    if (!killed) break;
    kills += 1;
    rig.checkPoints(t);
    rig.restart();
    rig.live(3);
    const spoken = new Set(new JournalHistory(journalLog).records.flatMap(({ kept }) => kept ?? []));
    t.deepEqual(
      tree.listKept().filter((name) => !spoken.has(name)),
      [],
      `step ${step}`,
    );
    rig.checkPoints(t);
  }
  t.true(kills > 3, `${kills}`);
});

const YEAR_MS = 365 * 86_400_000;

test('a clock that jumps forward removes nothing at once, also over a restart; it is told, and history goes by the time that passes', (t) => {
  for (const restarts of [false, true]) {
    const rig = new Rig({});
    const { clock } = rig.host;
    rig.live(50);
    const points = Math.min(50, rig.figures().points);
    clock.setWallMs(clock.wallMs() + YEAR_MS);
    if (restarts) rig.restart();
    rig.live(4);
    t.true(rig.figures().points >= points, 'nothing has gone');
    t.deepEqual(rig.told(), ['RWD-014'], `restarts ${restarts}`);
    rig.checkPoints(t);
    rig.live(150);
    const left = rig.figures().points;
    t.true(left >= 60 && left < 80, `${left}`);
    t.deepEqual(
      rig.told().filter((code) => code === 'RWD-014'),
      ['RWD-014'],
      'told once',
    );
    rig.checkPoints(t);
  }
});

test('a clock that is set right again after a jump leaves nothing behind that never goes, and takes nothing too early', (t) => {
  const rig = new Rig({});
  const { clock } = rig.host;
  rig.live(20);
  clock.setWallMs(clock.wallMs() + YEAR_MS);
  rig.live(10);
  clock.setWallMs(clock.wallMs() - YEAR_MS);
  rig.live(20);
  t.true(rig.figures().points >= 50);
  rig.live(100);
  const { points } = rig.figures();
  t.true(points >= 60 && points < 80, `set right: ${points}`);
  rig.checkPoints(t);
});

test('a clock that is set back keeps everything until it is right again', (t) => {
  const rig = new Rig({});
  const { clock } = rig.host;
  rig.live(20);
  clock.setWallMs(clock.wallMs() - YEAR_MS);
  rig.live(20);
  t.true(rig.figures().points >= 40);
  rig.live(80);
  const { points } = rig.figures();
  t.true(points >= 60 && points < 80, `${points}`);
  clock.setWallMs(clock.wallMs() + YEAR_MS);
  rig.live(10);
  t.true(rig.figures().points >= 55, 'nothing has gone at once');
  rig.checkPoints(t);
});

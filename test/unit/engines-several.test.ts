/** One Master with several Replicas: each gets everything, at its own pace. */

import test from 'ava';
import type { EngineConfig, EngineNotice } from '../../daemon/engine/engine-protocol.ts';
import { MasterEngine } from '../../daemon/engine/master-engine.ts';
import { ReplicaEngine } from '../../daemon/engine/replica-engine.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { Clock } from '../../daemon/ports.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import { MemoryCapture } from '../memory/capture.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();

function config(role: 'master' | 'replica'): EngineConfig {
  return {
    scenarioId: 'scenario',
    scenarioName: 'Scenario',
    role,
    roots: [{ path: `/${role}` }],
    directory: '/state',
    exclude: [],
    fileFilter: [],
    attributeKinds: ALL_KINDS,
    agreedFingerprint: 'agreed',
    epoch: 1,
    limits: { spoolMaxBytes: 2 ** 30, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 },
  };
}

class Constellation {
  readonly clock = new SimulatedClock();
  /** A notification takes so long. */
  notifiedAfterMs = 0;
  readonly capture = new MemoryCapture(this.clock, () => this.notifiedAfterMs);
  readonly tree: MemoryTree;
  readonly user: MemoryUser;
  readonly state = new MasterState(':memory:');
  readonly replicas = new Map<string, { engine: ReplicaEngine; tree: MemoryTree; linked: boolean }>();
  readonly notices: EngineNotice[] = [];
  private master: MasterEngine;
  /** What engines of the Master before have planned does not happen any more. */
  private life = 0;
  private calls = 0;
  /** Milliseconds a message takes from this Replica to the Master; others are at hand. */
  readonly distance = new Map<string, number>();

  constructor(names: readonly string[]) {
    const { clock } = this;
    const capture = { source: this.capture, root: 0 };
    this.tree = new MemoryTree({ volume: new MemoryVolume(clock), path: '/master', capture });
    this.user = new MemoryUser(this.tree, this.capture);
    this.master = this.startMaster();
    for (const name of names) this.addReplica(name);
  }

  private startMaster(): MasterEngine {
    const { clock, life, state } = this;
    const own: Clock = {
      wallMs: () => clock.wallMs(),
      bootMs: () => clock.bootMs(),
      after: (delayMs, run) => clock.after(delayMs, () => life === this.life && run()),
    };
    const ports = { clock: own, random: new SeededRandom(1), trees: [this.tree], state, hasher };
    const engine = new MasterEngine(config('master'), ports, (notice) => life === this.life && this.fromMaster(notice));
    this.capture.start((hints) => engine.handle({ type: 'hints', hints }));
    engine.start();
    return engine;
  }

  /** Its process is killed and started again. */
  restartMaster(): void {
    this.life += 1;
    this.capture.stop();
    for (const replica of this.replicas.values()) {
      replica.linked = false;
      replica.engine.handle({ type: 'link-closed', peer: 'master', reason: 'killed' });
    }
    // What it had sent last arrives nowhere.
    this.clock.advance(1);
    this.master = this.startMaster();
    for (const name of this.replicas.keys()) this.connect(name);
  }

  private addReplica(name: string): void {
    const { clock } = this;
    const tree = new MemoryTree({ volume: new MemoryVolume(clock), path: `/${name}` });
    const engine = new ReplicaEngine(
      config('replica'),
      {
        clock,
        trees: [tree],
        spoolLog: new MemorySegmentLog(),
        journalLog: new MemorySegmentLog(),
        stateFile: new MemoryStateFile(),
        hasher,
        filters: () => () => false,
      },
      (notice) => {
        if (notice.type !== 'link-send') return;
        const bytes = notice.bytes.slice();
        this.clock.after(this.distance.get(name) ?? 0, () => {
          if (this.replicas.get(name)?.linked) this.master.handle({ type: 'link-bytes', peer: name, bytes });
        });
      },
    );
    this.replicas.set(name, { engine, tree, linked: false });
    engine.start();
    this.connect(name);
  }

  private fromMaster(notice: EngineNotice): void {
    this.notices.push(notice);
    if (notice.type !== 'link-send') return;
    const { peer } = notice;
    const bytes = notice.bytes.slice();
    this.clock.after(0, () => {
      const replica = this.replicas.get(peer);
      if (replica?.linked) replica.engine.handle({ type: 'link-bytes', peer: 'master', bytes });
    });
  }

  connect(name: string): void {
    const replica = this.replicas.get(name)!;
    replica.linked = true;
    replica.engine.handle({ type: 'link-open', peer: 'master' });
    this.master.handle({ type: 'link-open', peer: name });
  }

  cut(name: string): void {
    const replica = this.replicas.get(name)!;
    replica.linked = false;
    replica.engine.handle({ type: 'link-closed', peer: 'master', reason: 'cut' });
    this.master.handle({ type: 'link-closed', peer: name, reason: 'cut' });
  }

  call(call: Parameters<typeof this.post>[0]): unknown {
    return this.answerOf(this.post(call));
  }

  answerOf(id: number): unknown {
    const answer = () => this.notices.find((notice) => notice.type === 'reply' && notice.id === id);
    if (!this.clock.runUntil(() => answer() !== undefined)) throw new Error(`no answer to call ${id}`);
    const reply = answer();
    if (reply?.type !== 'reply' || reply.fault !== undefined) throw new Error(JSON.stringify(reply));
    return reply.result;
  }

  post(call: Extract<Parameters<MasterEngine['handle']>[0], { type: 'call' }>['call']): number {
    this.calls += 1;
    this.master.handle({ type: 'call', id: this.calls, call });
    return this.calls;
  }

  synchronize(peer: string): void {
    this.call({ name: 'synchronize', peer, method: 'file', ignoreSame: true });
  }

  /** Replicas and paths whose entries are not the Master's. */
  differing(): string[] {
    const wanted = describeTree(this.tree);
    return [...this.replicas.keys()].flatMap((name) => {
      const found = this.view(name);
      const paths = new Set([...wanted.keys(), ...found.keys()]);
      return [...paths].filter((path) => wanted.get(path) !== found.get(path)).map((path) => `${name}: ${path}`);
    });
  }

  view(name: string): Map<string, string> {
    return describeTree(this.replicas.get(name)!.tree);
  }
}

test('each Replica gets everything; one that was away goes on where it stopped, without a synchronization', (t) => {
  const world = new Constellation(['one', 'two']);
  const { user } = world;
  user.makeDirectory('d');
  for (let i = 0; i < 30; i += 1) user.writeFile(`d/${i}`, `${i}`);
  world.synchronize('one');
  user.writeFile('between', 'between the synchronizations');
  world.synchronize('two');
  world.call({ name: 'barrier' });
  t.deepEqual(world.view('one'), describeTree(world.tree));
  t.deepEqual(world.view('two'), describeTree(world.tree));
  world.cut('two');
  user.writeFile('d/3', 'changed while two is away');
  user.rename('d', 'e');
  world.clock.advance(5_000);
  t.deepEqual(world.view('one'), describeTree(world.tree));
  t.notDeepEqual(world.view('two'), describeTree(world.tree));
  t.true(world.state.countIntents(0).count > 0, 'kept for the Replica that is away');
  world.connect('two');
  world.call({ name: 'barrier' });
  t.deepEqual(world.view('two'), describeTree(world.tree));
  world.clock.advance(2_000);
  t.is(world.state.countIntents(0).count, 0, 'trimmed when both have it');
  const synchronizations = world.notices.filter((notice) => notice.type === 'event' && notice.code === 'SYN-001');
  t.is(synchronizations.length, 2);
});

test('a barrier for one Replica does not wait for another that is away, and does wait for that one', (t) => {
  const world = new Constellation(['one', 'two']);
  world.user.writeFile('a', '1');
  world.synchronize('one');
  world.synchronize('two');
  world.cut('two');
  world.distance.set('one', 500);
  world.user.writeFile('a', '2');
  world.call({ name: 'barrier', replicas: ['one'] });
  t.deepEqual(world.view('one'), describeTree(world.tree));
  const away = world.post({ name: 'barrier', replicas: ['two'] });
  const all = world.post({ name: 'barrier' });
  world.clock.advance(20_000);
  t.false(world.notices.some((notice) => notice.type === 'reply' && (notice.id === away || notice.id === all)));
  world.connect('two');
  world.answerOf(away);
  world.answerOf(all);
  t.deepEqual(world.view('two'), describeTree(world.tree));
});

test('a change made while a second Replica is synchronized reaches the first at once and the second too', (t) => {
  const world = new Constellation(['one', 'two']);
  const { user } = world;
  for (let i = 0; i < 200; i += 1) user.writeFile(`f${i}`, `${i}`.repeat(3_000));
  world.synchronize('one');
  world.clock.advance(3_000);
  // Lost notifications: only the walk of the second synchronization can find these.
  world.capture.loseSilently();
  user.writeFile('f7', 'found by the walk');
  world.capture.loseSilently();
  world.synchronize('two');
  user.writeFile('f8', 'after');
  world.call({ name: 'barrier' });
  t.deepEqual(world.view('two'), describeTree(world.tree));
  t.deepEqual(world.view('one'), describeTree(world.tree));
});

for (const [what, gone] of [
  ['went', (user: MemoryUser) => user.remove('new/passing')],
  ['was moved out', (user: MemoryUser) => user.rename('new/passing', 'new/kept')],
  [
    'was replaced',
    (user: MemoryUser) => {
      user.remove('new/passing');
      user.makeDirectory('new/passing');
    },
  ],
] as const) {
  test(`what ${what} before anybody was told of it, and after a second Replica had got it, is right there too`, (t) => {
    const world = new Constellation(['one', 'two']);
    const { user } = world;
    user.writeFile('first', 'first');
    world.synchronize('one');
    world.call({ name: 'barrier', replicas: ['one'] });
    world.notifiedAfterMs = 400;
    user.makeDirectory('new');
    user.writeFile('new/passing', 'passing');
    const call = world.post({ name: 'synchronize', peer: 'two', method: 'file', ignoreSame: true });
    t.true(world.clock.runUntil(() => world.view('two').has('new/passing')));
    gone(user);
    world.answerOf(call);
    world.notifiedAfterMs = 0;
    world.call({ name: 'barrier' });
    t.deepEqual(world.differing(), []);
  });
}

test('a Master that dies before it knew what a second Replica had got compares that one again', (t) => {
  const world = new Constellation(['one', 'two']);
  const { user } = world;
  user.writeFile('first', 'first');
  world.synchronize('one');
  world.call({ name: 'barrier', replicas: ['one'] });
  world.notifiedAfterMs = 400;
  user.writeFile('passing', 'passing');
  world.synchronize('two');
  t.true(world.view('two').has('passing'));
  user.remove('passing');
  world.restartMaster();
  world.notifiedAfterMs = 0;
  world.call({ name: 'barrier', replicas: ['one'] });
  world.clock.advance(1_000);
  const told = world.notices.findLast((notice) => notice.type === 'status');
  t.false(told?.type === 'status' ? told.status.peers.two?.synchronized : undefined);
  world.synchronize('two');
  world.call({ name: 'barrier' });
  t.deepEqual(world.differing(), []);
});

/** A tree whose walk takes many turns, and a synchronization asked for each of `peers` at once. */
function synchronizeTogether(world: Constellation, peers: Iterable<string> = world.replicas.keys()): number[] {
  const { user } = world;
  for (let d = 0; d < 60; d += 1) {
    user.makeDirectory(`d${d}`);
    for (let n = 0; n < 20; n += 1) user.writeFile(`d${d}/f${n}`, `${d} ${n} `.repeat(8_000));
  }
  return [...peers].map((peer) => world.post({ name: 'synchronize', peer, method: 'file', ignoreSame: true }));
}

test('Replicas synchronized at the same time all get everything, and the engine lives', (t) => {
  const world = new Constellation(['one', 'two', 'three']);
  world.distance.set('one', 200);
  const calls = synchronizeTogether(world);
  for (let n = 0; n < 40; n += 1) {
    world.clock.advance(5);
    world.user.writeFile(`d${n}/f1`, `changed meanwhile ${n}`);
    world.user.writeFile(`d${59 - n}/new${n}`, `made meanwhile ${n}`);
  }
  for (const id of calls) world.answerOf(id);
  world.call({ name: 'barrier' });
  t.false(world.notices.some(({ type }) => type === 'failed'));
  t.deepEqual(world.differing(), []);
});

test('a comparison beside a first synchronization does not end its walk', (t) => {
  const world = new Constellation(['one', 'two']);
  world.distance.set('one', 200);
  const [first] = synchronizeTogether(world, ['one']);
  world.call({ name: 'diff', peer: 'two', ignoreSame: true });
  for (let n = 0; n < 60; n += 1) world.user.writeFile(`d${n}/f1`, `changed meanwhile ${n}`);
  world.answerOf(first!);
  world.synchronize('two');
  world.call({ name: 'barrier' });
  t.false(world.notices.some(({ type }) => type === 'failed'));
  t.deepEqual(world.differing(), []);
});

test('the Replica whose walk builds the index is cut off: the others go on, and all get everything', (t) => {
  const world = new Constellation(['one', 'two', 'three']);
  world.distance.set('one', 200);
  const [first, ...others] = synchronizeTogether(world);
  world.clock.advance(600);
  world.cut('one');
  for (const id of others) world.answerOf(id);
  world.user.writeFile('d1/later', 'made while one is away');
  world.clock.advance(3_000);
  t.deepEqual(world.view('two'), describeTree(world.tree));
  world.connect('one');
  world.answerOf(first!);
  world.call({ name: 'barrier' });
  t.false(world.notices.some(({ type }) => type === 'failed'));
  t.deepEqual(world.differing(), []);
});

/** What is done to `user` before names in it are taken by others. */
const MOVES: Readonly<Record<string, (user: MemoryUser) => void>> = {
  'a log that is rotated': (user) => {
    user.rename('log.1', 'log.2');
    user.rename('log', 'log.1');
    user.writeFile('log', 'new');
  },
  'a file and a symbolic link that change places': (user) => {
    user.rename('log', 'x');
    user.rename('symlink', 'log');
    user.rename('x', 'symlink');
  },
  'directories that change places': (user) => {
    user.rename('full', 'x');
    user.rename('empty', 'full');
    user.rename('x', 'empty');
  },
  'a file that is kept as a further name and replaced': (user) => {
    user.link('log', 'log~');
    user.writeFile('log.new', 'new');
    user.rename('log.new', 'log');
  },
  'a file that is moved on, and another with its first name': (user) => {
    user.rename('log', 'x');
    user.rename('x', 'full/log');
    user.rename('full', 'other');
    user.writeFile('log', 'new');
  },
};

for (const [what, act] of Object.entries(MOVES)) {
  test(`what the walk of a second synchronization sees already is not moved twice: ${what}`, (t) => {
    const world = new Constellation(['one', 'two']);
    const { user } = world;
    for (const name of ['log', 'log.1', 'log.2']) user.writeFile(name, name);
    user.makeSymlink('symlink', 'target');
    user.makeDirectory('empty');
    user.makeDirectory('full');
    user.writeFile('full/file', 'content');
    world.synchronize('one');
    world.clock.advance(20_000);
    act(user);
    world.synchronize('two');
    world.call({ name: 'barrier' });
    t.deepEqual(world.differing(), []);
  });
}

const TAGS = ['first', 'second'].map((text) => [
  { kind: 'xattr', name: 'user.tag', value: new TextEncoder().encode(text) } as const,
]);

for (const path of ['', 'd']) {
  test(`attributes changed while an older change of theirs goes to a late Replica reach the others: "${path}"`, (t) => {
    const world = new Constellation(['one', 'two']);
    const { user } = world;
    user.makeDirectory('d');
    user.writeFile('d/file', 'content');
    for (const name of world.replicas.keys()) world.synchronize(name);
    world.clock.advance(20_000);
    world.cut('two');
    user.setAttributes(path, TAGS[0]!);
    world.clock.advance(20_000);
    // The older change is sent again, to the late one; the notification of the newer comes after.
    world.notifiedAfterMs = 300;
    user.setAttributes(path, TAGS[1]!);
    world.connect('two');
    world.clock.advance(20_000);
    t.deepEqual(world.differing(), []);
  });
}

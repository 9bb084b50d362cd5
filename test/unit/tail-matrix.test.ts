/**
 * A Master dies with changes that nobody received, its Replica takes over and is written to as well, the old Master comes back:
 * whatever both did, what only the old one has is in quarantine byte for byte before the new one's data replaces it.
 */
import test, { type ExecutionContext } from 'ava';
import type { FinishAnswer } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { RootTree } from '../../daemon/ports.ts';
import { QuarantineKeeper } from '../../daemon/quarantine/keeper.ts';
import { type Tail, tailOf } from '../../daemon/quarantine/tail.ts';
import type { Position } from '../../shared/position.ts';
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import { MemoryCapture } from '../memory/capture.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { PairCore, type ReplicaFiles } from '../memory/pair-core.ts';
import { MemoryQuarantineFiles } from '../memory/quarantine-files.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const SCENARIO = 'b'.repeat(32);

/** The scenario the other way round, over the data of both. */
class Backward extends PairCore {
  readonly #before: EnginePair;
  readonly #files = {
    spoolLog: new MemorySegmentLog(),
    journalLog: new MemorySegmentLog(),
    stateFile: new MemoryStateFile(),
  };

  constructor(before: EnginePair, clock: SimulatedClock, capture: MemoryCapture) {
    super(hasher, 1, [], undefined, { clock, capture });
    this.#before = before;
  }

  protected override openMasterTree(): RootTree {
    return this.#before.replicaTree;
  }

  protected override openReplicaFiles(): ReplicaFiles {
    return { trees: [this.#before.masterTree], ...this.#files };
  }

  protected override closeFiles(): void {}
}

class World {
  readonly #clock = new SimulatedClock();
  readonly #capture = new MemoryCapture(this.#clock);
  readonly pair = new EnginePair(hasher, { relay: { clock: this.#clock, capture: this.#capture } });
  /** On the host that was the Master, and on the one that took over. */
  readonly alpha = this.pair.user;
  readonly beta = new MemoryUser(this.pair.replicaTree, this.#capture);
  readonly files = new MemoryQuarantineFiles(new MemoryVolume(this.#clock));
  readonly keeper = new QuarantineKeeper({ files: this.files, openTree: () => this.pair.masterTree });
  readonly #head = { scenario: 'web', host: 'alpha', at: 1_000_000, epoch: 2 };

  constructor(t: ExecutionContext) {
    t.teardown(() => this.pair.close());
    const { alpha, pair } = this;
    alpha.makeDirectory('dir');
    for (const path of ['page', 'other', 'dir/a', 'dir/b', 'victim']) alpha.writeFile(path, `first ${path}`);
    pair.start();
    pair.synchronize();
    pair.barrier();
    // A file that was written at the moment it was read is looked at once more.
    pair.run(20_000);
  }

  /** The link breaks and beta takes over; answers what it had. */
  takeOver(): Position {
    this.pair.cut();
    const { position, fit } = this.pair.callReplica({ name: 'finish' }) as FinishAnswer;
    if (!fit || position === undefined) throw new Error('it is not fit');
    this.pair.killReplica();
    return position;
  }

  /** Alpha comes back, alone. */
  comeBack(): void {
    this.pair.killMaster();
    this.pair.startMaster();
  }

  tail(position: Position): Promise<Tail> {
    return tailOf({ ask: async (call) => await Promise.resolve(this.pair.call(call)) }, position, true);
  }

  async keep({ pages, generation, after, through }: Tail): Promise<Map<string, QuarantineItem>> {
    const head = await this.keeper.keep(SCENARIO, { ...this.#head, generation, after, through }, pages(), ['/master']);
    this.pair.killMaster();
    return await this.kept(head);
  }

  async kept({ id }: QuarantineHead): Promise<Map<string, QuarantineItem>> {
    const { items } = await this.keeper.items(SCENARIO, id);
    return new Map(items.map((item) => [item.path, item]));
  }

  /** Contents that are in quarantine. */
  async contents(): Promise<Set<string>> {
    const found = new Set<string>();
    for (const { id } of await this.keeper.list(SCENARIO)) {
      for (const name of await this.files.list(`${SCENARIO}/${id}/content`)) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of this.files.read(`${SCENARIO}/${id}/content/${name}`)) chunks.push(chunk);
        found.add(Buffer.concat(chunks).toString('latin1'));
      }
    }
    return found;
  }

  /** Beta's data replaces alpha's. */
  replicateBack(t: ExecutionContext): void {
    const back = new Backward(this.pair, this.#clock, this.#capture);
    try {
      back.start();
      back.synchronize();
      back.barrier();
      t.true(back.diff().identical);
    } finally {
      back.close();
    }
    t.deepEqual(describeTree(this.pair.masterTree), describeTree(this.pair.replicaTree));
  }

  get alphaView(): Map<string, string> {
    return describeTree(this.pair.masterTree);
  }

  contentsOf(user: MemoryUser, paths: readonly string[]): string[] {
    return paths.flatMap((path) => {
      try {
        return [Buffer.from(user.readFile(path)).toString('latin1')];
      } catch {
        return [];
      }
    });
  }
}

interface Cell {
  readonly name: string;
  readonly alpha?: (user: MemoryUser) => void;
  readonly beta?: (user: MemoryUser) => void;
  /** Of alpha's quarantine: path → kind and type; nothing: there is none. */
  readonly kept?: Readonly<Record<string, string>>;
  /** Files whose content on alpha must be found afterwards. */
  readonly written?: readonly string[];
}

const CELLS: readonly Cell[] = [
  { name: 'nothing' },
  { name: 'only the new Master', beta: (user) => user.writeFile('page', 'beta') },
  {
    name: 'only the old Master',
    alpha: (user) => {
      user.writeFile('page', 'alpha');
      user.writeFile('dir/new', 'made on alpha');
    },
    kept: { page: 'put file', 'dir/new': 'put file' },
    written: ['page', 'dir/new'],
  },
  {
    name: 'the same file',
    alpha: (user) => user.writeFile('page', 'alpha'),
    beta: (user) => user.writeFile('page', 'beta'),
    kept: { page: 'put file' },
    written: ['page'],
  },
  {
    name: 'different files',
    alpha: (user) => user.writeFile('page', 'alpha'),
    beta: (user) => user.writeFile('other', 'beta'),
    kept: { page: 'put file' },
    written: ['page'],
  },
  {
    name: 'deleted on the old one, modified on the new one',
    alpha: (user) => user.remove('victim'),
    beta: (user) => user.writeFile('victim', 'beta'),
    kept: { victim: 'remove gone' },
  },
  {
    name: 'modified on the old one, deleted on the new one',
    alpha: (user) => user.writeFile('victim', 'alpha'),
    beta: (user) => user.remove('victim'),
    kept: { victim: 'put file' },
    written: ['victim'],
  },
  {
    name: 'a file renamed on both',
    alpha: (user) => {
      user.rename('victim', 'victim of alpha');
      user.append('victim of alpha', ', changed');
    },
    beta: (user) => user.rename('victim', 'victim of beta'),
    kept: { 'victim of alpha': 'rename file' },
    written: ['victim of alpha'],
  },
  {
    name: 'a directory renamed on the old one, removed on the new one',
    alpha: (user) => {
      user.rename('dir', 'dir of alpha');
      user.writeFile('dir of alpha/a', 'alpha');
    },
    beta: (user) => user.remove('dir'),
    kept: { 'dir of alpha': 'rename directory', 'dir of alpha/a': 'put file' },
    written: ['dir of alpha/a'],
  },
  {
    name: 'a file became a directory on the old one and was written on the new one',
    alpha: (user) => {
      user.remove('page');
      user.makeDirectory('page');
      user.writeFile('page/inside', 'alpha');
    },
    beta: (user) => user.writeFile('page', 'beta'),
    kept: { page: 'make-directory directory', 'page/inside': 'put file' },
    written: ['page/inside'],
  },
  {
    name: 'a directory became a link on the old one and was written on the new one',
    alpha: (user) => {
      user.remove('dir');
      user.makeSymlink('dir', 'other');
    },
    beta: (user) => user.writeFile('dir/a', 'beta'),
    kept: { dir: 'symlink symlink' },
  },
];

for (const policy of ['keep-quarantine', 'ask'] as const) {
  for (const captured of [true, false]) {
    const when = captured ? '' : ', never noticed before it died';
    for (const { name, alpha, beta, kept = {}, written = [] } of CELLS) {
      test(`changed: ${name}${when} (${policy}): byte for byte in quarantine, nothing is lost`, async (t) => {
        const world = new World(t);
        const position = world.takeOver();
        if (!captured) world.pair.killMaster();
        alpha?.(world.alpha);
        if (captured) world.pair.run(30_000);
        beta?.(world.beta);
        const before = world.alphaView;
        const contents = world.contentsOf(world.alpha, written);
        t.is(contents.length, written.length);
        if (captured) world.comeBack();
        else world.pair.startMaster();

        const tail = await world.tail(position);
        t.like(tail, { unrelated: false, any: alpha !== undefined, after: position.seq });
        if (tail.any) {
          const items = await world.keep(tail);
          for (const [path, what] of Object.entries(kept)) {
            t.is(`${items.get(path)?.kind} ${items.get(path)?.type}`, what, path);
          }
          t.deepEqual(await world.keeper.list(SCENARIO).then((heads) => heads.map(({ through }) => through)), [
            tail.through,
          ]);
        } else world.pair.killMaster();
        t.deepEqual(world.alphaView, before, 'nothing of it is touched meanwhile');
        if (policy === 'ask') {
          // However long the operator takes.
          world.pair.run(3_600_000);
          t.deepEqual(world.alphaView, before);
        }
        world.replicateBack(t);
        const found = await world.contents();
        for (const content of contents) t.true(found.has(content), content);
      });
    }
  }
}

test('a position of another history, or one whose changes were dropped, is no tail but unrelated', async (t) => {
  const world = new World(t);
  const position = world.takeOver();
  world.alpha.writeFile('page', 'alpha');
  world.pair.run(10_000);
  t.true((await world.tail({ ...position, generation: 'f'.repeat(32) })).unrelated);
  t.true((await world.tail({ ...position, seq: position.seq - 1 })).unrelated, 'received everywhere, so forgotten');
  t.like(await world.tail(position), { unrelated: false, any: true });
});

test('asked again after a crash it is the same tail, and the quarantine that was made is not made twice', async (t) => {
  const world = new World(t);
  const position = world.takeOver();
  world.alpha.writeFile('page', 'alpha');
  world.alpha.writeFile('page', 'alpha again');
  world.alpha.writeFile('short', 'lived');
  world.pair.run(10_000);
  world.alpha.remove('short');
  world.comeBack();
  const first = await world.tail(position);
  const items = await world.keep(first);
  t.deepEqual(
    [...items.keys()].filter((path) => path === 'page'),
    ['page'],
    'each place once',
  );
  t.is(items.get('short')?.type, 'gone');
  world.pair.startMaster();
  const again = await world.tail(position);
  t.is(again.through, first.through);
  t.deepEqual(await world.keep(again), items);
  t.is((await world.keeper.list(SCENARIO)).length, 1);
});

test('a long tail is listed page by page, each place once', async (t) => {
  const world = new World(t);
  const position = world.takeOver();
  world.alpha.makeDirectory('many');
  for (let n = 0; n < 2_500; n += 1) world.alpha.writeFile(`many/${n}`, `${n}`);
  world.pair.run(10_000);
  for (let n = 0; n < 2_500; n += 5) world.alpha.writeFile(`many/${n}`, `again ${n}`);
  const tail = await world.tail(position);
  const paths: string[] = [];
  let pages = 0;
  for await (const entries of tail.pages()) {
    pages += 1;
    paths.push(...entries.map(({ path }) => path));
  }
  t.true(pages > 1);
  t.is(new Set(paths).size, paths.length, 'no place twice');
  for (let n = 0; n < 2_500; n += 1) if (!paths.includes(`many/${n}`)) t.fail(`many/${n} is missing`);
});

/** Random histories of files that are patched where they are, from a few hundred bytes on, with everything that may happen to hosts. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';
import { PROPERTY_SEEDS } from '../runner/property-settings.ts';

const hasher = await createContentHasher();
const LIMITS = { inlineBytes: 100, patchedBytes: 200, inPlaceBytes: 400, blockBytes: 64, sliceBytes: 128 };
const HISTORIES = Number(process.env.MAINSTAY_HISTORIES ?? 12);
const EPISODES = 7;
const STEPS = 6;

/** Sizes at the edges: nothing, one block more or less, exactly so many blocks, both sides of every limit. */
const SIZES = [0, 1, 63, 64, 65, 100, 101, 199, 200, 201, 256, 399, 400, 401, 640, 1_000, 1_024, 2_048, 2_049];
const NAMES = ['a.db', 'b.db', 'c.db'];

class History {
  readonly pair: EnginePair;
  private readonly random: SeededRandom;
  private readonly trace: string[] = [];
  /** Files that were written through a map and bear no trace of it. */
  private readonly mapped = new Set<bigint>();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.pair = new EnginePair(hasher, { seed, cutOrder: this.random.pick(['journalled', 'any'] as const) });
  }

  /** What differs in the end, with the way there; empty when nothing does. */
  play(): string {
    const { pair, random } = this;
    for (const name of NAMES) pair.user.writeFile(name, random.bytes(random.pick(SIZES)));
    pair.latencyMs = () => random.below(4);
    pair.start();
    pair.synchronize({ method: random.pick(['file', 'block'] as const) });
    for (let episode = 0; episode < EPISODES; episode += 1) {
      for (let step = 0; step < STEPS; step += 1) {
        this.attempt(random.chance(0.75) ? () => this.edit() : () => this.disturb());
        pair.run(random.pick([0, 1, 3, 10, 600, 1_500]));
      }
      const problems = this.settle() ? this.differences() : [JSON.stringify(pair.masterStatus?.peers.replica)];
      if (problems.length > 0) return `${problems.join(', ')} after ${this.trace.join(', ')}`;
    }
    return '';
  }

  private differences(): string[] {
    const { pair } = this;
    pair.run(3_000);
    const wanted = pair.masterView();
    const found = pair.replicaView();
    const different = [...wanted].filter(([path, text]) => found.get(path) !== text).map(([path]) => path);
    if (found.size !== wanted.size) different.push('names');
    different.push(...pair.replicaTree.listKept().map((name) => `left behind ${name}`));
    different.push(...pair.failures.map(({ text }) => text));
    return different;
  }

  /** What is not possible in this state of the tree does not happen. */
  private attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw error;
    }
  }

  private say(text: string): void {
    this.trace.push(text);
  }

  private edit(): void {
    const { pair, random } = this;
    const path = random.pick(NAMES);
    const other = random.pick(NAMES);
    const { user } = pair;
    const what = random.below(14);
    this.say(`${what} ${path} ${other}`);
    if (what === 0) user.rename(path, other);
    else if (what === 1) user.link(path, other);
    else if (what === 2) user.remove(path);
    else if (what === 3) user.setMode(path, random.pick([0o600, 0o644]));
    else if (what === 4) user.writeFile(path, random.bytes(random.pick(SIZES)));
    else if (what === 5) this.swap(path, other);
    else if (what === 6) this.save(path);
    else this.patch(path, what);
  }

  private swap(path: string, other: string): void {
    if (path === other) return;
    this.pair.user.rename(path, 'between');
    this.pair.user.rename(other, path);
    this.pair.user.rename('between', other);
  }

  /** A copy, changed, put into the place of the original, as some programs save. */
  private save(path: string): void {
    const content = this.pair.user.readFile(path).slice();
    if (content.length > 70) content[70]! ^= 1;
    this.pair.user.writeFile('copy', content);
    this.pair.user.rename('copy', path);
  }

  private patch(path: string, what: number): void {
    const { random } = this;
    const { user } = this.pair;
    const before = user.readFile(path);
    const size = what < 9 ? random.pick(SIZES) : before.length;
    const content = new Uint8Array(size);
    content.set(before.subarray(0, size));
    const from = random.below(size + 1);
    if (what === 9 || what === 13) content.fill(0, from, from + random.below(size + 1 - from));
    const edits = random.below(3);
    for (let n = 0; n < edits && size > 0; n += 1) content[random.below(size)]! ^= 1 + random.below(255);
    const { mtimeNs } = this.pair.masterTree.stat(path)!;
    // Through a memory map, which leaves no trace but that a writer closed the file.
    if (what === 10 && this.pair.masterAlive) this.writeMapped(path, content);
    else if (what === 11) user.writeOpen(path, content);
    else user.writeFile(path, content);
    // Programs that put the time back.
    if (what === 12) user.setMtimeNs(path, mtimeNs);
  }

  private writeMapped(path: string, content: Uint8Array): void {
    this.pair.user.writeMapped(path, content);
    this.mapped.add(this.pair.masterTree.stat(path)!.id.inode);
  }

  /** A Master that dies before it has looked could never find what bears no trace, so by then the kernel has moved the times. */
  private killMaster(): void {
    const { pair } = this;
    for (const { name } of pair.masterTree.scan('')) {
      const mtimeNs = BigInt(pair.clock.wallMs()) * 1_000_000n + 1n;
      if (this.mapped.has(pair.masterTree.stat(name)!.id.inode)) pair.user.setMtimeNs(name, mtimeNs);
    }
    this.mapped.clear();
    pair.killMaster();
  }

  private disturb(): void {
    const { pair, random } = this;
    const what = random.below(10);
    this.say(`disturb ${what}`);
    if (what === 0) pair.cut();
    else if (what === 1) this.killMaster();
    else if (what === 2) pair.killReplica();
    else if (what === 3 && pair.replicaAlive) pair.cutReplicaPower(random);
    else if (what === 4) this.spoil();
    else if (what === 5 && pair.masterAlive) this.suspend();
    else if (what === 6) pair.replicaTree.volume.totalBytes = pair.replicaTree.volume.usedBytes + random.below(500);
    else this.bringUp();
  }

  private suspend(): void {
    this.pair.post({ name: 'suspend', peer: 'replica', suspended: this.random.chance(0.6) });
  }

  /**
   * Somebody works on the Replica itself; what they write moves the time, and is mended by the next change of the file. Which
   * one that is on the Master nobody can say while renames are on their way: every file is changed.
   */
  private spoil(): void {
    const path = this.random.pick(NAMES);
    const replica = new MemoryUser(this.pair.replicaTree);
    const content = replica.readFile(path).slice();
    if (content.length === 0 || !this.pair.masterAlive) return;
    content[this.random.below(content.length)]! ^= 1;
    replica.writeFile(path, content);
    const { masterTree } = this.pair;
    const byFile = new Map(masterTree.scan('').map(({ name }) => [masterTree.stat(name)!.id.inode, name]));
    for (const name of byFile.values()) this.touch(name);
  }

  private touch(path: string): void {
    const content = this.pair.user.readFile(path).slice();
    if (content.length > 0) content[0]! ^= 1;
    this.pair.user.writeFile(path, content);
  }

  private bringUp(): void {
    const { pair } = this;
    pair.replicaTree.volume.totalBytes = 2 ** 40;
    if (!pair.replicaAlive) pair.startReplica();
    if (!pair.masterAlive) pair.startMaster();
    pair.connect();
    pair.post({ name: 'suspend', peer: 'replica', suspended: false });
    this.synchronize();
  }

  /** What the daemon does for a Replica without usable data. */
  private synchronize(): void {
    const { pair } = this;
    pair.run(200);
    const peer = pair.masterStatus?.peers.replica;
    if (peer?.synchronized !== false || peer.link !== 'catching-up') return;
    pair.post({ name: 'synchronize', peer: 'replica', method: 'block', ignoreSame: true });
    pair.run(500);
  }

  private settle(): boolean {
    this.bringUp();
    const { pair } = this;
    let barrier = pair.post({ name: 'barrier' });
    for (let rounds = 0; rounds < 300; rounds += 1) {
      if (pair.masterStatus?.peers.replica?.synchronized !== true) this.synchronize();
      const answer = pair.answerOf(barrier);
      if (answer !== undefined && answer.fault === undefined) return true;
      if (answer !== undefined) barrier = pair.post({ name: 'barrier' });
      pair.run(1_000);
    }
    return false;
  }
}

for (const seed of PROPERTY_SEEDS) {
  test(`${HISTORIES} random histories of patched files end with equal roots (seed ${seed})`, (t) => {
    t.timeout(240_000);
    forceLargeFiles(LIMITS);
    for (let n = 0; n < HISTORIES; n += 1) {
      const history = new History(1_000 * seed + n);
      try {
        t.is(history.play(), '', `history ${1_000 * seed + n}`);
      } finally {
        history.pair.close();
      }
    }
  });
}

/**
 * Steps of a rewind that are made together. Their records are flushed, then what is in the way and has no kept object to
 * change places with is moved away, then everything is restored, then a checkpoint covers it.
 */
import { Fault } from '../../shared/faults.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { KeptPair, RootTree } from '../ports.ts';
import type { Journal } from './journal.ts';
import type { LastDirectory } from './last-directory.ts';
import { exchanges, type UndoIntent, type UndoRecord } from './record.ts';
import { RewindPaths } from './rewind-paths.ts';
import { setDirectoryTime, setDirectoryTimes, takeBackMetadata } from './undo.ts';

/** Steps of one group: they share the flushes, and nothing else happens while they are made. */
const GROUP_STEPS = 2_000;

export interface RewindGroupPorts {
  readonly trees: readonly RootTree[];
  readonly journal: Journal;
  /** Everything made so far becomes durable and is not taken back by recovery. */
  readonly checkpoint: () => void;
}

export class RewindGroup {
  private readonly ports: RewindGroupPorts;
  private readonly paths: RewindPaths;
  private steps = 0;
  /** In the order in which they were planned. */
  private records: UndoRecord[] = [];
  /** Of records that set metadata: what they take back. */
  private readonly metadata = new Map<UndoRecord, UndoRecord>();
  /** By root and directory. */
  private readonly times: readonly Map<RelativePath, bigint>[];
  private readonly directory: LastDirectory;

  /** `directory`: shared with all who ask for the directory of the same path. */
  constructor(ports: RewindGroupPorts, directory: LastDirectory) {
    this.ports = ports;
    this.directory = directory;
    this.paths = new RewindPaths(directory);
    this.times = ports.trees.map(() => new Map());
  }

  mustWait(origin: UndoRecord): boolean {
    return this.steps > 0 && (this.steps >= GROUP_STEPS || this.paths.mustWait(origin));
  }

  /** What the time of a directory will be after what was added so far; undefined: what it is now. */
  timeOf(root: number, directory: RelativePath): bigint | undefined {
    return this.times[root]!.get(directory);
  }

  /** `intents`: the changes that take `origin` back. */
  add(origin: UndoRecord, intents: readonly UndoIntent[]): void {
    const { journal } = this.ports;
    const mtimeNs = origin.op === 'metadata' ? origin.before?.mtimeNs : undefined;
    let stays = false;
    for (const intent of intents) {
      const record = journal.intend(intent, mtimeNs);
      this.records.push(record);
      if (record.op === 'metadata') this.metadata.set(record, origin);
      stays = staysInPlace(record);
    }
    journal.expectTimes(origin);
    if (origin.op === 'metadata') this.expectOwnTime(origin);
    else this.expectTimes(origin);
    this.paths.add(origin, stays && intents.length === 1);
    this.steps += 1;
  }

  /** Each directory once: of several changes in it the oldest decides. */
  private expectTimes({ root, path, from, directoryTimes }: UndoRecord): void {
    if (directoryTimes === undefined) return;
    const [time, fromTime] = directoryTimes;
    const times = this.times[root]!;
    if (time !== undefined) times.set(this.directory.of(path)!, time);
    if (fromTime !== undefined && from !== undefined) times.set(parentPath(from)!, fromTime);
  }

  private expectOwnTime({ root, path, before }: UndoRecord): void {
    const times = this.times[root]!;
    if (before !== undefined && times.has(path)) times.set(path, before.mtimeNs);
  }

  /** How many changes were taken back. Afterwards it is empty. */
  carryOut(): number {
    const { steps } = this;
    if (steps === 0) return 0;
    try {
      this.perform();
    } catch (error) {
      // Nobody rolls back before the next start, and until then another rewind may begin.
      if (Fault.from(error).kind !== 'fatal') this.takeBack();
      throw error;
    } finally {
      this.clear();
    }
    this.ports.checkpoint();
    return steps;
  }

  private takeBack(): void {
    const { journal, trees } = this.ports;
    for (const record of this.records.toReversed()) {
      journal.takeBack(record);
      // Also where it was not made: one behind it was, perhaps, and had counted on it.
      setDirectoryTimes(trees[record.root]!, record);
    }
  }

  /** What was planned is not made. */
  giveUp(): void {
    for (const record of this.records.reverse()) this.ports.journal.withdraw(record);
    this.clear();
  }

  private clear(): void {
    this.steps = 0;
    this.records = [];
    this.metadata.clear();
    this.paths.clear();
    for (const times of this.times) times.clear();
  }

  private perform(): void {
    const { journal, trees } = this.ports;
    journal.flush();
    // A name must be given up durably before it is taken again.
    let vacates = false;
    for (const record of this.records) {
      if (record.kept === undefined || exchanges(record)) continue;
      journal.keep(record, 'move');
      vacates = true;
    }
    if (vacates) for (const tree of trees) tree.flushAll();
    this.restore();
    for (const [root, directories] of this.times.entries()) {
      for (const [directory, mtimeNs] of directories) setDirectoryTime(trees[root]!, directory, mtimeNs);
    }
  }

  private restore(): void {
    const { trees } = this.ports;
    const exchange = new Exchanges(trees);
    for (const record of this.records) {
      if (exchanges(record)) {
        exchange.add(record);
        continue;
      }
      exchange.carryOut();
      act(trees[record.root]!, record, this.metadata.get(record));
    }
    exchange.carryOut();
  }
}

/** Those one after the other in the same root together. */
class Exchanges {
  private readonly trees: readonly RootTree[];
  private root = 0;
  private pairs: KeptPair[] = [];

  constructor(trees: readonly RootTree[]) {
    this.trees = trees;
  }

  add({ root, path, kept }: UndoRecord): void {
    if (root !== this.root) this.carryOut();
    this.root = root;
    this.pairs.push({ path, keepName: kept! });
  }

  carryOut(): void {
    const { pairs } = this;
    if (pairs.length === 0) return;
    this.pairs = [];
    this.trees[this.root]!.exchange!(pairs);
  }
}

/** Whatever is in a directory at its path can be looked at before. */
function staysInPlace(record: UndoRecord): boolean {
  return record.op === 'metadata' ? record.before?.type === 'directory' : exchanges(record);
}

/** What is at the record's path was kept already. `origin`: what metadata is taken back. */
function act(tree: RootTree, record: UndoRecord, origin: UndoRecord | undefined): void {
  switch (record.op) {
    case 'metadata':
      takeBackMetadata(tree, { ...origin!, before: { ...origin!.before!, id: record.before!.id } }, record.before);
      return;
    case 'rename':
      tree.rename(record.from!, record.path);
      return;
    case 'restore':
      tree.restore(record.restored!, record.path);
      return;
    default:
    // Keeping it was removing it.
  }
}

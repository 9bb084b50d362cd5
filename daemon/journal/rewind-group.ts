/**
 * Steps of a rewind that are made together. Their records are flushed, then what is in the way and has no kept object to
 * change places with is moved away, then everything is restored, then a checkpoint covers it.
 */
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { KeptPair, RootTree } from '../ports.ts';
import type { Journal } from './journal.ts';
import { exchanges, type UndoIntent, type UndoRecord } from './record.ts';
import { RewindPaths } from './rewind-paths.ts';
import { directoriesBefore, setDirectoryTime, takeBackMetadata } from './undo.ts';

/** Steps of one group: they share the flushes, and nothing else happens while they are made. */
const GROUP_STEPS = 4_000;

/** One record to take back, and the changes that do it. */
export interface Step {
  readonly origin: UndoRecord;
  readonly intents: readonly UndoIntent[];
}

interface Planned {
  readonly origin: UndoRecord;
  readonly records: readonly UndoRecord[];
}

export interface RewindGroupPorts {
  readonly trees: readonly RootTree[];
  readonly journal: Journal;
  /** Everything made so far becomes durable and is not taken back by recovery. */
  readonly checkpoint: () => void;
}

export class RewindGroup {
  private readonly ports: RewindGroupPorts;
  private readonly paths = new RewindPaths();
  private planned: Planned[] = [];

  constructor(ports: RewindGroupPorts) {
    this.ports = ports;
  }

  mustWait(origin: UndoRecord): boolean {
    return this.planned.length > 0 && (this.planned.length >= GROUP_STEPS || this.paths.mustWait(origin));
  }

  add({ origin, intents }: Step): void {
    const { journal } = this.ports;
    const mtimeNs = origin.op === 'metadata' ? origin.before?.mtimeNs : undefined;
    const records = intents.map((intent) => journal.intend(intent, mtimeNs));
    journal.expectTimes(origin);
    this.paths.add(origin, staysInPlace(origin, records));
    this.planned.push({ origin, records });
  }

  /** False: there was nothing to do. Afterwards it is empty. */
  carryOut(): boolean {
    const { planned } = this;
    this.planned = [];
    this.paths.clear();
    if (planned.length === 0) return false;
    const { journal, checkpoint } = this.ports;
    try {
      this.perform(planned);
    } catch (error) {
      // Nobody rolls back before the next start, and until then another rewind may begin.
      if (Fault.from(error).kind !== 'fatal') for (const record of recordsOf(planned).reverse()) journal.takeBack(record);
      throw error;
    }
    checkpoint();
    return true;
  }

  /** What was planned is not made. */
  giveUp(): void {
    const { planned } = this;
    this.planned = [];
    this.paths.clear();
    for (const record of recordsOf(planned).reverse()) this.ports.journal.withdraw(record);
  }

  private perform(planned: readonly Planned[]): void {
    const { journal, trees } = this.ports;
    journal.flush();
    // A name must be given up durably before it is taken again.
    let vacates = false;
    for (const { records } of planned) {
      for (const record of records) {
        if (record.kept === undefined || exchanges(record)) continue;
        journal.keep(record, 'move');
        vacates = true;
      }
    }
    if (vacates) for (const tree of trees) tree.flushAll();
    this.restore(planned);
    this.setDirectoryTimes(planned);
  }

  private restore(planned: readonly Planned[]): void {
    const { trees } = this.ports;
    const exchange = new Exchanges(trees);
    for (const { origin, records } of planned) {
      for (const record of records) {
        if (exchanges(record)) exchange.add(record);
        else {
          exchange.carryOut();
          act(trees[record.root]!, record, origin);
        }
      }
    }
    exchange.carryOut();
  }

  /** Each directory once: of several changes in it the oldest decides. */
  private setDirectoryTimes(planned: readonly Planned[]): void {
    const times = this.ports.trees.map(() => new Map<RelativePath, bigint>());
    for (const { origin } of planned) {
      for (const { directory, mtimeNs } of directoriesBefore(origin)) times[origin.root]!.set(directory, mtimeNs);
    }
    for (const [root, directories] of times.entries()) {
      for (const [directory, mtimeNs] of directories) setDirectoryTime(this.ports.trees[root]!, directory, mtimeNs);
    }
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

function recordsOf(planned: readonly Planned[]): UndoRecord[] {
  return planned.flatMap(({ records }) => records);
}

/** Whatever is in a directory at the path can be looked at before. */
function staysInPlace({ op, before }: UndoRecord, records: readonly UndoRecord[]): boolean {
  if (op === 'metadata') return before?.type === 'directory';
  return records.length === 1 && exchanges(records[0]!);
}

/** What is at the record's path was kept already. */
function act(tree: RootTree, record: UndoRecord, origin: UndoRecord): void {
  switch (record.op) {
    case 'metadata':
      takeBackMetadata(tree, { ...origin, before: { ...origin.before!, id: record.before!.id } }, record.before);
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

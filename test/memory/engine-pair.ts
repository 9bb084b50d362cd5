/** Both engines of a scenario over memory trees: everything in virtual time, also what a power cut leaves. */

import { KeptAside, RootAside } from '../../daemon/aside/kept-aside.ts';
import { AsideTree } from '../../daemon/aside/tree.ts';
import { compileFilter } from '../../daemon/capture/filter.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { RootTree, TreeCapabilities } from '../../daemon/ports.ts';
import { ALL_KINDS, type AttributeKinds } from '../../shared/attributes.ts';
import { MemoryAsideStore } from './aside-store.ts';
import type { MemoryCapture } from './capture.ts';
import type { SeededRandom, SimulatedClock } from './clock.ts';
import { PairCore, type ReplicaFiles, type Side } from './pair-core.ts';
import { MemorySegmentLog } from './segment-log.ts';
import { MemoryStateFile } from './state-file.ts';
import { MemoryTree, type TreeOperation } from './tree.ts';
import { describeTree, MemoryUser } from './user.ts';
import { type CutOrder, MemoryVolume } from './volume.ts';

interface PairOptions {
  readonly seed?: number;
  readonly exclude?: readonly string[];
  readonly attributeKinds?: AttributeKinds;
  /** What a power cut leaves of the Replica's names; see MemoryVolume. */
  readonly cutOrder?: CutOrder;
  readonly masterCapabilities?: Partial<TreeCapabilities>;
  /** What the Replica's volume can; less than everything is kept aside. */
  readonly replicaCapabilities?: Partial<TreeCapabilities>;
  /** The Replica's root on a volume of its own kind; default: one like ext4 with `replicaCapabilities`. */
  readonly replicaTree?: (clock: SimulatedClock) => MemoryTree;
  /** Its Replica feeds another one: what watches its root, and the clock of both. */
  readonly relay?: { readonly clock: SimulatedClock; readonly capture: MemoryCapture };
}

export class EnginePair extends PairCore {
  readonly masterTree: MemoryTree;
  readonly replicaTree: MemoryTree;
  readonly user: MemoryUser;
  private readonly logs = { spoolLog: new MemorySegmentLog(), journalLog: new MemorySegmentLog() };
  private stateFile = new MemoryStateFile();
  readonly asideStore = new MemoryAsideStore();
  private readonly feeds: boolean;

  constructor(hasher: ContentHasher, options: PairOptions = {}) {
    const { relay } = options;
    super(
      hasher,
      options.seed ?? 1,
      options.exclude ?? [],
      undefined,
      relay === undefined ? {} : { clock: relay.clock },
    );
    this.feeds = relay !== undefined;
    this.attributeKinds = options.attributeKinds ?? ALL_KINDS;
    this.masterTree = new MemoryTree({
      volume: new MemoryVolume(this.clock),
      path: '/master',
      capture: { source: this.capture, root: 0 },
      capabilities: options.masterCapabilities ?? {},
    });
    const replicaVolume = new MemoryVolume(this.clock, true, options.cutOrder);
    this.replicaTree =
      options.replicaTree?.(this.clock) ??
      new MemoryTree({
        volume: replicaVolume,
        path: '/replica',
        ...(relay === undefined ? {} : { capture: { source: relay.capture, root: 0 } }),
        capabilities: options.replicaCapabilities ?? {},
      });
    this.user = new MemoryUser(this.masterTree, this.capture);
  }

  get journalLog(): MemorySegmentLog {
    return this.logs.journalLog;
  }

  protected override openMasterTree(): RootTree {
    return this.masterTree;
  }

  protected override openReplicaFiles(): ReplicaFiles {
    const root = new RootAside(this.replicaTree, this.asideStore);
    const trees = [new AsideTree(this.replicaTree, root, this.feeds)];
    return { trees, aside: new KeptAside([root], this.limits.asideMaxBytes), ...this.logs, stateFile: this.stateFile };
  }

  /** For whoever looks at the Replica's data while its engine does not run. */
  replicaFiles(): ReplicaFiles {
    return this.openReplicaFiles();
  }

  protected override closeFiles(side: Side): void {
    if (side === 'replica') this.asideStore.close();
  }

  /**
   * Calls `onOperation` before each operation of an engine on its files and its state (`commit`, `append`, `save` …);
   * what it throws is what the engine gets.
   */
  watchOperations(onOperation: (side: Side, operation: string, path: string) => void): void {
    this.masterTree.beforeOperation = (operation: TreeOperation, path) => onOperation('master', operation, path);
    this.beforeCommit = () => onOperation('master', 'commit-state', '');
    this.replicaTree.beforeOperation = (operation: TreeOperation, path) => onOperation('replica', operation, path);
    for (const [name, log] of Object.entries(this.logs)) {
      log.beforeAppend = () => onOperation('replica', 'append', name);
      log.beforeFlush = () => onOperation('replica', 'flush-log', name);
      log.beforeRemove = () => onOperation('replica', 'remove-log', name);
    }
    this.stateFile.beforeSave = () => onOperation('replica', 'save', '');
  }

  /** The Replica's host loses power: of what was not flushed a random part is there afterwards. */
  cutReplicaPower(random: SeededRandom): void {
    this.killReplica();
    this.replicaTree.volume.powerCut(random);
    for (const log of Object.values(this.logs)) log.powerCut(random);
    this.clock.setWallMs(this.clock.wallMs() + 60_000);
  }

  /** Its data directory is lost. */
  forgetReplica(): void {
    this.stateFile = new MemoryStateFile();
  }

  masterView(): Map<string, string> {
    return describeTree(this.masterTree, compileFilter(this, true));
  }

  /** What looks on is no engine: its operations are not those `watchOperations` tells of. */
  replicaView(): Map<string, string> {
    const { replicaTree } = this;
    const watched = replicaTree.beforeOperation;
    replicaTree.beforeOperation = () => {};
    try {
      const whole = new AsideTree(replicaTree, new RootAside(replicaTree, this.asideStore));
      return describeTree(replicaTree, compileFilter(this, true), whole);
    } finally {
      replicaTree.beforeOperation = watched;
    }
  }
}

/** Both engines of a scenario over the real adapters of this system and real directories, in virtual time. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { Platform } from '../../daemon/platform/select.ts';
import type { RootTree } from '../../daemon/ports.ts';
import { PairCore, type ReplicaFiles, type Side } from '../memory/pair-core.ts';
import { DirectoryUser, describeDirectory } from './directory-user.ts';

export class RealPair extends PairCore {
  readonly user: DirectoryUser;
  readonly masterRoot: string;
  readonly replicaRoot: string;
  /** For users, and for looking on. */
  readonly masterTree: RootTree;
  private readonly top: string;
  private readonly platform: Platform;
  private open: Record<Side, (() => void)[]> = { master: [], replica: [] };

  /** Everything is below `top`: `master/root`, `replica/root` and the state of both. What is there is gone on with. */
  constructor(hasher: ContentHasher, platform: Platform, top: string, seed: number) {
    super(hasher, seed, [], join(top, 'state'));
    this.top = top;
    this.platform = platform;
    this.masterRoot = join(top, 'master', 'root');
    this.replicaRoot = join(top, 'replica', 'root');
    for (const path of [this.masterRoot, this.replicaRoot]) mkdirSync(path, { recursive: true });
    this.masterTree = platform.openTree(this.masterRoot);
    this.user = new DirectoryUser(this.masterRoot, join(top, 'master', 'elsewhere'), this.masterTree, (hint) =>
      this.capture.emit(hint),
    );
  }

  /** Whose engine runs right now; undefined: users do, or the test. */
  get runningSide(): Side | undefined {
    return this.running;
  }

  protected override openMasterTree(): RootTree {
    const tree = this.platform.openTree(this.masterRoot);
    this.open.master.push(() => tree.close());
    const dropCookie = tree.dropCookie.bind(tree);
    tree.dropCookie = (name) => {
      dropCookie(name);
      this.capture.emit({ kind: 'cookie', root: 0, name });
    };
    return tree;
  }

  protected override openReplicaFiles(): ReplicaFiles {
    const { platform } = this;
    const at = (name: string) => join(this.top, 'state', name);
    const open = <T extends { close(): void }>(one: T): T => {
      this.open.replica.push(() => one.close());
      return one;
    };
    const tree = open(platform.openTree(this.replicaRoot));
    const spoolLog = open(platform.openSegmentLog(at('spool')));
    const journalLog = open(platform.openSegmentLog(at('journal')));
    return { trees: [tree], spoolLog, journalLog, stateFile: platform.openStateFile(at('replica.state')) };
  }

  protected override closeFiles(side: Side): void {
    for (const close of this.open[side].splice(0)) close();
  }

  masterView(): Map<string, string> {
    return describeDirectory(this.masterRoot);
  }

  replicaView(): Map<string, string> {
    return describeDirectory(this.replicaRoot);
  }

  override close(): void {
    super.close();
    this.masterTree.close();
    rmSync(this.top, { recursive: true, force: true });
  }
}

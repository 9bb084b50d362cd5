/**
 * Does with hints what an engine does: goes where they point and looks. In the end what it knows must be the truth, whatever
 * happened in between; that is all capture has to achieve.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { createCaptureService, type StoppableCapture } from '../../daemon/capture/host.ts';
import { LinuxTree } from '../../daemon/platform/linux/tree.ts';
import { WAKEUP } from '../../daemon/platform/wakeup.ts';
import type { CaptureHint, CaptureMethod, EntryStat, RootTree } from '../../daemon/ports.ts';
import type { CaptureReport, EngineHandle } from '../../daemon/services.ts';
import { joinPath, parentPath } from '../../shared/path.ts';
import { eventually } from './rig.ts';

const COOKIE_TIMEOUT_MS = 30_000;

/** What the hints led to, by path. */
class LookedAt {
  readonly entries = new Map<string, EntryStat>();
  private readonly children = new Map<string, Set<string>>();
  /** Looked for in vain: perhaps under a name its directory had, whose rename is told later. */
  private readonly absent = new Set<string>();
  private readonly tree: RootTree;

  constructor(tree: RootTree) {
    this.tree = tree;
  }

  apply(hint: CaptureHint): void {
    if (hint.kind === 'dirty') this.look(hint.path);
    else if (hint.kind === 'rename') {
      this.look(hint.from);
      this.look(hint.to);
      this.follow(hint.from, hint.to);
    } else if (hint.kind === 'overflow') this.rescan(hint.path);
  }

  /** As an engine does: what was looked for under the old name is looked for under the new one. */
  private follow(from: string, to: string): void {
    for (const path of [...this.absent]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.absent.delete(path);
      this.look(to + path.slice(from.length));
    }
  }

  private look(path: string): void {
    const parent = parentPath(path);
    // A path is the one its directory has when the event is read, which may be later than the event: the directory may be
    // unknown under it yet. As in an index, nothing can be held without its parents.
    if (parent !== undefined && parent !== '' && !this.entries.has(parent)) {
      this.look(parent);
      if (!this.entries.has(parent)) {
        this.forget(path);
        this.absent.add(path);
        return;
      }
    }
    const stat = this.tree.stat(path);
    const known = this.entries.get(path);
    const isSame = known !== undefined && stat?.id.inode === known.id.inode && stat.id.birthNs === known.id.birthNs;
    if (stat?.type === 'directory' && !isSame) this.rescan(path);
    else if (stat === undefined || !isSame) this.forget(path);
    if (stat !== undefined) this.put(path, stat);
    else this.absent.add(path);
  }

  private rescan(path: string): void {
    this.forget(path);
    const stat = this.tree.stat(path);
    if (stat === undefined) return;
    this.put(path, stat);
    if (stat.type === 'directory') for (const [below, entry] of walk(this.tree, path)) this.put(below, entry);
  }

  private put(path: string, stat: EntryStat): void {
    this.entries.set(path, stat);
    const parent = parentPath(path);
    if (parent === undefined) return;
    const siblings = this.children.get(parent);
    if (siblings === undefined) this.children.set(parent, new Set([path]));
    else siblings.add(path);
  }

  private forget(path: string): void {
    this.entries.delete(path);
    const below = this.children.get(path);
    this.children.delete(path);
    for (const child of below ?? []) this.forget(child);
  }
}

function walk(tree: RootTree, top: string): Map<string, EntryStat> {
  const found = new Map<string, EntryStat>();
  const pending = [top];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    let entries: ReturnType<RootTree['scan']>;
    try {
      entries = tree.scan(directory);
    } catch {
      continue;
    }
    for (const { name, ...stat } of entries) {
      const path = joinPath(directory, name);
      found.set(path, stat);
      if (stat.type === 'directory') pending.push(path);
    }
  }
  return found;
}

/** Times and sizes of directories change with their entries, which have hints of their own. */
function describe(entries: Map<string, EntryStat>): string[] {
  return [...entries]
    .filter(([path]) => path !== '')
    .map(([path, stat]) => {
      const id = `${stat.type} ${stat.id.inode}/${stat.id.birthNs} ${stat.mode.toString(8)} ${stat.uid}`;
      return stat.type === 'directory' ? `${path} ${id}` : `${path} ${id} ${stat.sizeBytes} ${stat.mtimeNs}`;
    })
    .sort();
}

export class CaptureObserver {
  /** The root, and a directory beside it on the same file system. */
  readonly root: string;
  readonly outside: string;
  readonly hints: CaptureHint[] = [];
  report: CaptureReport | undefined;
  private readonly top: string;
  private readonly tree: LinuxTree;
  private readonly lookedAt: LookedAt;
  private readonly service: StoppableCapture;
  private readonly engine: EngineHandle;
  private nextCookie = 0;

  private constructor(top: string, root: string, allowed: readonly CaptureMethod[]) {
    this.top = top;
    this.root = root;
    this.outside = join(this.top, 'outside');
    mkdirSync(this.root, { recursive: true });
    mkdirSync(this.outside);
    this.tree = new LinuxTree(this.root);
    this.lookedAt = new LookedAt(this.tree);
    this.service = createCaptureService(WAKEUP, allowed);
    this.engine = {
      post: (request) => {
        if (request.type === 'capture') this.listen(request.port as MessagePort);
      },
      onNotice: () => {},
      onExit: () => {},
      terminate: () => Promise.resolve(),
    };
  }

  static start(base: string, allowed: readonly CaptureMethod[]): Promise<CaptureObserver> {
    const top = mkdtempSync(join(base, 'mainstay-capture-'));
    return CaptureObserver.startAt(top, join(top, 'root'), allowed);
  }

  /** `top` is removed with the observer. */
  static async startAt(top: string, root: string, allowed: readonly CaptureMethod[]): Promise<CaptureObserver> {
    const observer = new CaptureObserver(top, root, allowed);
    try {
      observer.report = await observer.service.watch(observer.engine, [observer.root]);
    } catch (error) {
      await observer.dispose();
      throw error;
    }
    return observer;
  }

  private listen(port: MessagePort): void {
    port.on('message', (hints: readonly CaptureHint[]) => {
      for (const hint of hints) {
        this.hints.push(hint);
        this.lookedAt.apply(hint);
      }
    });
  }

  at(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** Waits until a hint for which `wanted` holds has come. */
  hint(wanted: (hint: CaptureHint) => boolean): Promise<CaptureHint> {
    return eventually('the hint', 10_000, () => this.hints.find(wanted));
  }

  /** Everything done before this call has been reported when it resolves. */
  async barrier(): Promise<void> {
    this.nextCookie += 1;
    const name = `cookie-${this.nextCookie}`;
    this.tree.dropCookie(name);
    const isIt = (hint: CaptureHint) => hint.kind === 'cookie' && hint.name === name;
    await eventually(`cookie ${name}`, COOKIE_TIMEOUT_MS, () => this.hints.some(isIt) || undefined);
  }

  /** Paths whose description differs from the truth, after a barrier. */
  async differences(): Promise<{ missing: string[]; extra: string[]; entries: number }> {
    await this.barrier();
    const known = new Set(describe(this.lookedAt.entries));
    const truth = new Set(describe(walk(this.tree, '')));
    return {
      missing: [...truth].filter((line) => !known.has(line)),
      extra: [...known].filter((line) => !truth.has(line)),
      entries: truth.size,
    };
  }

  unwatch(): Promise<void> {
    return this.service.unwatch(this.engine);
  }

  async dispose(): Promise<void> {
    await this.service.stop();
    this.tree.close();
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** Runs a shell script in a directory; resolves when it has ended well. */
export async function shell(directory: string, script: string): Promise<void> {
  const child = spawn('/bin/bash', ['-ec', script], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`exit code ${code} from: ${script}`);
}

/**
 * A walk of roots whose index others rely on sees changes that come to the Replica as intents too. Contents and removals may be
 * made twice; a move or a link may not when its source is another object by then (names were swapped, a log was rotated): it
 * takes that one. Finds the paths that may have got a wrong object, in the names of now. Pure but for reading the intents.
 */
import { isWithin, parentPath, type RelativePath, TEMPORARY_PREFIX } from '../../shared/path.ts';
import type { Intent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';

/** Intents read at once, and so many times in one turn. */
const PAGE = 1_000;
const PAGES = 20;

export class ReplayedMoves {
  /** Everything up to here was looked at. */
  private seq: number;
  private readonly roots = new Map<number, RootMoves>();

  /** `baseSeq`: the intents behind it are sent after the walk. */
  constructor(baseSeq: number) {
    this.seq = baseSeq;
  }

  /** Takes in what was captured since; false when there is more. Call while the intents are kept. */
  follow(state: Pick<MasterState, 'seq' | 'intentsAfter'>): boolean {
    for (let pages = 0; this.seq < state.seq; pages += 1) {
      if (pages >= PAGES) return false;
      const intents = state.intentsAfter(this.seq, PAGE);
      for (const intent of intents) this.add(intent);
      this.seq = intents.at(-1)?.seq ?? state.seq;
    }
    return true;
  }

  private add(intent: Pick<Intent, 'root' | 'kind' | 'path' | 'other'>): void {
    let moves = this.roots.get(intent.root);
    if (moves === undefined) {
      moves = new RootMoves();
      this.roots.set(intent.root, moves);
    }
    moves.add(intent);
  }

  /** Paths to be sent again, by root. */
  doubtful(): { readonly root: number; readonly paths: readonly RelativePath[] }[] {
    const found = [...this.roots].map(([root, moves]) => ({ root, paths: moves.doubtful() }));
    return found.filter(({ paths }) => paths.length > 0);
  }
}

class RootMoves {
  /** Paths that were moved from there, or made as links to it. */
  private readonly fed = new Map<RelativePath, Set<RelativePath>>();
  /** Backwards: where it came from. */
  private readonly source = new Map<RelativePath, RelativePath>();
  private readonly wrong = new Set<RelativePath>();

  add({ kind, path, other }: Pick<Intent, 'kind' | 'path' | 'other'>): void {
    if (kind === 'remove' || kind === 'metadata') return;
    this.retaken(path);
    if (kind === 'put' || kind === 'symlink') this.made(path);
    if (kind !== 'rename' && kind !== 'link') return;
    if (this.isWrong(other)) this.wrong.add(path);
    if (kind === 'rename') this.move(other, path);
    this.source.set(path, other);
    const targets = this.fed.get(other);
    if (targets === undefined) this.fed.set(other, new Set([path]));
    else targets.add(path);
  }

  /** What is below another of them is sent with it; temporary names of the Replica are nobody's. */
  doubtful(): RelativePath[] {
    const isTop = (path: RelativePath): boolean => !this.isWrong(parentPath(path) ?? '');
    const isTemporary = (path: RelativePath): boolean =>
      path.split('/').some((name) => name.startsWith(TEMPORARY_PREFIX));
    return [...this.wrong].filter((path) => isTop(path) && !isTemporary(path));
  }

  /** As it is by now, whatever was there. */
  private made(path: RelativePath): void {
    this.wrong.delete(path);
    const source = this.source.get(path);
    if (source !== undefined) this.fed.get(source)?.delete(path);
  }

  /** Another object has the name: what was taken from there before may be that one, and what was taken on from it. */
  private retaken(path: RelativePath): void {
    const waiting = [path];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const targets = this.fed.get(at) ?? [];
      this.fed.delete(at);
      for (const target of targets) {
        this.wrong.add(target);
        waiting.push(target);
      }
    }
  }

  private isWrong(path: RelativePath): boolean {
    for (let at: RelativePath | undefined = path; at !== undefined; at = parentPath(at))
      if (this.wrong.has(at)) return true;
    return false;
  }

  private move(from: RelativePath, to: RelativePath): void {
    if (this.wrong.size === 0) return;
    for (const path of [...this.wrong]) {
      if (!isWithin(path, from)) continue;
      this.wrong.delete(path);
      this.wrong.add(to + path.slice(from.length));
    }
  }
}

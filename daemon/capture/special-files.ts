/**
 * Sockets, pipes and devices of the Master's roots. They are not replicated, and the operator is told how many there are:
 * once they have stayed the same for a moment, and again when their number is another one.
 */
import type { FaultDetails } from '../../shared/faults.ts';
import { baseName, isWithin, joinPath, parentPath, type RelativePath } from '../../shared/path.ts';
import type { Clock, EntryType, Timer } from '../ports.ts';
import type { RootFilters } from './filter.ts';

/** More than this are not kept one by one: the number told is this then. About 2 MB. */
const MOST_KEPT = 10_000;
/** Programs make and remove their sockets when they start again. */
const QUIET_MS = 2_000;
const EXAMPLES = 5;

interface Entry {
  readonly name: string;
  readonly type: EntryType;
}

export interface SpecialFilesPorts {
  readonly clock: Clock;
  readonly filters: RootFilters;
  readonly onEvent: (code: string, details: FaultDetails) => void;
}

/** What looks at one root tell. */
export interface SpecialFilesOfRoot {
  /** All entries of a directory. */
  listed(path: RelativePath, entries: readonly Entry[]): void;
  /** What is at one path; undefined: nothing. */
  seen(path: RelativePath, type: EntryType | undefined): void;
  moved(from: RelativePath, to: RelativePath): void;
  removed(path: RelativePath): void;
}

export class SpecialFiles {
  private readonly ports: SpecialFilesPorts;
  /** Names by directory, by root. */
  private readonly directories = new Map<number, Map<RelativePath, Set<string>>>();
  private total = 0;
  private told = 0;
  private timer: Timer | undefined;

  constructor(ports: SpecialFilesPorts) {
    this.ports = ports;
  }

  /** For the status: nothing when there are none. */
  get status(): { readonly specialFiles?: number } {
    return this.total === 0 ? {} : { specialFiles: this.total };
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** All entries of a directory were seen. */
  listed(root: number, path: RelativePath, entries: readonly Entry[]): void {
    let names: Set<string> | undefined;
    const excluded = this.ports.filters(root);
    for (const { name, type } of entries) {
      if (type !== 'other' || excluded(joinPath(path, name), type)) continue;
      names ??= new Set();
      names.add(name);
    }
    if (names !== undefined || this.total > 0) this.replace(root, path, names);
  }

  private seen(root: number, path: RelativePath, type: EntryType | undefined): void {
    const isSpecial = type === 'other' && !this.ports.filters(root)(path, type);
    if (!isSpecial && this.total === 0) return;
    const directory = parentPath(path) ?? '';
    const before = this.directories.get(root)?.get(directory);
    if (isSpecial === (before?.has(baseName(path)) === true)) return;
    const names = new Set(before);
    if (isSpecial) names.add(baseName(path));
    else names.delete(baseName(path));
    this.replace(root, directory, names);
  }

  private moved(root: number, from: RelativePath, to: RelativePath): void {
    for (const [path, names] of this.within(root, from)) {
      this.replace(root, path, undefined);
      this.replace(root, to + path.slice(from.length), names);
    }
  }

  private removed(root: number, path: RelativePath): void {
    for (const [below] of this.within(root, path)) this.replace(root, below, undefined);
  }

  ofRoot(root: number): SpecialFilesOfRoot {
    return {
      listed: (path, entries) => this.listed(root, path, entries),
      seen: (path, type) => this.seen(root, path, type),
      moved: (from, to) => this.moved(root, from, to),
      removed: (path) => this.removed(root, path),
    };
  }

  private within(root: number, path: RelativePath): [RelativePath, Set<string>][] {
    if (this.total === 0) return [];
    return [...(this.directories.get(root) ?? [])].filter(([directory]) => isWithin(directory, path));
  }

  private replace(root: number, path: RelativePath, names: Set<string> | undefined): void {
    const ofRoot = this.directories.get(root) ?? new Map<RelativePath, Set<string>>();
    this.directories.set(root, ofRoot);
    const before = ofRoot.get(path)?.size ?? 0;
    const now = names === undefined ? 0 : names.size;
    if (this.total - before + now > MOST_KEPT && now > before) return;
    if (now === 0) ofRoot.delete(path);
    else ofRoot.set(path, names!);
    this.total += now - before;
    this.tellLater();
  }

  private tellLater(): void {
    if (this.timer !== undefined || this.total === this.told) return;
    this.timer = this.ports.clock.after(QUIET_MS, () => {
      this.timer = undefined;
      this.tell();
    });
  }

  private tell(): void {
    if (this.total === this.told) return;
    this.told = this.total;
    const count = this.total;
    if (count === 0) this.ports.onEvent('CAP-008', {});
    else this.ports.onEvent('CAP-007', { count, paths: this.examples().join(', ') });
  }

  private examples(): RelativePath[] {
    const paths: RelativePath[] = [];
    for (const ofRoot of this.directories.values()) {
      for (const [directory, names] of ofRoot) {
        for (const name of names) {
          if (paths.length >= EXAMPLES) return paths;
          paths.push(joinPath(directory, name));
        }
      }
    }
    return paths;
  }
}

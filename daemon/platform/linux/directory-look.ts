/**
 * Looking at one object after the other. A handle of the directory of the last one is kept for some looks, so that those in
 * the same directory take one call each instead of three. Nothing is changed through it, and it never leads out of the root.
 */
import { parseRelativePath, type RelativePath } from '../../../shared/path.ts';
import type { EntryShape, EntryStat, Looker } from '../../ports.ts';
import { decodeShape, decodeStat, statAt } from './directory.ts';
import { closeHandle, openBeneath, PATH_DIRECTORY } from './libc.ts';
import { notThere, statBeneath } from './stat-beneath.ts';

/** After so many the directory is looked for again: it may have another name by now. */
const LOOKS_A_HANDLE = 256;

export class DirectoryLook implements Looker {
  private readonly root: number;
  private readonly device: number;
  private directory: RelativePath = '';
  /** Of `directory`; -1: there is none. */
  private handle: number;
  private looks = 0;

  constructor(root: number, device: number) {
    this.root = root;
    this.device = device;
    this.handle = root;
  }

  stat(path: RelativePath): EntryStat | undefined {
    if (isOdd(path)) return statBeneath(this.root, this.device, path);
    return this.isThere(path) ? decodeStat(this.device) : undefined;
  }

  shape(path: RelativePath): EntryShape | undefined {
    if (isOdd(path)) return statBeneath(this.root, this.device, path);
    return this.isThere(path) ? decodeShape() : undefined;
  }

  /** Then the stat of what is there can be decoded. */
  private isThere(path: RelativePath): boolean {
    const slash = path.lastIndexOf('/');
    if (!this.isIn(path, slash)) this.enter(slash < 0 ? '' : path.slice(0, slash));
    if (this.handle < 0) return false;
    if (statAt(this.handle, slash < 0 ? path : path.slice(slash + 1)) >= 0) return true;
    notThere(path);
    return false;
  }

  private isIn(path: RelativePath, slash: number): boolean {
    const { length } = this.directory;
    this.looks += 1;
    if (length === 0) return slash < 0;
    return slash === length && this.looks < LOOKS_A_HANDLE && path.startsWith(this.directory);
  }

  private enter(directory: RelativePath): void {
    this.close();
    this.looks = 0;
    this.directory = parseRelativePath(directory);
    if (directory !== '') {
      this.handle = openBeneath(this.root, directory, PATH_DIRECTORY);
      if (this.handle < 0) notThere(directory);
    }
  }

  close(): void {
    if (this.handle >= 0 && this.handle !== this.root) closeHandle(this.handle);
    this.handle = this.root;
    this.directory = '';
  }
}

/** The root itself, hidden names, and what is no path at all: all of it is checked. */
function isOdd(path: RelativePath): boolean {
  return path === '' || path.endsWith('/') || path.startsWith('.') || path.includes('/.');
}

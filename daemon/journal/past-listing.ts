/** Entries of a root as they were, a page at a time, and both sides of one file. */
import { Fault } from '../../shared/faults.ts';
import { isWithin, joinPath, type RelativePath } from '../../shared/path.ts';
import type { ExtractContent, ExtractEntry, ExtractList, PreviewSide } from '../../shared/preview.ts';
import { type ContentHasher, hashWhole } from '../link/content-hash.ts';
import { openPast, type PastContent } from './past-content.ts';
import { type PastName, pastStat } from './past-object.ts';
import type { PastTree } from './past-tree.ts';

/** Of the content that comes with one page. */
const PAGE_BYTES = 4 * 1024 * 1024;
const TEXT_BYTES = 256 * 1024;
const HASHED_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

export function entryOf(tree: PastTree, name: PastName, path: RelativePath, inlineBytes = 0): ExtractEntry {
  const { object, place } = name;
  const { type, mode, uid, gid, mtimeNs, sizeBytes, links, id } = pastStat(object);
  const entry = { path, type, sizeBytes: type === 'file' ? sizeBytes : 0, mtimeNs: `${mtimeNs}`, mode, uid, gid };
  if (object.lost !== undefined) return { ...entry, lost: object.lost };
  try {
    const target = type === 'symlink' ? { target: tree.reader(name).readLink(place.path) } : {};
    const link = type === 'file' && links > 1 ? { link: `${id.inode.toString(36)}.${id.birthNs.toString(36)}` } : {};
    const data = type === 'file' && sizeBytes <= inlineBytes ? { data: wholeOf(tree, name).toString('base64') } : {};
    return { ...entry, ...target, ...link, ...data };
  } catch (error) {
    const fault = Fault.from(error);
    if (fault.code === 'INTERNAL') throw fault;
    return { ...entry, lost: fault.message };
  }
}

function wholeOf(tree: PastTree, name: PastName): Buffer {
  const content = openPast(tree, name);
  try {
    const bytes = Buffer.alloc(content.sizeBytes);
    content.read(bytes, 0, bytes.length);
    return bytes;
  } finally {
    content.close();
  }
}

export interface ListingPage {
  readonly after?: RelativePath | undefined;
  readonly limit: number;
  readonly inlineBytes: number;
}

/** Depth first, names by code unit. Yields between pieces of work. */
export function* listPast(
  tree: PastTree,
  top: PastName,
  path: RelativePath,
  page: ListingPage,
): Generator<undefined, ExtractList> {
  const walk = new PageWalk(tree, page);
  if (page.after === undefined) walk.add(top, path);
  if (top.object.stat.type === 'directory') yield* walk.below(top, path);
  const { entries } = walk;
  const last = entries.at(-1);
  return walk.full && last !== undefined ? { entries, next: last.path } : { entries };
}

class PageWalk {
  readonly entries: ExtractEntry[] = [];
  private readonly tree: PastTree;
  private readonly page: ListingPage;
  private bytes = 0;

  constructor(tree: PastTree, page: ListingPage) {
    this.tree = tree;
    this.page = page;
  }

  get full(): boolean {
    return this.entries.length >= this.page.limit || this.bytes >= PAGE_BYTES;
  }

  add(name: PastName, path: RelativePath): void {
    const entry = entryOf(this.tree, name, path, this.page.inlineBytes);
    this.bytes += entry.data?.length ?? 0;
    this.entries.push(entry);
  }

  *below(parent: PastName, path: RelativePath): Generator<undefined> {
    yield undefined;
    for (const child of this.tree.list(parent)) {
      if (this.full) return;
      const here = joinPath(path, child.name);
      const seen = this.wasSeen(here);
      if (!seen) this.add(child, here);
      if (this.entries.length % 64 === 0) yield undefined;
      const within = !seen || isWithin(this.page.after!, here);
      if (within && child.object.stat.type === 'directory') yield* this.below(child, here);
    }
  }

  /** On a page before. */
  private wasSeen(path: RelativePath): boolean {
    const { after } = this.page;
    return after !== undefined && comparePaths(path, after) <= 0;
  }
}

/** In the order of a walk: what is in a directory comes right behind it. */
function comparePaths(one: RelativePath, other: RelativePath): number {
  const a = one.split('/');
  const b = other.split('/');
  for (let at = 0; at < a.length && at < b.length; at += 1) {
    if (a[at] !== b[at]) return a[at]! < b[at]! ? -1 : 1;
  }
  return a.length - b.length;
}

/** Pieces of content from `position` on, holes left out. */
export function readPast(content: PastContent, position: number, length: number): ExtractContent {
  const pieces: { position: number; data: string }[] = [];
  let left = length;
  let at = content.dataFrom(position);
  // A long hole costs nothing: the answer ends with data or at the end of the file.
  while (at < content.sizeBytes && left > 0) {
    const bytes = Buffer.alloc(Math.min(PIECE_BYTES, left, content.sizeBytes - at));
    const count = content.read(bytes, at, bytes.length);
    pieces.push({ position: at, data: bytes.toString('base64') });
    left -= count;
    at = content.dataFrom(at + count);
  }
  return at >= content.sizeBytes ? { pieces } : { pieces, next: at };
}

/** One side of a comparison. Yields between pieces. */
export function* sideOf(
  stat: ReturnType<typeof pastStat>,
  open: () => PastContent,
  target: () => string,
  hasher: ContentHasher,
): Generator<undefined, PreviewSide> {
  const { type, mode, mtimeNs, sizeBytes } = stat;
  const side = { type, mode, mtimeMs: Number(mtimeNs) / 1_000_000, sizeBytes: type === 'file' ? sizeBytes : 0 };
  if (type === 'symlink') return { ...side, target: target() };
  if (type !== 'file' || sizeBytes > HASHED_BYTES) return side;
  const content = open();
  try {
    const whole = Buffer.alloc(sizeBytes);
    for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
      content.read(whole.subarray(at), at, Math.min(PIECE_BYTES, sizeBytes - at));
      yield undefined;
    }
    const hash = Buffer.from(hashWhole(hasher, whole)).toString('hex');
    const text = sizeBytes <= TEXT_BYTES ? textOf(whole) : undefined;
    return { ...side, hash, ...(text === undefined ? {} : { text }) };
  } finally {
    content.close();
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

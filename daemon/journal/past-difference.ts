/**
 * What a rewind would change: a tree as it was against the one that is there now. Only places the journal speaks of are
 * looked at, and what is in directories that come back or go. Names are compared by where they lie: an object that has
 * another name now is renamed, with everything below it, however much that is. A file with several names is shown under those
 * that the journal speaks of.
 */
import { sameAttributes } from '../../shared/attributes.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { PreviewAttributes, PreviewEntry } from '../../shared/preview.ts';
import type { EntryStat, ReadableFile } from '../ports.ts';
import { openPast } from './past-content.ts';
import { attributesAt, type PastName, pastStat, sides } from './past-object.ts';
import type { PastTree } from './past-tree.ts';
import { sameId } from './record.ts';

/** Files of the same size are compared by content up to this; larger ones that were written anew count as changed. */
const COMPARED_BYTES = 1024 * 1024;

export type FoundDifference = Omit<PreviewEntry, 'root'>;

/** Something that is there now. */
interface Present {
  readonly path: RelativePath;
  readonly stat: EntryStat;
}

/** The time of a directory alone is no difference: it follows from what is in it. */
export class PastDifference {
  private readonly past: PastTree;
  /** What lies there now had another name. */
  private readonly moved = new Set<RelativePath>();

  constructor(past: PastTree) {
    this.past = past;
  }

  /** `undefined` between pieces of work. */
  *find(): Generator<FoundDifference | undefined> {
    yield* this.findMoved(this.past.root);
    const now = { path: '', stat: this.past.now.stat('')! };
    yield* this.same(this.past.root, '', now);
    yield* this.directory(this.past.root, '', now);
  }

  private *findMoved(parent: PastName): Generator<undefined> {
    for (const [name, child] of parent.object.children ?? []) {
      if (child === undefined) continue;
      const { place } = child;
      if (!place.kept && (parent.place.kept || place.path !== joinPath(parent.place.path, name)))
        this.moved.add(place.path);
      if (child.object.children !== undefined) yield* this.findMoved(child);
    }
    yield undefined;
  }

  private *directory(
    then: PastName,
    path: RelativePath,
    now: Present | undefined,
  ): Generator<FoundDifference | undefined> {
    const inPlace = now !== undefined && !then.place.kept && then.place.path === now.path;
    if (inPlace) {
      for (const [name, child] of then.object.children ?? []) {
        yield* this.name(child, joinPath(path, name), this.presentAt(joinPath(now.path, name)));
      }
      return;
    }
    const names = new Map<string, Present>();
    for (const { name, ...stat } of now === undefined ? [] : this.past.now.scan(now.path)) {
      names.set(name, { path: joinPath(now!.path, name), stat });
    }
    yield undefined;
    for (const child of this.past.list(then)) {
      yield* this.name(child, joinPath(path, child.name), names.get(child.name));
      names.delete(child.name);
    }
    for (const present of names.values()) yield* this.name(undefined, present.path, present);
  }

  private presentAt(path: RelativePath): Present | undefined {
    const stat = this.past.now.stat(path);
    return stat && { path, stat };
  }

  /** One name. `now`: what lies there, unless that had another name. */
  private *name(
    then: PastName | undefined,
    path: RelativePath,
    there: Present | undefined,
  ): Generator<FoundDifference | undefined> {
    yield undefined;
    const now = there === undefined || this.moved.has(there.path) ? undefined : there;
    if (then === undefined) {
      if (now !== undefined) yield* this.removed(now);
    } else if (this.isMoved(then)) {
      if (now !== undefined) yield* this.removed(now);
      yield* this.renamed(then, path);
    } else if (now === undefined) {
      yield { path, kind: 'restored', type: then.object.stat.type, ...sides(shown(pastStat(then.object)), undefined) };
      if (then.object.stat.type === 'directory') yield* this.directory(then, path, undefined);
    } else yield* this.both(then, path, now);
  }

  private isMoved({ place }: PastName): boolean {
    return !place.kept && this.moved.has(place.path);
  }

  private *renamed(then: PastName, path: RelativePath): Generator<FoundDifference | undefined> {
    const now = this.presentAt(then.place.path);
    if (now === undefined) return;
    const stat = pastStat(then.object);
    const kind = this.contentDiffers(then, now) ? 'changed' : 'renamed';
    yield { path, kind, from: now.path, type: stat.type, ...sides(shown(stat), shown(now.stat)) };
    if (stat.type === 'directory') yield* this.directory(then, path, now);
  }

  private *both(then: PastName, path: RelativePath, now: Present): Generator<FoundDifference | undefined> {
    const { type } = then.object.stat;
    if (type !== now.stat.type) {
      const stat = pastStat(then.object);
      yield { path, kind: 'changed', type, ...sides(shown(stat), shown(now.stat)) };
      if (now.stat.type === 'directory') yield* this.contents(now);
      if (type === 'directory') yield* this.directory(then, path, undefined);
      return;
    }
    yield* this.same(then, path, now);
    if (type === 'directory') yield* this.directory(then, path, now);
  }

  /** Two of one type. */
  private *same(then: PastName, path: RelativePath, now: Present): Generator<FoundDifference> {
    const stat = pastStat(then.object);
    const content = this.contentDiffers(then, now);
    if (!content && !this.metadataDiffers(then, now)) return;
    const kind = content ? 'changed' : 'metadata';
    yield { path, kind, type: stat.type, ...sides(shown(stat), shown(now.stat)) };
  }

  private *removed(now: Present): Generator<FoundDifference | undefined> {
    yield { path: now.path, kind: 'removed', type: now.stat.type, now: shown(now.stat) };
    if (now.stat.type === 'directory') yield* this.contents(now);
  }

  private *contents(directory: Present): Generator<FoundDifference | undefined> {
    yield undefined;
    for (const { name, ...stat } of this.past.now.scan(directory.path)) {
      const path = joinPath(directory.path, name);
      if (!this.moved.has(path)) yield* this.removed({ path, stat });
    }
  }

  private contentDiffers(then: PastName, now: Present): boolean {
    const { object } = then;
    if (object.lost !== undefined) return true;
    const stat = pastStat(object);
    const isSame = sameId(stat.id, now.stat.id);
    if (stat.type === 'symlink')
      return !isSame && this.past.reader(then).readLink(then.place.path) !== this.past.now.readLink(now.path);
    if (stat.type !== 'file') return false;
    if (stat.sizeBytes !== now.stat.sizeBytes) return true;
    if (isSame && object.patches === undefined) return false;
    return stat.sizeBytes > COMPARED_BYTES || !this.sameContent(then, now, stat.sizeBytes);
  }

  private sameContent(then: PastName, now: Present, sizeBytes: number): boolean {
    const content = openPast(this.past, then);
    try {
      const old = Buffer.alloc(sizeBytes);
      content.read(old, 0, sizeBytes);
      const file = this.past.now.openRead(now.path);
      try {
        return old.equals(readWhole(file, sizeBytes));
      } finally {
        file.close();
      }
    } finally {
      content.close();
    }
  }

  private metadataDiffers(then: PastName, now: Present): boolean {
    const { object } = then;
    const stat = pastStat(object);
    const { mode, uid, gid, mtimeNs } = now.stat;
    if (stat.mode !== mode || stat.uid !== uid || stat.gid !== gid) return true;
    if (stat.type !== 'directory' && stat.mtimeNs !== mtimeNs) return true;
    const attributes = object.metadata?.attributes;
    const isSame = sameId(stat.id, now.stat.id);
    if (isSame && attributes === undefined) return false;
    const before = attributes ?? attributesAt(this.past.reader(then), then.place.path);
    return !sameAttributes(before ?? NOTHING, attributesAt(this.past.now, now.path) ?? NOTHING);
  }
}

const NOTHING = new Uint8Array(0);

function readWhole(file: ReadableFile, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let done = 0; done < sizeBytes; ) {
    const count = file.read(bytes, done, sizeBytes - done, done);
    if (count === 0) break;
    done += count;
  }
  return bytes;
}

function shown({ type, sizeBytes, mtimeNs, mode }: EntryStat): PreviewAttributes {
  const content = type === 'file' ? sizeBytes : 0;
  return { type, sizeBytes: content, mtimeMs: Number(mtimeNs) / 1_000_000, mode };
}

/**
 * A root as it was at a point of its history, without touching it: an overlay over what is there now. Records are taken back
 * in it newest first, exactly as a rewind would in the root (rewind.ts), so it costs as much as there are changes to take
 * back, whatever the size of the tree. What no record speaks of is read where it lies.
 *
 * It is true as long as the root does not change: whoever keeps it makes a new one after a change.
 */
import { Fault } from '../../shared/faults.ts';
import { baseName, joinPath, parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryStat, FileId, ReadableFile, RootTree } from '../ports.ts';
import { type PastMetadata, type PastName, type PastObject, pastStat } from './past-object.ts';
import { type ObjectBefore, sameId, type UndoRecord } from './record.ts';

export type PastReader = Pick<RootTree, 'stat' | 'scan' | 'openRead' | 'readLink' | 'attributesOf'>;

/** A record that a rewind would leave out, or could not take back. */
export interface PastProblem {
  readonly path: RelativePath;
  readonly kind: 'foreign' | 'lost';
  readonly reason: string;
}

const FOREIGN = 'it was changed by others than Mainstay';

export class PastTree {
  readonly now: PastReader;
  private readonly keptNow: PastReader;
  readonly root: PastName;
  private readonly objects = new Map<string, PastObject>();
  /** Kept objects that a later rewind had restored: taken back, they are kept again. */
  private readonly keptThen = new Map<string, PastName | undefined>();
  /** Records that were taken back. */
  steps = 0;

  constructor(tree: RootTree) {
    this.now = tree;
    this.keptNow = tree.keptObjects();
    this.root = { object: this.objectOf(tree.stat('')!), place: { kept: false, path: '' } };
  }

  reader(name: PastName): PastReader {
    return name.place.kept ? this.keptNow : this.now;
  }

  /** A file among the kept objects. */
  openKept(name: string): ReadableFile {
    return this.keptNow.openRead(name);
  }

  /** What was at a path; undefined when nothing was. */
  at(path: RelativePath): PastName | undefined {
    let name: PastName | undefined = this.root;
    if (path !== '') for (const part of path.split('/')) name = name && this.child(name, part);
    return name;
  }

  child(parent: PastName, name: string): PastName | undefined {
    const { object } = parent;
    if (object.stat.type !== 'directory' || object.lost !== undefined) return undefined;
    const known = object.children;
    if (known?.has(name)) return known.get(name);
    const place = { kept: parent.place.kept, path: joinPath(parent.place.path, name) };
    const stat = this.reader(parent).stat(place.path);
    const found = stat && { object: this.objectOf(stat), place };
    this.childrenOf(object).set(name, found);
    return found;
  }

  /** Everything in a directory, sorted by name. Names no record speaks of are not kept in memory. */
  list(parent: PastName): (PastName & { readonly name: string })[] {
    const { object, place } = parent;
    if (object.lost !== undefined) return [];
    const known = object.children ?? new Map<string, PastName | undefined>();
    const found: (PastName & { name: string })[] = [];
    for (const { name, ...stat } of this.reader(parent).scan(place.path)) {
      if (known.has(name)) continue;
      const there = this.objects.get(keyOf(stat.id)) ?? { stat };
      found.push({ name, object: there, place: { kept: place.kept, path: joinPath(place.path, name) } });
    }
    for (const [name, child] of known) if (child !== undefined) found.push({ name, ...child });
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Takes a record back; the problem when that is not possible. */
  takeBack(record: UndoRecord): PastProblem | undefined {
    const { path } = record;
    let problem: PastProblem | undefined;
    try {
      const outcome = this.change(record);
      if (outcome === 'nothing') return undefined;
      if (outcome === 'foreign') return { path, kind: 'foreign', reason: FOREIGN };
      this.steps += 1;
      if (outcome !== 'done') problem = { path, kind: 'lost', reason: outcome.lost };
    } catch (error) {
      return { path, kind: 'lost', reason: Fault.from(error).message };
    }
    this.setTimes(record);
    return problem;
  }

  private change(record: UndoRecord): 'done' | 'foreign' | 'nothing' | { readonly lost: string } {
    const now = this.at(record.path);
    switch (record.op) {
      case 'metadata':
        return this.changeMetadata(record, now);
      case 'patch':
        return this.changeContent(record, now);
      case 'rename':
        return this.rename(record, now);
      case 'remove':
        return this.bringBack(record);
      default: {
        if (record.before !== undefined) return this.bringBack(record, now);
        if (now === undefined) return 'foreign';
        if (record.op === 'link' && record.source !== undefined && !sameId(now.object.stat.id, record.source))
          return 'foreign';
        if (record.restored !== undefined) this.keptThen.set(record.restored, now);
        this.set(record.path, undefined);
        return 'done';
      }
    }
  }

  private changeMetadata({ before }: UndoRecord, now: PastName | undefined): 'done' | 'foreign' | 'nothing' {
    if (before === undefined) return 'nothing';
    if (now === undefined) return 'foreign';
    const { object } = now;
    const directories = object.stat.type === 'directory' && before.type === 'directory';
    if (!directories && !sameId(before.id, object.stat.id)) return 'foreign';
    setMetadata(object, before);
    return 'done';
  }

  private changeContent(
    { before, ranges, kept }: UndoRecord,
    now: PastName | undefined,
  ): 'done' | 'foreign' | 'nothing' | { readonly lost: string } {
    if (before === undefined || ranges === undefined || kept === undefined) return 'nothing';
    if (now === undefined || !sameId(now.object.stat.id, before.id)) return 'foreign';
    const { object } = now;
    const last = ranges.at(-1);
    const end = last === undefined ? 0 : last.position + last.length;
    const { sizeBytes = -1 } = this.keptNow.stat(kept) ?? {};
    object.patches ??= [];
    object.patches.push({ kept, ranges });
    object.sizeBytes = before.sizeBytes;
    setMetadata(object, before);
    if (sizeBytes >= end) return 'done';
    object.lost = `what was kept of it (${kept}) is ${sizeBytes < 0 ? 'missing' : 'too short'}`;
    return { lost: object.lost };
  }

  private rename(record: UndoRecord, now: PastName | undefined): 'done' | 'foreign' | 'nothing' | { lost: string } {
    const { path, from, source } = record;
    if (from === undefined || source === undefined) return 'nothing';
    if (now === undefined || !sameId(now.object.stat.id, source) || this.at(from) !== undefined) return 'foreign';
    if (this.at(parentPath(from)!)?.object.stat.type !== 'directory') return { lost: `"${from}" has no place` };
    this.set(path, undefined);
    this.set(from, now);
    return record.before === undefined ? 'done' : this.bringBack(record);
  }

  /** What was kept is at its path again, and what had been restored there (`now`) is kept again, perhaps under the same name. */
  private bringBack({ path, kept, before, restored }: UndoRecord, now?: PastName): 'done' | { lost: string } {
    const found = kept === undefined ? undefined : this.kept(kept);
    if (restored !== undefined) this.keptThen.set(restored, now);
    const wrong = found === undefined ? 'is missing' : whatIsWrong(found.object, before);
    if (found !== undefined && wrong === undefined) {
      this.set(path, found);
      return 'done';
    }
    const lost = `what was kept of it (${kept}) ${wrong}`;
    if (before === undefined) throw new Fault('INTERNAL', { reason: lost });
    const { id, type, sizeBytes, mtimeNs, mode, uid, gid } = before;
    const stat = { type, id, sizeBytes, mtimeNs, ctimeNs: mtimeNs, mode, uid, gid, links: 1, allocatedBytes: 0 };
    this.set(path, { object: { stat, lost }, place: { kept: true, path: kept ?? '' } });
    return { lost };
  }

  private kept(name: string): PastName | undefined {
    if (this.keptThen.has(name)) return this.keptThen.get(name);
    const stat = this.keptNow.stat(name);
    return stat && { object: this.objectOf(stat), place: { kept: true, path: name } };
  }

  private setTimes({ path, from, directoryTimes }: UndoRecord): void {
    if (directoryTimes === undefined) return;
    for (const [index, name] of [path, from].entries()) {
      const mtimeNs = directoryTimes[index];
      if (mtimeNs === undefined || name === undefined) continue;
      const directory = this.at(parentPath(name) ?? '');
      if (directory?.object.stat.type === 'directory') directory.object.mtimeNs = mtimeNs;
    }
  }

  private set(path: RelativePath, name: PastName | undefined): void {
    const parent = this.at(parentPath(path)!);
    if (parent === undefined || parent.object.stat.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path });
    this.childrenOf(parent.object).set(baseName(path), name);
  }

  private childrenOf(object: PastObject): Map<string, PastName | undefined> {
    object.children ??= new Map();
    return object.children;
  }

  private objectOf(stat: EntryStat): PastObject {
    const key = keyOf(stat.id);
    let object = this.objects.get(key);
    if (object === undefined) {
      object = { stat };
      this.objects.set(key, object);
    }
    return object;
  }
}

/** A kept object that is not what the record says was kept; undefined: it is. */
function whatIsWrong(object: PastObject, before: ObjectBefore | undefined): string | undefined {
  if (object.stat.type !== before?.type) return 'is something else';
  const { sizeBytes } = pastStat(object);
  if (before.type !== 'file' || sizeBytes === before.sizeBytes) return undefined;
  return `has ${sizeBytes} bytes instead of ${before.sizeBytes}`;
}

function setMetadata(object: PastObject, before: PastMetadata): void {
  const { mode, uid, gid, mtimeNs } = before;
  const attributes = before.attributes ?? object.metadata?.attributes;
  object.metadata = { mode, uid, gid, mtimeNs, ...(attributes === undefined ? {} : { attributes }) };
  delete object.mtimeNs;
}

function keyOf({ inode, birthNs }: FileId): string {
  return `${inode}:${birthNs}`;
}

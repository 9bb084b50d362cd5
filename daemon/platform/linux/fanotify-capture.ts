/** One fanotify group for all watched roots of a mounted file system: from handles to paths below roots to hints. */
import type { RelativePath } from '../../../shared/path.ts';
import { CONTROL_NAME, joinPath } from '../../../shared/path.ts';
import type { WatchedPlace } from '../hint-sink.ts';
import { type FanotifyEvent, FanotifyGroup, type NamedPlace } from './fanotify.ts';

/** Directories remembered by handle; when there are more, all are forgotten and resolved again. About 200 bytes each. */
const MAX_KNOWN_DIRECTORIES = 200_000;

/** What a directory is to a watched root. */
interface Relation {
  readonly watched: WatchedPlace;
  /** Path below the root, or undefined for the directory of cookies. */
  readonly path: RelativePath | undefined;
}

const NOWHERE: readonly Relation[] = [];

export class FanotifyCapture {
  private readonly group: FanotifyGroup;
  private readonly roots = new Set<WatchedPlace>();
  private known = new Map<string, readonly Relation[]>();

  /** Throws the fault with which the kernel refuses. */
  constructor(path: string) {
    this.group = new FanotifyGroup(path);
  }

  get handle(): number {
    return this.group.handle;
  }

  get isUnused(): boolean {
    return this.roots.size === 0;
  }

  add(watched: WatchedPlace): void {
    this.roots.add(watched);
    this.known.clear();
  }

  remove(watched: WatchedPlace): void {
    this.roots.delete(watched);
    this.known.clear();
  }

  /** Reads one buffer; false when there was nothing. */
  read(): boolean {
    return this.group.read({
      onEvent: (event) => this.translate(event),
      onOverflow: () => {
        this.known.clear();
        for (const { sink, root } of this.roots) sink.overflow(root, '', 'the queue of fanotify overflowed');
      },
    });
  }

  close(): void {
    this.group.close();
  }

  private translate(event: FanotifyEvent): void {
    const from = this.relations(event.place.key);
    if (event.to === undefined) {
      // Without paired renames a moved directory shows only as two names that changed.
      if (event.isDirectory && from.length > 0 && !this.group.pairsRenames) this.known.clear();
      for (const relation of from) reportChange(relation, event.place.name, event);
      return;
    }
    const to = this.relations(event.to.key);
    if (from.length === 0 && to.length === 0) return;
    for (const relation of from) reportRename(relation, event.place, to, event.to);
    for (const relation of to) {
      if (!from.some((other) => isSameRoot(other, relation))) reportDirty(relation, event.to.name, true);
    }
    // Every directory below has another path now.
    if (event.isDirectory) this.known.clear();
  }

  private relations(key: string): readonly Relation[] {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    if (this.known.size >= MAX_KNOWN_DIRECTORIES) this.known.clear();
    const path = this.group.resolve(key);
    // Gone already: the removal of its name in its parent is reported as well. Not remembered, the handle is dead.
    if (path === undefined) return NOWHERE;
    const relations = this.relate(path);
    this.known.set(key, relations.length === 0 ? NOWHERE : relations);
    return relations;
  }

  private relate(path: string): Relation[] {
    return [...this.roots].map((watched) => relationOf(watched, path)).filter((relation) => relation !== undefined);
  }
}

function relationOf(watched: WatchedPlace, path: string): Relation | undefined {
  if (path === watched.cookies) return { watched, path: undefined };
  if (path === watched.path) return { watched, path: '' };
  const prefix = watched.path === '/' ? '/' : `${watched.path}/`;
  if (!path.startsWith(prefix)) return undefined;
  const below = path.slice(prefix.length);
  return below.split('/').includes(CONTROL_NAME) ? undefined : { watched, path: below };
}

function isSameRoot(one: Relation, other: Relation): boolean {
  return one.watched === other.watched && one.path !== undefined && other.path !== undefined;
}

function reportChange({ watched, path }: Relation, name: string, event: FanotifyEvent): void {
  const { sink, root } = watched;
  if (path === undefined) {
    if (event.created) sink.cookie(root, name);
    return;
  }
  // The directory itself is reported as the name "." in it.
  const place = name === '' || name === '.' ? path : joinPath(path, name);
  if (event.settled) sink.dirty(root, place, true, event.written);
  else if (event.modified) sink.dirty(root, place, false);
  else if (event.created) sink.created(root, place);
}

function reportDirty({ watched, path }: Relation, name: string, closed: boolean): void {
  if (path !== undefined) watched.sink.dirty(watched.root, joinPath(path, name), closed);
}

function reportRename(from: Relation, place: NamedPlace, targets: readonly Relation[], to: NamedPlace): void {
  if (from.path === undefined) return;
  const oldPath = joinPath(from.path, place.name);
  const target = targets.find((relation) => isSameRoot(relation, from));
  const { sink, root } = from.watched;
  if (target?.path === undefined) sink.dirty(root, oldPath, true);
  else sink.rename(root, oldPath, joinPath(target.path, to.name));
}

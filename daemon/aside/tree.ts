/**
 * A root whose volume holds everything: what it cannot hold (attributes, access lists, modes, owners) is kept aside by the
 * identity of the object and shown as if it were there. Whoever compares, records for an undo or copies back sees what the
 * Master said. With nothing kept aside it costs one call more.
 */
import {
  ALL_KINDS,
  type AttributeBytes,
  mergeAttributes,
  NO_ATTRIBUTES,
  selectKinds,
} from '../../shared/attributes.ts';
import type { OwnerNames } from '../../shared/owners.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type {
  DirectoryReader,
  EntryStat,
  FileId,
  KeptPair,
  Looker,
  Metadata,
  ReadableFile,
  RootTree,
  ScannedEntry,
  StagedDirectory,
  StagedFile,
  TreeCapabilities,
  WritableFile,
} from '../ports.ts';
import type { RootAside } from './kept-aside.ts';
import { AsideNotices } from './notices.ts';
import { asideAfter, NOTHING_ASIDE, type NotTaken, withAside } from './record.ts';
import { AsideStagedDirectory, AsideStagedFile } from './staged.ts';

/** Set-user-id and set-group-id: with another owner they would give away the rights of this one. */
const SET_ID_BITS = 0o6000;
/** Without owners of its own the engine must be able to go on writing what it made. */
const OWN_DIRECTORY = 0o700;
const OWN_FILE = 0o600;

/** Metadata as the volume takes it, and the rest. */
export interface SplitMetadata {
  readonly taken: Metadata;
  /** Read it after the metadata was set: the volume may refuse more. */
  readonly rest: () => NotTaken | undefined;
}

export class AsideTree implements RootTree {
  private readonly inner: RootTree;
  private readonly aside: RootAside;
  /** Objects among the kept ones, by name: what is dropped for good needs nothing kept aside any more. */
  private readonly keptIds = new Map<string, { readonly id: FileId; readonly path: RelativePath }[]>();
  private shown: { readonly inner: TreeCapabilities; readonly whole: TreeCapabilities } | undefined;
  readonly owners?: () => OwnerNames;
  readonly stageDirectory?: () => StagedDirectory;
  /** Contents are never kept aside. */
  readonly readDirectory?: (directory: RelativePath) => DirectoryReader;
  readonly look?: () => Looker;
  private readonly notices: AsideNotices | undefined;

  /** `announces`: another engine of this host reads here what is kept aside, once it is durable. */
  constructor(inner: RootTree, aside: RootAside, announces = false) {
    this.inner = inner;
    this.aside = aside;
    if (announces) this.notices = new AsideNotices(inner);
    if (inner.owners !== undefined) this.owners = () => inner.owners!();
    if (inner.readDirectory !== undefined) this.readDirectory = (directory) => inner.readDirectory!(directory);
    if (inner.look !== undefined) this.look = () => this.wholeLook(inner.look!());
    const { posixModes, owners } = inner.capabilities;
    // Where each file has something aside, they are looked at one by one anyway.
    if (inner.stageDirectory !== undefined && posixModes && owners) {
      this.stageDirectory = () => new AsideStagedDirectory(inner.stageDirectory!(), this);
    }
  }

  get path(): string {
    return this.inner.path;
  }

  get capabilities(): TreeCapabilities {
    const { capabilities } = this.inner;
    if (this.shown?.inner !== capabilities) {
      const whole = { ...capabilities, posixModes: true, owners: true, attributeKinds: ALL_KINDS };
      this.shown = { inner: capabilities, whole };
    }
    return this.shown.whole;
  }

  rootIdentity(): string {
    return this.inner.rootIdentity();
  }

  // ------------------------------------------------------------- looking

  private whole<Stat extends EntryStat>(stat: Stat): Stat {
    return withAside(stat, this.aside.of(stat.id));
  }

  scan(directory: RelativePath): ScannedEntry[] {
    const entries = this.inner.scan(directory);
    return this.aside.isEmpty ? entries : entries.map((entry) => this.whole(entry));
  }

  stat(path: RelativePath): EntryStat | undefined {
    const stat = this.inner.stat(path);
    return stat === undefined || this.aside.isEmpty ? stat : this.whole(stat);
  }

  private wholeLook(looker: Looker): Looker {
    return {
      stat: (path) => {
        const stat = looker.stat(path);
        return stat === undefined || this.aside.isEmpty ? stat : this.whole(stat);
      },
      // Neither is ever kept aside.
      shape: (path) => looker.shape(path),
      close: () => looker.close(),
    };
  }

  openRead(path: RelativePath): ReadableFile {
    const file = this.inner.openRead(path);
    if (this.aside.isEmpty) return file;
    return {
      stat: () => this.whole(file.stat()),
      read: (target, offset, length, position) => file.read(target, offset, length, position),
      attributes: () => mergeAttributes(this.aside.of(file.stat().id).attributes, file.attributes()),
      close: () => file.close(),
    };
  }

  readLink(path: RelativePath): string {
    return this.inner.readLink(path);
  }

  attributesOf(directory: RelativePath, names: readonly string[]): Map<string, AttributeBytes> {
    const found = this.inner.attributesOf(directory, names);
    if (this.aside.isEmpty) return found;
    for (const name of names) {
      const stat = this.inner.stat(name === '' ? directory : joinPath(directory, name));
      const kept = stat === undefined ? NO_ATTRIBUTES : this.aside.of(stat.id).attributes;
      if (kept.length > 0) found.set(name, mergeAttributes(kept, found.get(name) ?? NO_ATTRIBUTES));
    }
    return found;
  }

  // ------------------------------------------------------------- changing

  /** `directory`: it must stay one this engine can write in. */
  split(metadata: Metadata, directory: boolean): SplitMetadata {
    const { posixModes, owners, attributeKinds } = this.inner.capabilities;
    const { mode, uid, gid, mtimeNs, attributes } = metadata;
    const held = attributes === undefined ? 0 : attributes.kinds & attributeKinds;
    let refused: AttributeBytes = NO_ATTRIBUTES;
    const onRefused = (bytes: AttributeBytes): void => {
      refused = mergeAttributes(refused, bytes);
    };
    const own = owners ? mode : ownMode(mode, directory);
    const taken: Metadata = {
      ...(posixModes && own !== undefined ? { mode: own } : {}),
      ...(posixModes && owners && uid !== undefined ? { uid } : {}),
      ...(posixModes && owners && gid !== undefined ? { gid } : {}),
      ...(mtimeNs === undefined ? {} : { mtimeNs }),
      ...(held === 0 ? {} : { attributes: { kinds: held, bytes: selectKinds(attributes!.bytes, held), onRefused } }),
    };
    const rest = (): NotTaken | undefined => {
      const { kinds, bytes } = attributes ?? { kinds: 0, bytes: NO_ATTRIBUTES };
      const foreign = mergeAttributes(selectKinds(bytes, ALL_KINDS & ~attributeKinds), refused);
      const rights = posixModes && owners ? 0 : [mode, uid, gid].filter((value) => value !== undefined).length;
      if (rights === 0 && foreign.length === 0 && this.aside.isEmpty) return undefined;
      return { mode, uid, gid, kinds, attributes: foreign };
    };
    return { taken, rest };
  }

  /**
   * Keeps aside what the object at `path` should have and has not. `made`: just now, so what is kept under its identity was
   * another one's (not every file system knows when an object was born, and numbers are used again).
   */
  keepRest(path: RelativePath, rest: NotTaken | undefined, made: boolean): void {
    if (rest === undefined) return;
    const stat = this.inner.stat(path);
    if (stat === undefined) return;
    this.aside.keep(stat.id, asideAfter(made ? NOTHING_ASIDE : this.aside.of(stat.id), rest, stat), path);
    this.notices?.changed(path, stat.id);
  }

  stage(keepName?: string): StagedFile {
    return new AsideStagedFile(this.inner.stage(keepName), this);
  }

  openWrite(path: RelativePath): WritableFile {
    return this.inner.openWrite(path);
  }

  makeDirectory(path: RelativePath, metadata: Metadata): void {
    const { taken, rest } = this.split(metadata, true);
    this.inner.makeDirectory(path, taken);
    this.keepRest(path, rest(), true);
  }

  makeSymlink(path: RelativePath, target: string, metadata: Metadata): void {
    const { taken, rest } = this.split(metadata, false);
    this.inner.makeSymlink(path, target, taken);
    this.keepRest(path, rest(), true);
  }

  makeLink(existing: RelativePath, path: RelativePath): void {
    this.inner.makeLink(existing, path);
  }

  rename(from: RelativePath, to: RelativePath): void {
    this.inner.rename(from, to);
    this.notices?.renamed(from, to);
  }

  setMetadata(path: RelativePath, metadata: Metadata): void {
    const { owners } = this.inner.capabilities;
    const directory = !owners && metadata.mode !== undefined && this.inner.stat(path)?.type === 'directory';
    const { taken, rest } = this.split(metadata, directory);
    this.inner.setMetadata(path, taken);
    this.keepRest(path, rest(), false);
  }

  // ------------------------------------------------------------- kept objects

  keep(path: RelativePath, keepName: string): void {
    const ids = this.idsBelow(path);
    this.inner.keep(path, keepName);
    if (ids.length > 0) this.keptIds.set(keepName, ids);
  }

  keepLink(path: RelativePath, keepName: string): void {
    const ids = this.idsBelow(path);
    this.inner.keepLink(path, keepName);
    if (ids.length > 0) this.keptIds.set(keepName, ids);
  }

  /** Of what has something kept aside and no other name. */
  private idsBelow(path: RelativePath): { id: FileId; path: RelativePath }[] {
    const found: { id: FileId; path: RelativePath }[] = [];
    if (this.aside.isEmpty) return found;
    const top = this.inner.stat(path);
    const pending = top === undefined ? [] : [{ stat: top, path }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { stat, path: at } = next;
      const onlyName = stat.type === 'directory' || stat.links === 1;
      if (onlyName && this.aside.store.get(stat.id) !== undefined) found.push({ id: stat.id, path: at });
      if (stat.type !== 'directory') continue;
      for (const entry of this.inner.scan(at)) pending.push({ stat: entry, path: joinPath(at, entry.name) });
    }
    return found;
  }

  restore(keepName: string, path: RelativePath): void {
    this.inner.restore(keepName, path);
    this.keptIds.delete(keepName);
  }

  canExchange(): boolean {
    return this.inner.canExchange?.() === true;
  }

  exchange(pairs: readonly KeptPair[]): void {
    const ids = this.aside.isEmpty ? [] : pairs.map(({ path }) => this.idsBelow(path));
    this.inner.exchange!(pairs);
    for (const [at, { keepName }] of pairs.entries()) {
      if ((ids[at]?.length ?? 0) > 0) this.keptIds.set(keepName, ids[at]!);
      else this.keptIds.delete(keepName);
    }
  }

  dropKept(keepName: string): void {
    this.inner.dropKept(keepName);
    if (this.keptIds.size === 0) return;
    const prefix = keepName.endsWith('*') ? keepName.slice(0, -1) : undefined;
    for (const [name, ids] of this.keptIds) {
      if (prefix === undefined ? name !== keepName : !name.startsWith(prefix)) continue;
      this.keptIds.delete(name);
      for (const { id, path } of ids) if (!this.isAt(path, id)) this.aside.store.remove(id);
    }
  }

  /** It was only linked into the kept objects, and nothing replaced it. */
  private isAt(path: RelativePath, id: FileId): boolean {
    const now = this.inner.stat(path);
    return now !== undefined && now.id.inode === id.inode && now.id.birthNs === id.birthNs;
  }

  keptObjects(): AsideTree {
    // Only looking is asked of it, which is all that what is kept can do.
    return new AsideTree(this.inner.keptObjects() as RootTree, this.aside);
  }

  listKept(): string[] {
    return this.inner.listKept();
  }

  keptBytes(keepName: string): number {
    return this.inner.keptBytes(keepName);
  }

  clearStaging(): void {
    this.inner.clearStaging();
  }

  // ------------------------------------------------------------- durability and the rest

  announce(): void {
    if (this.notices?.isEmpty === false) this.aside.store.flush();
    this.notices?.tell();
  }

  /** First what is kept aside: a checkpoint claims both. */
  flushAll(): void {
    this.aside.store.flush();
    this.notices?.tell();
    this.inner.flushAll();
  }

  flushDirectory(path: RelativePath): void {
    this.inner.flushDirectory(path);
  }

  space(): { readonly freeBytes: number; readonly totalBytes: number } {
    return this.inner.space();
  }

  dropCookie(name: string): void {
    this.inner.dropCookie(name);
  }

  close(): void {
    this.aside.store.close();
    this.inner.close();
  }
}

function ownMode(mode: number | undefined, directory: boolean): number | undefined {
  return mode === undefined ? undefined : (mode & ~SET_ID_BITS) | (directory ? OWN_DIRECTORY : OWN_FILE);
}

/** Staged files whose metadata is split when it is set; what the volume does not take is kept aside once they have their place. */
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { Metadata, StagedDirectory, StagedFile } from '../ports.ts';
import type { NotTaken } from './record.ts';
import type { SplitMetadata } from './tree.ts';

interface Splitting {
  split(metadata: Metadata, directory: boolean): SplitMetadata;
  keepRest(path: RelativePath, rest: NotTaken | undefined, made: boolean): void;
}

export class AsideStagedFile implements StagedFile {
  private readonly inner: StagedFile;
  private readonly tree: Splitting;
  private readonly rests: SplitMetadata['rest'][] = [];

  constructor(inner: StagedFile, tree: Splitting) {
    this.inner = inner;
    this.tree = tree;
  }

  write(bytes: Uint8Array, position: number): void {
    this.inner.write(bytes, position);
  }

  truncate(sizeBytes: number): void {
    this.inner.truncate(sizeBytes);
  }

  copyFrom(path: RelativePath, position: number, length: number): void {
    this.inner.copyFrom(path, position, length);
  }

  setMetadata(metadata: Metadata): void {
    const { taken, rest } = this.tree.split(metadata, false);
    this.inner.setMetadata(taken);
    this.rests.push(rest);
  }

  flush(): void {
    this.inner.flush();
  }

  commit(path: RelativePath): void {
    this.inner.commit(path);
    for (const [index, rest] of this.rests.entries()) this.tree.keepRest(path, rest(), index === 0);
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return this.inner.read(target, offset, length, position);
  }

  sizeBytes(): number {
    return this.inner.sizeBytes();
  }

  keepAs(keepName: string): void {
    this.inner.keepAs(keepName);
  }

  release(): void {
    this.inner.release();
  }

  discard(): void {
    this.inner.discard();
  }
}

/** On a volume that takes modes and owners: only single attributes are refused. */
export class AsideStagedDirectory implements StagedDirectory {
  private readonly inner: StagedDirectory;
  private readonly tree: Splitting;
  private readonly rests: { readonly name: string; readonly rest: NotTaken }[] = [];

  constructor(inner: StagedDirectory, tree: Splitting) {
    this.inner = inner;
    this.tree = tree;
  }

  add(name: string, content: Uint8Array, metadata: Metadata): void {
    const { taken, rest } = this.tree.split(metadata, false);
    this.inner.add(name, content, taken);
    const left = rest();
    if (left !== undefined) this.rests.push({ name, rest: left });
  }

  commit(path: RelativePath): void {
    this.inner.commit(path);
    for (const { name, rest } of this.rests.splice(0)) this.tree.keepRest(joinPath(path, name), rest, true);
  }

  discard(): void {
    this.inner.discard();
  }
}

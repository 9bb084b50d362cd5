/** Attributes as they are sent, noted in the record on the way. */
import {
  type AttributeBytes,
  type AttributeKinds,
  NO_ATTRIBUTES,
  sameAttributes,
  selectKinds,
} from '../../shared/attributes.ts';
import type { ChangeMetadata } from '../../shared/change.ts';
import { baseName, parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryStat, ReadableFile, RootTree } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';

export class SentAttributes {
  private readonly index: Pick<MasterState, 'attributes' | 'byId'>;
  private readonly kinds: AttributeKinds;

  constructor(index: Pick<MasterState, 'attributes' | 'byId'>, kinds: AttributeKinds) {
    this.index = index;
    this.kinds = kinds;
  }

  /** Metadata of what is at a path; `entry` is its number in the record. */
  ofPath(tree: RootTree, path: RelativePath, stat: EntryStat, entry: number): ChangeMetadata {
    const name = baseName(path);
    const found = this.kinds === 0 ? undefined : tree.attributesOf(parentPath(path) ?? '', [name]).get(name);
    return this.withAttributes(stat, found ?? NO_ATTRIBUTES, entry, () => tree.stat(path));
  }

  ofFile(file: ReadableFile, stat: EntryStat, entry: number): ChangeMetadata {
    const found = this.kinds === 0 ? NO_ATTRIBUTES : file.attributes();
    return this.withAttributes(stat, found, entry, () => file.stat());
  }

  private withAttributes(
    stat: EntryStat,
    found: AttributeBytes,
    entry: number,
    now: () => EntryStat | undefined,
  ): ChangeMetadata {
    if (this.kinds !== 0) this.note(entry, found, now);
    const attributes = selectKinds(found, this.kinds);
    return { mode: stat.mode, uid: stat.uid, gid: stat.gid, mtimeNs: stat.mtimeNs, attributes };
  }

  /**
   * What was changed since the record was made goes to this Replica; another may have had this intent before the change. The
   * look that finds the change must send it then, so the record does not say that it is known.
   */
  private note(entry: number, found: AttributeBytes, now: () => EntryStat | undefined): void {
    const { attributes } = this.index;
    if (sameAttributes(found, attributes.of(entry))) return;
    const recordedNs = this.index.byId(entry)?.ctimeNs;
    // Of a record without a change time the next look sends everything anyway.
    if (recordedNs === 0n || recordedNs === now()?.ctimeNs) attributes.note(entry, found);
    else attributes.doubt(entry);
  }
}

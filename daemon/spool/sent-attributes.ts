/** Attributes as they are sent, noted in the record on the way. */
import { type AttributeBytes, type AttributeKinds, NO_ATTRIBUTES, selectKinds } from '../../shared/attributes.ts';
import type { ChangeMetadata } from '../../shared/change.ts';
import { baseName, parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryStat, ReadableFile, RootTree } from '../ports.ts';
import type { AttributeRecord } from '../store/attribute-record.ts';

export class SentAttributes {
  private readonly record: AttributeRecord;
  private readonly kinds: AttributeKinds;

  constructor(record: AttributeRecord, kinds: AttributeKinds) {
    this.record = record;
    this.kinds = kinds;
  }

  /** Metadata of what is at a path; `entry` is its number in the record. */
  ofPath(tree: RootTree, path: RelativePath, stat: EntryStat, entry: number): ChangeMetadata {
    const name = baseName(path);
    const found = this.kinds === 0 ? undefined : tree.attributesOf(parentPath(path) ?? '', [name]).get(name);
    return this.withAttributes(stat, found ?? NO_ATTRIBUTES, entry);
  }

  ofFile(file: ReadableFile, stat: EntryStat, entry: number): ChangeMetadata {
    return this.withAttributes(stat, this.kinds === 0 ? NO_ATTRIBUTES : file.attributes(), entry);
  }

  private withAttributes(stat: EntryStat, found: AttributeBytes, entry: number): ChangeMetadata {
    if (this.kinds !== 0) this.record.note(entry, found);
    const attributes = selectKinds(found, this.kinds);
    return { mode: stat.mode, uid: stat.uid, gid: stat.gid, mtimeNs: stat.mtimeNs, attributes };
  }
}

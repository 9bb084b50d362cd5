/** Small files that still are what the listing said, which is nearly all of them: read with one look at each, after reading. */
import { type AttributeBytes, NO_ATTRIBUTES } from '../../shared/attributes.ts';
import type { ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { ByteWriter } from '../../shared/protocol/bytes.ts';
import { writeFileItemHead } from '../../shared/protocol/sync-codec.ts';
import { largeFiles } from '../link/large-files.ts';
import type { DirectoryReader, EntryStat, RootTree } from '../ports.ts';
import type { Asked } from './master-serve.ts';

export function withAttributes(stat: EntryStat, attributes: AttributeBytes): ChangeMetadata {
  return { mode: stat.mode, uid: stat.uid, gid: stat.gid, mtimeNs: stat.mtimeNs, attributes };
}

export class UnchangedFiles {
  private readonly trees: readonly RootTree[];
  private readonly profile: MetadataProfile;
  /** The directory of the file sent last; its handle is kept for as long as files of it follow at once. */
  private directory = -1;
  private reader: DirectoryReader | undefined;

  constructor({ trees, profile }: { readonly trees: readonly RootTree[]; readonly profile: MetadataProfile }) {
    this.trees = trees;
    this.profile = profile;
  }

  /**
   * Writes the item of a file. The stat of the listing is the one before reading, so a change since then or meanwhile shows
   * (D9). False, and nothing is written: it has to be looked at.
   */
  send({ root, path, directory, need, entry, attributes }: Asked, writer: ByteWriter): boolean {
    const said = attributes ?? (this.profile.attributeKinds === 0 ? NO_ATTRIBUTES : undefined);
    if (said === undefined || entry.sizeBytes > largeFiles().inlineBytes) return false;
    const reader = this.readerOf(root, path, directory);
    if (reader === undefined) return false;
    const start = writer.length;
    writeFileItemHead(
      writer,
      { directory, index: need.index },
      withAttributes(entry, said),
      entry.sizeBytes,
      this.profile,
    );
    if (reader.read(entry.name, entry, writer.space(entry.sizeBytes))) return true;
    writer.rewindTo(start);
    return false;
  }

  /** Before anything else is done: a handle must not outlive the moment. */
  close(): void {
    this.directory = -1;
    this.reader?.close();
    this.reader = undefined;
  }

  private readerOf(root: number, path: RelativePath, directory: number): DirectoryReader | undefined {
    if (directory === this.directory) return this.reader;
    this.close();
    try {
      this.reader = this.trees[root]!.readDirectory?.(parentPath(path) ?? '');
    } catch {
      // Whoever opens the file by its path is told why.
      this.reader = undefined;
    }
    this.directory = directory;
    return this.reader;
  }
}

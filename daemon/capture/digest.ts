/** Fingerprint of everything recorded of a directory's entries: equal means no row has to be read to know nothing changed. */
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import { type ContentHasher, hashWhole } from '../link/content-hash.ts';
import type { ScannedEntry } from '../ports.ts';
import type { IndexedStat, IndexedType } from '../store/master-schema.ts';

export interface NamedStat extends IndexedStat {
  readonly name: string;
}

/** `toIndexed` with the name, as one object: this is done for every entry of a walk. */
export function toNamed(entry: ScannedEntry): NamedStat | undefined {
  if (entry.type === 'other') return undefined;
  return {
    name: entry.name,
    type: entry.type as IndexedType,
    inode: BigInt.asIntN(64, entry.id.inode),
    birthNs: entry.id.birthNs,
    sizeBytes: entry.type === 'file' ? entry.sizeBytes : 0,
    mtimeNs: entry.mtimeNs,
    ctimeNs: entry.ctimeNs,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    links: entry.links,
  };
}

export type DigestOf = (entries: readonly NamedStat[]) => Uint8Array;

const TYPE_CODES = { file: 0, directory: 1, symlink: 2 } as const;

/** A directory's own times are left out: they are compared when it is looked at as an entry of its parent … */
export function createDigest(hasher: ContentHasher): DigestOf {
  const writer = new ByteWriter(256 * 1024);
  return (entries) => {
    writer.rewindTo(0);
    for (const entry of entries) {
      writer.u8(TYPE_CODES[entry.type]).text(entry.name).i64(entry.inode).i64(entry.birthNs);
      // … but here too: they are part of its row, which is believed when the digest is equal.
      writer.i64(entry.mtimeNs).i64(entry.ctimeNs).varint(entry.sizeBytes);
      writer.varint(entry.mode).varint(entry.uid).varint(entry.gid);
      if (entry.type !== 'directory') writer.varint(entry.links);
    }
    const length = writer.length;
    writer.rewindTo(0);
    return hashWhole(hasher, writer.space(length)).slice();
  };
}

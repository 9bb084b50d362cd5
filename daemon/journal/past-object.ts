/** Objects and names of a tree as it was: what they are made of now, and what the journal says was otherwise. */
import type { AttributeBytes } from '../../shared/attributes.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryStat, RootTree } from '../ports.ts';
import type { FileRange, ObjectBefore } from './record.ts';

/** Where an object lies now: in the root, or among what the journal has kept. */
export interface PastPlace {
  readonly kept: boolean;
  readonly path: RelativePath;
}

/** Old content of a file that was changed in place: `ranges` of it lie, at their positions, in the kept object. */
export interface KeptRanges {
  readonly kept: string;
  readonly ranges: readonly FileRange[];
}

export type PastMetadata = Pick<ObjectBefore, 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'attributes'>;

/** All names of a file share it: what is taken back through one of them is so for all. */
export interface PastObject {
  readonly stat: EntryStat;
  /** Instead of what it has now. */
  metadata?: PastMetadata;
  mtimeNs?: bigint;
  sizeBytes?: number;
  /** As taken back, newest first: the oldest says what was there at last. */
  patches?: KeptRanges[];
  /** Of a directory: only what was looked at. `undefined`: nothing under that name. */
  children?: Map<string, PastName | undefined>;
  /** Why its content cannot be had. */
  lost?: string;
}

export interface PastName {
  readonly object: PastObject;
  readonly place: PastPlace;
}

/** What it was. */
export function pastStat({ stat, metadata, mtimeNs, sizeBytes }: PastObject): EntryStat {
  if (metadata === undefined && mtimeNs === undefined && sizeBytes === undefined) return stat;
  const { mode, uid, gid } = metadata ?? stat;
  return {
    ...stat,
    mode,
    uid,
    gid,
    mtimeNs: mtimeNs ?? metadata?.mtimeNs ?? stat.mtimeNs,
    sizeBytes: sizeBytes ?? stat.sizeBytes,
  };
}

/** Attributes of what is at a place now. */
export function attributesAt(reader: Pick<RootTree, 'attributesOf'>, path: RelativePath): AttributeBytes | undefined {
  const parent = parentPath(path);
  const name = parent === undefined ? '' : path.slice(parent === '' ? 0 : parent.length + 1);
  return reader.attributesOf(parent ?? '', [name]).get(name);
}

/** `then` and `now` of something, as far as there are any. */
export function sides<Side>(
  then: Side | undefined,
  now: Side | undefined,
): { readonly then?: Side; readonly now?: Side } {
  const known: { then?: Side; now?: Side } = now === undefined ? {} : { now };
  return then === undefined ? known : { ...known, then };
}

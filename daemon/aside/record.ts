/** What of one object's metadata its volume cannot hold, and what the object shows instead. Pure. */
import {
  ALL_KINDS,
  type AttributeBytes,
  type AttributeKinds,
  decodeAttributes,
  kindBit,
  mergeAttributes,
  NO_ATTRIBUTES,
  selectKinds,
} from '../../shared/attributes.ts';
import { ByteReader, ByteWriter } from '../../shared/protocol/bytes.ts';
import type { EntryStat } from '../ports.ts';

export interface AsideRecord {
  /** `seen`: what the object had when this was kept; when it has something else now, somebody changed it and that counts. */
  readonly mode?: { readonly wanted: number; readonly seen: number };
  readonly owner?: {
    readonly uid: number;
    readonly gid: number;
    readonly seenUid: number;
    readonly seenGid: number;
  };
  readonly attributes: AttributeBytes;
}

export const NOTHING_ASIDE: AsideRecord = { attributes: NO_ATTRIBUTES };

/** Kinds of metadata that can be kept aside, as the operator reads them. */
export const ASIDE_KINDS = [
  'mode',
  'owner',
  'extended attributes',
  'POSIX access lists',
  'Windows security',
  'Windows attributes',
  'Windows streams',
] as const;

/** Kinds of attributes follow mode and owner in the order of ATTRIBUTE_KINDS. */
const MODE = 1;
const OWNER = 2;
const ATTRIBUTES_SHIFT = 2;

/** A bit for each of ASIDE_KINDS that is in it; 0: it need not be kept. */
export function asideKindsOf({ mode, owner, attributes }: AsideRecord): number {
  let bits = (mode === undefined ? 0 : MODE) | (owner === undefined ? 0 : OWNER);
  for (const { kind } of decodeAttributes(attributes)) bits |= kindBit(kind) << ATTRIBUTES_SHIFT;
  return bits;
}

export function encodeAside({ mode, owner, attributes }: AsideRecord): Uint8Array {
  const writer = new ByteWriter(64 + attributes.length);
  writer.u8((mode === undefined ? 0 : MODE) | (owner === undefined ? 0 : OWNER));
  if (mode !== undefined) writer.varint(mode.wanted).varint(mode.seen);
  if (owner !== undefined) writer.varint(owner.uid).varint(owner.gid).varint(owner.seenUid).varint(owner.seenGid);
  return writer.blob(attributes).take();
}

/** Throws `LINK-FRAME` on bytes that are none of ours. */
export function decodeAside(bytes: Uint8Array): AsideRecord {
  const reader = new ByteReader(bytes);
  const flags = reader.u8();
  const mode = flags & MODE ? { mode: { wanted: reader.varint(), seen: reader.varint() } } : {};
  const owner =
    flags & OWNER
      ? { owner: { uid: reader.varint(), gid: reader.varint(), seenUid: reader.varint(), seenGid: reader.varint() } }
      : {};
  return { ...mode, ...owner, attributes: reader.blob().slice() };
}

/** What the object would say if its volume could hold everything. */
export function withAside<Stat extends EntryStat>(stat: Stat, { mode, owner }: AsideRecord): Stat {
  const kept = {
    ...(mode?.seen === stat.mode ? { mode: mode.wanted } : {}),
    ...(owner?.seenUid === stat.uid && owner.seenGid === stat.gid ? { uid: owner.uid, gid: owner.gid } : {}),
  };
  return { ...stat, ...kept };
}

/** What was asked for one object and the volume did not take. */
export interface NotTaken {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Kinds that were said; 0: nothing was. */
  readonly kinds: AttributeKinds;
  readonly attributes: AttributeBytes;
}

/** What is to be kept after metadata was set, `stat` being what the object shows now. */
export function asideAfter(before: AsideRecord, asked: NotTaken, stat: EntryStat): AsideRecord {
  const stay = selectKinds(before.attributes, ALL_KINDS & ~asked.kinds);
  return {
    ...modeAfter(before, asked, stat),
    ...ownerAfter(before, asked, stat),
    attributes: mergeAttributes(stay, asked.attributes),
  };
}

function modeAfter(before: AsideRecord, asked: NotTaken, { mode, type }: EntryStat): Pick<AsideRecord, 'mode'> {
  if (type === 'symlink') return {};
  const wanted = asked.mode ?? (before.mode?.seen === mode ? before.mode.wanted : mode);
  return wanted === mode ? {} : { mode: { wanted, seen: mode } };
}

function ownerAfter(before: AsideRecord, asked: NotTaken, { uid, gid }: EntryStat): Pick<AsideRecord, 'owner'> {
  const { owner } = before;
  const held = owner?.seenUid === uid && owner.seenGid === gid ? owner : { uid, gid };
  const wanted = { uid: asked.uid ?? held.uid, gid: asked.gid ?? held.gid };
  return wanted.uid === uid && wanted.gid === gid ? {} : { owner: { ...wanted, seenUid: uid, seenGid: gid } };
}

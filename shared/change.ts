/**
 * One change of a root as it travels and as it is applied. Paths are those at the moment of the change, so a sequence of
 * changes must be applied in order. Applying a change twice has the effect of applying it once.
 */
import type { AttributeBytes, AttributeKinds } from './attributes.ts';
import type { OwnerMap } from './owners.ts';
import type { RelativePath } from './path.ts';

/** Metadata of an entry as the Master saw it. Fields a platform does not have are 0 and not applied (see MetadataProfile). */
export interface ChangeMetadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** All of the kinds of the profile; absent: not said, those that are there stay. */
  readonly attributes?: AttributeBytes;
}

/** Which metadata both hosts can hold; negotiated at the handshake. */
export interface MetadataProfile {
  readonly posixModes: boolean;
  /** The coarser of both: times are compared after rounding down to it. */
  readonly timeGranularityNs: number;
  /** Kinds of attributes that are replicated. */
  readonly attributeKinds: AttributeKinds;
  /** Replica: numbers of owners here; never sent. Absent: the same. */
  readonly owners?: OwnerMap;
}

export type Change =
  | {
      readonly op: 'make-directory';
      readonly root: number;
      readonly path: RelativePath;
      readonly metadata: ChangeMetadata;
    }
  /** A whole file with its content inline (small files). */
  | {
      readonly op: 'put';
      readonly root: number;
      readonly path: RelativePath;
      readonly metadata: ChangeMetadata;
      readonly content: Uint8Array;
    }
  /** A large file in pieces: begin, data…, end (or abort). `token` is unique in the link session. Pieces may skip ranges: those are holes (zeros). */
  | {
      readonly op: 'put-begin';
      readonly root: number;
      readonly path: RelativePath;
      readonly metadata: ChangeMetadata;
      readonly token: number;
      readonly sizeBytes: number;
    }
  | { readonly op: 'put-data'; readonly token: number; readonly position: number; readonly content: Uint8Array }
  /** `hash`: xxh128 of the whole content, 16 bytes; a mismatch discards the file and asks for it again. */
  | { readonly op: 'put-end'; readonly token: number; readonly hash: Uint8Array }
  | { readonly op: 'put-abort'; readonly token: number }
  /**
   * What changed of a large file that was sent before: begin, data…, `put-end` (or abort). The file must have `baseBytes`, the
   * time `baseMtimeNs` and the old contents the pieces name, else it is asked for whole. Between the pieces nothing changes. The hash of `put-end`
   * is xxh128 of the hashes of all pieces' contents.
   */
  | {
      readonly op: 'patch-begin';
      readonly root: number;
      readonly path: RelativePath;
      readonly metadata: ChangeMetadata;
      readonly token: number;
      readonly sizeBytes: number;
      readonly baseBytes: number;
      readonly baseMtimeNs: bigint;
    }
  /**
   * `length` bytes from `position` on become `content`, zeros when it is empty. The `oldLength` bytes there before have the
   * xxh128 `before` (empty when there were none).
   */
  | {
      readonly op: 'patch-data';
      readonly token: number;
      readonly position: number;
      readonly length: number;
      readonly oldLength: number;
      readonly before: Uint8Array;
      readonly content: Uint8Array;
    }
  | {
      readonly op: 'symlink';
      readonly root: number;
      readonly path: RelativePath;
      readonly target: string;
      readonly metadata: ChangeMetadata;
    }
  /** A further name for the file at `existing`. */
  | { readonly op: 'link'; readonly root: number; readonly path: RelativePath; readonly existing: RelativePath }
  /** Both names in the same root. Something already at `path` is first kept in the journal, then gone. */
  | { readonly op: 'rename'; readonly root: number; readonly from: RelativePath; readonly path: RelativePath }
  /** File, link or whole directory; absent already is success. */
  | { readonly op: 'remove'; readonly root: number; readonly path: RelativePath }
  /** Metadata of an existing entry; for a directory this comes after the changes inside it (its mtime is last). */
  | { readonly op: 'metadata'; readonly root: number; readonly path: RelativePath; readonly metadata: ChangeMetadata };

/** What a host had that the host which took over lacks; kept beside the data before it is replaced (PROTOCOL.md, T-D1). */
import type { PreviewSide } from './preview.ts';

export interface QuarantineHead {
  /** `20261123T041900Z-e2`: when, and behind which epoch. */
  readonly id: string;
  readonly scenario: string;
  /** Host that has it. */
  readonly host: string;
  readonly at: number;
  readonly epoch: number;
  /** What it is the end of: the history, what the other host had of it, and how far this one was. */
  readonly generation: string;
  readonly after: number;
  readonly through: number;
  readonly items: number;
  /** Of contents. */
  readonly bytes: number;
  /** Its scenario is none of this host (any more): it stays until it is discarded. */
  readonly deleted?: true;
}

/** A kept item against what users have now; `unknown`: the host does not answer, or it is too large to be read for it. */
export type KeptState = 'same' | 'differs' | 'unknown';

/** A kept file against what is under its name now, on the hosts of its scenario. */
export interface QuarantineFileResult {
  readonly item: QuarantineItem;
  /** Absent: nothing of it was kept, because it was gone. */
  readonly kept?: PreviewSide;
  /** The active host first, as far as it answers. */
  readonly now: readonly QuarantineNow[];
}

export interface QuarantineNow {
  readonly host: string;
  /** Absent: nothing is under this name there. */
  readonly side?: PreviewSide;
  /** Of content, type or target. */
  readonly same: boolean;
  /** Why it could not be looked at. */
  readonly unknown?: string;
}

/** A line of the manifest. */
export interface QuarantineItem {
  readonly root: number;
  readonly path: string;
  /** What had been done to it. */
  readonly kind: string;
  /** `special`: a pipe, socket or device. */
  readonly type: 'file' | 'directory' | 'symlink' | 'special' | 'gone';
  /** `rename`: the name it had. */
  readonly before?: string;
  readonly sizeBytes: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeMs?: number;
  /** Decimal: as exact as the file system has it. */
  readonly mtimeNs?: string;
  /** Extended attributes and access lists in their canonical bytes (shared/attributes.ts), Base64; absent: none. */
  readonly attributes?: string;
  /** Of the content. */
  readonly sha256?: string;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Name of the content below `content/`. */
  readonly content?: string;
  /** A further name of the object at this path (`root path`), whose content it shares. */
  readonly sameAs?: string;
  /** It was written to all the time: the content is a mixture of what it was at several moments. */
  readonly torn?: true;
  /** Why its content could not be kept: it went while it was looked at. */
  readonly missing?: string;
}

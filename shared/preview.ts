/** Looking into the past without touching anything, and taking files out of it. */
import type { RewindPoint } from './rewind.ts';

// ---------------------------------------------------------------- looking into the past

/**
 * What a rewind to a point would do to one path. `restored`: was there then and is not now. `removed`: is there now and was
 * not then: it would be lost. `changed`: another content or type. `renamed`: the same object under another name.
 * `metadata`: only mode, owner, time or attributes.
 */
export const PREVIEW_KINDS = ['restored', 'removed', 'changed', 'renamed', 'metadata'] as const;
export type PreviewKind = (typeof PREVIEW_KINDS)[number];

export type PreviewType = 'file' | 'directory' | 'symlink' | 'other';

export interface PreviewAttributes {
  readonly type: PreviewType;
  /** 0 for what has no content. */
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Permission bits 0o7777. */
  readonly mode: number;
}

export interface PreviewEntry {
  /** Index of the root in the document. */
  readonly root: number;
  /** Relative to its root: as it was at the point; of what would be removed, as it is now. */
  readonly path: string;
  readonly kind: PreviewKind;
  /** Of a renamed one: its name now. */
  readonly from?: string;
  /** As it was at the point; of what would be removed, as it is now. */
  readonly type: PreviewType;
  /** Absent: it did not exist. */
  readonly then?: PreviewAttributes;
  /** Absent: it does not exist. */
  readonly now?: PreviewAttributes;
}

/** A path that a rewind would not bring to what it was at the point. */
export interface PreviewProblem {
  readonly root: number;
  readonly path: string;
  /** `foreign`: changed by others than Mainstay, it stays as it is. `lost`: what was kept of it is missing or damaged. */
  readonly kind: 'foreign' | 'lost';
  readonly reason: string;
}

export interface PreviewResult {
  readonly point: RewindPoint;
  /** Of all paths, also beyond the limit. */
  readonly counts: Readonly<Record<PreviewKind, number>>;
  /** Sizes of files: of those that come back, of those that go, of those that change (as they were at the point). */
  readonly bytes: { readonly restored: number; readonly removed: number; readonly changed: number };
  /** Sorted by root and path, at most `limit`. */
  readonly entries: readonly PreviewEntry[];
  readonly total: number;
  readonly truncated: boolean;
  /** Changes a rewind would take back. */
  readonly steps: number;
  /** At most 1,000. */
  readonly problems: readonly PreviewProblem[];
  readonly problemCount: number;
  readonly tookMs: number;
}

/** One side of a comparison of one file. */
export interface PreviewSide extends PreviewAttributes {
  /** Content up to 256 KiB as text; absent: it is no text, or larger. */
  readonly text?: string;
  /** xxh128 of the content, hex; absent above 64 MiB. */
  readonly hash?: string;
  /** Of a symbolic link. */
  readonly target?: string;
}

export interface PreviewFileResult {
  readonly point: RewindPoint;
  readonly root: number;
  readonly path: string;
  /** Absent: it did not exist at the point. */
  readonly then?: PreviewSide;
  /** Absent: it does not exist now. */
  readonly now?: PreviewSide;
  /** Content and type are the same. */
  readonly identical: boolean;
}

// ---------------------------------------------------------------- taking something out of the past

/** An entry as it was at the point. */
export interface ExtractEntry {
  /** Relative to the root. */
  readonly path: string;
  readonly type: PreviewType;
  readonly sizeBytes: number;
  /** Nanoseconds since 1970, decimal. */
  readonly mtimeNs: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names of one file have the same. */
  readonly link?: string;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Whole content of a small file, base64, where that was asked for. */
  readonly data?: string;
  /** What was kept of it is missing or damaged: it cannot be read. */
  readonly lost?: string;
}

export interface ExtractList {
  /** Depth first, sorted by name in each directory; a directory comes before what is in it. */
  readonly entries: readonly ExtractEntry[];
  /** Ask for what comes `after` this path; absent: this was the end. */
  readonly next?: string;
}

/** Pieces of one file's content, ascending; what lies between them is a hole. */
export interface ExtractContent {
  readonly pieces: readonly {
    readonly position: number;
    /** Base64. */
    readonly data: string;
  }[];
  /** Where to go on; absent: the end of the file. */
  readonly next?: number;
}

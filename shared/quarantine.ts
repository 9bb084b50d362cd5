/** What a host had that the host which took over lacks; kept beside the data before it is replaced (PROTOCOL.md, T-D1). */

export interface QuarantineHead {
  /** `20261123T041900Z-e2`: when, and behind which epoch. */
  readonly id: string;
  readonly scenario: string;
  /** Host that has it. */
  readonly host: string;
  readonly at: number;
  readonly epoch: number;
  readonly items: number;
  /** Of contents. */
  readonly bytes: number;
}

/** A line of the manifest. */
export interface QuarantineItem {
  readonly root: number;
  readonly path: string;
  /** What had been done to it: of the last change. */
  readonly kind: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'gone';
  /** `rename`: the name it had. */
  readonly before?: string;
  readonly sizeBytes: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeMs?: number;
  /** Of the content. */
  readonly sha256?: string;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Name of the content below `content/`. */
  readonly content?: string;
  /** Why it could not be kept: it went while it was looked at. */
  readonly missing?: string;
}

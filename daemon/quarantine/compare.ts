/** One file as it was kept against what is under its name in a root now. Reads only; no link is followed. */
import { createHash } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { PreviewSide } from '../../shared/preview.ts';
import type { KeptState, QuarantineItem } from '../../shared/quarantine.ts';
import type { EntryStat, RootTree } from '../ports.ts';

/** Shown as text up to this size. */
export const TEXT_BYTES = 256 * 1024;
/** What is read at most for one question. */
export const BUDGET_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined: no text that a person could read. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function shown(bytes: Uint8Array | undefined): { text?: string } {
  const text = bytes === undefined ? undefined : textOf(bytes);
  return text === undefined ? {} : { text };
}

/** Undefined: it was gone. `content`: whole, when it is small enough to be shown. */
export function keptSide(item: QuarantineItem, content: Uint8Array | undefined): PreviewSide | undefined {
  const { type, sizeBytes, mtimeMs = 0, mode = 0, target, sha256 } = item;
  if (type === 'gone') return undefined;
  return {
    type: type === 'special' ? 'other' : type,
    sizeBytes,
    mtimeMs,
    mode: mode & 0o7777,
    ...(target === undefined ? {} : { target }),
    ...(sha256 === undefined ? {} : { hash: sha256 }),
    ...shown(content),
  };
}

export interface Looking {
  /** Content as text, where it is one and small. */
  readonly text: boolean;
  /** So many bytes may be read yet, all files together: whoever asks waits for them. */
  budgetBytes: number;
  /** Lets the other work of this thread go on. */
  rest(): Promise<void>;
}

/** `sizeBytes`: of what it is compared with; another size needs no hash. */
export interface LookedAt {
  readonly path: RelativePath;
  readonly sizeBytes?: number | undefined;
}

/** What is there now; undefined: nothing. Throws `FS-*`. */
export async function presentSide(tree: RootTree, at: LookedAt, how: Looking): Promise<PreviewSide | undefined> {
  try {
    const stat = tree.stat(at.path);
    return stat === undefined ? undefined : await sideOf(tree, at, stat, how);
  } catch (error) {
    const fault = Fault.from(error);
    // A link above it leads elsewhere: under this name the root has nothing.
    if (fault.code === 'FS-NOT-FOUND' || fault.code === 'PATH-SYMLINK') return undefined;
    throw fault;
  }
}

async function sideOf(tree: RootTree, at: LookedAt, stat: EntryStat, how: Looking): Promise<PreviewSide> {
  const { type, mode, mtimeNs } = stat;
  const about = { mtimeMs: Number(mtimeNs / 1_000_000n), mode: mode & 0o7777 };
  if (type === 'symlink') return { type, sizeBytes: 0, ...about, target: tree.readLink(at.path) };
  if (type !== 'file') return { type, sizeBytes: 0, ...about };
  const file = tree.openRead(at.path);
  try {
    const { sizeBytes } = file.stat();
    const wantsText = how.text && sizeBytes <= TEXT_BYTES;
    const differs = at.sizeBytes !== undefined && at.sizeBytes !== sizeBytes;
    if (sizeBytes > how.budgetBytes || (differs && !wantsText)) return { type, sizeBytes, ...about };
    how.budgetBytes -= sizeBytes;
    const hash = createHash('sha256');
    const chunks: Uint8Array[] = [];
    for (let position = 0; position < sizeBytes; ) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, sizeBytes - position));
      const count = file.read(chunk, 0, chunk.length, position);
      if (count === 0) break;
      hash.update(chunk.subarray(0, count));
      if (wantsText) chunks.push(chunk.subarray(0, count));
      position += count;
      await how.rest();
    }
    return { type, sizeBytes, ...about, hash: hash.digest('hex'), ...(wantsText ? shown(Buffer.concat(chunks)) : {}) };
  } finally {
    file.close();
  }
}

/** `unknown`: of one size, and too much to be read now. */
export function compareSides(a: PreviewSide | undefined, b: PreviewSide | undefined): KeptState {
  if (a === undefined || b === undefined) return a === b ? 'same' : 'differs';
  if (a.type !== b.type) return 'differs';
  if (a.type === 'symlink') return a.target === b.target ? 'same' : 'differs';
  if (a.type !== 'file') return 'same';
  if (a.sizeBytes !== b.sizeBytes) return 'differs';
  if (a.hash === undefined || b.hash === undefined) return 'unknown';
  return a.hash === b.hash ? 'same' : 'differs';
}

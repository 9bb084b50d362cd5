/** One file as it was kept against what is under its name in a root now. Reads only; no link is followed. */
import { createHash } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { PreviewSide } from '../../shared/preview.ts';
import type { QuarantineItem } from '../../shared/quarantine.ts';
import type { EntryStat, RootTree } from '../ports.ts';

/** Shown as text up to this size. */
export const TEXT_BYTES = 256 * 1024;
/** Larger ones are compared by size only: whoever asks waits for it. */
const HASHED_BYTES = 64 * 1024 * 1024;
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

/** What is there now; undefined: nothing. Throws `FS-*`. */
export function presentSide(tree: RootTree, path: RelativePath): PreviewSide | undefined {
  try {
    const stat = tree.stat(path);
    return stat === undefined ? undefined : sideOf(tree, path, stat);
  } catch (error) {
    const fault = Fault.from(error);
    // A link above it leads elsewhere: under this name the root has nothing.
    if (fault.code === 'FS-NOT-FOUND' || fault.code === 'PATH-SYMLINK') return undefined;
    throw fault;
  }
}

function sideOf(tree: RootTree, path: RelativePath, stat: EntryStat): PreviewSide {
  const { type, mode, mtimeNs } = stat;
  const about = { mtimeMs: Number(mtimeNs / 1_000_000n), mode: mode & 0o7777 };
  if (type === 'symlink') return { type, sizeBytes: 0, ...about, target: tree.readLink(path) };
  if (type !== 'file') return { type, sizeBytes: 0, ...about };
  const file = tree.openRead(path);
  try {
    const { sizeBytes } = file.stat();
    if (sizeBytes > HASHED_BYTES) return { type, sizeBytes, ...about };
    const hash = createHash('sha256');
    const chunks: Uint8Array[] = [];
    for (let position = 0; position < sizeBytes; ) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, sizeBytes - position));
      const count = file.read(chunk, 0, chunk.length, position);
      if (count === 0) break;
      hash.update(chunk.subarray(0, count));
      if (sizeBytes <= TEXT_BYTES) chunks.push(chunk.subarray(0, count));
      position += count;
    }
    const text = sizeBytes <= TEXT_BYTES ? shown(Buffer.concat(chunks)) : {};
    return { type, sizeBytes, ...about, hash: hash.digest('hex'), ...text };
  } finally {
    file.close();
  }
}

/** The same content: of large files it is not known without reading both, so they count as different. */
export function isSameContent(a: PreviewSide | undefined, b: PreviewSide | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.type !== b.type) return false;
  if (a.type === 'file') return a.hash !== undefined && a.hash === b.hash;
  return a.type !== 'symlink' || a.target === b.target;
}

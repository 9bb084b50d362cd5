/**
 * Names and paths below a root.
 *
 * A file name is a JavaScript string. On Linux names are bytes: a byte that is not part of valid UTF-8 becomes the lone
 * surrogate U+DC00 + byte (Python's `surrogateescape`, PEP 383), so every name survives the way to the other host and back.
 * A `RelativePath` is the root itself (`''`) or names joined by `/`; it never holds `.`, `..`, an empty name or NUL.
 */
import { Fault } from './faults.ts';

export type RelativePath = string;

/** Longest path the wire accepts, in bytes (Linux PATH_MAX). */
const MAX_PATH_BYTES = 4096;
/** Longest single name, in bytes (NAME_MAX on every file system we protect). */
const MAX_NAME_BYTES = 255;
/** Names under which the engine itself lets entries step aside that are moved in a circle. */
export const TEMPORARY_PREFIX = '.mainstay-move-';
/** Our control directory: never replicated, at any depth, on either side. */
export const CONTROL_NAME = '.mainstay';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = validSequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + bytes[at]!);
      at += 1;
    } else {
      text += utf8.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function validSequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    utf8.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

const ESCAPED_BYTE = /[\udc80-\udcff]/;

/** Inverse of `decodeName`. A lone surrogate outside U+DC80–DCFF (possible on NTFS) cannot be sent: `PATH-NAME`. */
export function encodeName(name: string): Uint8Array {
  if (name.isWellFormed()) return encoder.encode(name);
  if (!ESCAPED_BYTE.test(name)) throw new Fault('PATH-NAME', { path: name });
  const out: number[] = [];
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i);
    const paired =
      unit >= 0xd800 && unit <= 0xdbff && i + 1 < name.length && (name.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    if (paired) {
      out.push(...encoder.encode(name.slice(i, i + 2)));
      i += 1;
    } else if (unit >= 0xdc80 && unit <= 0xdcff) {
      out.push(unit - 0xdc00);
    } else if (unit >= 0xd800 && unit <= 0xdfff) {
      throw new Fault('PATH-NAME', { path: name });
    } else {
      out.push(...encoder.encode(name[i]!));
    }
  }
  return Uint8Array.from(out);
}

/** Accepts a path from outside (peer, console, file) or throws `PATH-ESCAPE`; `''` is the root. */
export function parseRelativePath(text: string): RelativePath {
  if (text === '') return '';
  if (text.length > MAX_PATH_BYTES || text.includes('\0')) throw new Fault('PATH-ESCAPE', { path: text.slice(0, 200) });
  for (const name of text.split('/')) {
    if (name === '' || name === '.' || name === '..' || name.length > MAX_NAME_BYTES) {
      throw new Fault('PATH-ESCAPE', { path: text.slice(0, 200) });
    }
  }
  return text;
}

export function joinPath(parent: RelativePath, name: string): RelativePath {
  return parent === '' ? name : `${parent}/${name}`;
}

/** Parent of a path; the root has none. */
export function parentPath(path: RelativePath): RelativePath | undefined {
  if (path === '') return undefined;
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function baseName(path: RelativePath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function isWithin(path: RelativePath, ancestor: RelativePath): boolean {
  return ancestor === '' || path === ancestor || path.startsWith(`${ancestor}/`);
}

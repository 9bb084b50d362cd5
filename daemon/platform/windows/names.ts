/**
 * Names of the other systems as names Windows can hold, and back. What Windows forbids becomes a character of the private use
 * area, as Cygwin and the Linux subsystem do: U+F000 + code for ASCII, U+F100 + byte for bytes that are not UTF-8. A name
 * that holds such characters itself gets U+F0FF before each of them.
 */
import { Fault } from '../../../shared/faults.ts';

const LITERAL = '\uf0ff';
/** `\` is a name character on Linux and the separator here. */
const FORBIDDEN = /[\u0001-\u001f<>:"|?*\\]/;
const OURS = /[\uf000-\uf1ff]/;
const RAW_BYTE = /[\udc80-\udcff]/;
/** Device names, with or without an ending (Naming Files, Paths, and Namespaces; Microsoft). */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$| )/i;

/** Longest name of NTFS in UTF-16 units. */
const MAX_UNITS = 255;

function isPlain(name: string): boolean {
  return (
    !FORBIDDEN.test(name) &&
    !OURS.test(name) &&
    name.isWellFormed() &&
    !name.endsWith('.') &&
    !name.endsWith(' ') &&
    !RESERVED.test(name)
  );
}

function shift(unit: number): string {
  return String.fromCharCode(0xf000 + unit);
}

/** Throws `PATH-NAME` when Windows cannot hold it. */
export function encodeWindowsName(name: string): string {
  const encoded = isPlain(name) ? name : escapeName(name);
  if (encoded.length > MAX_UNITS) throw new Fault('PATH-NAME', { path: name });
  return encoded;
}

function escapeName(name: string): string {
  let out = '';
  for (const character of name) {
    if (FORBIDDEN.test(character)) out += shift(character.charCodeAt(0));
    else if (OURS.test(character)) out += LITERAL + character;
    else if (RAW_BYTE.test(character) && character.length === 1) {
      out += String.fromCharCode(0xf100 + character.charCodeAt(0) - 0xdc00);
    } else if (!character.isWellFormed()) throw new Fault('PATH-NAME', { path: name });
    else out += character;
  }
  const last = out.at(-1);
  if (last === '.' || last === ' ') out = out.slice(0, -1) + shift(last.charCodeAt(0));
  if (RESERVED.test(out)) out = shift(out.charCodeAt(0)) + out.slice(1);
  return out;
}

/** Inverse of `encodeWindowsName`; a name that is not of its making and looks so is left as it is. */
export function decodeWindowsName(name: string): string {
  if (!OURS.test(name)) return name;
  let out = '';
  for (let at = 0; at < name.length; at += 1) {
    const unit = name.charCodeAt(at);
    if (name[at] === LITERAL && at + 1 < name.length) {
      at += 1;
      out += name[at];
    } else if (unit > 0xf000 && unit < 0xf080) out += String.fromCharCode(unit - 0xf000);
    else if (unit >= 0xf180 && unit <= 0xf1ff) out += String.fromCharCode(unit - 0xf100 + 0xdc00);
    else out += name[at];
  }
  return out;
}

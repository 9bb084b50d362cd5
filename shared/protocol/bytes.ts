/** Growing little-endian writer and checked reader for binary payloads. Reading past the end throws `LINK-FRAME`. */
import { Fault } from '../faults.ts';
import { decodeName, encodeName } from '../path.ts';

/** Longest text taken the short way; its length fits one byte. */
const SHORT_TEXT = 100;
/** From here on shifts of 32-bit numbers do not work. */
const LARGE = 2 ** 31;

export class ByteWriter {
  private buffer: Uint8Array;
  private view: DataView;
  length = 0;

  constructor(initialBytes = 64 * 1024) {
    this.buffer = new Uint8Array(initialBytes);
    this.view = new DataView(this.buffer.buffer);
  }

  /** Makes room for `more` bytes. */
  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + more));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length] = value;
    this.length += 1;
    return this;
  }

  u32(value: number): this {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }

  /** Unsigned integer up to 2^53, seven bits a byte. */
  varint(value: number): this {
    this.reserve(8);
    const { buffer } = this;
    let at = this.length;
    let rest = value;
    while (rest >= LARGE) {
      buffer[at] = (rest % 0x80) | 0x80;
      at += 1;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      buffer[at] = (rest & 0x7f) | 0x80;
      at += 1;
      rest >>>= 7;
    }
    buffer[at] = rest;
    this.length = at + 1;
    return this;
  }

  i64(value: bigint): this {
    this.reserve(8);
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
    return this;
  }

  f64(value: number): this {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Length and bytes. */
  blob(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** A name or path (see path.ts for its bytes). */
  text(value: string): this {
    return value.length <= SHORT_TEXT && this.shortText(value) ? this : this.blob(encodeName(value));
  }

  /** Names are short and mostly ASCII: written here they cost a tenth of a call to the encoder. */
  private shortText(value: string): boolean {
    const { length } = value;
    this.reserve(length + 1);
    const { buffer } = this;
    const start = this.length + 1;
    for (let i = 0; i < length; i += 1) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return false;
      buffer[start + i] = unit;
    }
    buffer[start - 1] = length;
    this.length = start + length;
    return true;
  }

  /** Room of `count` bytes to be filled in place (reading a file straight into the frame). Valid until the next call. */
  space(count: number): Uint8Array {
    this.reserve(count);
    const room = this.buffer.subarray(this.length, this.length + count);
    this.length += count;
    return room;
  }

  /** What was written, in place: valid until the writer is used again. */
  written(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** Copies out what was written and starts over. */
  take(): Uint8Array {
    const bytes = this.buffer.slice(0, this.length);
    this.length = 0;
    return bytes;
  }

  /** Cuts back to an earlier length (a record that could not be completed). */
  rewindTo(length: number): void {
    this.length = length;
  }
}

export class ByteReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  private need(count: number): number {
    const start = this.at;
    if (count < 0 || start + count > this.bytes.length) throw new Fault('LINK-FRAME', { reason: 'truncated payload' });
    this.at = start + count;
    return start;
  }

  u8(): number {
    return this.bytes[this.need(1)]!;
  }

  u32(): number {
    return this.view.getUint32(this.need(4), true);
  }

  varint(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 0x80;
    for (let count = 1; count < 8; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new Fault('LINK-FRAME', { reason: 'varint' });
  }

  i64(): bigint {
    return this.view.getBigInt64(this.need(8), true);
  }

  f64(): number {
    return this.view.getFloat64(this.need(8), true);
  }

  raw(count: number): Uint8Array {
    const start = this.need(count);
    return this.bytes.subarray(start, start + count);
  }

  blob(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const length = this.varint();
    const start = this.need(length);
    const { bytes, at } = this;
    if (length > SHORT_TEXT) return decodeName(bytes.subarray(start, at));
    for (let i = start; i < at; i += 1) if (bytes[i]! >= 0x80) return decodeName(bytes.subarray(start, at));
    return asciiText(bytes, start, at);
  }
}

/** Pieces of eight, because a call for each byte, or one with all of them in an array, costs twice as much. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  const { fromCharCode } = String;
  let text = '';
  let i = start;
  for (; i + 8 <= end; i += 8) {
    text += fromCharCode(
      bytes[i]!,
      bytes[i + 1]!,
      bytes[i + 2]!,
      bytes[i + 3]!,
      bytes[i + 4]!,
      bytes[i + 5]!,
      bytes[i + 6]!,
      bytes[i + 7]!,
    );
  }
  if (i + 4 <= end) {
    text += fromCharCode(bytes[i]!, bytes[i + 1]!, bytes[i + 2]!, bytes[i + 3]!);
    i += 4;
  }
  for (; i < end; i += 1) text += fromCharCode(bytes[i]!);
  return text;
}

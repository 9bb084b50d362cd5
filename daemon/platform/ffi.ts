/**
 * The only import of koffi, the one native module. Everything it returns is typed here; pointers are plain numbers, which
 * is the fastest way to pass one (user-space addresses have at most 47 bits).
 */
import koffi from 'koffi';

export type NativeType =
  | 'void'
  | 'bool'
  | 'int'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'long'
  | 'size_t'
  | 'uintptr_t'
  | 'void*'
  | 'str'
  | 'str16';

export type NativeFunction<Result> = (...args: (number | bigint | string | Uint8Array | null)[]) => Result;

export interface NativeLibrary {
  /** A C function; throws when the library has none of that name. */
  number(name: string, result: NativeType, args: readonly NativeType[]): NativeFunction<number>;
}

export function loadLibrary(name: string): NativeLibrary {
  const library = koffi.load(name);
  return {
    number: (symbol, result, args) => library.func(symbol, result, [...args]) as unknown as NativeFunction<number>,
  };
}

/** errno of the last native call of this thread; read it before anything else is called. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Memory outside the JavaScript heap, so that its address stays. Keep a reference for as long as native code uses it. */
export interface FixedBuffer {
  readonly bytes: Buffer;
  readonly address: number;
}

/** Of memory outside the JavaScript heap. */
export function addressOf(memory: ArrayBufferLike): number {
  return Number(koffi.address(Buffer.from(memory)));
}

export function allocateFixed(sizeBytes: number): FixedBuffer {
  const bytes = Buffer.from(new ArrayBuffer(sizeBytes));
  return { bytes, address: Number(koffi.address(bytes)) };
}

/**
 * Between the adapters and the system: every file call of node:fs (synchronous ones) and of the C library (by koffi) can be
 * seen, cut short, made to fail, or be the last thing this process does. Install it before the adapters are loaded.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { constants } from 'node:os';
import koffi from 'koffi';

/** What to do instead of the call; undefined: the call itself. */
export type Injected = { readonly errno: keyof typeof constants.errno } | { readonly short: true } | undefined;

type AnyFunction = (...args: unknown[]) => unknown;

const NODE_CALLS = [
  'openSync',
  'writeSync',
  'readSync',
  'readFileSync',
  'readdirSync',
  'fsyncSync',
  'fdatasyncSync',
  'ftruncateSync',
  'fstatSync',
  'renameSync',
  'unlinkSync',
  'mkdirSync',
] as const;

let decide: (name: string) => Injected = () => undefined;

/** `onCall` is asked before every call, by the name of the system call. */
export function interceptSystemCalls(onCall: (name: string) => Injected): void {
  decide = onCall;
}

/** Names of calls that can say that they did only a part. */
export const PARTIAL = new Set(['write', 'read', 'copy_file_range']);

function install(): void {
  const calls = fs as unknown as Record<string, AnyFunction>;
  for (const name of NODE_CALLS) {
    const original = calls[name]!;
    calls[name] = (...args) => aroundNode(name.replace(/Sync$/, ''), original, args);
  }
  syncBuiltinESMExports();
  const library = koffi as unknown as { load: (name: string) => Record<string, AnyFunction> };
  const load = library.load.bind(koffi);
  library.load = (name) => {
    const loaded = load(name);
    return {
      func: (symbol: unknown, ...rest: unknown[]) => {
        const original = loaded.func!(symbol, ...rest) as AnyFunction;
        return (...args: unknown[]) => aroundNative(nameOf(String(symbol), args), original, args);
      },
    };
  };
}

function nameOf(symbol: string, args: readonly unknown[]): string {
  // The only raw system call the adapters make.
  return symbol === 'syscall' ? `openat2${isCreating(args[2])}` : symbol;
}

function isCreating(flags: unknown): string {
  return typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0 ? '-create' : '';
}

function aroundNode(name: string, original: AnyFunction, args: unknown[]): unknown {
  const creates = name === 'open' && (args[1] === 'w' || isCreating(args[1]) !== '');
  const injected = decide(creates ? 'open-create' : name);
  if (injected === undefined) return original(...args);
  if ('errno' in injected) {
    const text = `${injected.errno}: injected, ${name}`;
    throw Object.assign(new Error(text), {
      code: injected.errno,
      errno: -constants.errno[injected.errno],
      syscall: name,
    });
  }
  // writeSync(handle, buffer, offset, length?, position?), readSync likewise.
  const [handle, buffer, offset, length, position] = args as [number, Uint8Array, number, number?, number?];
  const whole = length ?? buffer.length - offset;
  return original(handle, buffer, offset, Math.max(1, whole >> 1), position ?? null);
}

function aroundNative(name: string, original: AnyFunction, args: unknown[]): unknown {
  const flags = name === 'openat' ? isCreating(args[2]) : '';
  const injected = decide(name + flags);
  if (injected === undefined) return original(...args);
  if ('errno' in injected) {
    koffi.errno(constants.errno[injected.errno]);
    return -1;
  }
  // copy_file_range(from, fromAt, to, toAt, length, flags)
  const shortened = [...args];
  shortened[4] = Math.max(1, Number(args[4]) >> 1);
  return original(...shortened);
}

install();

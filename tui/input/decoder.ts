/**
 * Bytes from the terminal to keys. A chunk may hold many keys (`jjq`), half of one, a paste, or reports nobody asked for
 * (mouse, focus, answers to queries): keys are split, halves are kept, pastes are told apart, reports are swallowed.
 * Key names: the character itself, or `enter esc tab space up ctrl-l alt-x shift-tab …`.
 */

export interface KeyInput {
  readonly type: 'key';
  readonly name: string;
  /** The character, for text fields; absent for control keys. */
  readonly text?: string;
  /** More than one key came in the same chunk: held down, typed ahead or pasted without brackets. */
  readonly burst: boolean;
}
export interface PasteInput {
  readonly type: 'paste';
  readonly text: string;
}
export type Input = KeyInput | PasteInput;

/** A lone Esc is only known to be one when nothing follows it for this long. */
export const ESCAPE_DELAY_MS = 25;

const PASTE_START = '\x1b[200~';
const PASTE_END = '\x1b[201~';
/** A paste longer than this is cut: no field takes more. */
const MAX_PASTE = 100_000;

const FINAL_KEYS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  E: 'begin',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
  Z: 'shift-tab',
  M: 'enter',
};
const TILDE_KEYS: Readonly<Record<string, string>> = {
  '1': 'home',
  '2': 'insert',
  '3': 'delete',
  '4': 'end',
  '5': 'pgup',
  '6': 'pgdn',
  '7': 'home',
  '8': 'end',
};
const CONTROL_KEYS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  ' ': 'space',
};

type Piece = { readonly key?: string; readonly text?: string; readonly length: number } | 'partial';

export class KeyDecoder {
  #rest = '';
  #paste: string | undefined;

  /** Something incomplete waits; call `flush` when nothing follows within ESCAPE_DELAY_MS. */
  get pending(): boolean {
    return this.#rest !== '' && this.#paste === undefined;
  }

  push(chunk: string): Input[] {
    this.#rest += chunk;
    const inputs: Input[] = [];
    for (;;) {
      if (this.#paste !== undefined) {
        if (!this.#readPaste(inputs)) break;
        continue;
      }
      if (this.#rest === '') break;
      if (this.#rest.startsWith(PASTE_START)) {
        this.#rest = this.#rest.slice(PASTE_START.length);
        this.#paste = '';
        continue;
      }
      const piece = readPiece(this.#rest);
      if (piece === 'partial') break;
      this.#rest = this.#rest.slice(piece.length);
      if (piece.key !== undefined) inputs.push(key(piece.key, piece.text));
    }
    return markBursts(inputs);
  }

  /** What was incomplete is taken as it is: a lone Esc is the key, a broken sequence is dropped. */
  flush(): Input[] {
    const rest = this.#rest;
    this.#rest = '';
    return rest === '\x1b' ? [key('esc')] : [];
  }

  #readPaste(inputs: Input[]): boolean {
    const end = this.#rest.indexOf(PASTE_END);
    // Keep back what could be the beginning of the end mark.
    const take = end >= 0 ? end : Math.max(0, this.#rest.length - PASTE_END.length + 1);
    this.#paste = ((this.#paste ?? '') + this.#rest.slice(0, take)).slice(0, MAX_PASTE);
    if (end < 0) {
      this.#rest = this.#rest.slice(take);
      return false;
    }
    this.#rest = this.#rest.slice(end + PASTE_END.length);
    inputs.push({ type: 'paste', text: this.#paste });
    this.#paste = undefined;
    return true;
  }
}

function key(name: string, text?: string): KeyInput {
  return text === undefined ? { type: 'key', name, burst: false } : { type: 'key', name, text, burst: false };
}

function markBursts(inputs: Input[]): Input[] {
  if (inputs.length < 2) return inputs;
  return inputs.map((input) => (input.type === 'key' ? { ...input, burst: true } : input));
}

function readPiece(input: string): Piece {
  if (input[0] === '\x1b') return readEscape(input);
  const control = CONTROL_KEYS[input[0] ?? ''];
  if (control !== undefined)
    return control === 'space' ? { key: 'space', text: ' ', length: 1 } : { key: control, length: 1 };
  const code = input.codePointAt(0) ?? 0;
  if (code < 0x20) return { key: code === 0 ? 'ctrl-space' : `ctrl-${String.fromCharCode(code + 96)}`, length: 1 };
  if (code >= 0x80 && code < 0xa0) return { length: 1 };
  const character = String.fromCodePoint(code);
  return { key: character, text: character, length: character.length };
}

function readEscape(input: string): Piece {
  const second = input[1];
  if (second === undefined) return 'partial';
  if (second === '[') return readControlSequence(input);
  if (second === 'O') return readSingleShift(input);
  if (second === ']' || second === 'P' || second === '_' || second === '^' || second === 'X') return readString(input);
  // Esc and the next key typed ahead look like Alt and that key. Nothing is bound to Alt, so it is taken for Esc.
  return { key: 'esc', length: 1 };
}

/** OSC, DCS and their like: answers of the terminal, up to BEL or ST. */
function readString(input: string): Piece {
  const end = /\x07|\x1b\\/.exec(input);
  if (end !== null) return { length: end.index + end[0].length };
  return input.length > 4096 ? { length: input.length } : 'partial';
}

function readSingleShift(input: string): Piece {
  const match = /^\x1bO([0-9;]*)([A-Za-z])/.exec(input);
  if (match === null) return input.length < 3 ? 'partial' : { length: 2 };
  const name = FINAL_KEYS[match[2] ?? ''];
  return name === undefined ? { length: match[0].length } : { key: name, length: match[0].length };
}

function readControlSequence(input: string): Piece {
  if (input.startsWith('\x1b[M')) return input.length < 6 ? 'partial' : { length: 6 }; // X10 mouse
  if (input.startsWith('\x1b[[')) return input.length < 4 ? 'partial' : { length: 4 }; // Linux console F1–F5
  const match = /^\x1b\[([0-?]*)([ -/]*)([@-~])/.exec(input);
  if (match === null) {
    const broken = /^\x1b\[[0-?]*[ -/]*[^ -~]/.test(input);
    return broken ? { length: 2 } : 'partial';
  }
  const [whole, parameters = '', , final = ''] = match;
  const name = nameOfSequence(parameters, final);
  return name === undefined ? { length: whole.length } : { ...name, length: whole.length };
}

function nameOfSequence(parameters: string, final: string): { key: string; text?: string } | undefined {
  if (/[<>=?]/.test(parameters)) return undefined; // SGR mouse, device answers
  const [first = '', second = ''] = parameters.split(';');
  if (final === 'u') return nameOfCode(Number(first), second);
  if ('PQRS'.includes(final) && first !== '' && first !== '1') return undefined; // cursor position, not F1–F4
  const base = final === '~' ? TILDE_KEYS[first] : FINAL_KEYS[final];
  if (base === undefined) return undefined; // focus reports, F5–F12, cursor position
  return { key: withModifiers(base, second) };
}

/** `CSI code ; modifiers u`: terminals that report every key so. */
function nameOfCode(code: number, modifiers: string): { key: string; text?: string } | undefined {
  if (code === 27) return { key: 'esc' };
  if (!(code > 0 && code <= 0x10ffff)) return undefined;
  const inner = readPiece(String.fromCodePoint(code));
  if (inner === 'partial' || inner.key === undefined) return undefined;
  const name = withModifiers(inner.key, modifiers);
  return inner.text !== undefined && name === inner.key ? { key: name, text: inner.text } : { key: name };
}

function withModifiers(base: string, modifiers: string): string {
  const bits = Math.max(0, Number.parseInt(modifiers, 10) - 1 || 0);
  const alt = bits & 2 ? 'alt-' : '';
  const ctrl = bits & 4 ? 'ctrl-' : '';
  const shift = bits & 1 && base !== 'shift-tab' ? 'shift-' : '';
  return `${ctrl}${alt}${shift}${base}`;
}

/** The syntax of nginx configuration: directives with words, blocks, quotes, comments. Pure. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly file: string;
  readonly line: number;
  /** Undefined for a simple directive. */
  readonly block?: readonly Directive[];
}

export interface NginxProblem {
  readonly reason: string;
  readonly line: number;
}

interface Token {
  /** Text of a word, or one of `{ } ;`. */
  readonly text: string;
  readonly mark: boolean;
  readonly line: number;
}

const MAX_DEPTH = 100;

export function parseNginx(text: string, file: string): { directives: Directive[]; problem?: NginxProblem } {
  const parser = new Parser(file);
  for (const token of tokenize(text)) if (!parser.take(token)) break;
  const problem = parser.end();
  return problem === undefined ? { directives: parser.top } : { directives: parser.top, problem };
}

class Parser {
  readonly top: Directive[] = [];
  readonly #file: string;
  readonly #stack: { readonly target: Directive[]; readonly line: number }[];
  #words: Token[] = [];
  #problem: NginxProblem | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#stack = [{ target: this.top, line: 0 }];
  }

  /** False: what follows cannot be understood any more. */
  take(token: Token): boolean {
    if (!token.mark) this.#words.push(token);
    else if (token.text === '}') this.#close(token);
    else if (token.text === '{') return this.#open(token);
    else if (this.#words.length > 0) this.#target.push(this.#directive(token));
    return true;
  }

  end(): NginxProblem | undefined {
    if (this.#stack.length > 1) this.#complain('a block is not closed', this.#stack.at(-1)!.line);
    else if (this.#words.length > 0) this.#complain('a ";" is missing at the end', this.#words[0]!.line);
    return this.#problem;
  }

  get #target(): Directive[] {
    return this.#stack.at(-1)!.target;
  }

  #open(token: Token): boolean {
    if (this.#words.length === 0) this.#complain('a block without a name', token.line);
    const block: Directive[] = [];
    this.#target.push({ ...this.#directive(token), block });
    if (this.#stack.length > MAX_DEPTH) {
      this.#complain('blocks are nested too deep', token.line);
      return false;
    }
    this.#stack.push({ target: block, line: token.line });
    return true;
  }

  #close(token: Token): void {
    if (this.#words.length > 0) this.#complain('a ";" is missing before "}"', token.line);
    this.#words = [];
    if (this.#stack.length > 1) this.#stack.pop();
    else this.#complain('a "}" too many', token.line);
  }

  #directive(end: Token): Directive {
    const [first, ...rest] = this.#words;
    this.#words = [];
    const args = rest.map((word) => word.text);
    return { name: first?.text ?? '', args, file: this.#file, line: first?.line ?? end.line };
  }

  #complain(reason: string, line: number): void {
    this.#problem ??= { reason, line };
  }
}

/** Lua blocks hold a language of their own with braces. */
const LUA = /_by_lua_block$/;
/** Blank or comment; mark; quoted word; plain word (`${name}` belongs to it). */
const TOKEN =
  /(\s+|#[^\n]*)|([{};])|("(?:[^"\\]|\\[\s\S])*"?|'(?:[^'\\]|\\[\s\S])*'?)|((?:\\[\s\S]|\$\{[^}]*\}|[^\s{};\\])+|\\)/g;

function* tokenize(text: string): Generator<Token> {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const pattern = new RegExp(TOKEN);
  let line = 1;
  let before = '';
  for (let match = pattern.exec(source); match !== null; match = pattern.exec(source)) {
    const token = tokenOf(match, line);
    line += countLines(match[0]);
    if (token === undefined) continue;
    yield token;
    if (token.mark && token.text === '{' && LUA.test(before)) {
      const end = endOfBraces(source, pattern.lastIndex);
      line += countLines(source.slice(pattern.lastIndex, end));
      pattern.lastIndex = end;
    }
    before = token.text;
  }
}

function tokenOf(match: RegExpExecArray, line: number): Token | undefined {
  const [, , mark, quoted, word] = match;
  if (mark !== undefined) return { text: mark, mark: true, line };
  if (quoted !== undefined) return { text: unquote(quoted), mark: false, line };
  return word === undefined ? undefined : { text: word, mark: false, line };
}

function unquote(text: string): string {
  const closed = text.length > 1 && text.endsWith(text[0]!);
  return text.slice(1, closed ? -1 : undefined).replace(/\\(["'\\])/g, '$1');
}

/** Index of the brace that closes the block begun before `from`; braces in strings do not count. */
function endOfBraces(text: string, from: number): number {
  const pattern = /[{}]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
  pattern.lastIndex = from;
  let depth = 1;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match[0] === '{') depth += 1;
    else if (match[0] === '}') depth -= 1;
    if (depth === 0) return match.index;
  }
  return text.length;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

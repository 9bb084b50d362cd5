/** Reads configuration XML with the place of everything in it. Pure. */
import { parseXml, XmlElement, XmlError } from '@rgrove/parse-xml';

export type Element = XmlElement;

export interface ParsedXml {
  readonly root: Element;
  /** Line of an element, from 1. */
  lineOf(element: Element): number;
}

export interface XmlProblem {
  readonly reason: string;
  readonly line: number;
}

/** Elements nested deeper are no configuration but an attack on the stack. */
const MAX_DEPTH = 200;

export function readXml(text: string): ParsedXml | XmlProblem {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (depthOf(source) > MAX_DEPTH) return { reason: `elements are nested deeper than ${MAX_DEPTH}`, line: 1 };
  try {
    const { root } = parseXml(source, { includeOffsets: true });
    if (root === null) return { reason: 'there is no element in it', line: 1 };
    const starts = lineStarts(source);
    return { root, lineOf: (element) => lineAt(starts, element.start) };
  } catch (error) {
    if (error instanceof XmlError) return { reason: firstLine(error.message), line: error.line };
    return { reason: error instanceof Error ? firstLine(error.message) : String(error), line: 1 };
  }
}

/** Child elements called `name`, in order. */
export function childrenOf(element: Element | undefined, name?: string): Element[] {
  const children = (element?.children ?? []).filter((child): child is Element => child instanceof XmlElement);
  return name === undefined ? children : children.filter((child) => child.name === name);
}

export function childOf(element: Element | undefined, name: string): Element | undefined {
  return childrenOf(element, name)[0];
}

/** The value of an attribute; undefined when it is absent. */
export function attributeOf(element: Element | undefined, name: string): string | undefined {
  return element !== undefined && Object.hasOwn(element.attributes, name) ? element.attributes[name] : undefined;
}

/** The element and everything below it. */
export function* descendantsOf(element: Element): Generator<Element> {
  const pending = [element];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    pending.push(...childrenOf(next).reverse());
  }
}

/** Upper bound of the nesting, counted on the text alone, in one pass whatever is in it. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let at = text.indexOf('<');
  while (at >= 0) {
    const end = text.indexOf(closingOf(text, at), at + 1);
    if (end < 0) break;
    const next = text[at + 1] ?? '';
    if (next === '/') depth -= 1;
    else if (next !== '!' && next !== '?' && text[end - 1] !== '/') depth += 1;
    deepest = Math.max(deepest, depth);
    at = text.indexOf('<', end);
  }
  return deepest;
}

function closingOf(text: string, at: number): string {
  if (text.startsWith('<!--', at)) return '-->';
  return text.startsWith('<![CDATA[', at) ? ']]>' : '>';
}

function lineStarts(text: string): number[] {
  // Offsets count after the parser's end-of-line normalization: CRLF is one character for it.
  const normalized = text.replace(/\r\n?/g, '\n');
  const starts = [0];
  for (let at = normalized.indexOf('\n'); at >= 0; at = normalized.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 300);
}

/** A one-line text field, pure: the cursor counts whole characters as people see them. */
import { clean } from '../present/text.ts';

export interface Field {
  readonly text: string;
  /** Position in UTF-16 units, always between characters. */
  readonly cursor: number;
}

export const EMPTY_FIELD: Field = { text: '', cursor: 0 };
const MAX_LENGTH = 500;
const segmenter = new Intl.Segmenter();

export function fieldOf(text: string): Field {
  return { text, cursor: text.length };
}

export function insert(field: Field, raw: string): Field {
  const text = clean(raw).slice(0, MAX_LENGTH - field.text.length);
  return {
    text: field.text.slice(0, field.cursor) + text + field.text.slice(field.cursor),
    cursor: field.cursor + text.length,
  };
}

function previous(field: Field): number {
  let at = 0;
  for (const { index } of segmenter.segment(field.text)) {
    if (index >= field.cursor) break;
    at = index;
  }
  return at;
}

function next(field: Field): number {
  for (const { index, segment } of segmenter.segment(field.text)) {
    if (index >= field.cursor) return index + segment.length;
  }
  return field.text.length;
}

function cut(field: Field, from: number, to: number): Field {
  return { text: field.text.slice(0, from) + field.text.slice(to), cursor: from };
}

function wordStart(field: Field): number {
  return field.text.slice(0, field.cursor).replace(/\S+\s*$/, '').length;
}

/** The field after a key, or undefined when the key means nothing to it. */
export function editField(field: Field, name: string, text: string | undefined): Field | undefined {
  switch (name) {
    case 'left':
      return { ...field, cursor: previous(field) };
    case 'right':
      return { ...field, cursor: next(field) };
    case 'home':
      return { ...field, cursor: 0 };
    case 'end':
    case 'ctrl-e':
      return { ...field, cursor: field.text.length };
    case 'backspace':
      return cut(field, previous(field), field.cursor);
    case 'delete':
      return cut(field, field.cursor, next(field));
    case 'ctrl-u':
      return cut(field, 0, field.cursor);
    case 'ctrl-k':
      return cut(field, field.cursor, field.text.length);
    case 'ctrl-w':
      return cut(field, wordStart(field), field.cursor);
    default:
      return text === undefined ? undefined : insert(field, text);
  }
}

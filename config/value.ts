/** Reads and shows one property value. Documents hold JSON values, the command line text: both are taken everywhere. */
import { formatDuration, formatExactBytes, formatExactDuration, parseBytes, parseDuration } from '../shared/units.ts';
import type { SettingDefinition } from './settings/definition.ts';

export type SettingValue = string | number | boolean | readonly string[];
type Read = { readonly value: SettingValue } | { readonly reason: string };

const MAX_TEXT = 4096;
const MAX_ITEMS = 1000;
const TRUE_WORDS = ['true', 'on', 'yes'];
const FALSE_WORDS = ['false', 'off', 'no'];

/** The stored form of `given`, or the reason why it is not a value of that property. */
export function readValue(definition: SettingDefinition, given: unknown): Read {
  switch (definition.type) {
    case 'boolean':
      return readBoolean(given);
    case 'integer':
    case 'bytes':
    case 'duration':
      return readNumber(definition, given);
    case 'choice':
      return readChoice(definition, given);
    case 'list':
      return readList(definition, given);
    default:
      return readText(definition, given);
  }
}

/** A value as people write it (`10 GiB`, `5 min`, `on`, `a, b`); reads back as the same value. */
export function showValue(definition: SettingDefinition, value: SettingValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') {
    if (definition.type === 'bytes') return formatExactBytes(value);
    return definition.type === 'duration' ? formatExactDuration(value) : String(value);
  }
  return typeof value === 'string' ? value : value.join(', ');
}

/** What may be given, in a few words: for help and error messages. */
export function describeLimits(definition: SettingDefinition): string {
  const show = (value: number) => showValue(definition, value);
  switch (definition.type) {
    case 'boolean':
      return 'on or off';
    case 'choice':
      return (definition.choices ?? []).map((choice) => choice.value).join(', ');
    case 'list':
      return definition.pattern === undefined ? 'list of texts' : `list; each ${definition.pattern.says}`;
    case 'integer':
    case 'bytes':
    case 'duration': {
      const { min, max } = definition;
      if (max !== undefined) return `${show(min ?? 0)} … ${show(max)}`;
      return min === undefined ? 'any' : `at least ${show(min)}`;
    }
    default:
      return definition.pattern?.says ?? (definition.type === 'path' ? 'a path' : 'text');
  }
}

function readBoolean(given: unknown): Read {
  if (typeof given === 'boolean') return { value: given };
  const word = typeof given === 'string' ? given.toLowerCase() : '';
  if (TRUE_WORDS.includes(word)) return { value: true };
  if (FALSE_WORDS.includes(word)) return { value: false };
  return { reason: 'it must be on or off (true or false)' };
}

function readNumber(definition: SettingDefinition, given: unknown): Read {
  const value = toNumber(definition, given);
  if (value === undefined || !Number.isSafeInteger(value)) return { reason: numberExpected(definition) };
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = definition;
  if (value < min || value > max) {
    const meant = definition.type === 'duration' && typeof given === 'number' ? ` (${formatDuration(value)})` : '';
    return { reason: `${JSON.stringify(given)}${meant} is out of range; allowed: ${describeLimits(definition)}` };
  }
  return { value };
}

function toNumber(definition: SettingDefinition, given: unknown): number | undefined {
  if (typeof given === 'number') return given;
  if (typeof given !== 'string') return undefined;
  if (/^-?\d+$/.test(given.trim()) && definition.type !== 'duration') return Number(given);
  if (definition.type === 'bytes') return parseBytes(given);
  // Zero needs no unit; a bare number of a duration would be guessed wrong by a factor of 1000.
  if (definition.type === 'duration') return given.trim() === '0' ? 0 : parseDuration(given);
  return undefined;
}

function numberExpected(definition: SettingDefinition): string {
  if (definition.type === 'bytes') return 'it must be a size such as "10 GiB", "500 MB" or a whole number of bytes';
  if (definition.type === 'duration') {
    return 'it must be a time such as "30 s", "5 min" or "100 ms" (in a document also a whole number of milliseconds)';
  }
  return `it must be a whole number${definition.unit === undefined ? '' : ` (${definition.unit})`}`;
}

function readChoice(definition: SettingDefinition, given: unknown): Read {
  const choices = definition.choices ?? [];
  const wanted = typeof given === 'string' ? given.toLowerCase() : undefined;
  const choice = choices.find((candidate) => candidate.value === wanted);
  if (choice !== undefined) return { value: choice.value };
  return { reason: `it must be one of: ${choices.map((candidate) => candidate.value).join(', ')}` };
}

function readText(definition: SettingDefinition, given: unknown): Read {
  if (typeof given !== 'string') return { reason: 'it must be text' };
  const reason = textProblem(definition, given);
  return reason === undefined ? { value: given } : { reason };
}

function readList(definition: SettingDefinition, given: unknown): Read {
  const items = typeof given === 'string' ? splitList(given) : given;
  if (!Array.isArray(items) || !items.every((item) => typeof item === 'string')) {
    return { reason: 'it must be a list of texts' };
  }
  if (items.length > MAX_ITEMS) return { reason: `it has more than ${MAX_ITEMS} items` };
  for (const item of items as string[]) {
    const reason = item === '' ? 'it has an empty item' : textProblem(definition, item);
    if (reason !== undefined) return { reason };
  }
  return { value: [...(items as string[])] };
}

/** `a, b` or a JSON list (for items that hold a comma). */
function splitList(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) {
    try {
      return JSON.parse(trimmed) as unknown;
    } catch {
      return undefined;
    }
  }
  return trimmed === '' ? [] : trimmed.split(',').map((item) => item.trim());
}

function textProblem(definition: SettingDefinition, text: string): string | undefined {
  if (text.length > MAX_TEXT) return `it is longer than ${MAX_TEXT} characters`;
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'it holds control characters';
  const { pattern } = definition;
  if (pattern !== undefined && !new RegExp(pattern.source).test(text)) {
    return `${JSON.stringify(text)} is not ${pattern.says}`;
  }
  return undefined;
}

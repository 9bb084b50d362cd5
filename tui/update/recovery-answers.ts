/** Answers about recovery. They come from another host: only what has the right shape is believed. */
import { Fault, type FaultDocument } from '../../shared/faults.ts';
import {
  PREVIEW_KINDS,
  type PreviewEntry,
  type PreviewFileResult,
  type PreviewKind,
  type PreviewResult,
} from '../../shared/preview.ts';
import {
  type JournalFigures,
  REWIND_POINT_KINDS,
  type RewindPoint,
  type RewindPointList,
} from '../../shared/rewind.ts';
import type { Outcome } from '../state.ts';

type Loose = Readonly<Record<string, unknown>>;
type Heard<T> = { readonly value: T } | { readonly fault: FaultDocument };

const STRANGE = new Fault('INTERNAL', {
  reason: 'the host answered something this console does not understand; use a console of its version',
}).toDocument();

/** The answer as `read` understands it, else why there is none. */
export function heard<T>(outcome: Outcome, read: (result: unknown) => T | undefined): Heard<T> {
  if (!outcome.ok) return { fault: outcome.fault };
  const value = read(outcome.result);
  return value === undefined ? { fault: STRANGE } : { value };
}

function loose(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {};
}

function isPoint(value: unknown): value is RewindPoint {
  const { id, at, kind, text } = loose(value);
  const known = REWIND_POINT_KINDS.some((one) => one === kind);
  return typeof id === 'string' && typeof at === 'number' && typeof text === 'string' && known;
}

export function pointsOf(result: unknown): RewindPointList | undefined {
  const { points, total } = loose(result);
  if (!Array.isArray(points) || typeof total !== 'number') return undefined;
  return { points: points.filter(isPoint), total };
}

function isEntry(value: unknown): value is PreviewEntry {
  const { root, path, kind } = loose(value);
  return typeof root === 'number' && typeof path === 'string' && PREVIEW_KINDS.some((one) => one === kind);
}

function isCounted(value: unknown, keys: readonly string[]): boolean {
  const counted = loose(value);
  return keys.every((key) => typeof counted[key] === 'number');
}

export function previewOf(result: unknown): PreviewResult | undefined {
  const answer = loose(result);
  const { point, counts, bytes, entries } = answer;
  const whole =
    isPoint(point) &&
    isCounted(counts, PREVIEW_KINDS) &&
    isCounted(bytes, ['restored', 'removed', 'changed']) &&
    Array.isArray(entries);
  if (!whole) return undefined;
  const problems = Array.isArray(answer.problems) ? answer.problems.filter(isProblem) : [];
  return {
    ...(result as PreviewResult),
    entries: (entries as unknown[]).filter(isEntry),
    problems,
    problemCount: typeof answer.problemCount === 'number' ? answer.problemCount : problems.length,
  };
}

function isProblem(value: unknown): value is PreviewResult['problems'][number] {
  const { path, reason } = loose(value);
  return typeof path === 'string' && typeof reason === 'string';
}

export function previewFileOf(result: unknown): PreviewFileResult | undefined {
  const { path, identical } = loose(result);
  return typeof path === 'string' && typeof identical === 'boolean' ? (result as PreviewFileResult) : undefined;
}

export function figuresOf(result: unknown): JournalFigures | undefined {
  const answer = loose(result);
  if (typeof answer.on !== 'boolean' || !isCounted(answer, ['bytes', 'maxBytes', 'points', 'bookmarks'])) {
    return undefined;
  }
  return { ...(result as JournalFigures), gaps: Array.isArray(answer.gaps) ? answer.gaps : [] };
}

/** Sum of what a rewind to the point would touch. */
export function touched(counts: Readonly<Record<PreviewKind, number>>): number {
  return PREVIEW_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

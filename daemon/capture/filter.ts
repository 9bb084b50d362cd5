/**
 * Exclude patterns and the file filter of a scenario.
 *
 * Exclude: `*` and `?` match within a name, `**` any number of names. A pattern without `/`
 * matches a name at any depth; one with `/` is anchored at the root. What is below an excluded directory is excluded.
 */
import { baseName, type RelativePath } from '../../shared/path.ts';
import type { EntryType } from '../ports.ts';

/** Whether a place is left out. Only with its type is a file asked whether its name passes the file filter. */
export type PathFilter = (path: RelativePath, type?: EntryType) => boolean;

/** Leaves nothing out. */
export const NOTHING: PathFilter = () => false;

function segmentSource(segment: string): string {
  return segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
}

function patternSource(pattern: string): string {
  const anchored = pattern.replace(/^\/+/, '').replace(/\/+$/, '');
  const segments = anchored.split('/').filter((segment) => segment !== '');
  const prefix = pattern.replace(/\/+$/, '').includes('/') ? '^' : '^(?:.*/)?';
  let source = prefix;
  for (const [at, segment] of segments.entries()) {
    const last = at === segments.length - 1;
    if (segment === '**') source += last ? '.+' : '(?:[^/]+/)*';
    else source += segmentSource(segment) + (last ? '' : '/');
  }
  return `${source}(?:/.*)?$`;
}

/** A regular expression for any of the patterns, undefined without any. */
function anyOf(patterns: readonly string[], caseSensitive: boolean): RegExp | undefined {
  const sources = patterns.filter((pattern) => pattern.replaceAll('/', '') !== '').map(patternSource);
  if (sources.length === 0) return undefined;
  return new RegExp(sources.map((source) => `(?:${source})`).join('|'), caseSensitive ? 'su' : 'sui');
}

/** What of a scenario says which places are replicated. */
export interface FilterRules {
  readonly exclude: readonly string[];
  /** Patterns of names; only regular files that match one are replicated. Empty: all. */
  readonly fileFilter: readonly string[];
}

/**
 * Tells whether a path is left out. `caseSensitive` as the platform of the Master compares names. Directories and links
 * are not subject to the file filter: with a directory everything in it would go.
 */
export function compileFilter({ exclude, fileFilter }: FilterRules, caseSensitive: boolean): PathFilter {
  const excluded = anyOf(exclude, caseSensitive);
  const wanted = anyOf(fileFilter, caseSensitive);
  if (wanted === undefined) return excluded === undefined ? NOTHING : (path) => path !== '' && excluded.test(path);
  return (path, type) => {
    if (path === '') return false;
    return excluded?.test(path) === true || (type === 'file' && !wanted.test(baseName(path)));
  };
}

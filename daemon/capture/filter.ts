/**
 * Exclude patterns of a scenario. `*` and `?` match within a name, `**` any number of names. A pattern without `/`
 * matches a name at any depth; one with `/` is anchored at the root. What is below an excluded directory is excluded.
 */
import type { RelativePath } from '../../shared/path.ts';

export type PathFilter = (path: RelativePath) => boolean;

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

/** Tells whether a path is excluded. `caseSensitive` as the platform of the Master compares names. */
export function compileExcludes(patterns: readonly string[], caseSensitive: boolean): PathFilter {
  const sources = patterns.filter((pattern) => pattern.replaceAll('/', '') !== '').map(patternSource);
  if (sources.length === 0) return NOTHING;
  const matcher = new RegExp(sources.map((source) => `(?:${source})`).join('|'), caseSensitive ? 'su' : 'sui');
  return (path) => path !== '' && matcher.test(path);
}

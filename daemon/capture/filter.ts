/**
 * Exclude and include patterns and the file filters of a scenario and its roots.
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

/** What of a scenario and one of its roots says which places are replicated. */
export interface FilterRules {
  /** Only these places, what is in them and the directories that lead to them; absent or empty: everything. */
  readonly include?: readonly string[] | undefined;
  readonly exclude: readonly string[];
  /** Patterns of names; only regular files that match one are replicated. Empty: all. */
  readonly fileFilter: readonly string[];
}

/**
 * Tells whether a path is left out. `caseSensitive` as the platform of the Master compares names. Directories and links
 * are not subject to the file filter: with a directory everything in it would go.
 */
export function compileFilter({ include, exclude, fileFilter }: FilterRules, caseSensitive: boolean): PathFilter {
  const left = anyOf(exclude, caseSensitive);
  const beside = besideOf(include ?? [], caseSensitive);
  const excluded =
    beside === undefined ? left : { test: (path: RelativePath) => beside(path) || left?.test(path) === true };
  const wanted = anyOf(fileFilter, caseSensitive);
  if (wanted === undefined) return excluded === undefined ? NOTHING : (path) => path !== '' && excluded.test(path);
  return (path, type) => {
    if (path === '') return false;
    return excluded?.test(path) === true || (type === 'file' && !wanted.test(baseName(path)));
  };
}

/** What is neither in an included place nor leads to one, name by name; undefined without any. */
function besideOf(include: readonly string[], caseSensitive: boolean): ((path: RelativePath) => boolean) | undefined {
  const places = include
    .map((pattern) => pattern.split('/').filter((segment) => segment !== ''))
    .filter((segments) => segments.length > 0)
    .map((segments) => segments.map((segment) => (segment === '**' ? undefined : nameMatcher(segment, caseSensitive))));
  if (places.length === 0) return undefined;
  return (path) => {
    const names = path.split('/');
    return !places.some((place) => leadsTo(place, names));
  };
}

function nameMatcher(segment: string, caseSensitive: boolean): RegExp {
  return new RegExp(`^${segmentSource(segment)}$`, caseSensitive ? 'su' : 'sui');
}

/** Every name agrees as far as both go; behind `**` (undefined) anything may be. */
function leadsTo(place: readonly (RegExp | undefined)[], names: readonly string[]): boolean {
  for (const [index, name] of names.entries()) {
    const expected = place[index];
    if (index >= place.length || expected === undefined) return true;
    if (!expected.test(name)) return false;
  }
  return true;
}

/** The filter of each root, by its number. */
export type RootFilters = (root: number) => PathFilter;

/** What an engine is told of its scenario: rules for all roots, and those of single ones. */
export interface ScenarioRules extends Omit<FilterRules, 'include'> {
  /** `exclude` adds to that of the scenario, `fileFilter` takes the place of that of the scenario. */
  readonly roots: readonly Partial<FilterRules>[];
}

export function compileFilters(
  { exclude, fileFilter, roots }: ScenarioRules,
  trees: readonly { readonly capabilities: { readonly caseSensitive: boolean } }[],
): RootFilters {
  const caseSensitive = trees.every((tree) => tree.capabilities.caseSensitive);
  const filters = roots.map((own) => {
    const rules = { include: own.include, exclude: [...exclude, ...(own.exclude ?? [])] };
    return compileFilter({ ...rules, fileFilter: own.fileFilter ?? fileFilter }, caseSensitive);
  });
  return (root) => filters[root] ?? NOTHING;
}

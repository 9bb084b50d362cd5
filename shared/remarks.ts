/** What a comparison has to say beside differences: it is so on purpose, and the operator knows. Pure. */
import { formatCount } from './units.ts';

export interface Remark {
  /**
   * `special-files`: sockets, pipes and devices of the Master, which are not replicated. `kept-aside`: metadata the
   * Replica's volume cannot hold; it is kept beside the files and comes back with a failback.
   */
  readonly kind: 'special-files' | 'kept-aside';
  /** Index of the root in the document. */
  readonly root: number;
  /** `kept-aside`: which metadata, such as `owner`. */
  readonly what?: string;
  readonly count: number;
  /** A few examples; may be empty. */
  readonly paths: readonly string[];
}

/** One line, without the root. */
export function remarkText({ kind, what, count, paths }: Remark): string {
  const examples = paths.length === 0 ? '' : `: ${paths.join(', ')}${paths.length < count ? ', …' : ''}`;
  if (kind === 'special-files') return `not replicated: ${counted(count, 'socket, pipe or device')}${examples}`;
  return `metadata kept aside (${what ?? 'unknown'}): ${counted(count, 'file')} the volume of the Replica cannot hold it for${examples}`;
}

function counted(count: number, what: string): string {
  if (count === 1) return `1 ${what}`;
  return `${formatCount(count)} ${what === 'file' ? 'files' : 'sockets, pipes or devices'}`;
}

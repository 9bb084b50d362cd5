/** Whether the roots of a Replica are the directories they were when it was synchronized last. */
import type { RootTree } from '../ports.ts';

/** `more`: those there were, and others behind them. `others`: some went, or are other directories. */
export type RootsNow = 'same' | 'more' | 'others';

/** `known`: their identities then; absent: there were none yet. */
export function compareRoots(known: readonly string[] | undefined, now: readonly string[]): RootsNow {
  if (known === undefined) return 'same';
  if (known.some((identity, root) => now[root] !== identity)) return 'others';
  return now.length > known.length ? 'more' : 'same';
}

/** Path of one that is not the directory it was (not mounted, replaced); else undefined. */
export function findLostRoot(known: readonly string[] | undefined, trees: readonly RootTree[]): string | undefined {
  if (known === undefined) return undefined;
  return trees.find((tree, root) => identityOf(tree) !== known[root])?.path;
}

function identityOf(tree: RootTree): string | undefined {
  try {
    return tree.rootIdentity();
  } catch {
    return undefined;
  }
}

/** A story about a tree: what it gets and how it is written. */
import type { Metadata, RootTree } from '../../daemon/ports.ts';
import type { Checks } from './checks.ts';

/** What somebody else does in the root, beside the engine. */
export interface OtherProgram {
  writeFile(path: string, content: string): void;
  readFile(path: string): string;
  makeDirectory(path: string): void;
  makeSymlink(path: string, target: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
}

export interface TreeFixture {
  readonly tree: RootTree;
  readonly user: OtherProgram;
  /** A directory outside of the root that links can point to, and what is in it. */
  readonly outside: { readonly path: string; list(): string[] };
  /** Puts another, empty directory in the place of the root. */
  replaceRoot(): void;
  removeRoot(): void;
  dispose(): void;
}

export function put(tree: RootTree, path: string, content: string, metadata: Metadata = {}): void {
  const staged = tree.stage();
  try {
    staged.write(Buffer.from(content), 0);
    staged.setMetadata(metadata);
    staged.commit(path);
  } finally {
    staged.discard();
  }
}

export type Story = (title: string, run: (t: Checks, fixture: TreeFixture) => void) => void;

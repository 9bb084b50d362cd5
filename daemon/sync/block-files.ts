/** The files of a synchronization that are compared by blocks: asking for them, hashing them, putting them together. */
import type { Fault } from '../../shared/faults.ts';
import { joinPath } from '../../shared/path.ts';
import type { Need } from '../../shared/protocol/sync-codec.ts';
import { changeInPlace, type InPlacePorts } from '../apply/in-place.ts';
import type { TreeWriter } from '../apply/tree-writer.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import { ALL_PARTIALS, BlockBase, isPartialName, partialName } from './block-base.ts';
import { type BlockFile, BlockHashing } from './block-hashing.ts';
import type { EntryComparison } from './replica-compare.ts';
import type { CompleteBlocks } from './replica-contents.ts';
import type { DirectoryState } from './replica-directory.ts';
import { persistently, type Work } from './work.ts';

export interface BlockFilePorts {
  readonly writer: TreeWriter;
  readonly hasher: ContentHasher;
  readonly sendBlockHashes: (file: BlockFile, first: number, hashes: Uint8Array) => void;
}

/** No position and no time of the Master belong to a synchronization's changes. */
const ORIGIN = { seq: 0, masterMs: 0 };

export class BlockFiles {
  private readonly ports: BlockFilePorts;
  readonly hashing: BlockHashing;
  private readonly files = new Map<string, BlockFile>();
  /** By root: what interrupted synchronizations left. */
  private readonly partials = new Map<number, ReadonlySet<string>>();

  constructor(ports: BlockFilePorts) {
    this.ports = ports;
    this.hashing = new BlockHashing(ports.sendBlockHashes);
  }

  /** What to ask when the file is to be compared by blocks, undefined when it is not. */
  need(state: DirectoryState, { index, entry, own, verdict }: EntryComparison): Need | undefined {
    if (verdict.kind !== 'content' || verdict.need === 'compare') return undefined;
    const { writer, hasher } = this.ports;
    const partials = this.partialsOf(state.root);
    // Nothing was interrupted: the name of every small file need not be hashed to know that it is not among nothing.
    if (verdict.need !== 'blocks' && partials.size === 0) return undefined;
    const path = joinPath(state.path, entry.name);
    const keepName = partialName(hasher, path);
    const hasPartial = partials.has(keepName);
    if (verdict.need !== 'blocks' && !hasPartial) return undefined;
    const usable = verdict.need === 'blocks' && own?.type === 'file' ? own : undefined;
    const place = { tree: writer.tree(state.root), path, keepName };
    const base = new BlockBase(place, usable, hasPartial, entry.sizeBytes, hasher);
    this.files.set(keyOf(state.number, index), { directory: state.number, index, base });
    return { index, kind: 'blocks', blockBytes: base.hashes.blockBytes, baseBytes: base.hashes.sizeBytes };
  }

  private partialsOf(root: number): ReadonlySet<string> {
    let names = this.partials.get(root);
    if (names === undefined) {
      names = new Set(this.ports.writer.tree(root).listKept().filter(isPartialName));
      this.partials.set(root, names);
    }
    return names;
  }

  /** The need was sent: its hashes may follow. */
  asked(state: DirectoryState, needs: readonly Need[]): void {
    for (const need of needs) {
      const file = need.kind === 'blocks' ? this.get(state, need.index) : undefined;
      if (file !== undefined) this.hashing.add(file);
    }
  }

  /** The roots are equal: what an interrupted synchronization left of other files is of no use any more. */
  dropPartials(): void {
    for (const tree of this.ports.writer.allTrees) {
      if (tree.listKept().some(isPartialName)) tree.dropKept(ALL_PARTIALS);
    }
  }

  get(state: DirectoryState, index: number): BlockFile | undefined {
    return this.files.get(keyOf(state.number, index));
  }

  /** The Master has answered for it, one way or another. */
  answered(file: BlockFile): void {
    this.files.delete(`${file.directory}/${file.index}`);
    this.hashing.answered(file);
  }
}

function keyOf(directory: number, index: number): string {
  return `${directory}/${index}`;
}

/**
 * Makes a file whose blocks have all arrived what it is to be. `staged`: a file to be put into its place; `changed`: it was
 * changed in place; `fault`: neither was possible.
 */
export function* completeBlocks(
  ports: InPlacePorts,
  { directory, metadata, content }: CompleteBlocks,
): Work<'staged' | 'changed' | Fault> {
  const change = content.inPlace();
  const { root } = directory;
  const work =
    change === undefined ? () => content.assemble() : () => changeInPlace(ports, { root, metadata, ...change }, ORIGIN);
  const fault = yield* persistently(work);
  if (fault === undefined && change === undefined) return 'staged';
  content.staged.discard();
  return fault ?? 'changed';
}

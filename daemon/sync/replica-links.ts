/**
 * Hard links in a synchronization: every name of one file of the Master must be a name of one file here. The first name
 * listed is the group's owner and is compared like any file; the others wait until it is as it should be. Pure.
 */

import type { RelativePath } from '../../shared/path.ts';
import { sameId } from '../journal/record.ts';
import type { FileId } from '../ports.ts';

interface LinkGroup {
  readonly root: number;
  readonly ownerPath: RelativePath;
  /** Set when the owner has its content. */
  ownerId: FileId | undefined;
  failed: boolean;
  waiting: LinkWaiter[];
}

/** Called when the owner is ready and the link can be made; without an id the owner will not come. */
type LinkWaiter = (ownerId: FileId | undefined) => void;

export type LinkRole =
  | { readonly kind: 'owner' }
  /** Another name of a group whose owner is ready; `linked`: it is one already. */
  | { readonly kind: 'member'; readonly ownerPath: RelativePath; readonly linked: boolean }
  | { readonly kind: 'waits'; readonly ownerPath: RelativePath }
  /** The owner was refused: what is under its name is something else. */
  | { readonly kind: 'orphan' };

export class LinkGroups {
  private readonly groups = new Map<string, LinkGroup>();
  /** Files here that belong to a group already, by their id. */
  private readonly claimed = new Map<string, string>();

  role(root: number, group: bigint, path: RelativePath, ownId: FileId | undefined): LinkRole {
    const key = keyOf(root, group);
    const known = this.groups.get(key);
    if (known === undefined) {
      this.groups.set(key, { root, ownerPath: path, ownerId: undefined, failed: false, waiting: [] });
      return { kind: 'owner' };
    }
    if (known.ownerId === undefined && !known.failed) return { kind: 'waits', ownerPath: known.ownerPath };
    if (known.ownerId === undefined) return { kind: 'orphan' };
    const linked = ownId !== undefined && sameId(ownId, known.ownerId);
    return { kind: 'member', ownerPath: known.ownerPath, linked };
  }

  /** A file here with several names may stand for one group only. False: it is taken by another. */
  claim(root: number, group: bigint, ownId: FileId): boolean {
    return this.claimAs(keyOf(root, group), root, ownId);
  }

  /** The same of a file with one name on the Master: another name here may be one that the journal keeps. */
  claimAlone(root: number, path: RelativePath, ownId: FileId): boolean {
    return this.claimAs(`alone:${path}`, root, ownId);
  }

  private claimAs(key: string, root: number, ownId: FileId): boolean {
    const id = `${root}:${ownId.inode}:${ownId.birthNs}`;
    const before = this.claimed.get(id);
    if (before !== undefined && before !== key) return false;
    this.claimed.set(id, key);
    return true;
  }

  wait(root: number, group: bigint, waiter: LinkWaiter): void {
    this.groups.get(keyOf(root, group))?.waiting.push(waiter);
  }

  /** The owner is as it should be. */
  ready(root: number, group: bigint, ownerId: FileId | undefined): void {
    const known = this.groups.get(keyOf(root, group));
    if (known === undefined) return;
    known.ownerId = ownerId;
    known.failed = ownerId === undefined;
    const waiting = known.waiting;
    known.waiting = [];
    for (const waiter of waiting) waiter(ownerId);
  }
}

function keyOf(root: number, group: bigint): string {
  return `${root}:${group}`;
}

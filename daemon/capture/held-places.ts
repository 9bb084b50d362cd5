/** Places whose present absence means nothing: what was there comes from a volume that is not mounted now. */
import { isWithin, type RelativePath } from '../../shared/path.ts';

export interface HeldPlaces {
  /** In a held place: what is seen there is not what is recorded. */
  behind(path: RelativePath): boolean;
  /** In or above a held place: it must not be removed. */
  blocks(path: RelativePath): boolean;
}

export const NOTHING_HELD: HeldPlaces = { behind: () => false, blocks: () => false };

export class HeldPaths implements HeldPlaces {
  readonly paths = new Set<RelativePath>();

  behind(path: RelativePath): boolean {
    for (const held of this.paths) if (isWithin(path, held)) return true;
    return false;
  }

  blocks(path: RelativePath): boolean {
    for (const held of this.paths) if (isWithin(path, held) || isWithin(held, path)) return true;
    return false;
  }
}

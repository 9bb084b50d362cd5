/** Directories of paths one after the other, most of which lie in the same one: it is cut out of a path only once. */
import { parentPath, type RelativePath } from '../../shared/path.ts';

export class LastDirectory {
  private last: RelativePath = '';

  /** As `parentPath`. */
  of(path: RelativePath): RelativePath | undefined {
    const slash = path.lastIndexOf('/');
    if (slash === this.last.length && path.startsWith(this.last)) return this.last;
    const directory = parentPath(path);
    this.last = directory ?? '';
    return directory;
  }
}

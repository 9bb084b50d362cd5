/** Directories of paths one after the other, most of which are the same: it is cut out of a path only once. */
import { parentPath, type RelativePath } from '../../shared/path.ts';

export class LastDirectory {
  private path: RelativePath = '';
  private directory: RelativePath | undefined;
  /** With the slash behind it; '': it is the root, or there is none. */
  private prefix = '';

  /** As `parentPath`. */
  of(path: RelativePath): RelativePath | undefined {
    if (path === this.path) return this.directory;
    this.path = path;
    const { prefix } = this;
    if (prefix !== '' && path.startsWith(prefix) && path.indexOf('/', prefix.length) < 0) return this.directory;
    this.directory = parentPath(path);
    this.prefix = this.directory === undefined || this.directory === '' ? '' : `${this.directory}/`;
    return this.directory;
  }
}

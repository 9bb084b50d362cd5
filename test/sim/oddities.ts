/** What users do now and then besides working with files: attributes, access lists, pipes. */
import type { Attribute } from '../../shared/attributes.ts';
import { joinPath } from '../../shared/path.ts';
import type { SeededRandom } from '../memory/clock.ts';
import type { MemoryTree } from '../memory/tree.ts';
import type { MemoryUser } from '../memory/user.ts';

export class Oddities {
  private readonly tree: MemoryTree;
  private readonly user: MemoryUser;
  private readonly random: SeededRandom;

  constructor(tree: MemoryTree, user: MemoryUser, random: SeededRandom) {
    this.tree = tree;
    this.user = user;
    this.random = random;
  }

  /** Returns what was done, for the trace. */
  act(): string {
    const { random } = this;
    try {
      return random.pick([() => this.setAttributes(), () => this.setAttributes(), () => this.makePipe()])();
    } catch (error) {
      return `refused: ${error instanceof Error ? error.message : error}`;
    }
  }

  private anywhere(): string {
    let path = '';
    for (;;) {
      const entries = this.tree.scan(path);
      if (entries.length === 0 || this.random.chance(0.2)) return path;
      const { name, type } = this.random.pick(entries);
      path = joinPath(path, name);
      if (type !== 'directory') return path;
    }
  }

  private setAttributes(): string {
    const { random } = this;
    const path = this.anywhere();
    const attributes: Attribute[] = [];
    for (let n = random.below(3); n > 0; n -= 1)
      attributes.push({ kind: 'xattr', name: `user.${n}`, value: random.bytes(random.below(20)) });
    if (random.chance(0.4)) attributes.push({ kind: 'posix-acl', name: 'access', value: random.bytes(8) });
    this.user.setAttributes(path, attributes);
    return `${attributes.length} attributes of ${path || '(root)'}`;
  }

  private makePipe(): string {
    const above = this.anywhere();
    const directory = this.tree.stat(above)?.type === 'directory' ? above : '';
    const path = joinPath(directory, this.random.pick(['pipe', 'a', 'leaf']));
    this.user.makePipe(path);
    return `pipe ${path}`;
  }
}

/** Content of a file of a root, read in small parts. */
import type { RootTree } from '../../daemon/ports.ts';

export function read(tree: RootTree, path: string): string {
  const file = tree.openRead(path);
  try {
    const parts: Buffer[] = [];
    for (let at = 0; ; ) {
      const buffer = Buffer.alloc(7);
      const count = file.read(buffer, 0, buffer.length, at);
      if (count === 0) return Buffer.concat(parts).toString();
      parts.push(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    file.close();
  }
}

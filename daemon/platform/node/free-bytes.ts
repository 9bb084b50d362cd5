/** Room on the volume of a directory. */
import { statfsSync } from 'node:fs';

/** Bytes this process may still write there; infinite when the system does not say. */
export function freeBytesOf(directory: string): () => number {
  return () => {
    try {
      const { bavail, bsize } = statfsSync(directory);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  };
}

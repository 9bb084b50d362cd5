/** An independent comparison of two trees: own walk, SHA-256 of every file; shares no code with the replication. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

function describe(path: string): string {
  const stat = lstatSync(path, { bigint: true });
  const common = `${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs}`;
  if (stat.isSymbolicLink()) return `link ${stat.uid}:${stat.gid} ${readlinkSync(path)}`;
  if (stat.isDirectory()) return `directory ${common}`;
  return `file ${common} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

function inventory(root: string): Map<string, string> {
  const found = new Map<string, string>([['', describe(root)]]);
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(root.length + 1);
    if (!relative.split('/').includes('.mainstay')) found.set(relative, describe(path));
  }
  return found;
}

export interface Comparison {
  readonly files: number;
  readonly bytes: number;
  /** Paths that differ, with both descriptions. */
  readonly differences: readonly { path: string; master: string; replica: string }[];
}

export function compareTrees(master: string, replica: string): Comparison {
  const ours = inventory(master);
  const theirs = inventory(replica);
  const differences: { path: string; master: string; replica: string }[] = [];
  let files = 0;
  let bytes = 0;
  for (const [path, description] of ours) {
    if (description.startsWith('file')) {
      files += 1;
      bytes += lstatSync(join(master, path)).size;
    }
    const other = theirs.get(path);
    if (other !== description) differences.push({ path, master: description, replica: other ?? 'absent' });
  }
  for (const [path, description] of theirs)
    if (!ours.has(path)) differences.push({ path, master: 'absent', replica: description });
  return { files, bytes, differences };
}

/** Files that nobody may change, not even root: what the tree says about them. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinuxTree } from '../../daemon/platform/linux/tree.ts';
import { testNeeding } from '../runner/needing.ts';
import { checks } from './checks.ts';
import { realFixture } from './real-directory.ts';
import { put } from './story.ts';

const PROGRAM = 'chattr';

function change(...args: readonly string[]): void {
  execFileSync(PROGRAM, args, { stdio: 'ignore' });
}

testNeeding('root', 'chattr')(
  'A file with the immutable flag is refused with that reason and taken when the flag is off',
  (t) => {
    const { tree, dispose } = realFixture(tmpdir(), (root) => new LinuxTree(root));
    const path = join(tree.path, 'file');
    try {
      writeFileSync(path, 'before');
      tree.makeDirectory('dir', {});
      change('+i', path, join(tree.path, 'dir'));
      const attempts: (() => void)[] = [
        () => put(tree, 'file', 'after'),
        () => put(tree, 'dir/new', 'x'),
        () => tree.keep('file', 'kept'),
        () => tree.rename('file', 'elsewhere'),
        () => tree.setMetadata('file', { mtimeNs: 1_000_000_000n }),
        () => tree.setMetadata('file', { mode: 0o600 }),
        () => tree.openWrite('file'),
      ];
      for (const attempt of attempts) t.is(checks.faultCode(attempt), 'FS-IMMUTABLE', attempt.toString());
      change('-i', path, join(tree.path, 'dir'));
      for (const attempt of attempts.slice(0, 2)) attempt();
      t.is(tree.stat('file')?.sizeBytes, 5);
    } finally {
      change('-R', '-i', tree.path);
      tree.close();
      dispose();
    }
  },
);

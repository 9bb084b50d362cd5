/** What `readDirectory` promises (daemon/ports.ts), where a tree has it. */
import type { DirectoryReader, EntryStat, RootTree } from '../../daemon/ports.ts';
import type { Story } from './story.ts';

function reading<T>(tree: RootTree, directory: string, run: (reader: DirectoryReader) => T): T | undefined {
  const reader = tree.readDirectory?.(directory);
  if (reader === undefined) return undefined;
  try {
    return run(reader);
  } finally {
    reader.close();
  }
}

/** Content of a file that is as expected; false when it is not; undefined where a tree reads every file by its path. */
function content(reader: DirectoryReader, name: string, expected: EntryStat): string | false {
  const target = Buffer.alloc(expected.sizeBytes);
  return reader.read(name, expected, target) ? target.toString() : false;
}

export function readDirectoryStories(story: Story): void {
  story('files of one directory are read whole when they are as expected', (t, f) => {
    f.user.makeDirectory('dir');
    f.user.writeFile('dir/one', 'the first');
    f.user.writeFile('dir/empty', '');
    const found = new Map(f.tree.scan('dir').map((entry) => [entry.name, entry]));
    const read = reading(f.tree, 'dir', (reader) =>
      ['one', 'empty'].map((name) => content(reader, name, found.get(name)!)),
    );
    if (f.tree.readDirectory !== undefined) t.deepEqual(read, ['the first', '']);
  });

  story('a file that is not as expected any more is not taken for what it was', (t, f) => {
    for (const name of ['longer', 'shorter', 'rewritten', 'replaced', 'gone']) f.user.writeFile(name, 'before');
    const before = new Map(f.tree.scan('').map((entry) => [entry.name, entry]));
    f.user.writeFile('longer', 'before and after');
    f.user.writeFile('shorter', 'b');
    f.user.writeFile('rewritten', 'after!');
    const { mtimeNs } = before.get('rewritten')!;
    f.tree.setMetadata('rewritten', { mtimeNs });
    f.user.remove('replaced');
    f.user.writeFile('replaced', 'before');
    f.user.remove('gone');
    const changed = (name: string): boolean => {
      const [was, is] = [before.get(name)!, f.tree.stat(name)];
      return is === undefined || is.ctimeNs !== was.ctimeNs || is.sizeBytes !== was.sizeBytes;
    };
    reading(f.tree, '', (reader) => {
      for (const [name, expected] of before) if (changed(name)) t.is(content(reader, name, expected), false);
    });
  });

  story('nothing but files of the directory itself is read', (t, f) => {
    f.user.makeDirectory('dir');
    f.user.makeDirectory('dir/below');
    f.user.writeFile('dir/below/file', 'inside');
    f.user.writeFile('outside', 'secret');
    const [file, secret] = [f.tree.stat('dir/below/file')!, f.tree.stat('outside')!];
    if (f.tree.capabilities.symlinks) f.user.makeSymlink('dir/link', '../outside');
    reading(f.tree, 'dir', (reader) => {
      t.is(content(reader, 'below', file), false);
      t.is(content(reader, 'below/file', file), false);
      t.is(content(reader, '../outside', secret), false);
      if (f.tree.capabilities.symlinks) t.is(content(reader, 'link', secret), false);
    });
  });

  story('a directory behind a link or gone is not opened for reading', (t, f) => {
    if (f.tree.readDirectory === undefined) return;
    t.is(
      t.faultCode(() => f.tree.readDirectory!('absent').close()),
      'FS-NOT-FOUND',
    );
    if (!f.tree.capabilities.symlinks) return;
    f.user.makeDirectory('real');
    f.user.makeDirectory('real/sub');
    f.user.makeSymlink('link', 'real');
    t.is(
      t.faultCode(() => f.tree.readDirectory!('link/sub').close()),
      'PATH-SYMLINK',
    );
  });
}

/** What every RootTree promises (daemon/ports.ts), checked the same way for memory and for real file systems. */
import type { RootTree } from '../../daemon/ports.ts';
import { attributeStories } from './attribute-stories.ts';
import { type ContractStory, checks } from './checks.ts';
import { exchangeCalls, exchangeStories } from './exchange-suite.ts';
import { readDirectoryStories } from './read-directory-suite.ts';
import { stagedDirectoryStories } from './staged-directory-suite.ts';
import { put, type Story, type TreeFixture } from './story.ts';
import { read } from './whole-file.ts';

export interface SuiteOptions {
  readonly name: string;
  readonly make: () => TreeFixture;
  /** Names only this system can hold. */
  readonly awkwardNames: readonly string[];
  /** Size of the largest directory: more than one listing call returns. */
  readonly manyNames: number;
}

const TIME_NS = 1_700_000_000_123_456_789n;

/** Rounded down to what the file system can hold. */
function held(tree: RootTree, timeNs: bigint): bigint {
  return timeNs - (timeNs % BigInt(tree.capabilities.timeGranularityNs));
}

export function treeStories(options: SuiteOptions): ContractStory[] {
  const stories: ContractStory[] = [];
  const story: Story = (title, run) => {
    stories.push({
      title: `${options.name}: ${title}`,
      run: () => {
        const fixture = options.make();
        try {
          run(checks, fixture);
        } finally {
          fixture.tree.close();
          fixture.dispose();
        }
      },
    });
  };
  lookingStories(story, options);
  changingStories(story);
  stagedDirectoryStories(story);
  readDirectoryStories(story);
  inPlaceStories(story);
  linkStories(story);
  keepingStories(story);
  exchangeStories(story);
  escapeStories(story);
  attributeStories(story);
  rootStories(story);
  return stories;
}

function lookingStories(story: Story, options: SuiteOptions): void {
  story('a scan lists every entry with its stat, sorted by UTF-16 code unit, without our own directory', (t, f) => {
    for (const name of ['b', 'a', 'Z', 'ä', '\u{1F600}', '\uffee', '10', '9']) f.user.writeFile(name, name);
    f.user.makeDirectory('dir');
    f.user.makeDirectory('.mainstay');
    f.user.makeDirectory('dir/.mainstay');
    f.user.writeFile('dir/x', '12345');
    const names = f.tree.scan('').map((entry) => entry.name);
    t.deepEqual(names, ['10', '9', 'Z', 'a', 'b', 'dir', 'ä', '\u{1F600}', '\uffee']);
    const [x, ...others] = f.tree.scan('dir');
    t.deepEqual(others, []);
    t.like(x, { name: 'x', type: 'file', sizeBytes: 5, links: 1 });
    const { name: _name, ...stat } = x!;
    t.deepEqual(f.tree.stat('dir/x'), stat);
  });

  story('a scan of a directory with very many names is complete', (t, f) => {
    f.user.makeDirectory('big');
    for (let i = 0; i < options.manyNames; i += 1) f.user.writeFile(`big/a-rather-long-file-name-number-${i}`, '');
    const names = new Set(f.tree.scan('big').map((entry) => entry.name));
    t.is(names.size, options.manyNames);
    t.true(names.has(`a-rather-long-file-name-number-${options.manyNames - 1}`));
  });

  story('awkward names come back as they were written', (t, f) => {
    for (const name of options.awkwardNames) put(f.tree, name, name);
    t.deepEqual(
      f.tree
        .scan('')
        .map((entry) => entry.name)
        .sort(),
      [...options.awkwardNames].sort(),
    );
    for (const name of options.awkwardNames) t.is(read(f.tree, name), Buffer.from(name).toString());
  });

  story('paths much longer than 260 characters work like others', (t, f) => {
    let deep = '';
    for (let level = 0; level < 12; level += 1) {
      deep = `${deep}${level === 0 ? '' : '/'}a-directory-with-quite-a-long-name-${level}`;
      f.tree.makeDirectory(deep, { mtimeNs: TIME_NS });
    }
    put(f.tree, `${deep}/file`, 'deep', { mtimeNs: TIME_NS });
    t.is(f.tree.stat(deep)?.type, 'directory');
    t.is(f.tree.stat(`${deep}/file`)?.mtimeNs, held(f.tree, TIME_NS));
    t.is(read(f.tree, `${deep}/file`), 'deep');
    t.is(f.tree.scan(deep).length, 1);
    f.tree.keepLink(`${deep}/file`, 'k');
    f.tree.rename(`${deep}/file`, `${deep}/renamed`);
    f.tree.keep(deep, 'tree');
    t.deepEqual(f.tree.listKept(), ['k', 'tree']);
    t.true(f.tree.keptBytes('k') > 0);
    t.is(f.tree.keptBytes('nothing'), 0);
  });

  story('scanning what is not there or not a directory fails, it never looks empty', (t, f) => {
    f.user.writeFile('file', 'x');
    t.is(
      t.faultCode(() => f.tree.scan('absent')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.scan('file')),
      'FS-NOT-FOUND',
    );
  });

  story('what is not there has no stat, also below a file', (t, f) => {
    f.user.writeFile('file', 'x');
    t.is(f.tree.stat('absent'), undefined);
    t.is(f.tree.stat('absent/below'), undefined);
    t.is(f.tree.stat('file/below'), undefined);
    t.is(f.tree.stat('')?.type, 'directory');
  });

  story('identity follows a rename, and a new object at the old name has another', (t, f) => {
    f.user.writeFile('a', '1');
    f.user.makeDirectory('d');
    f.user.writeFile('d/inside', '2');
    const before = { a: f.tree.stat('a')!.id, inside: f.tree.stat('d/inside')!.id };
    f.user.rename('a', 'b');
    f.user.rename('d', 'e');
    f.user.writeFile('a', '1');
    t.deepEqual(f.tree.stat('b')!.id, before.a);
    t.deepEqual(f.tree.stat('e/inside')!.id, before.inside);
    t.notDeepEqual(f.tree.stat('a')!.id, before.a);
  });

  story('a removed and created file is another object even where the inode is used again', (t, f) => {
    f.user.writeFile('a', '1');
    const before = f.tree.stat('a')!;
    f.user.remove('a');
    f.user.writeFile('a', '1');
    t.notDeepEqual(f.tree.stat('a')!.id, before.id);
  });

  story('reading gives the content in pieces and 0 at the end', (t, f) => {
    f.user.writeFile('a', 'the content of a file');
    t.is(read(f.tree, 'a'), 'the content of a file');
    const file = f.tree.openRead('a');
    t.is(file.read(Buffer.alloc(9), 0, 9, 1000), 0);
    t.deepEqual(file.stat(), f.tree.stat('a'));
    file.close();
  });

  story('reading a directory, a link or nothing is FS-NOT-FOUND', (t, f) => {
    f.user.makeDirectory('dir');
    t.is(
      t.faultCode(() => f.tree.openRead('dir')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.openRead('absent')),
      'FS-NOT-FOUND',
    );
    if (!f.tree.capabilities.symlinks) return;
    f.user.writeFile('target', 'secret');
    f.user.makeSymlink('link', 'target');
    t.is(
      t.faultCode(() => f.tree.openRead('link')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.readLink('target')),
      'FS-NOT-FOUND',
    );
  });
}

function changingStories(story: Story): void {
  story('a staged file is invisible until it is committed, then whole and with its metadata', (t, f) => {
    const staged = f.tree.stage();
    staged.write(Buffer.from('world'), 6);
    staged.write(Buffer.from('hello '), 0);
    t.deepEqual(f.tree.scan(''), []);
    staged.setMetadata({ mode: 0o640, uid: 1234, gid: 4321, mtimeNs: TIME_NS });
    staged.flush();
    staged.commit('file');
    t.is(read(f.tree, 'file'), 'hello world');
    const stat = f.tree.stat('file')!;
    t.is(stat.mtimeNs, held(f.tree, TIME_NS));
    if (f.tree.capabilities.posixModes) t.like(stat, { mode: 0o640, uid: 1234, gid: 4321 });
  });

  story('the time of a staged file is right also when it was set before the last write', (t, f) => {
    const staged = f.tree.stage();
    staged.setMetadata({ mtimeNs: TIME_NS });
    staged.write(Buffer.from('late'), 0);
    staged.commit('file');
    t.is(f.tree.stat('file')!.mtimeNs, held(f.tree, TIME_NS));
  });

  story('times before 1970 and far in the future are kept', (t, f) => {
    for (const time of [-1_500_000_000n, 7_000_000_000_123_456_700n]) {
      put(f.tree, 'file', 'x', { mtimeNs: time });
      t.is(f.tree.stat('file')!.mtimeNs, time);
    }
  });

  story('a commit replaces a file in one step, with a new identity', (t, f) => {
    f.user.writeFile('a', 'old');
    const before = f.tree.stat('a')!.id;
    put(f.tree, 'a', 'new');
    t.is(f.user.readFile('a'), 'new');
    t.notDeepEqual(f.tree.stat('a')!.id, before);
  });

  story('a commit never replaces a directory and never makes a parent', (t, f) => {
    f.user.makeDirectory('dir');
    f.user.writeFile('file', 'x');
    t.is(
      t.faultCode(() => put(f.tree, 'dir', 'x')),
      'FS-EXISTS',
    );
    t.is(
      t.faultCode(() => put(f.tree, 'absent/x', 'x')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => put(f.tree, 'file/x', 'x')),
      'PATH-SYMLINK',
    );
  });

  story('truncation sets the size and leaves zeros where nothing was written', (t, f) => {
    const staged = f.tree.stage();
    staged.write(Buffer.from('end'), 300_000);
    staged.truncate(1_000_000);
    staged.commit('sparse');
    const stat = f.tree.stat('sparse')!;
    t.is(stat.sizeBytes, 1_000_000);
    const file = f.tree.openRead('sparse');
    const buffer = Buffer.alloc(1_000_000, 1);
    let count = 0;
    while (count < buffer.length) count += file.read(buffer, count, buffer.length - count, count);
    file.close();
    t.is(buffer.toString('latin1', 300_000, 300_003), 'end');
    t.true(buffer.subarray(0, 300_000).every((byte) => byte === 0));
    t.true(buffer.subarray(300_003).every((byte) => byte === 0));
  });

  story('ranges are copied from a file of the root', (t, f) => {
    f.user.writeFile('source', '0123456789'.repeat(100_000));
    const staged = f.tree.stage();
    staged.write(Buffer.from('abc'), 0);
    staged.copyFrom('source', 3, 999_000);
    staged.commit('copy');
    t.is(read(f.tree, 'copy').slice(0, 8), 'abc34567');
    t.is(f.tree.stat('copy')!.sizeBytes, 999_003);
  });

  story('a discarded file leaves nothing, and discarding after the commit does nothing', (t, f) => {
    const dropped = f.tree.stage();
    dropped.write(Buffer.from('x'), 0);
    dropped.discard();
    dropped.discard();
    const kept = f.tree.stage();
    kept.commit('kept');
    kept.discard();
    t.deepEqual(
      f.tree.scan('').map((entry) => entry.name),
      ['kept'],
    );
  });

  story('what an earlier run left in staging can be cleared', (t, f) => {
    const left = [f.tree.stage(), f.tree.stage(), f.tree.stage()];
    for (const staged of left) staged.write(Buffer.from('left behind'), 0);
    f.tree.clearStaging();
    for (const staged of left) staged.discard();
    put(f.tree, 'a', 'works');
    t.is(read(f.tree, 'a'), 'works');
  });

  story('a directory is made with its metadata, once, and only in an existing parent', (t, f) => {
    f.tree.makeDirectory('dir', { mode: 0o750, uid: 7, gid: 8, mtimeNs: TIME_NS });
    const stat = f.tree.stat('dir')!;
    t.like(stat, { type: 'directory', mtimeNs: held(f.tree, TIME_NS) });
    if (f.tree.capabilities.posixModes) t.like(stat, { mode: 0o750, uid: 7, gid: 8 });
    t.is(
      t.faultCode(() => f.tree.makeDirectory('dir', {})),
      'FS-EXISTS',
    );
    t.is(
      t.faultCode(() => f.tree.makeDirectory('absent/dir', {})),
      'FS-NOT-FOUND',
    );
    f.user.writeFile('file', '');
    t.is(
      t.faultCode(() => f.tree.makeDirectory('file', {})),
      'FS-EXISTS',
    );
  });

  story('metadata is set where given and left where not', (t, f) => {
    put(f.tree, 'a', 'x', { mode: 0o600, uid: 5, gid: 6, mtimeNs: TIME_NS });
    f.tree.setMetadata('a', { mtimeNs: TIME_NS + 1_000_000n });
    t.is(f.tree.stat('a')!.mtimeNs, held(f.tree, TIME_NS + 1_000_000n));
    f.tree.setMetadata('', { mtimeNs: TIME_NS });
    t.is(f.tree.stat('')!.mtimeNs, held(f.tree, TIME_NS));
    t.is(
      t.faultCode(() => f.tree.setMetadata('absent', { mode: 0o600 })),
      'FS-NOT-FOUND',
    );
    if (!f.tree.capabilities.posixModes) return;
    t.like(f.tree.stat('a'), { mode: 0o600, uid: 5, gid: 6 });
    f.tree.setMetadata('a', { gid: 9 });
    t.like(f.tree.stat('a'), { mode: 0o600, uid: 5, gid: 9 });
    f.tree.setMetadata('a', { mode: 0o4755, uid: 10 });
    t.like(f.tree.stat('a'), { mode: 0o4755, uid: 10, gid: 9 });
  });

  story('a rename moves files and whole directories and never replaces', (t, f) => {
    f.user.makeDirectory('d');
    f.user.writeFile('d/x', '1');
    f.user.writeFile('b', '2');
    f.tree.rename('d', 'e');
    f.tree.rename('e/x', 'x');
    t.is(read(f.tree, 'x'), '1');
    t.is(
      t.faultCode(() => f.tree.rename('x', 'b')),
      'FS-EXISTS',
    );
    t.is(
      t.faultCode(() => f.tree.rename('e', 'b')),
      'FS-EXISTS',
    );
    t.is(
      t.faultCode(() => f.tree.rename('absent', 'c')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.rename('x', 'absent/c')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.rename('e', 'e/below')),
      'FS-UNSUPPORTED',
    );
    t.is(read(f.tree, 'b'), '2');
  });

  story('flushing works at any time', (t, f) => {
    put(f.tree, 'a', 'x');
    f.tree.makeDirectory('d', {});
    f.tree.flushDirectory('');
    f.tree.flushDirectory('d');
    f.tree.flushAll();
    t.is(
      t.faultCode(() => f.tree.flushDirectory('absent')),
      'FS-NOT-FOUND',
    );
    const { freeBytes, totalBytes } = f.tree.space();
    t.true(freeBytes > 0 && freeBytes <= totalBytes);
  });
}

function inPlaceStories(story: Story): void {
  const bytesOf = (file: { read(t: Uint8Array, o: number, l: number, p: number): number }): string => {
    const buffer = Buffer.alloc(1000);
    return buffer.toString('latin1', 0, file.read(buffer, 0, buffer.length, 0));
  };

  story('a file is changed in place: written, grown and cut, and stays the same object', (t, f) => {
    f.user.writeFile('file', '0123456789');
    const before = f.tree.stat('file')!.id;
    const file = f.tree.openWrite('file');
    file.write(Buffer.from('abc'), 2);
    file.write(Buffer.from('end'), 12);
    file.truncate(14);
    t.is(file.stat().sizeBytes, 14);
    file.flush();
    file.close();
    t.is(f.user.readFile('file'), '01abc56789\0\0en');
    // The inode alone: Wine takes the time of the last change for the time of birth.
    t.is(f.tree.stat('file')!.id.inode, before.inode);
  });

  story('a range that is cleared reads as zeros between what stays, and the file keeps its size', (t, f) => {
    f.user.writeFile('file', 'x'.repeat(300_000));
    const file = f.tree.openWrite('file');
    file.clear(1_000, 200_000);
    file.clear(299_990, 10);
    file.close();
    const content = f.user.readFile('file');
    t.is(content.length, 300_000);
    t.true(content === `${'x'.repeat(1_000)}${'\0'.repeat(200_000)}${'x'.repeat(98_990)}${'\0'.repeat(10)}`);
  });

  story('what a reader is told to pass over is zeros, and the last of it ends with the file', (t, f) => {
    f.user.writeFile('file', `${'x'.repeat(5_000)}${'\0'.repeat(500_000)}y${'\0'.repeat(500_000)}`);
    const staged = f.tree.stage();
    staged.copyFrom('file', 0, 1_005_001);
    staged.commit('copy');
    for (const path of ['file', 'copy']) {
      const file = f.tree.openRead(path);
      t.is(file.stat().sizeBytes, 1_005_001);
      for (let at = 0; at < 1_005_001; ) {
        const data = file.dataFrom?.(at) ?? at;
        t.true(data >= at && data <= 1_005_001);
        t.true(at === data || (at >= 5_000 && (data <= 505_000 || at > 505_000)), `${at} to ${data}`);
        at = Math.max(data, at + 4_096);
      }
      file.close();
      t.true(f.user.readFile(path) === f.user.readFile('file'));
    }
  });

  story('only a regular file below the root can be changed in place', (t, f) => {
    f.user.makeDirectory('dir');
    for (const path of ['absent', 'dir', '']) {
      t.is(
        t.faultCode(() => f.tree.openWrite(path)),
        'FS-NOT-FOUND',
      );
    }
  });

  story('what is staged under a keep name is still there when it is staged again, and can be committed', (t, f) => {
    const first = f.tree.stage('partial-1');
    first.write(Buffer.from('half of'), 0);
    first.release();
    f.tree.clearStaging();
    const again = f.tree.stage('partial-1');
    t.is(again.sizeBytes(), 7);
    t.is(bytesOf(again), 'half of');
    again.write(Buffer.from(' it'), 7);
    again.commit('file');
    t.is(f.user.readFile('file'), 'half of it');
    t.deepEqual(f.tree.listKept(), []);
    const dropped = f.tree.stage('partial-2');
    dropped.discard();
    t.deepEqual(f.tree.listKept(), []);
  });

  story('a staged file can become a kept object that is read back, once', (t, f) => {
    f.user.writeFile('file', '0123456789');
    const undo = f.tree.stage();
    undo.copyFrom('file', 4, 3);
    undo.keepAs('s1-1');
    t.deepEqual(f.tree.listKept(), ['s1-1']);
    const kept = f.tree.stage('s1-1');
    t.is(bytesOf(kept), '\0\0\0\x00456');
    kept.release();
    t.deepEqual(f.tree.listKept(), ['s1-1']);
    const other = f.tree.stage();
    t.is(
      t.faultCode(() => other.keepAs('s1-1')),
      'FS-EXISTS',
    );
    other.discard();
  });

  story('a staged file without a keep name is gone when it is released', (t, f) => {
    const staged = f.tree.stage();
    staged.write(Buffer.from('x'), 0);
    staged.release();
    t.deepEqual(f.tree.listKept(), []);
    t.deepEqual(f.tree.scan(''), []);
  });
}

function linkStories(story: Story): void {
  story('a hard link is a further name of the same object and replaces a file', (t, f) => {
    if (!f.tree.capabilities.hardLinks) return;
    f.user.makeDirectory('d');
    put(f.tree, 'a', 'shared');
    put(f.tree, 'd/old', 'old');
    f.tree.makeLink('a', 'd/b');
    f.tree.makeLink('a', 'd/old');
    f.tree.makeLink('a', 'd/old');
    t.deepEqual(f.tree.stat('d/b')!.id, f.tree.stat('a')!.id);
    t.is(f.tree.stat('a')!.links, 3);
    t.is(read(f.tree, 'd/old'), 'shared');
    t.is(
      t.faultCode(() => f.tree.makeLink('d', 'e')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.makeLink('absent', 'e')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.makeLink('a', 'd')),
      'FS-EXISTS',
    );
    f.tree.clearStaging();
    t.is(f.tree.stat('a')!.links, 3);
  });

  story('a symbolic link is made, replaced and described without touching its target', (t, f) => {
    if (!f.tree.capabilities.symlinks) return;
    put(f.tree, 'target', 'untouched', { mode: 0o600, mtimeNs: TIME_NS });
    f.tree.makeSymlink('link', 'target', { mtimeNs: TIME_NS + 5_000_000n });
    t.is(f.tree.readLink('link'), 'target');
    t.like(f.tree.stat('link'), { type: 'symlink', mtimeNs: held(f.tree, TIME_NS + 5_000_000n) });
    f.tree.makeSymlink('link', '../nowhere/at all', {});
    t.is(f.tree.readLink('link'), '../nowhere/at all');
    f.tree.setMetadata('link', { mode: 0o777, uid: 3, mtimeNs: TIME_NS + 7_000_000n });
    t.like(f.tree.stat('target'), { mtimeNs: held(f.tree, TIME_NS) });
    if (f.tree.capabilities.posixModes) t.like(f.tree.stat('target'), { mode: 0o600, uid: 0 });
    put(f.tree, 'link', 'now a file');
    t.is(f.tree.stat('link')?.type, 'file');
    t.is(read(f.tree, 'target'), 'untouched');
    f.tree.makeSymlink('link', 'x', {});
    t.is(f.tree.stat('link')?.type, 'symlink');
    f.user.makeDirectory('dir');
    t.is(
      t.faultCode(() => f.tree.makeSymlink('dir', 'x', {})),
      'FS-EXISTS',
    );
  });
}

function keepingStories(story: Story): void {
  story('a kept object leaves the root and comes back with everything in it', (t, f) => {
    f.user.makeDirectory('d');
    f.user.makeDirectory('d/e');
    f.user.writeFile('d/e/x', 'content');
    const before = f.tree.stat('d/e/x')!.id;
    f.tree.keep('d', '000001.d');
    t.is(f.tree.stat('d'), undefined);
    t.deepEqual(f.tree.listKept(), ['000001.d']);
    f.user.writeFile('d', 'in the way');
    t.is(
      t.faultCode(() => f.tree.restore('000001.d', 'd')),
      'FS-EXISTS',
    );
    f.tree.restore('000001.d', 'back');
    t.deepEqual(f.tree.stat('back/e/x')!.id, before);
    t.deepEqual(f.tree.listKept(), []);
    t.is(
      t.faultCode(() => f.tree.restore('000001.d', 'again')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.keep('absent', 'k')),
      'FS-NOT-FOUND',
    );
  });

  story('the content of a file is kept while another takes its name', (t, f) => {
    f.user.writeFile('a', 'old');
    f.tree.keepLink('a', '7');
    t.is(read(f.tree, 'a'), 'old');
    put(f.tree, 'a', 'new');
    f.tree.restore('7', 'a.old');
    t.is(read(f.tree, 'a'), 'new');
    t.is(read(f.tree, 'a.old'), 'old');
    f.user.makeDirectory('d');
    t.is(
      t.faultCode(() => f.tree.keepLink('d', '8')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.keepLink('absent', '8')),
      'FS-NOT-FOUND',
    );
  });

  story('a keep name is used once', (t, f) => {
    f.user.writeFile('a', '1');
    f.user.writeFile('b', '2');
    f.tree.keep('a', 'k');
    t.is(
      t.faultCode(() => f.tree.keep('b', 'k')),
      'FS-EXISTS',
    );
    t.is(
      t.faultCode(() => f.tree.keepLink('b', 'k')),
      'FS-EXISTS',
    );
    t.is(read(f.tree, 'b'), '2');
  });

  story('kept objects are dropped by name or by beginning, whole trees too', (t, f) => {
    for (const name of ['s1-a', 's1-b', 's2-a']) {
      f.user.makeDirectory('d');
      let deep = 'd';
      for (let level = 0; level < 30; level += 1) {
        deep += '/level';
        f.user.makeDirectory(deep);
        f.user.writeFile(`${deep}/file`, 'x');
      }
      f.tree.keep('d', name);
    }
    f.tree.dropKept('s1-a');
    t.deepEqual(f.tree.listKept(), ['s1-b', 's2-a']);
    f.tree.dropKept('s1*');
    t.deepEqual(f.tree.listKept(), ['s2-a']);
    f.tree.dropKept('absent');
    f.tree.dropKept('*');
    t.deepEqual(f.tree.listKept(), []);
  });
}

/** Every method that takes a path, called with one. */
function pathCalls(tree: RootTree): Record<string, (path: string) => unknown> {
  return {
    scan: (path) => tree.scan(path),
    stat: (path) => tree.stat(path),
    openRead: (path) => tree.openRead(path),
    readLink: (path) => tree.readLink(path),
    commit: (path) => put(tree, path, 'evil'),
    copyFrom: (path) => {
      const staged = tree.stage();
      try {
        staged.copyFrom(path, 0, 10);
      } finally {
        staged.discard();
      }
    },
    makeDirectory: (path) => tree.makeDirectory(path, {}),
    makeSymlink: (path) => tree.makeSymlink(path, 'x', {}),
    'makeLink from': (path) => tree.makeLink(path, 'link'),
    'makeLink to': (path) => tree.makeLink('file', path),
    'rename from': (path) => tree.rename(path, 'moved'),
    'rename to': (path) => tree.rename('file', path),
    setMetadata: (path) => tree.setMetadata(path, { mode: 0o777 }),
    keep: (path) => tree.keep(path, 'k'),
    keepLink: (path) => tree.keepLink(path, 'k'),
    ...exchangeCalls(tree),
    flushDirectory: (path) => tree.flushDirectory(path),
  };
}

function escapeStories(story: Story): void {
  story('no method accepts a path that leaves the root or is not one', (t, f) => {
    f.user.writeFile('file', 'x');
    for (const path of ['..', '../x', 'a/../../x', '/etc/passwd', 'a//b', './a', 'a/.', 'a\0b', 'a/']) {
      for (const [name, call] of Object.entries(pathCalls(f.tree))) {
        t.is(
          t.faultCode(() => call(path)),
          'PATH-ESCAPE',
          `${name} ${JSON.stringify(path)}`,
        );
      }
    }
    t.is(
      t.faultCode(() => f.tree.keep('file', '../k')),
      'PATH-ESCAPE',
    );
    t.is(
      t.faultCode(() => f.tree.keep('file', 'a/b')),
      'PATH-ESCAPE',
    );
    t.is(
      t.faultCode(() => f.tree.restore('../k', 'r')),
      'PATH-ESCAPE',
    );
    t.deepEqual(
      f.tree.scan('').map((entry) => entry.name),
      ['file'],
    );
  });

  story('a link planted as a parent is refused by every method, and nothing outside is touched', (t, f) => {
    if (!f.tree.capabilities.symlinks) return;
    f.user.writeFile('file', 'x');
    f.user.makeDirectory('real');
    f.user.makeSymlink('planted', f.outside.path);
    f.user.makeSymlink('real/deep', '../../..');
    f.user.makeSymlink('within', 'real');
    const before = f.outside.list();
    for (const path of ['planted/secret', 'planted/new', 'real/deep/new/x', 'within/new']) {
      for (const [name, call] of Object.entries(pathCalls(f.tree))) {
        if (name === 'stat' || name === 'look') t.is(call(path), undefined);
        else
          t.is(
            t.faultCode(() => call(path)),
            'PATH-SYMLINK',
            `${name} ${path}`,
          );
      }
    }
    t.is(
      t.faultCode(() => f.tree.scan('planted')),
      'FS-NOT-FOUND',
    );
    t.is(
      t.faultCode(() => f.tree.flushDirectory('planted')),
      'FS-NOT-FOUND',
    );
    t.deepEqual(f.outside.list(), before);
    t.deepEqual(
      f.tree.scan('real').map((entry) => entry.name),
      ['deep'],
    );
  });

  story('removing a kept tree with links in it leaves their targets alone', (t, f) => {
    if (!f.tree.capabilities.symlinks) return;
    const before = f.outside.list();
    f.user.makeDirectory('d');
    f.user.makeSymlink('d/to-outside', f.outside.path);
    f.tree.keep('d', 'k');
    f.tree.dropKept('k');
    t.deepEqual(f.outside.list(), before);
    t.true(before.length > 0);
  });
}

function rootStories(story: Story): void {
  story('the identity of the root stays while it is the same directory', (t, f) => {
    const before = f.tree.rootIdentity();
    f.user.writeFile('a', 'x');
    put(f.tree, 'b', 'y');
    t.is(f.tree.rootIdentity(), before);
  });

  story('another directory in the place of the root is noticed and shown as it is', (t, f) => {
    f.user.writeFile('a', 'x');
    const before = f.tree.rootIdentity();
    f.replaceRoot();
    t.not(f.tree.rootIdentity(), before);
    t.deepEqual(f.tree.scan(''), []);
  });

  story('a root that is gone is ROOT-MISSING, not empty', (t, f) => {
    f.removeRoot();
    t.is(
      t.faultCode(() => f.tree.rootIdentity()),
      'ROOT-MISSING',
    );
  });
}

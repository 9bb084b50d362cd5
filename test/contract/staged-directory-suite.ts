/** Stories of directories that are built in staging; none where the system has no such thing. */
import type { Story } from './story.ts';

const TIME_NS = 1_700_000_000_123_456_789n;

export function stagedDirectoryStories(story: Story): void {
  story('a staged directory appears at once, whole, over an empty directory', (t, f) => {
    const staged = f.tree.stageDirectory?.();
    if (staged === undefined) return;
    f.user.makeDirectory('dir');
    staged.add('first', Buffer.from('one'), { mode: 0o4751, uid: 1234, gid: 4321, mtimeNs: TIME_NS });
    staged.add('second', Buffer.alloc(0), { mode: 0o666, uid: 0, gid: 0, mtimeNs: TIME_NS + 100n });
    staged.add('third', Buffer.from('three'), { mode: 0o400, uid: 7, gid: 8, mtimeNs: TIME_NS });
    t.deepEqual(f.tree.scan('dir'), []);
    f.tree.setMetadata('', { mtimeNs: TIME_NS });
    staged.commit('dir');
    staged.discard();
    t.is(f.tree.stat('')!.mtimeNs, TIME_NS, 'the time of the parent');
    t.deepEqual(
      f.tree.scan('dir').map(({ name, mode, uid, gid, mtimeNs }) => ({ name, mode, uid, gid, mtimeNs })),
      [
        { name: 'first', mode: 0o4751, uid: 1234, gid: 4321, mtimeNs: TIME_NS },
        { name: 'second', mode: 0o666, uid: 0, gid: 0, mtimeNs: TIME_NS + 100n },
        { name: 'third', mode: 0o400, uid: 7, gid: 8, mtimeNs: TIME_NS },
      ],
    );
    t.is(f.user.readFile('dir/first'), 'one');
    t.is(f.user.readFile('dir/third'), 'three');
  });

  story('the files of a staged directory join what came into the directory meanwhile', (t, f) => {
    const staged = f.tree.stageDirectory?.();
    if (staged === undefined) return;
    f.user.makeDirectory('dir');
    staged.add('mine', Buffer.from('mine'), {});
    staged.add('both', Buffer.from('mine'), {});
    f.user.writeFile('dir/theirs', 'theirs');
    f.user.writeFile('dir/both', 'theirs');
    staged.commit('dir');
    t.deepEqual(
      f.tree.scan('dir').map(({ name }) => [name, f.user.readFile(`dir/${name}`)]),
      [
        ['both', 'mine'],
        ['mine', 'mine'],
        ['theirs', 'theirs'],
      ],
    );
  });

  story('a staged directory replaces nothing but a directory, and leaves nothing when it is discarded', (t, f) => {
    const make = () => {
      const staged = f.tree.stageDirectory?.();
      staged?.add('file', Buffer.from('x'), {});
      return staged;
    };
    const staged = make();
    if (staged === undefined) return;
    f.user.writeFile('file', 'x');
    f.user.makeDirectory('target');
    f.user.makeSymlink('link', 'target');
    for (const path of ['file', 'link', 'absent/dir'])
      t.true(['FS-NOT-FOUND', 'PATH-SYMLINK'].includes(t.faultCode(() => staged.commit(path))), path);
    t.is(
      t.faultCode(() => staged.commit('link/dir')),
      'PATH-SYMLINK',
    );
    staged.discard();
    staged.discard();
    make()!.commit('new');
    t.is(f.user.readFile('new/file'), 'x');
    make();
    f.tree.clearStaging();
    t.deepEqual(
      f.tree.scan('').map(({ name }) => name),
      ['file', 'link', 'new', 'target'],
    );
    t.deepEqual(f.tree.scan('target'), []);
  });

  story('a name that leads out of a staged directory is refused', (t, f) => {
    const staged = f.tree.stageDirectory?.();
    if (staged === undefined || f.tree.path.startsWith('/memory')) return;
    for (const name of ['', 'a/b', '../up', '..']) {
      t.true(t.faultCode(() => staged.add(name, Buffer.from('x'), {})).length > 0, name);
    }
    staged.discard();
  });
}

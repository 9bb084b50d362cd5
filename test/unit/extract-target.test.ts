/** What is taken out of the past lands below the directory that was named, whatever its names say and whatever is planted there. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import { decodeName } from '../../shared/path.ts';
import type { ExtractEntry } from '../../shared/preview.ts';
import { ExtractTarget } from '../../tui/cli/extract-target.ts';

function place(t: ExecutionContext): { to: string; outside: string } {
  const directory = mkdtempSync(join(tmpdir(), 'preview-target-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const outside = join(directory, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
  return { to: join(directory, 'to'), outside };
}

function entry(path: string, type: ExtractEntry['type'], more: Partial<ExtractEntry> = {}): ExtractEntry {
  const { uid, gid } = statSync(tmpdir());
  const owner = process.getuid?.() === 0 ? { uid, gid } : { uid: 0, gid: 0 };
  return { path, type, sizeBytes: 0, mtimeNs: '1700000000123456789', mode: 0o640, ...owner, ...more };
}

function put(target: ExtractTarget, path: string, text: string, more: Partial<ExtractEntry> = {}): void {
  const one = entry(path, 'file', { sizeBytes: text.length, ...more });
  if (target.isDone(path, one)) return;
  const file = target.file(path, one);
  file.write(Buffer.from(text), 0);
  file.commit();
}

const codeOf = (t: ExecutionContext, run: () => void): string => t.throws(run, { instanceOf: Fault })!.code;

test('files, folders, links, further names, modes, times and names that are no text come as they were', (t) => {
  const { to } = place(t);
  const target = new ExtractTarget(to, false);
  target.directory('d', entry('d', 'directory', { mode: 0o550 }));
  put(target, 'd/a', 'one', { link: 'x' });
  put(target, 'd/b', 'one', { link: 'x' });
  target.directory('e', entry('e', 'directory', { mode: 0o755 }));
  put(target, 'e/c', 'one', { link: 'x' });
  target.symlink('e/l', entry('e/l', 'symlink', { target: '/etc/passwd' }));
  const odd = decodeName(Buffer.from([0x66, 0xff, 0x66]));
  put(target, `e/${odd}`, 'odd');
  const sparse = target.file('e/s', entry('e/s', 'file', { sizeBytes: 1_000_000 }));
  sparse.write(Buffer.from('end'), 999_997);
  sparse.commit();
  target.end();
  t.is(readFileSync(join(to, 'd/b'), 'utf8'), 'one');
  t.is(statSync(join(to, 'd/a')).nlink, 3);
  t.is(statSync(join(to, 'd/a')).mode & 0o7777, 0o640);
  t.is(Math.round(statSync(join(to, 'd')).mtimeMs), 1_700_000_000_123);
  t.is(statSync(join(to, 'd')).mode & 0o7777, 0o550);
  t.is(Math.round(lstatSync(join(to, 'e/l')).mtimeMs), 1_700_000_000_123);
  t.is(readlinkSync(join(to, 'e/l')), '/etc/passwd');
  t.true(
    readdirSync(Buffer.from(join(to, 'e')), 'buffer').some((name) => name.equals(Buffer.from([0x66, 0xff, 0x66]))),
  );
  t.is(statSync(join(to, 'e/s')).size, 1_000_000);
  t.true(statSync(join(to, 'e/s')).blocks * 512 < 100_000, 'a hole stays a hole');
  t.deepEqual(
    readdirSync(join(to, 'e')).filter((name) => name.startsWith('.')),
    [],
  );
});

test('names that lead out are refused', (t) => {
  const { to, outside } = place(t);
  const target = new ExtractTarget(to, true);
  for (const path of ['../outside/x', 'a/../../outside/x', '/outside/x', 'a//x', '.', 'a/./x']) {
    t.is(
      codeOf(t, () => put(target, path, 'attack')),
      'PATH-ESCAPE',
      path,
    );
  }
  target.end();
  t.deepEqual(readdirSync(outside), ['precious']);
});

test('a link planted where a folder or file has to go is not followed, with or without --overwrite', (t) => {
  for (const overwrite of [false, true]) {
    const { to, outside } = place(t);
    mkdirSync(to);
    symlinkSync(outside, join(to, 'd'));
    symlinkSync(join(outside, 'precious'), join(to, 'f'));
    const target = new ExtractTarget(to, overwrite);
    const attempt = () => {
      target.directory('d', entry('d', 'directory', { mode: 0o755 }));
      put(target, 'd/precious', 'attack');
    };
    if (overwrite) attempt();
    else t.is(codeOf(t, attempt), 'EXTRACT-EXISTS');
    if (overwrite) put(target, 'f', 'attack');
    else
      t.is(
        codeOf(t, () => put(target, 'f', 'attack')),
        'EXTRACT-EXISTS',
      );
    target.end();
    t.is(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');
    t.deepEqual(readdirSync(outside), ['precious']);
  }
});

test('a folder that is replaced by a link while it is being filled does not lead anything out', (t) => {
  const { to, outside } = place(t);
  const target = new ExtractTarget(to, true);
  target.directory('d', entry('d', 'directory', { mode: 0o755 }));
  put(target, 'd/a', 'one');
  rmSync(join(to, 'd'), { recursive: true });
  symlinkSync(outside, join(to, 'd'));
  t.throws(() => put(target, 'd/precious', 'attack'));
  target.end();
  t.deepEqual(readdirSync(outside), ['precious']);
  t.is(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');

  const again = new ExtractTarget(to, true);
  t.throws(() => put(again, 'd/precious', 'attack'), { instanceOf: Fault });
  again.end();
  t.is(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');
});

test('what is there is left alone unless the operator says so, and an extraction that was interrupted goes on', (t) => {
  const { to } = place(t);
  mkdirSync(to);
  writeFileSync(join(to, 'mine'), 'my own');
  const first = new ExtractTarget(to, false);
  put(first, 'a', 'done');
  t.is(
    codeOf(t, () => put(first, 'mine', 'theirs')),
    'EXTRACT-EXISTS',
  );
  const half = first.file('b', entry('b', 'file', { sizeBytes: 4 }));
  half.write(Buffer.from('ha'), 0);
  half.discard();
  first.end();
  t.is(readFileSync(join(to, 'mine'), 'utf8'), 'my own');
  t.deepEqual(readdirSync(to).sort(), ['a', 'mine'], 'nothing half done is left');
  const inode = statSync(join(to, 'a')).ino;
  const second = new ExtractTarget(to, false);
  put(second, 'a', 'done');
  put(second, 'b', 'half');
  second.end();
  t.is(statSync(join(to, 'a')).ino, inode, 'not written again');
  t.is(readFileSync(join(to, 'b'), 'utf8'), 'half');
  const third = new ExtractTarget(to, true);
  put(third, 'mine', 'theirs');
  third.end();
  t.is(readFileSync(join(to, 'mine'), 'utf8'), 'theirs');
});

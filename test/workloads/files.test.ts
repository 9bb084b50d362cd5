/** Every kind of file, name and metadata a file server holds. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { shell, workload } from './workload.ts';

test.serial(
  'Hard links stay linked, and a write through one name shows under all',
  workload(async (root, pair, t) => {
    await shell(
      root,
      `mkdir a b; echo one > a/x; ln a/x b/y; ln a/x b/z; echo two >> b/y; mv b/z z-moved; rm a/x
       seq 1000 > big; for i in $(seq 30); do ln big link-$i; done; echo end >> link-7; rm link-3; mv link-4 a/link-4
       cp -al b b-linked; echo three > b/new; mv b/new b/y`,
    );
    await pair.barrier();
    const inode = (name: string): number => statSync(join(pair.replicaRoot, name)).ino;
    t.is(inode('link-7'), inode('big'));
    t.is(inode('a/link-4'), inode('big'));
    t.not(inode('b/y'), inode('z-moved'));
  }),
);

test.serial(
  'Sparse files stay sparse, large files arrive whole, also while they are written',
  workload(async (root, pair, t) => {
    await shell(
      root,
      `truncate -s 512M sparse.img
       printf head | dd of=sparse.img conv=notrunc status=none
       printf middle | dd of=sparse.img bs=1 seek=200000000 conv=notrunc status=none
       head -c 40000000 /dev/urandom > large.bin
       for i in $(seq 40); do head -c 300000 /dev/urandom >> growing.bin; done
       head -c 3000000 /dev/urandom > shrinking.bin; truncate -s 1000000 shrinking.bin; truncate -s 2000000 shrinking.bin
       fallocate -l 5M allocated.bin; fallocate -p -o 1M -l 2M allocated.bin || true
       head -c 5000000 /dev/urandom > punched.bin; fallocate -p -o 1000000 -l 1000000 punched.bin || true
       : > empty; : > large.bin; head -c 8000000 /dev/urandom > large.bin`,
    );
    await pair.barrier();
    t.true(statSync(join(pair.replicaRoot, 'sparse.img')).blocks * 512 < 16 * 1024 * 1024, 'holes stay holes');
  }),
);

test.serial(
  'Symbolic links are copied as links, wherever they point',
  workload(async (root, pair) => {
    await shell(
      root,
      `mkdir -p d/sub; echo x > d/sub/f
       ln -s d/sub good; ln -s nowhere dangling; ln -s /etc/passwd outside; ln -s ../../.. up; ln -s . self
       ln -s "$(printf 'x%.0s' $(seq 200))" long; ln -s 'with space' 'link with space'
       ln -sfn d/other good; mv dangling d/dangling; ln -s good chain
       chown -h 1234:2345 outside || true; touch -h -d '2001-02-03 04:05:06' up
       mkdir through; ln -s "${pair.top}" through/escape; rm -r through`,
    );
  }),
);

/** Creates a file under a name given as bytes. */
function byteName(root: string, bytes: readonly number[], content: string): void {
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(bytes)]), content);
}

test.serial(
  'Odd names arrive byte for byte',
  workload(async (root) => {
    byteName(root, [0x66, 0xff, 0xfe, 0x80], 'not UTF-8');
    byteName(root, [0xc3, 0x28], 'broken sequence');
    byteName(root, [0xed, 0xa0, 0x80], 'surrogate');
    mkdirSync(Buffer.concat([Buffer.from(`${root}/dir`), Buffer.from([0xe9])]));
    byteName(root, [0x64, 0x69, 0x72, 0xe9, 0x2f, 0xe9, 0xe8], 'below a name that is not UTF-8');
    const names = [
      'line\nbreak',
      'tab\there',
      'quote"and\'s',
      '*?[a]{b}$HOME`x`',
      ' leading',
      'trailing ',
      '-dash',
      '.hidden',
      '...',
      'CON',
      'a:b',
      'back\\slash',
      'é',
      'e\u0301',
      '\u{1f600}',
      'İstanbul',
      'UPPER',
      'upper',
      'x'.repeat(255),
      '\u00e9'.repeat(127),
    ];
    for (const name of names) writeFileSync(join(root, name), `content of ${JSON.stringify(name)}`);
    const deep = Array.from({ length: 15 }, (_, n) => `${n}-${'d'.repeat(200)}`).join('/');
    await shell(root, `mkdir -p '${deep}' && cd '${deep}' && echo bottom > file && mv file moved`);
    await shell(root, `mkdir a; for i in $(seq 300); do mkdir -p a/$(printf 'n/%.0s' $(seq $((i % 60 + 1)))); done`);
  }),
);

test.serial(
  'Times, modes and owners arrive as the tools that keep them leave them',
  workload(async (root) => {
    await shell(
      root,
      `mkdir src; seq 100 > src/a; touch -d '1999-12-31 23:59:59.123456789' src/a; chmod 750 src
       cp -p src/a kept; cp -pr src src-kept; tar cf - src | tar xpf - --transform s/^src/src-tar/
       touch -d '2030-01-01' future; touch -d '1901-12-14' old; touch -d '1970-01-01 00:00:00 UTC' epoch
       echo same > same; touch -r same ref; sleep 0.02; echo emas > same; touch -r ref same
       echo x > special; chmod 4755 special; mkdir sticky; chmod 1777 sticky; mkdir setgid; chmod 2775 setgid
       echo x > owned; chown 1234:2345 owned || true; chmod 0 owned
       mkdir times; echo 1 > times/f; touch -d '2002-02-02' times; mkdir times/sub; touch -d '2003-03-03' times/sub times
       for i in 1 2 3 4 5; do chmod 60$i src/a; touch -d "200$i-01-01" src-kept; done`,
    );
  }),
);

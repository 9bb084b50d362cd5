/** Real programs at work in the Master root: version control, package managers, editors. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { testNeeding } from '../runner/needing.ts';
import { TOP } from '../runner/run-suite.ts';
import { scratchOf, shell, workload } from './workload.ts';

const GIT_ENVIRONMENT = {
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

/** A history of `commits` commits over 3,000 files, in git's own import format. */
function history(commits: number): string {
  const lines: string[] = [];
  for (let n = 0; n < commits; n += 1) {
    const message = `Change ${n}`;
    lines.push(
      `commit refs/heads/main\ncommitter A <a@example.org> ${1_700_000_000 + n} +0000\ndata ${message.length}\n${message}`,
    );
    const count = n === 0 ? 3_000 : 150;
    for (let i = 0; i < count; i += 1) {
      const file = n === 0 ? i : (n * 997 + i * 13) % 3_000;
      const path = `src/m${file % 40}/p${file % 7}/file-${file}.txt`;
      if (n > 0 && (file + n) % 11 === 0) {
        lines.push(`D ${path}`);
      } else {
        const content = `version ${n} of ${file}\n`.repeat(1 + (file % 60));
        lines.push(`M 100644 inline ${path}\ndata ${content.length}\n${content}`);
      }
    }
    lines.push('');
  }
  return lines.join('\n');
}

testNeeding('git')(
  'A repository cloned and checked out at many commits arrives, with its objects',
  workload(async (root, pair) => {
    const origin = join(scratchOf(pair), 'origin.git');
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', origin], {
      env: { ...process.env, ...GIT_ENVIRONMENT },
    });
    execFileSync('git', ['-C', origin, 'fast-import', '--quiet'], { input: history(60) });
    await shell(
      root,
      `git clone -q "${origin}" work
       cd work
       for back in 59 3 40 17 0 25; do git checkout -q main~$back; done
       git checkout -q main
       git switch -q -c topic && echo topic >> src/m0/p0/topic.txt && git add . && git commit -qm topic
       git gc -q --prune=now
       git stash list; git clean -fdxq; git checkout -q main`,
      GIT_ENVIRONMENT,
    );
  }),
);

/** Packages of this repository as archives without dependencies, so that npm can install them without a registry. */
function packPackages(scratch: string, names: readonly string[]): string[] {
  return names.map((name) => {
    const from = join(TOP, 'node_modules', name);
    const to = join(scratch, name.replace('/', '-'), 'package');
    mkdirSync(to, { recursive: true });
    execFileSync('cp', ['-r', `${from}/.`, to]);
    const manifest = JSON.parse(readFileSync(join(to, 'package.json'), 'utf8')) as Record<string, unknown>;
    for (const key of ['dependencies', 'optionalDependencies', 'peerDependencies', 'scripts', 'devDependencies']) {
      delete manifest[key];
    }
    writeFileSync(join(to, 'package.json'), JSON.stringify(manifest));
    const archive = join(scratch, `${name.replace('/', '-')}.tgz`);
    execFileSync('tar', ['czf', archive, '-C', join(to, '..'), 'package']);
    return archive;
  });
}

test.serial(
  'npm install, upgrade and uninstall in a root arrive',
  workload(async (root, pair) => {
    const scratch = scratchOf(pair);
    const names = ['zod', 'react', 'commander', 'pino', 'socket.io', 'fast-check', 'hash-wasm', 'ava', 'lowdb', 'ink'];
    const archives = packPackages(scratch, names);
    const npm = `npm --offline --no-audit --no-fund --loglevel=error --cache "${scratch}/cache"`;
    mkdirSync(join(root, 'site'));
    writeFileSync(join(root, 'site', 'package.json'), '{"name":"site","version":"1.0.0"}');
    await shell(
      join(root, 'site'),
      `${npm} install ${archives.map((path) => `"${path}"`).join(' ')}
       ${npm} uninstall react ava
       ${npm} install "${archives[1]}"
       cp -al node_modules linked-copy
       rm -rf node_modules/zod`,
    );
  }),
);

testNeeding('vim')(
  'Every way an editor saves a file arrives with its content',
  workload(async (root, _pair, t) => {
    for (const name of ['vim-rename', 'vim-inplace', 'vim-backup', 'notepad', 'office', 'emacs', 'temp', 'append']) {
      writeFileSync(join(root, `${name}.txt`), 'first line\n'.repeat(200));
    }
    const vim = 'vim -u NONE -i NONE -N -es';
    await shell(
      root,
      `for i in $(seq 12); do
         ${vim} -c 'set nobackup writebackup backupcopy=no' -c "1s/.*/vim $i/" -c wq vim-rename.txt
         ${vim} -c 'set nobackup writebackup backupcopy=yes' -c "1s/.*/vim $i/" -c wq vim-inplace.txt
         ${vim} -c 'set backup backupext=.bak' -c "1s/.*/vim $i/" -c wq vim-backup.txt
         seq $((i * 50)) > notepad.txt
         seq $i 300 > '~WRD0001.tmp'; mv office.txt '~WRL0002.tmp'; mv '~WRD0001.tmp' office.txt; rm '~WRL0002.tmp'
         mv emacs.txt emacs.txt~; seq $i > emacs.txt; chmod 640 emacs.txt
         seq $((i * 7)) > .temp.txt.swp; chmod 644 .temp.txt.swp; touch -r temp.txt .temp.txt.swp; mv .temp.txt.swp temp.txt
         echo "line $i" >> append.txt
       done`,
    );
    t.true(readFileSync(join(root, 'vim-rename.txt'), 'utf8').startsWith('vim 12\n'), 'vim really wrote');
    t.true(readFileSync(join(root, 'vim-inplace.txt'), 'utf8').startsWith('vim 12\n'));
    t.true(readdirSync(root).includes('vim-backup.txt.bak'));
  }),
);

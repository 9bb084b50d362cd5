/**
 * A database and a repository that are written to all the time, rewound to bookmarks set meanwhile. A bookmark is a barrier:
 * the state after everything that was done before it, in the Master's order of changes. That is what a program finds after a
 * power cut: whole for whatever survives one.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import type { RewindPoint } from '../../shared/rewind.ts';
import { delay, eventually, Pair } from './rig.ts';

/** Writes until it is ended: rows that belong together, in transactions. */
const WRITER = `
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync(process.argv[1]);
database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL');
for (let n = 1; ; n += 1) {
  database.exec('BEGIN');
  database.prepare('INSERT INTO one VALUES (?, ?)').run(n, 'x'.repeat(n % 900));
  database.prepare('INSERT INTO other VALUES (?)').run(n);
  if (n % 7 === 0) database.prepare('DELETE FROM one WHERE n = ?').run(n - 3);
  database.exec('COMMIT');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
}`;

const COMMITTER = `
cd "$1" && n=0
while :; do
  n=$((n+1)); echo "$n" > "file-$((n % 12))"; git add -A && git commit -qm "change $n"; sleep 0.1
done`;

function git(directory: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', '-c', 'safe.directory=*'];
  return execFileSync('git', [...identity, '-C', directory, ...args], { encoding: 'utf8', stdio: 'pipe' });
}

async function bookmark(pair: Pair, text: string): Promise<RewindPoint> {
  const line = await pair.master.must('bookmark', pair.scenario, text, '--json');
  return (JSON.parse(line) as { points: { point: RewindPoint }[] }).points[0]!.point;
}

test.serial('a database and a repository under load are whole at every bookmark', async (t) => {
  const pair = await Pair.start();
  const children: ReturnType<typeof spawn>[] = [];
  try {
    const repository = join(pair.masterRoot, 'repository');
    const data = join(pair.masterRoot, 'data');
    for (const path of [repository, data]) mkdirSync(path);
    git(repository, 'init', '-q', '-b', 'main');
    git(repository, 'config', 'user.name', 'Test');
    git(repository, 'config', 'user.email', 'test@example.invalid');
    git(repository, 'config', 'core.fsync', 'all');
    writeFileSync(join(repository, 'first'), 'first');
    git(repository, 'add', '-A');
    git(repository, 'commit', '-qm', 'first');
    const database = new DatabaseSync(join(data, 'shop.db'));
    database.exec('CREATE TABLE one (n INTEGER PRIMARY KEY, text TEXT); CREATE TABLE other (n INTEGER PRIMARY KEY)');
    database.close();
    await pair.createScenario();
    await pair.master.must('scenario', 'set', pair.scenario, 'recovery.dataRewind@beta=on');
    await pair.run();
    children.push(spawn(process.execPath, ['-e', WRITER, join(data, 'shop.db')], { stdio: 'ignore' }));
    children.push(spawn('bash', ['-c', COMMITTER, 'committer', repository], { stdio: 'ignore' }));
    await eventually('both write', 10_000, () => {
      const commits = Number(git(repository, 'rev-list', '--count', 'HEAD'));
      return commits > 3 ? commits : undefined;
    });
    const bookmarks: RewindPoint[] = [];
    for (let n = 0; n < 2; n += 1) {
      bookmarks.push(await bookmark(pair, `bookmark ${n}`));
      await delay(200);
    }
    for (const child of children.splice(0)) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    await pair.barrier();
    await pair.stopScenario();

    const seen: number[] = [];
    for (const { id, text } of [bookmarks[0]!, bookmarks[1]!]) {
      const at = ['--method', 'rewind-replica', '--at', id, '--confirm', pair.scenario];
      await pair.master.must('restore', pair.scenario, ...at);
      // Programs that look write themselves: a copy.
      const copy = join(pair.top, `at-${id}`);
      cpSync(pair.replicaRoot, copy, { recursive: true, preserveTimestamps: true });
      const there = new DatabaseSync(join(copy, 'data', 'shop.db'));
      t.deepEqual({ ...there.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' }, text);
      const { n } = there.prepare('SELECT max(n) AS n FROM other').get() as { n: number };
      t.is(n, (there.prepare('SELECT max(n) AS n FROM one').get() as { n: number }).n, `${text}: whole transactions`);
      seen.push(n);
      there.close();
      const found = git(join(copy, 'repository'), 'fsck', '--full', '--strict', '--no-dangling');
      t.is(found.replace(/^.*notice.*$/gm, '').trim(), '', text);
      t.true(Number(git(join(copy, 'repository'), 'rev-list', '--count', 'HEAD')) > 3);
    }
    t.true(seen[0]! < seen[1]!, `${seen}: they are different moments`);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await pair.remove();
  }
});

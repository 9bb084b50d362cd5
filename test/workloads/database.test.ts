/** A database that is written all the time, and whose writer dies, can be opened on the Replica. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually, oracle, Pair } from '../hosts/rig.ts';
import { fastDirectory, identical, scratchOf, shell } from './workload.ts';

const ROUNDS = 3;
const WRITER = `
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(process.argv[1]);
  db.exec('PRAGMA journal_mode=' + process.argv[2] + '; PRAGMA synchronous=NORMAL');
  db.exec('CREATE TABLE IF NOT EXISTS visit (id INTEGER PRIMARY KEY, page TEXT, body BLOB); CREATE INDEX IF NOT EXISTS page ON visit(page)');
  const insert = db.prepare('INSERT INTO visit (page, body) VALUES (?, randomblob(400))');
  const change = db.prepare('UPDATE visit SET page = ? WHERE id % 37 = ?');
  for (let n = 0; ; n += 1) {
    db.exec('BEGIN');
    for (let i = 0; i < 20; i += 1) insert.run('/page/' + (n * i) % 1000);
    change.run('/changed/' + n, n % 37);
    if (n % 50 === 49) db.exec('DELETE FROM visit WHERE id % 5 = 0');
    db.exec('COMMIT');
    if (n % 20 === 0) process.stdout.write(n + '\\n');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }`;

/** Copies a database with its side files, so that opening it does not change the Replica. */
function copyDatabase(from: string, to: string): void {
  for (const ending of ['', '-wal', '-journal']) {
    if (existsSync(from + ending)) copyFileSync(from + ending, to + ending);
  }
}

async function writeFor(path: string, journal: string, transactions: number): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', WRITER, path, journal],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let reached = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    reached = Number(text.trim().split('\n').at(-1));
  });
  try {
    await eventually('the writer makes progress', 60_000, () => (reached >= transactions ? true : undefined));
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

for (const journal of ['WAL', 'DELETE']) {
  test.serial(
    `An SQLite database under load (journal_mode ${journal}) is sound on the Replica after the barrier`,
    async (t) => {
      const pair = await Pair.protectedPair({ below: fastDirectory() });
      try {
        mkdirSync(join(pair.masterRoot, 'db'));
        for (let round = 1; round <= ROUNDS; round += 1) {
          await writeFor(join(pair.masterRoot, 'db', 'shop.sqlite'), journal, 120 * round);
          // The `-shm` file is written through a memory map only, which changes neither size nor times.
          await identical(t, pair);
          const copy = join(scratchOf(pair), `${round}.sqlite`);
          copyDatabase(join(pair.replicaRoot, 'db', 'shop.sqlite'), copy);
          t.is((await shell(pair.top, `sqlite3 "${copy}" 'PRAGMA integrity_check'`)).trim(), 'ok');
          const rows = Number(await shell(pair.top, `sqlite3 "${copy}" 'SELECT count(*) FROM visit'`));
          t.true(rows > 100, `${rows} rows`);
        }
        t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
      } finally {
        await pair.remove();
      }
    },
  );
}

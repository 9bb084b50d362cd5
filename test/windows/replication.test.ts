/** An engine on Windows (Wine) and one on Linux protect each other's files: separators, case, reserved names, long paths. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Host } from '../hosts/rig.ts';
import { Wine, windowsPath } from './wine.ts';
import { WineHost } from './wine-host.ts';

interface Side {
  readonly name: string;
  readonly address: string;
  must(...args: string[]): Promise<string>;
}

/** A Linux and a Windows engine, paired. */
class MixedPair {
  readonly top = mkdtempSync(join(tmpdir(), 'mainstay-mixed-'));
  readonly wine = new Wine();
  readonly linuxRoot = join(this.top, 'linux', 'www');
  readonly windowsRoot = join(this.wine.top, 'windows', 'www');
  linux!: Host;
  windows!: WineHost;

  async start(): Promise<void> {
    mkdirSync(this.linuxRoot, { recursive: true });
    mkdirSync(this.windowsRoot, { recursive: true });
    this.linux = await Host.create(this.top, 'linux');
    this.windows = await WineHost.create(this.wine, 'windows');
    await Promise.all([this.linux.start(), this.windows.start()]);
  }

  async pair(from: Side, to: Side): Promise<void> {
    const { invite } = JSON.parse(await to.must('pair', 'invite', '--role', 'peer', '--json')) as { invite: string };
    await from.must('pair', 'accept', invite, '--json');
  }

  async protect(master: Side, masterRoot: string, replica: Side, replicaRoot: string): Promise<void> {
    const file = join(this.top, 'scenario.json');
    writeFileSync(
      file,
      JSON.stringify({
        name: 'mixed',
        serverType: 'custom',
        solution: 'ha',
        master: { name: master.name, address: master.address },
        replicas: [{ name: replica.name, address: replica.address }],
        roots: [{ master: masterRoot, replica: replicaRoot }],
        settings: {},
      }),
    );
    await master.must('scenario', 'create', file, '--json');
    await master.must('run', 'mixed', '--yes', '--acknowledge-warnings', '--wait');
  }

  async dispose(): Promise<void> {
    await this.linux?.kill();
    await this.windows?.kill();
    this.wine.dispose();
    rmSync(this.top, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function mixed(t: ExecutionContext, run: (pair: MixedPair) => Promise<void>): Promise<void> {
  t.timeout(240_000);
  const pair = new MixedPair();
  try {
    await pair.start();
    await run(pair);
  } catch (error) {
    t.log(pair.windows?.text().slice(-4000));
    throw error;
  } finally {
    await pair.dispose();
  }
}

/** Paths below a directory with size and time (to 100 ns) and content; our own directory left out. */
function describe(top: string, decode: (name: string) => string = (name) => name): string[] {
  const lines: string[] = [];
  const visit = (directory: string, shown: string) => {
    for (const name of readdirSync(directory)) {
      if (name === '.mainstay') continue;
      const path = join(directory, name);
      const stat = statSync(path, { bigint: true });
      const line = `${shown}${decode(name)}`;
      if (stat.isDirectory()) {
        lines.push(`${line}/`);
        visit(path, `${line}/`);
      } else lines.push(`${line} ${stat.mtimeNs / 100n} ${readFileSync(path, 'utf8').slice(0, 100)} ${stat.size}`);
    }
  };
  visit(top, '');
  return lines.sort();
}

/** What Windows shows for a forbidden character, back again (daemon/platform/windows/names.ts). */
function withoutEscapes(name: string): string {
  return name.replace(/[\uf001-\uf07f]/g, (character) => String.fromCharCode(character.charCodeAt(0) - 0xf000));
}

const DEEP = Array.from({ length: 12 }, (_, level) => `a-rather-long-directory-name-${level}`);

function fill(root: string): void {
  mkdirSync(join(root, 'sub', 'deeper'), { recursive: true });
  writeFileSync(join(root, 'index.html'), '<h1>hello</h1>');
  writeFileSync(join(root, 'sub', 'deeper', 'page.html'), 'x'.repeat(300_000));
  writeFileSync(join(root, 'Ünïcödé 文.txt'), 'names');
  mkdirSync(join(root, ...DEEP), { recursive: true });
  writeFileSync(join(root, ...DEEP, 'file with a long path.txt'), 'deep');
}

test.serial('Linux protects its files on Windows, whatever they are called', (t) =>
  mixed(t, async (pair) => {
    fill(pair.linuxRoot);
    for (const name of ['a:b', 'what?.txt', 'NUL', 'com1.txt', 'dot.', 'back\\slash']) {
      writeFileSync(join(pair.linuxRoot, name), name);
    }
    writeFileSync(join(pair.linuxRoot, 'Readme'), 'first spelling');
    await pair.pair(pair.linux, pair.windows);
    await pair.protect(pair.linux, pair.linuxRoot, pair.windows, windowsPath(pair.windowsRoot));
    t.deepEqual(describe(pair.windowsRoot, withoutEscapes), describe(pair.linuxRoot));

    writeFileSync(join(pair.linuxRoot, 'index.html'), '<h1>changed</h1>');
    renameSync(join(pair.linuxRoot, 'sub'), join(pair.linuxRoot, 'moved'));
    writeFileSync(join(pair.linuxRoot, 'moved', 'new.txt'), 'new');
    rmSync(join(pair.linuxRoot, 'a:b'));
    await pair.linux.must('barrier', 'mixed', '--timeout', '60');
    t.deepEqual(describe(pair.windowsRoot, withoutEscapes), describe(pair.linuxRoot));

    // Two names that differ only in case cannot both exist there: the second is told, the first stays as it is.
    writeFileSync(join(pair.linuxRoot, 'README'), 'second spelling');
    const barrier = await pair.linux.command('barrier', 'mixed', '--timeout', '60');
    t.is(barrier.code, 4);
    t.regex(barrier.stderr, /PARKED: .*1 item is parked/);
    t.is(readFileSync(join(pair.windowsRoot, 'Readme'), 'utf8'), 'first spelling');
    t.false(existsSync(join(pair.windowsRoot, 'README')));
  }),
);

test.serial('Windows protects its files on Linux', (t) =>
  mixed(t, async (pair) => {
    fill(pair.windowsRoot);
    await pair.pair(pair.windows, pair.linux);
    await pair.protect(pair.windows, windowsPath(pair.windowsRoot), pair.linux, pair.linuxRoot);
    t.deepEqual(describe(pair.linuxRoot), describe(pair.windowsRoot));

    writeFileSync(join(pair.windowsRoot, 'index.html'), '<h1>changed</h1>');
    renameSync(join(pair.windowsRoot, 'sub'), join(pair.windowsRoot, 'moved'));
    mkdirSync(join(pair.windowsRoot, 'fresh'));
    writeFileSync(join(pair.windowsRoot, 'fresh', 'new.txt'), 'new');
    rmSync(join(pair.windowsRoot, 'Ünïcödé 文.txt'));
    await pair.windows.must('barrier', 'mixed', '--timeout', '60');
    t.deepEqual(describe(pair.linuxRoot), describe(pair.windowsRoot));
  }),
);

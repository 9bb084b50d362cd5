#!/usr/bin/env node
// Set-up on a fresh checkout: installs when the lock file is newer than node_modules, then builds into dist/.
// Plain JavaScript that Node 20 loads: the repository's own Node (node_modules/.bin/node) is there only afterwards.
// All messages go to stderr: the last line of stdout belongs to the command that follows.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(top, ...parts);
const say = (text) => process.stderr.write(`setup: ${text}\n`);
const SOURCE_FOLDERS = ['shared', 'config', 'daemon', 'tui', 'test'];

function clean() {
  for (const name of ['dist', '.demo', '.cache']) rmSync(at(name), { recursive: true, force: true });
  say('removed dist, .demo and .cache');
}

function digestOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

function install() {
  const wanted = digestOf(readFileSync(at('package-lock.json')));
  const stamp = at('node_modules', '.mainstay-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (lstatSync(at('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm ci would empty the directory it leads to, which belongs to another work tree.
    say('node_modules is a link and out of date: run npm ci where it leads to');
    return;
  }
  say('installing packages (npm ci)');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: top,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    say('npm ci failed: see the lines above; the npm registry must be reachable');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** The Node this project runs on: its own when the platform package is there, else the caller's when new enough. */
function findNode() {
  const own = at('node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (existsSync(own)) return own;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 20)) return process.execPath;
  say(
    `no Node for ${process.platform}-${process.arch} came with the packages and this one is ${process.version}; install Node 22.20 or newer`,
  );
  return process.exit(1);
}

function listSources(folder) {
  if (!existsSync(at(folder))) return [];
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function build(node) {
  // A deleted source would leave its old output behind, and a deleted test would still run: start over when the list changed.
  const sources = digestOf(SOURCE_FOLDERS.flatMap(listSources).sort().join('\n'));
  const stamp = at('dist', '.sources');
  if (existsSync(at('dist')) && (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== sources)) {
    rmSync(at('dist'), { recursive: true, force: true });
  }
  mkdirSync(at('dist'), { recursive: true });
  const compiler = at('node_modules', 'typescript', 'bin', 'tsc');
  try {
    execFileSync(node, [compiler, '-p', top], { stdio: ['ignore', 2, 2], cwd: top });
  } catch {
    say('the build failed: see the compiler output above');
    process.exit(1);
  }
  const bundle = at('.ci', 'bundle.mjs');
  if (existsSync(bundle)) {
    try {
      execFileSync(node, [bundle], { stdio: ['ignore', 2, 2], cwd: top });
    } catch {
      say('bundling the console failed: see above');
      process.exit(1);
    }
  }
  writeFileSync(`${stamp}.tmp`, sources);
  renameSync(`${stamp}.tmp`, stamp);
}

if (process.argv.includes('--clean')) {
  clean();
} else {
  install();
  build(findNode());
}

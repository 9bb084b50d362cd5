#!/usr/bin/env node
/**
 * The program. A composition root: it alone imports the daemon, and only when a command needs it. `--help` loads commander and
 * the tree of commands, nothing else.
 */
import { readFileSync } from 'node:fs';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Composition } from './context.ts';

refuseOldNode(process.versions.node);

// Compiled code is kept beside the program, where only its owner writes, not in the shared temporary directory.
const compileCache = fileURLToPath(new URL('../../.compile-cache', import.meta.url));
nodeModule.enableCompileCache?.(compileCache);
// Threads have one only by this.
process.env.NODE_COMPILE_CACHE = compileCache;

// After the checks above, so that what only a newer Node knows is not loaded before.
const { runCommandLine } = await import('./program.ts');
const { processTerminal } = await import('./terminal.ts');
const terminal = processTerminal();

const composition: Composition = {
  program: fileURLToPath(import.meta.url),
  runDaemon: async (options) => {
    const { runDaemon } = await import('../../daemon/main.ts');
    return runDaemon(options);
  },
  discoverOffline: async (application, text, file) => {
    const { discoverText } = await import('../../daemon/application/discover.ts');
    return discoverText(application, text, file);
  },
  openScripts: async (data) => {
    const { ScriptFolder } = await import('../../daemon/store/script-folder.ts');
    return new ScriptFolder(data);
  },
  runConsole: async (options) => {
    const { openConsole } = await import('../open.ts');
    return openConsole(options);
  },
};

/** A syntax error from the depths would not say what to do. */
function refuseOldNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 20)) return;
  const own = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
  process.stderr.write(
    `mainstay: USAGE: Node ${version} is too old; 22.20 or newer is needed.\nhint: The packages bring one: ${own} ${fileURLToPath(import.meta.url)}\n`,
  );
  process.exit(2);
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

process.exitCode = await runCommandLine(process.argv.slice(2), terminal, composition, version());

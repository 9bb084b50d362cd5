#!/usr/bin/env node
/**
 * The program. A composition root: it alone imports the daemon, and only when a command needs it. `--help` loads commander and
 * the tree of commands, nothing else.
 */
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Composition } from './context.ts';
import { runCommandLine } from './program.ts';
import { processTerminal } from './terminal.ts';

// Compiled code is kept beside the program, where only its owner writes, not in the shared temporary directory.
enableCompileCache?.(fileURLToPath(new URL('../../.compile-cache', import.meta.url)));

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
  runConsole: async (options) => {
    const { openConsole } = await import('../open.ts');
    return openConsole(options);
  },
};

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

process.exitCode = await runCommandLine(process.argv.slice(2), terminal, composition, version());

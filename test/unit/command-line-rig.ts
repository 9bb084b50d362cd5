/** The command line in this process: a terminal in memory, and hosts with real sockets whose scenarios are made up. */

import { ScriptFolder } from '../../daemon/store/script-folder.ts';
import { Fault } from '../../shared/faults.ts';
import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import type { Composition } from '../../tui/cli/context.ts';
import { runCommandLine } from '../../tui/cli/program.ts';
import type { Terminal } from '../../tui/cli/terminal.ts';

export interface MemoryTerminal extends Terminal {
  stdout: string;
  stderr: string;
  readonly questions: string[];
  readonly written: Record<string, string>;
  interrupt(): void;
}

export interface TerminalOptions {
  readonly interactive?: boolean;
  readonly redraws?: boolean;
  readonly files?: Record<string, string>;
  readonly answers?: string[];
  readonly environment?: Record<string, string>;
}

export function memoryTerminal(options: TerminalOptions = {}): MemoryTerminal {
  const answers = [...(options.answers ?? [])];
  const interrupts = new Set<() => void>();
  const terminal: MemoryTerminal = {
    stdout: '',
    stderr: '',
    questions: [],
    written: {},
    interactive: options.interactive ?? false,
    redraws: options.redraws ?? false,
    columns: 100,
    environment: options.environment ?? {},
    out: (text) => {
      terminal.stdout += text;
    },
    err: (text) => {
      terminal.stderr += text;
    },
    ask: async (question) => {
      terminal.questions.push(question);
      return answers.shift() ?? '';
    },
    readText: (path) => {
      const text = options.files?.[path];
      if (text === undefined) throw new Fault('FS-NOT-FOUND', { path });
      return text;
    },
    writeText: (path, text) => {
      terminal.written[path] = text;
    },
    wallNow: () => Date.now(),
    monotonicNow: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    onInterrupt: (handler) => {
      interrupts.add(handler);
      return () => interrupts.delete(handler);
    },
    interrupt: () => {
      for (const handler of [...interrupts]) handler();
    },
  };
  return terminal;
}

export const composition: Composition = {
  program: '/opt/mainstay/dist/tui/cli/mainstay.js',
  runDaemon: async () => 0,
  discoverOffline: async (application, text, file) => ({
    application,
    sites: [],
    applicationPools: [{ name: `${file}: ${text.length}` }],
    findings: [],
  }),
  openScripts: async (data) => new ScriptFolder(data),
  runConsole: async () => 0,
};

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: MemoryTerminal;
  readonly json: () => Record<string, unknown>;
}

export async function run(args: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  const terminal = memoryTerminal(options);
  const exit = await runCommandLine(args, terminal, composition, '1.2.3');
  const { stdout, stderr } = terminal;
  return { exit, stdout, stderr, terminal, json: () => JSON.parse(stdout) as Record<string, unknown> };
}

export function hostStatus(name: string, more: Partial<HostStatus> = {}): HostStatus {
  return {
    name,
    role: 'standby',
    health: 'alive',
    gate: 'none',
    position: { generation: 'ab'.repeat(16), seq: 7 },
    lagMs: 0,
    exposureMs: 0,
    exposureBytes: 0,
    spoolBytes: 0,
    ...more,
  };
}

export function scenarioStatus(name: string, more: Partial<ScenarioStatus> = {}): ScenarioStatus {
  return {
    id: `id-${name}`,
    name,
    serverType: 'nginx',
    state: 'protected',
    since: 1_700_000_000_000,
    running: true,
    epoch: 1,
    active: 'alpha',
    hosts: [
      hostStatus('alpha', { role: 'active' }),
      hostStatus('beta', { lagMs: 200, exposureMs: 100, exposureBytes: 10 }),
    ],
    statistics: {
      synchronizedFiles: 50_000,
      synchronizedBytes: 1_230_000_000,
      replicatedChanges: 12,
      replicatedBytes: 3456,
      bytesPerSecond: 1000,
      changesPerSecond: 3,
    },
    reportedBy: 'alpha',
    revision: 1,
    ...more,
  };
}

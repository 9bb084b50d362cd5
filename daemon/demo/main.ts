/**
 * `npm start`: an embedded pair of engines, three sample sites served over HTTP from both sides, a visible stream of changes,
 * and the console. `--headless --seconds N` runs without a terminal and ends with one JSON line on stdout.
 * Everything lies under `.demo/` and is removed by `npm run clean`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ChangeStream, startChanges } from './changes.ts';
import { compareTrees } from './compare.ts';
import {
  type DemoEngine,
  type DemoPaths,
  MASTER,
  mainstay,
  pairAndCreate,
  programArguments,
  REPLICA,
  SCENARIO,
  startEngine,
} from './pair.ts';
import { serveSites, writeSites } from './sites.ts';

const ENGINE_STOP_MS = 10_000;

function say(text: string): void {
  process.stderr.write(`demo: ${text}\n`);
}

/** The value below which the given share of the sorted values lies; undefined without values. */
function percentile(sorted: readonly number[], share: number): number | undefined {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? undefined : Math.round(value * 10) / 10;
}

class Demo {
  readonly paths: DemoPaths;
  private readonly engines: DemoEngine[] = [];
  private readonly servers: Server[] = [];
  private changes: ChangeStream | undefined;

  constructor(top: string) {
    this.paths = {
      top,
      masterRoot: join(top, 'sites', MASTER),
      replicaRoot: join(top, 'sites', REPLICA),
      profile: join(top, 'profile.json'),
    };
  }

  async start(): Promise<{ files: number; bytes: number }> {
    rmSync(this.paths.top, { recursive: true, force: true });
    for (const directory of [this.paths.masterRoot, this.paths.replicaRoot]) mkdirSync(directory, { recursive: true });
    const written = writeSites(this.paths.masterRoot);
    say(`wrote ${written.files} files of three sample sites`);
    const [master, replica] = await Promise.all([startEngine(this.paths, MASTER), startEngine(this.paths, REPLICA)]);
    this.engines.push(master, replica);
    say(`engines ready: ${MASTER} on ${master.address}, ${REPLICA} on ${replica.address}`);
    await pairAndCreate(this.paths, master, replica);
    await this.command('run', SCENARIO, '--yes', '--acknowledge-warnings', '--wait');
    say(`scenario ${SCENARIO} is protected`);
    for (const root of [this.paths.masterRoot, this.paths.replicaRoot]) {
      const { server, url } = await serveSites(root);
      this.servers.push(server);
      say(`sites of ${root === this.paths.masterRoot ? MASTER : REPLICA}: ${url}shop/`);
    }
    this.changes = startChanges(this.paths.masterRoot, this.paths.replicaRoot);
    return written;
  }

  command(...args: string[]): Promise<string> {
    return mainstay(...args, '--data', join(this.paths.top, MASTER));
  }

  /** Stops the changes, waits until all are applied, compares both sides without the product's help. */
  async result(synchronized: { files: number; bytes: number }): Promise<Record<string, unknown>> {
    const changes = this.changes!;
    await changes.stop();
    await this.command('barrier', SCENARIO, '--timeout', '60');
    const comparison = compareTrees(this.paths.masterRoot, this.paths.replicaRoot);
    for (const difference of comparison.differences.slice(0, 20)) say(`differs: ${JSON.stringify(difference)}`);
    const sorted = [...changes.latenciesMs].sort((a, b) => a - b);
    return {
      synchronizedFiles: synchronized.files,
      synchronizedBytes: synchronized.bytes,
      files: comparison.files,
      bytes: comparison.bytes,
      changes: changes.changes,
      probes: sorted.length,
      missedProbes: changes.missed,
      p50Ms: percentile(sorted, 0.5),
      p95Ms: percentile(sorted, 0.95),
      identical: comparison.differences.length === 0 && changes.missed === 0,
    };
  }

  async stop(): Promise<void> {
    await this.changes?.stop();
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    await Promise.all(this.engines.map(stopEngine));
  }
}

/** SIGTERM, then SIGKILL when it does not end in time. */
async function stopEngine(engine: DemoEngine): Promise<void> {
  const child = engine.process;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), ENGINE_STOP_MS);
  await ended;
  clearTimeout(killer);
}

/** The console in this terminal; resolves with its exit code when the administrator quits. */
function runConsole(profile: string): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, programArguments('--profile', profile), { stdio: 'inherit' });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function headless(demo: Demo, seconds: number): Promise<number> {
  const synchronized = await demo.start();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const result = await demo.result(synchronized);
  await demo.stop();
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.identical === true ? 0 : 1;
}

async function interactive(demo: Demo): Promise<number> {
  await demo.start();
  const code = await runConsole(demo.paths.profile);
  await demo.stop();
  return code;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      headless: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '20' },
      directory: { type: 'string' },
    },
  });
  const seconds = Number(values.seconds);
  if (!Number.isFinite(seconds) || seconds < 1 || seconds > 86_400)
    throw new Error('--seconds takes a number from 1 to 86400');
  const demo = new Demo(values.directory ?? fileURLToPath(new URL('../../../.demo', import.meta.url)));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void demo.stop().then(() => process.exit(1)));
  try {
    if (values.headless) return await headless(demo, seconds);
    if (!process.stdout.isTTY) throw new Error('no terminal: use `npm start -- --headless --seconds 20`');
    return await interactive(demo);
  } finally {
    await demo.stop();
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);

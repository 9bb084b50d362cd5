/**
 * Configuration that the test wrapper hands to ava (`--config`): which files to run, and an observer that appends ava's counters
 * to a file after every change. So the counts survive even when ava itself is killed.
 */
import { appendFileSync } from 'node:fs';

interface RunEvent {
  readonly type: string;
  readonly stats?: { readonly byFile?: unknown } & Readonly<Record<string, unknown>>;
}

interface Settings {
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly quietMs: number;
  readonly statsFile: string;
}

async function observe(events: AsyncIterable<RunEvent>, statsFile: string): Promise<void> {
  for await (const event of events) {
    if (event.type === 'stats' && event.stats !== undefined) {
      const { byFile: _, ...counters } = event.stats;
      appendFileSync(statsFile, `${JSON.stringify(counters)}\n`);
    }
  }
}

function configure(): Record<string, unknown> {
  const settings = JSON.parse(process.env.MAINSTAY_AVA_SETTINGS ?? '{}') as Settings;
  return {
    files: settings.files,
    concurrency: settings.concurrency,
    timeout: `${settings.quietMs}ms`,
    workerThreads: false,
    failFast: false,
    utilizeParallelBuilds: false,
    nodeArguments: ['--disable-warning=ExperimentalWarning'],
    nonSemVerExperiments: { observeRunsFromConfig: true },
    observeRun: ({ events }: { events: AsyncIterable<RunEvent> }) => {
      void observe(events, settings.statsFile);
    },
  };
}

// ava reads the default export of a configuration file.
export default configure;

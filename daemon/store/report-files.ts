/**
 * Reports as files: `<folder>/<id>.json`. Each begins with its summary, so that a list needs only the first bytes of each;
 * the oldest of a scenario are removed beyond a number or an age.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import type { Report, ReportSummary } from '../../shared/report.ts';
import { Ageing } from '../ageing.ts';
import type { Clock } from '../ports.ts';
import type { ReportStore } from '../report/service.ts';

export interface ReportFilesOptions {
  readonly folder: string;
  /** Reports kept of each scenario; a detailed one with 100,000 files has about 10 MB. */
  readonly keepCount: number;
  /** Milliseconds; 0: whatever their age. */
  readonly keepMs: number;
  readonly clock: Pick<Clock, 'wallMs' | 'bootMs'>;
}

const REPORT_ID = /^[0-9]{8}T[0-9]{6}-[a-z-]+-[0-9a-f]{8}$/;
/** A summary has at most two names and an id. */
const HEAD_BYTES = 8 * 1024;
/** Between summary and report; it cannot be within a JSON string. */
const BETWEEN = ',"report":';

/** Throws what keeps the folder from being used. */
export function openReportFiles(options: ReportFilesOptions): ReportStore {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const probe = join(options.folder, '.probe');
  closeSync(openSync(probe, 'w', 0o600));
  rmSync(probe);
  return new ReportFiles(options);
}

/** A folder that cannot be used must not keep the daemon from protecting data: then the `fallback` is used. */
export function openReportFolder(
  options: ReportFilesOptions & {
    readonly fallback: string;
    readonly onUnusable: (details: { path: string; reason: string; instead: string }) => void;
  },
): ReportStore {
  const { folder, fallback, onUnusable } = options;
  try {
    return openReportFiles(options);
  } catch (error) {
    if (folder === fallback) throw error;
    onUnusable({ path: folder, reason: Fault.from(error).message, instead: fallback });
    return openReportFiles({ ...options, folder: fallback });
  }
}

class ReportFiles implements ReportStore {
  readonly #options: ReportFilesOptions;
  readonly #ageing: Ageing;
  /** Summaries of what was read once: the files never change; undefined: damaged. */
  readonly #known = new Map<string, ReportSummary | undefined>();

  constructor(options: ReportFilesOptions) {
    this.#options = options;
    this.#ageing = new Ageing(options.clock);
  }

  save(report: Report): void {
    const path = this.#path(report.id);
    const temporary = `${path}.tmp`;
    const descriptor = openSync(temporary, 'w', 0o600);
    try {
      writeSync(descriptor, `{"summary":${JSON.stringify(summaryOf(report))}${BETWEEN}${JSON.stringify(report)}}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    this.#known.set(report.id, summaryOf(report));
    this.#removeOld();
  }

  #removeOld(): void {
    const { keepCount, keepMs } = this.#options;
    const oldestAt = () => this.list().reduce((oldest, { at }) => Math.min(oldest, at), Number.POSITIVE_INFINITY);
    const oldest = keepMs === 0 ? Number.NEGATIVE_INFINITY : this.#ageing.before(keepMs, oldestAt);
    const counts = new Map<string, number>();
    for (const { id, scenario, at } of this.list()) {
      const count = (counts.get(scenario) ?? 0) + 1;
      counts.set(scenario, count);
      if (count <= keepCount && at >= oldest) continue;
      rmSync(this.#path(id), { force: true });
      this.#known.delete(id);
    }
  }

  list(): ReportSummary[] {
    return this.#ids().flatMap((id) => {
      if (!this.#known.has(id)) this.#known.set(id, this.#readSummary(id));
      const summary = this.#known.get(id);
      return summary === undefined ? [] : [summary];
    });
  }

  #readSummary(id: string): ReportSummary | undefined {
    const head = Buffer.alloc(HEAD_BYTES);
    try {
      const descriptor = openSync(this.#path(id), 'r');
      try {
        const text = head.toString('utf8', 0, readSync(descriptor, head, 0, HEAD_BYTES, 0));
        const end = text.indexOf(BETWEEN);
        if (end < 0) return undefined;
        return summaryOf((JSON.parse(`${text.slice(0, end)}}`) as { summary: ReportSummary }).summary);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      return undefined;
    }
  }

  load(id: string): Report | undefined {
    // The id comes from a console and must never become another path.
    if (!REPORT_ID.test(id)) return undefined;
    try {
      return (JSON.parse(readFileSync(this.#path(id), 'utf8')) as { report?: Report }).report;
    } catch {
      return undefined;
    }
  }

  /** Newest first: ids begin with their time. */
  #ids(): string[] {
    return readdirSync(this.#options.folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -5))
      .filter((id) => REPORT_ID.test(id))
      .sort()
      .reverse();
  }

  #path(id: string): string {
    return join(this.#options.folder, `${id}.json`);
  }
}

function summaryOf({ id, kind, scenario, at, host, ok }: ReportSummary): ReportSummary {
  return { id, kind, scenario, at, host, ok };
}

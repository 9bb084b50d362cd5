/** Reports as files: `DATA/reports/<id>.json`, the oldest removed beyond a limit. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Report, ReportSummary } from '../../shared/report.ts';
import type { ReportStore } from '../report/service.ts';

/** Reports kept; a detailed one with 100,000 files has about 10 MB. */
const REPORT_LIMIT = 500;
const REPORT_ID = /^[0-9]{8}T[0-9]{6}-[a-z-]+-[0-9a-f]{8}$/;

export function openReportFiles(dataDirectory: string, limit = REPORT_LIMIT): ReportStore {
  const folder = join(dataDirectory, 'reports');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return new ReportFiles(folder, limit);
}

class ReportFiles implements ReportStore {
  readonly #folder: string;
  readonly #limit: number;
  /** Summaries of what was read once: the files never change. */
  readonly #known = new Map<string, ReportSummary>();

  constructor(folder: string, limit: number) {
    this.#folder = folder;
    this.#limit = limit;
  }

  save(report: Report): void {
    const path = this.#path(report.id);
    const temporary = `${path}.tmp`;
    const descriptor = openSync(temporary, 'w', 0o600);
    try {
      writeSync(descriptor, JSON.stringify(report));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    this.#known.set(report.id, summaryOf(report));
    for (const id of this.#ids().slice(this.#limit)) {
      rmSync(this.#path(id), { force: true });
      this.#known.delete(id);
    }
  }

  list(): ReportSummary[] {
    return this.#ids().flatMap((id) => {
      const known = this.#known.get(id);
      if (known !== undefined) return [known];
      const report = this.load(id);
      return report === undefined ? [] : [summaryOf(report)];
    });
  }

  load(id: string): Report | undefined {
    // The id comes from a console and must never become another path.
    if (!REPORT_ID.test(id)) return undefined;
    try {
      const report = JSON.parse(readFileSync(this.#path(id), 'utf8')) as Report;
      this.#known.set(id, summaryOf(report));
      return report;
    } catch {
      return undefined;
    }
  }

  /** Newest first: ids begin with their time. */
  #ids(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -5))
      .filter((id) => REPORT_ID.test(id))
      .sort()
      .reverse();
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

function summaryOf(report: ReportSummary): ReportSummary {
  const { id, kind, scenario, at, host, ok } = report;
  return { id, kind, scenario, at, host, ok };
}

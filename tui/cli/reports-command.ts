/** `mainstay reports …`: the Report Center. */
import { Fault } from '../../shared/faults.ts';
import {
  formatMoment,
  REPORT_ENDINGS,
  REPORT_FORMATS,
  REPORT_KINDS,
  type ReportFormat,
  type ReportSummary,
  resultOf,
} from '../../shared/report.ts';
import type { CommandResults } from '../../shared/results.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE } from './options.ts';
import { safe, safeJson, table } from './text.ts';

export async function listReports(context: Context, options: CommonOptions, name?: string): Promise<number> {
  const { up, down } = await context.reachable(options);
  const byId = new Map<string, ReportSummary>();
  for (const client of up) {
    const args = name === undefined ? {} : { scenario: name };
    const { reports } = await ask<CommandResults['reports.list']>(client, 'reports.list', args);
    for (const report of reports) byId.set(report.id, report);
  }
  const reports = [...byId.values()].sort((a, b) => b.at - a.at);
  if (options.json === true) context.json({ reports });
  else {
    const rows = reports.map((report) => [
      report.id,
      REPORT_KINDS[report.kind] ?? report.kind,
      report.scenario,
      report.host,
      formatMoment(report.at),
      resultOf(report),
    ]);
    context.terminal.out(table(['ID', 'TYPE', 'SCENARIO', 'HOST', 'FINISHED', 'RESULT'], rows));
  }
  for (const { client, fault } of down) context.note(`not asked: ${client.host.name}: ${safe(fault.message)}`);
  return DONE;
}

/** Asks the Master: only it knows what was replicated. */
export async function createReport(context: Context, options: CommonOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const { report } = await ask<CommandResults['reports.create']>(client, 'reports.create', { name });
  if (options.json === true) context.json({ report });
  else context.terminal.out(`${safe(report.id)}\n`);
  return DONE;
}

export interface ReportOptions extends CommonOptions {
  readonly detailed?: boolean;
  readonly format?: ReportFormat;
  /** File to write; `-`: standard output. */
  readonly out?: string;
}

export async function showReport(context: Context, options: ReportOptions, id: string): Promise<number> {
  const format = options.format ?? (options.json === true && options.out === undefined ? 'json' : 'text');
  const content = await fetchReport(context, options, id, format);
  if (options.out !== undefined && options.out !== '-') return writeReport(context, options, id, options.out, content);
  if (format === 'json') context.json(JSON.parse(content));
  // HTML, CSV and text come with nothing left that could steer a terminal; a host that lies is made safe here.
  else context.terminal.out(content.split(/\r?\n/).map(safe).join('\n'));
  return DONE;
}

/** Without a file: one named after the report, here. The format follows from the name of the file unless it is given. */
export async function exportReport(
  context: Context,
  options: ReportOptions,
  id: string,
  given?: string,
): Promise<number> {
  if (given !== undefined && options.out !== undefined) {
    throw new Fault('USAGE', { reason: 'name the file once: as argument or with --out' });
  }
  const named = given ?? options.out;
  const format = options.format ?? (named === undefined ? 'html' : formatOf(named));
  if (named === undefined && !/^[A-Za-z0-9-]+$/.test(id)) throw new Fault('REPORT-NOT-FOUND', { id });
  const content = await fetchReport(context, options, id, format);
  if (named === '-') {
    context.terminal.out(content);
    return DONE;
  }
  return writeReport(context, options, id, named ?? `${id}${REPORT_ENDINGS[format]}`, content);
}

function formatOf(file: string): ReportFormat {
  return REPORT_FORMATS.find((format) => file.toLowerCase().endsWith(REPORT_ENDINGS[format])) ?? 'text';
}

function writeReport(context: Context, options: ReportOptions, id: string, file: string, content: string): number {
  context.terminal.writeText(file, content);
  if (options.json === true) context.json({ id, file });
  else context.note(`wrote ${safe(file)}`);
  return DONE;
}

/** The first host that has it answers; the others do not know the id. */
async function fetchReport(
  context: Context,
  options: ReportOptions,
  id: string,
  format: ReportFormat,
): Promise<string> {
  const { up } = await context.reachable(options);
  const detail = options.detailed === true ? 'detailed' : 'summary';
  let refusal: Fault | undefined;
  for (const client of up) {
    try {
      const args = { id, format, detail };
      const { text, report } = await ask<CommandResults['reports.show']>(client, 'reports.show', args);
      return format === 'json' ? `${safeJson(report, 2)}\n` : (text ?? '');
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.exitCode !== 3) throw fault;
      refusal = fault;
    }
  }
  throw refusal!;
}

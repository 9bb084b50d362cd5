/** `mainstay reports …`: the Report Center. */
import { Fault } from '../../shared/faults.ts';
import { formatMoment, REPORT_KINDS, type ReportSummary } from '../../shared/report.ts';
import type { CommandResults } from '../../shared/results.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE } from './options.ts';
import { safe, table } from './text.ts';

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
      report.ok ? 'completed' : 'not completed',
    ]);
    context.terminal.out(table(['ID', 'TYPE', 'SCENARIO', 'HOST', 'FINISHED', 'RESULT'], rows));
  }
  for (const { client, fault } of down) context.note(`not asked: ${client.host.name}: ${safe(fault.message)}`);
  return DONE;
}

type ReportFormat = 'text' | 'json' | 'csv';
type ReportOptions = CommonOptions & { readonly detailed?: boolean };

export async function showReport(
  context: Context,
  options: ReportOptions & { readonly format: 'text' | 'csv' },
  id: string,
): Promise<number> {
  const format = options.json === true ? 'json' : options.format;
  const result = await fetchReport(context, options, id, format);
  if (options.json === true) context.json(result.report);
  else context.terminal.out((result.text ?? '').split(/\r?\n/).map(safe).join('\n'));
  return DONE;
}

export async function exportReport(
  context: Context,
  options: ReportOptions & { readonly format: ReportFormat },
  id: string,
  file: string,
): Promise<number> {
  const result = await fetchReport(context, options, id, options.format);
  const text = options.format === 'json' ? `${JSON.stringify(result.report, undefined, 2)}\n` : (result.text ?? '');
  context.terminal.writeText(file, text);
  if (options.json === true) context.json({ id, file });
  else context.note(`wrote ${file}`);
  return DONE;
}

/** The first host that has it answers; the others do not know the id. */
async function fetchReport(
  context: Context,
  options: ReportOptions,
  id: string,
  format: ReportFormat,
): Promise<CommandResults['reports.show']> {
  const { up } = await context.reachable(options);
  const detail = options.detailed === true ? 'detailed' : 'summary';
  let refusal: Fault | undefined;
  for (const client of up) {
    try {
      return await ask<CommandResults['reports.show']>(client, 'reports.show', { id, format, detail });
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.exitCode !== 3) throw fault;
      refusal = fault;
    }
  }
  throw refusal!;
}

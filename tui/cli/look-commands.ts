/** Looking: status, stats, events, reports. */
import type { Command } from 'commander';
import { REPORT_FORMATS } from '../../shared/report.ts';
import type { CommonOptions } from './context.ts';
import { choice, type Register, withAccess } from './options.ts';
import type { ReportOptions } from './reports-command.ts';

const SEVERITIES = ['info', 'warning', 'error', 'critical'];

export function addLookCommands(program: Command, register: Register): void {
  register(
    withAccess(
      program
        .command('status')
        .argument('[name]', 'only this scenario')
        .description('states, roles, epochs, positions, lag, RPO exposure, spool, last verified')
        .option('--watch', 'follow the changes'),
    ),
    async (context, options: CommonOptions & { watch?: boolean }, name?: string) => {
      const { status } = await import('./status-command.ts');
      return status(context, options, name);
    },
  );
  register(
    withAccess(
      program
        .command('stats')
        .argument('<name>', 'the scenario')
        .description('files, bytes and rates while it runs')
        .option('--watch', 'follow the changes'),
    ),
    async (context, options: CommonOptions & { watch?: boolean }, name: string) => {
      const { stats } = await import('./status-command.ts');
      return stats(context, options, name);
    },
  );
  register(
    withAccess(
      program
        .command('events')
        .argument('[name]', 'only this scenario')
        .description('the event stream of the hosts, newest last')
        .option('--follow', 'go on with new events')
        .option('--since <time>', 'from that time on: 2026-11-22T10:00:00Z, or an age such as 2h')
        .option('--limit <count>', 'at most that many old events (default: 200 on a terminal, else 10000)')
        .addOption(choice('--severity <severity>', 'this severity and above', SEVERITIES)),
    ),
    async (context, options: CommonOptions & Record<string, never>, name?: string) => {
      const { events } = await import('./events-command.ts');
      return events(context, options, name);
    },
  );
  addReportCommands(program, register);
}

function addReportCommands(program: Command, register: Register): void {
  const reports = program.command('reports').description('the Report Center');
  const act = () => import('./reports-command.ts');
  register(
    withAccess(reports.command('list', { isDefault: true }).argument('[name]').description('available reports')),
    async (context, options: CommonOptions, name?: string) => (await act()).listReports(context, options, name),
  );
  register(
    withAccess(
      reports
        .command('create')
        .argument('<name>', 'the scenario')
        .description('the Replication Report of everything since the last one'),
    ),
    async (context, options: CommonOptions, name: string) => (await act()).createReport(context, options, name),
  );
  const one = (command: Command) =>
    withAccess(command)
      .addOption(choice('--format <format>', 'how it is written', REPORT_FORMATS))
      .option('--detailed', 'with the list of files, differences or minutes')
      .option('--out <file>', 'write it to that file; -: standard output');
  register(
    one(reports.command('show').argument('<id>').description('one report, as text unless --format says otherwise')),
    async (context, options: ReportOptions, id: string) => (await act()).showReport(context, options, id),
  );
  register(
    one(
      reports
        .command('export')
        .argument('<id>')
        .argument('[file]', 'its ending says the format: .html, .txt, .csv, .json (default: ID.html)')
        .description('write one report to a file'),
    ),
    async (context, options: ReportOptions, id: string, file?: string) =>
      (await act()).exportReport(context, options, id, file),
  );
}

/** Commands about hosts: daemon, service, hosts, doctor, discover, settings. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { DiscoveredSite, Discovery, Finding } from '../../shared/results.ts';
import type { DaemonStatus } from '../../shared/status.ts';
import { ask, type CommonOptions, type Context, type DaemonOptions } from './context.ts';
import { choice, DONE, FOUND, type Register, withAccess, withJson } from './options.ts';
import { safe, table } from './text.ts';

const APPLICATIONS = ['iis', 'nginx', 'apache'] as const;
type Application = (typeof APPLICATIONS)[number];

export function addHostCommands(program: Command, register: Register): void {
  register(
    program
      .command('daemon')
      .description('run the engine of this host in the foreground; prints "ready"; SIGTERM drains and stops it')
      .requiredOption('--data <dir>', 'directory for its state, spools and keys')
      .option('--name <name>', 'name of this host (default: the computer name)')
      .option('--listen <host:port>', 'where it listens')
      .option('--config <file>', 'settings of the host (see `mainstay settings`)'),
    (context, options: DaemonOptions) => context.composition.runDaemon(options),
  );
  register(
    program
      .command('witness')
      .description(
        'run only the arbiter, on a third host: the hosts of a scenario pair with it and name it as their witness',
      )
      .requiredOption('--data <dir>', 'directory for its registers and keys')
      .option('--name <name>', 'name of this host (default: the computer name)')
      .option('--listen <host:port>', 'where it listens')
      .option('--config <file>', 'settings of the host (see `mainstay settings`)'),
    (context, options: DaemonOptions) => context.composition.runDaemon(options),
  );
  register(
    withAccess(program.command('hosts').description('hosts of the profile with version, role, health, data age')),
    hosts,
  );
  register(
    withAccess(program.command('doctor').description('check this host and say what to fix')),
    async (context, options: CommonOptions) => {
      const { doctor } = await import('./doctor.ts');
      return doctor(context, options);
    },
  );
  register(
    withAccess(
      program
        .command('discover')
        .argument('[host]', 'host of the profile')
        .description('find the sites and directories of an application')
        .addOption(choice('--application <application>', 'which one', APPLICATIONS).default('iis'))
        .option('--config <file>', 'read this configuration file instead of asking a host (any platform)'),
    ),
    discover,
  );
  register(
    withJson(
      program
        .command('settings')
        .argument('[key]')
        .description('all settings with defaults and limits, or one in detail')
        .option('--scope <scope>', 'only those of: scenario, master, replica, host'),
    ),
    async (context, options: CommonOptions & { scope?: string }, key?: string) => {
      const { settings } = await import('./settings-command.ts');
      return settings(context, options, key);
    },
  );
  addServiceCommands(program, register);
  register(
    withAccess(
      program
        .command('console')
        .description('open the full-screen console (also: `mainstay` without a command)')
        .option('--readonly', 'look only')
        .option('--ascii', 'no characters beyond ASCII'),
    ),
    (context, options: CommonOptions & { readonly?: boolean; ascii?: boolean }) =>
      context.composition.runConsole(options),
  );
}

interface ServiceOptions extends CommonOptions {
  readonly name?: string;
  readonly listen?: string;
  readonly config?: string;
  readonly dryRun?: boolean;
}

function addServiceCommands(program: Command, register: Register): void {
  const service = program.command('service').description('the engine as a service of the operating system');
  const run = async (context: Context, what: 'install' | 'uninstall' | 'status', options: ServiceOptions) => {
    const { service: act } = await import('./service-command.ts');
    return act(context, what, options);
  };
  register(
    withJson(service.command('install').description('install and start it (systemd unit; start-up task on Windows)'))
      .option('--data <dir>', 'directory for its state, spools and keys')
      .option('--name <name>', 'name of this host')
      .option('--listen <host:port>', 'where it listens')
      .option('--config <file>', 'settings of the host')
      .option('--dry-run', 'only show what would be written and run'),
    (context, options: ServiceOptions) => run(context, 'install', options),
  );
  register(
    withJson(service.command('uninstall').description('stop and remove it; data stays')).option(
      '--dry-run',
      'only show what would be run',
    ),
    (context, options: ServiceOptions) => run(context, 'uninstall', options),
  );
  register(
    withJson(service.command('status').description('whether it is installed and runs')),
    (context, options: ServiceOptions) => run(context, 'status', options),
  );
}

interface HostRow {
  readonly name: string;
  readonly address: string;
  readonly deviceId: string;
  readonly reachable: boolean;
  readonly role?: string;
  readonly daemon?: DaemonStatus;
  readonly scenarios?: number;
  readonly fault?: ReturnType<Fault['toDocument']>;
}

async function hosts(context: Context, options: CommonOptions): Promise<number> {
  const clients = await context.clients(options);
  const rows = await Promise.all(
    clients.map(async (client): Promise<HostRow> => {
      const { name, address, deviceId } = client.host;
      try {
        const { role } = await client.open();
        const { daemon, scenarios } = await context.snapshot(client);
        return { name, address, deviceId, reachable: true, role, daemon, scenarios: scenarios.length };
      } catch (error) {
        return { name, address, deviceId, reachable: false, fault: Fault.from(error).toDocument() };
      }
    }),
  );
  if (options.json === true) context.json({ hosts: rows });
  else {
    const lines = rows.map((row) => [
      row.daemon?.name ?? row.name,
      row.address,
      row.reachable ? 'alive' : `unreachable: ${row.fault?.text ?? ''}`,
      row.daemon?.version ?? '',
      row.daemon?.platform ?? '',
      row.role ?? '',
      row.scenarios === undefined ? '' : String(row.scenarios),
    ]);
    const headings = ['HOST', 'ADDRESS', 'HEALTH', 'VERSION', 'PLATFORM', 'YOUR ROLE', 'SCENARIOS'];
    context.terminal.out(table(headings, lines, [6]));
  }
  return rows.some((row) => row.reachable) ? DONE : 5;
}

interface DiscoverOptions extends CommonOptions {
  readonly application: Application;
  readonly config?: string;
}

async function discover(context: Context, options: DiscoverOptions, host?: string): Promise<number> {
  const found = await discovery(context, options, host);
  if (options.json === true) context.json(found);
  else showDiscovery(context, found);
  const problems: readonly Pick<Finding, 'severity'>[] = found.findings;
  return problems.some((finding) => finding.severity !== 'info') ? FOUND : DONE;
}

async function discovery(context: Context, options: DiscoverOptions, host?: string): Promise<Discovery> {
  if (options.config !== undefined) {
    const text = context.terminal.readText(options.config);
    return context.composition.discoverOffline(options.application, text, options.config);
  }
  const client = await context.oneClient(host === undefined ? options : { ...options, host });
  return ask<Discovery>(client, 'application.discover', { application: options.application });
}

const SHOWN_BINDINGS = 2;

function bindingsText(bindings: DiscoveredSite['bindings']): string {
  const shown = bindings.slice(0, SHOWN_BINDINGS).map((at) => `${at.protocol}://${at.host || at.address}:${at.port}`);
  const more = bindings.length - shown.length;
  return [...shown, ...(more > 0 ? [`+${more}`] : [])].join(' ');
}

function showDiscovery(context: Context, found: Discovery): void {
  const rows = found.sites.flatMap((site) =>
    site.applications.flatMap((application) =>
      application.virtualDirectories.map((directory) => [
        site.name,
        bindingsText(site.bindings),
        `${application.path}${directory.path}`.replace(/\/+/g, '/').replace(/(?<=.)\/$/, ''),
        directory.physicalPath,
      ]),
    ),
  );
  context.terminal.out(table(['SITE', 'BINDINGS', 'PATH', 'DIRECTORY'], rows));
  if (found.roots !== undefined && found.roots.length > 0) {
    context.terminal.out(`\nproposed roots:\n${found.roots.map((root) => `  ${safe(root)}\n`).join('')}`);
  }
  for (const finding of found.findings) {
    context.note(`${finding.severity}: ${finding.code}: ${safe(finding.text)} (${safe(finding.where)})`);
    if (finding.fix !== '') context.note(`  fix: ${safe(finding.fix)}`);
  }
}

/** `mainstay service install / uninstall / status`. */
import {
  SERVICE_NAME,
  type ServiceDescription,
  SYSTEMD_UNIT_PATH,
  systemdUnit,
  windowsTask,
} from '../../config/service-unit.ts';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults, Finding } from '../../shared/results.ts';
import { adoptedOnDisk } from './adopted.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE } from './options.ts';
import { type ServiceHost, serviceHost } from './service-host.ts';
import { safe } from './text.ts';

export interface ServiceOptions extends CommonOptions {
  readonly name?: string;
  readonly listen?: string;
  readonly config?: string;
  readonly dryRun?: boolean;
}

/** Exit code of `status` when it is not installed or does not run, as systemctl has it. */
const NOT_RUNNING = 3;

/** One step: a file to write or remove, or a program to run. `mayFail`: going on makes sense. */
type Step =
  | { readonly write: string; readonly text: string; readonly utf16?: boolean }
  | { readonly remove: string }
  | { readonly run: readonly [string, ...string[]]; readonly mayFail?: boolean };

export async function service(
  context: Context,
  what: 'install' | 'uninstall' | 'status',
  options: ServiceOptions,
  host: ServiceHost = serviceHost(),
): Promise<number> {
  if (host.system === 'none' && options.dryRun !== true) {
    throw new Fault('FS-UNSUPPORTED', { what: 'A service manager other than systemd', path: '/run/systemd/system' });
  }
  if (what === 'status') return showStatus(context, options, host);
  const steps = what === 'install' ? installSteps(context, options, host) : uninstallSteps(host);
  if (options.dryRun === true) {
    if (what === 'uninstall') context.terminal.out('ask the engine to make addresses that it took over permanent\n');
    for (const step of steps) context.terminal.out(describe(step));
    return DONE;
  }
  if (what === 'uninstall') await leave(context, host);
  for (const step of steps) take(step, host);
  if (options.json === true) context.json({ service: SERVICE_NAME, done: what });
  else context.terminal.out(what === 'install' ? 'installed and started\n' : 'stopped and removed; the data stays\n');
  return DONE;
}

function installSteps(context: Context, options: ServiceOptions, host: ServiceHost): Step[] {
  const description: ServiceDescription = {
    node: host.node,
    program: context.composition.program,
    data: host.absolute(options.data ?? host.defaultData),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.listen === undefined ? {} : { listen: options.listen }),
    ...(options.config === undefined ? {} : { config: host.absolute(options.config) }),
  };
  if (host.system === 'windows') {
    const task = `${description.data}\\service.xml`;
    return [
      { write: task, text: windowsTask(description), utf16: true },
      { run: ['schtasks.exe', '/Create', '/F', '/TN', SERVICE_NAME, '/XML', task] },
      { run: ['schtasks.exe', '/Run', '/TN', SERVICE_NAME] },
    ];
  }
  return [
    { write: SYSTEMD_UNIT_PATH, text: systemdUnit(description) },
    { run: ['systemctl', 'daemon-reload'] },
    { run: ['systemctl', 'enable', SERVICE_NAME] },
    // restart, not start: a changed unit takes effect on an engine that runs already.
    { run: ['systemctl', 'restart', SERVICE_NAME] },
  ];
}

function uninstallSteps(host: ServiceHost): Step[] {
  if (host.system === 'windows') {
    return [
      { run: ['schtasks.exe', '/End', '/TN', SERVICE_NAME], mayFail: true },
      { run: ['schtasks.exe', '/Delete', '/F', '/TN', SERVICE_NAME] },
    ];
  }
  return [
    { run: ['systemctl', 'disable', '--now', SERVICE_NAME], mayFail: true },
    { remove: SYSTEMD_UNIT_PATH },
    { run: ['systemctl', 'daemon-reload'] },
  ];
}

/** What the engine holds for the system has to stay when it goes; one that does not answer has left it in its data directory. */
async function leave(context: Context, host: ServiceHost): Promise<void> {
  const unit = host.system === 'systemd' ? host.read(SYSTEMD_UNIT_PATH) : undefined;
  const named = /--data (?:"([^"]+)"|(\S+))/.exec(unit ?? '');
  const data = named?.[1] ?? named?.[2] ?? host.defaultData;
  let findings: readonly Finding[];
  try {
    const client = await context.oneClient({ data });
    findings = (await ask<CommandResults['daemon.leave']>(client, 'daemon.leave', {})).findings;
  } catch {
    findings = adoptedOnDisk(data);
  }
  for (const { text, fix } of findings) context.note(`${safe(text)}\n  ${safe(fix)}`);
}

function take(step: Step, host: ServiceHost): void {
  if ('write' in step) host.write(step.write, step.text, step.utf16 === true);
  else if ('remove' in step) host.remove(step.remove);
  else {
    const [program, ...args] = step.run;
    const { exit, output } = host.run(program, args);
    if (exit !== 0 && step.mayFail !== true) {
      throw new Fault('FS-UNSUPPORTED', {
        what: `"${step.run.join(' ')}" failed`,
        path: output === '' ? `exit ${exit}` : output,
      });
    }
  }
}

function describe(step: Step): string {
  if ('write' in step) return `write ${step.write}:\n${step.text.replace(/^/gm, '  ').trimEnd()}\n`;
  return 'remove' in step ? `remove ${step.remove}\n` : `run ${step.run.join(' ')}\n`;
}

function showStatus(context: Context, options: ServiceOptions, host: ServiceHost): number {
  const query: [string, string[]] =
    host.system === 'windows'
      ? ['schtasks.exe', ['/Query', '/TN', SERVICE_NAME, '/FO', 'LIST']]
      : ['systemctl', ['is-active', SERVICE_NAME]];
  const { exit, output } = host.run(...query);
  const installed = host.system === 'windows' ? exit === 0 : host.read(SYSTEMD_UNIT_PATH) !== undefined;
  const running = host.system === 'windows' ? /Running/i.test(output) : exit === 0;
  if (options.json === true) context.json({ service: SERVICE_NAME, installed, running, detail: output });
  else
    context.terminal.out(
      `${installed ? 'installed' : 'not installed'}, ${running ? 'running' : 'not running'} (${safe(output)})\n`,
    );
  return running ? DONE : NOT_RUNNING;
}

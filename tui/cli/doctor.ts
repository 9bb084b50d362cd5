/** `mainstay doctor`: what this side can see, and what the engines say of themselves. */
import { Fault } from '../../shared/faults.ts';
import type { CommandResults, Finding } from '../../shared/results.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { DaemonClient } from '../client.ts';
import { adoptedOnDisk } from './adopted.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { guidanceFindings } from './guidance-text.ts';
import { DONE, FOUND } from './options.ts';
import { safe } from './text.ts';

const OLDEST_NODE = [22, 20] as const;

export async function doctor(context: Context, options: CommonOptions): Promise<number> {
  const findings: Finding[] = [...nodeFindings(process.versions.node)];
  const clients = await clientsOrFinding(context, options, findings);
  const versions = new Map<string, string>();
  for (const client of clients) findings.push(...(await engineFindings(client, versions)));
  // An engine that does not start cannot say what it owes this host.
  const isSilent = findings.some(
    ({ severity, code }) => severity === 'error' && (code === 'ENGINE' || code === 'PROFILE'),
  );
  if (isSilent && options.data !== undefined) findings.push(...adoptedOnDisk(options.data));
  findings.push(...guidanceFindings(await reportsOf(context, clients)), ...versionFindings(versions));
  if (options.json === true) context.json({ findings });
  else show(context, findings);
  return findings.some((finding) => finding.severity !== 'info') ? FOUND : DONE;
}

async function clientsOrFinding(
  context: Context,
  options: CommonOptions,
  findings: Finding[],
): Promise<readonly DaemonClient[]> {
  try {
    return await context.clients(options);
  } catch (error) {
    findings.push(fromFault('PROFILE', '', Fault.from(error)));
    return [];
  }
}

async function engineFindings(client: DaemonClient, versions: Map<string, string>): Promise<Finding[]> {
  const { name } = client.host;
  try {
    const welcome = await client.open();
    versions.set(name, welcome.daemon.version);
    const { findings } = await ask<CommandResults['daemon.doctor']>(client, 'daemon.doctor', {});
    const text = `engine ${welcome.daemon.version} answers; you are ${welcome.role} there`;
    return [{ severity: 'info', code: 'ENGINE', host: name, text, fix: '' }, ...findings];
  } catch (error) {
    return [fromFault('ENGINE', name, Fault.from(error))];
  }
}

/** Of the hosts that answer; why another one does not is a finding of its own. */
async function reportsOf(context: Context, clients: readonly DaemonClient[]): Promise<readonly ScenarioStatus[]> {
  const told = await Promise.allSettled(clients.map((client) => context.snapshot(client)));
  return told.flatMap((one) => (one.status === 'fulfilled' ? one.value.scenarios : []));
}

function versionFindings(versions: ReadonlyMap<string, string>): Finding[] {
  if (new Set(versions.values()).size < 2) return [];
  const found = [...versions].map(([host, version]) => `${host}: ${version}`).join(', ');
  return [
    {
      severity: 'warning',
      code: 'VERSIONS',
      host: '',
      text: 'the engines have different versions',
      found,
      expected: 'the same version on all hosts',
      fix: 'Upgrade the older engines.',
    },
  ];
}

function nodeFindings(version: string): Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) {
    return [{ severity: 'info', code: 'NODE', host: '', text: `Node ${version}`, fix: '' }];
  }
  return [
    {
      severity: 'error',
      code: 'NODE',
      host: '',
      text: 'this Node is too old',
      found: version,
      expected: `${OLDEST_NODE.join('.')} or newer`,
      fix: 'Run `npm run build` in the product directory and use node_modules/.bin/node.',
    },
  ];
}

function fromFault(code: string, host: string, fault: Fault): Finding {
  return { severity: 'error', code, host, text: `${fault.code}: ${fault.message}`, fix: fault.hint };
}

function show(context: Context, findings: readonly Finding[]): void {
  for (const finding of findings) {
    const place = finding.host === '' ? 'here' : finding.host;
    context.terminal.out(
      `${finding.severity.padEnd(7)} ${safe(place)}  ${safe(finding.code)}: ${safe(finding.text)}\n`,
    );
    if (finding.found !== undefined) context.terminal.out(`        found:    ${safe(finding.found)}\n`);
    if (finding.expected !== undefined) context.terminal.out(`        expected: ${safe(finding.expected)}\n`);
    if (finding.fix !== '') context.terminal.out(`        fix:      ${safe(finding.fix)}\n`);
  }
}

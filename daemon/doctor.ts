/** What `mainstay doctor` says of a host: findings from facts. Pure. */
import type { Finding } from '../shared/results.ts';

export interface DoctorFacts {
  readonly host: string;
  readonly nodeVersion: string;
  readonly data: {
    readonly path: string;
    readonly writable: boolean;
    readonly freeBytes?: number;
    readonly totalBytes?: number;
    /** Permission bits; undefined where there are none. */
    readonly mode?: number;
  };
  /** Where others reach it. */
  readonly address: string;
  readonly loopbackOnly: boolean;
  readonly loopDelayMs: number;
  /** First bad line of the audit log. */
  readonly auditBrokenAt: number | undefined;
  readonly uncleanBefore: boolean;
  /** Running scenarios whose changes are found late, by comparing, and why. */
  readonly degraded: readonly { readonly scenario: string; readonly reason: string }[];
  /** Paired hosts; `problem` when one cannot be reached or refuses us. */
  readonly peers: readonly { readonly name: string; readonly address: string; readonly problem?: string }[];
}

const SPACE_ERROR_BYTES = 100 * 1024 * 1024;
const SPACE_WARNING_BYTES = 1024 * 1024 * 1024;
/** The heartbeats' budget (DESIGN: p99 below 50 ms). */
const LOOP_DELAY_WARNING_MS = 50;

export function diagnose(facts: DoctorFacts): Finding[] {
  return [...nodeFindings(facts), ...dataFindings(facts), ...networkFindings(facts), ...processFindings(facts)].map(
    (finding) => ({ ...finding, host: facts.host }),
  );
}

type Unplaced = Omit<Finding, 'host'>;

function nodeFindings({ nodeVersion }: DoctorFacts): Unplaced[] {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 20)) return [];
  const text = 'The engine runs on a Node that is too old';
  return [
    {
      severity: 'error',
      code: 'NODE-VERSION',
      text,
      found: nodeVersion,
      expected: '22.20 or newer',
      fix: 'Install a newer Node.',
    },
  ];
}

function dataFindings({ data }: DoctorFacts): Unplaced[] {
  const found: Unplaced[] = [];
  if (!data.writable) {
    const text = `The data directory ${data.path} cannot be written`;
    found.push({ severity: 'error', code: 'DATA-WRITE', text, fix: 'Remount it read-write or correct its owner.' });
  }
  const free = data.freeBytes;
  if (free !== undefined && free < SPACE_WARNING_BYTES) {
    found.push({
      severity: free < SPACE_ERROR_BYTES ? 'error' : 'warning',
      code: 'DATA-SPACE',
      text: `Little space for spools and state in ${data.path}`,
      found: `${Math.floor(free / 1024 / 1024)} MiB free`,
      expected: 'at least 1 GiB',
      fix: 'Free space on that volume or move the data directory.',
    });
  }
  if (data.mode !== undefined && (data.mode & 0o077) !== 0) {
    found.push({
      severity: 'warning',
      code: 'DATA-MODE',
      text: `Other accounts can enter the data directory ${data.path}`,
      found: data.mode.toString(8),
      expected: '700',
      fix: `chmod 700 ${data.path}`,
    });
  }
  return found;
}

function networkFindings({ address, loopbackOnly, peers }: DoctorFacts): Unplaced[] {
  const found: Unplaced[] = [];
  if (loopbackOnly) {
    const text = `The engine listens on ${address} only: other machines cannot reach it`;
    const fix = 'Give an address of this host with --listen when the other host is another machine.';
    found.push({ severity: 'info', code: 'LISTEN-LOOPBACK', text, fix });
  }
  for (const peer of peers) {
    if (peer.problem === undefined) continue;
    found.push({
      severity: 'error',
      code: 'PEER-REACH',
      text: `The paired host ${peer.name} does not answer at ${peer.address}`,
      found: peer.problem,
      fix: 'Check that its engine runs, its address and the firewall; pair again when its key changed.',
    });
  }
  return found;
}

function processFindings({ auditBrokenAt, loopDelayMs, uncleanBefore, degraded }: DoctorFacts): Unplaced[] {
  const found: Unplaced[] = [];
  if (auditBrokenAt !== undefined) {
    const text = `The audit log was changed outside Mainstay (line ${auditBrokenAt})`;
    found.push({ severity: 'error', code: 'AUDIT-CHAIN', text, fix: 'Compare audit.jsonl with a backup.' });
  }
  if (loopDelayMs > LOOP_DELAY_WARNING_MS) {
    found.push({
      severity: 'warning',
      code: 'LOOP-DELAY',
      text: 'The engine reacts late; heartbeats may be late too',
      found: `${Math.round(loopDelayMs)} ms`,
      expected: `below ${LOOP_DELAY_WARNING_MS} ms`,
      fix: 'The machine is overloaded or paused at times: look at its processor and memory.',
    });
  }
  for (const { scenario, reason } of degraded) {
    found.push({
      severity: 'warning',
      code: 'CAPTURE-DEGRADED',
      text: `Changes of "${scenario}" are found late, by comparing`,
      found: reason,
      expected: 'every change reported by the system as it happens',
      fix: 'Do what the reason says, or run the engine as root: then it needs no watch for each directory.',
    });
  }
  if (uncleanBefore) {
    const text = 'The engine was not stopped cleanly before this start';
    found.push({
      severity: 'info',
      code: 'UNCLEAN-STOP',
      text,
      fix: 'Nothing: it recovered by itself. See the log for why.',
    });
  }
  return found;
}

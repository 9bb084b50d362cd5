/** Service ports behind an nftables set whose elements time out: the kernel closes them when nobody renews. */
import { Fault } from '../../../shared/faults.ts';
import { runTool } from './tool.ts';

const TIMEOUT_MS = 5_000;
const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Without any of these everybody gets through. */
const GUARDING = ['set open {', 'hook input', 'tcp dport', 'reject with tcp reset', 'udp dport'];

export class NftPortFilter {
  private readonly table: string;
  private readonly ports: readonly number[];

  /** `label`: letters, digits and `_`, one for each scenario. */
  constructor(label: string, ports: readonly number[]) {
    this.table = `mainstay_${label}`;
    this.ports = ports;
  }

  async unavailable(): Promise<string | undefined> {
    if (process.geteuid?.() !== 0) return 'the engine does not run as root';
    const version = await runTool('nft', ['--version'], TIMEOUT_MS);
    if (!version.stdout.startsWith('nftables')) return 'nft is missing (package nftables)';
    const { exitCode } = await runTool('nft', ['list', 'tables'], TIMEOUT_MS);
    return exitCode === 0 ? undefined : 'this kernel has no nf_tables';
  }

  async set(openMs: number): Promise<void> {
    const input = `${rulesOf(this.table, this.ports, openMs).join('\n')}\n`;
    const { exitCode, stderr } = await runTool('nft', ['-f', '-'], TIMEOUT_MS, { input });
    if (exitCode !== 0)
      throw new Fault('REDIRECT-FAILED', {
        method: 'The client gate',
        reason: `nft says: ${stderr.trim() || 'nothing'}`,
      });
  }

  async remainingMs(): Promise<number | undefined> {
    const { exitCode, stdout } = await runTool('nft', ['list', 'table', 'inet', this.table], TIMEOUT_MS);
    // An exit code says nothing of rules that somebody has flushed: what is not read back is not there.
    if (exitCode !== 0 || !GUARDING.every((words) => stdout.includes(words))) return undefined;
    const expiries = [...stdout.matchAll(/expires ([0-9a-z]+)/g)].map((match) => milliseconds(match[1]!));
    return expiries.length === 0 ? 0 : Math.max(...expiries);
  }

  async remove(): Promise<void> {
    await runTool('nft', ['delete', 'table', 'inet', this.table], TIMEOUT_MS);
  }
}

/** One transaction: at no moment is a port open that should be closed, or closed while it is renewed. */
function rulesOf(table: string, ports: readonly number[], openMs: number): string[] {
  const list = ports.join(', ');
  const chain = `inet ${table} input`;
  const elements = ports.map((port) => `${port} timeout ${openMs}ms`).join(', ');
  return [
    `add table inet ${table}`,
    `add set inet ${table} open { type inet_service; flags timeout; }`,
    `add chain ${chain} { type filter hook input priority -10; policy accept; }`,
    `flush chain ${chain}`,
    `add rule ${chain} iif lo accept`,
    `add rule ${chain} th dport @open accept`,
    `add rule ${chain} tcp dport { ${list} } reject with tcp reset`,
    `add rule ${chain} udp dport { ${list} } reject`,
    `flush set inet ${table} open`,
    ...(openMs > 0 ? [`add element inet ${table} open { ${elements} }`] : []),
  ];
}

/** `1m2s345ms` as nft writes it. */
function milliseconds(text: string): number {
  return [...text.matchAll(/(\d+)(ms|[dhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit!] ?? 0),
    0,
  );
}

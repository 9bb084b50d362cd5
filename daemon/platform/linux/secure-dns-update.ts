/** `nsupdate -g`: an update of a zone of Active Directory as the account of this host (its keytab, or a ticket it has). */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { runTool } from './tool.ts';

const TIMEOUT_MS = 15_000;
const KEYTAB = '/etc/krb5.keytab';

export class SecureDnsUpdate {
  private readonly ticketCache: string | undefined;
  private readonly keytab: string;

  /** `ticketCache`: where tickets are kept; without it that of the engine's account. */
  constructor(ticketCache?: string, keytab = KEYTAB) {
    this.ticketCache = ticketCache;
    this.keytab = keytab;
  }

  async unavailable(): Promise<string | undefined> {
    const version = await runTool('nsupdate', ['-V'], TIMEOUT_MS);
    if (version.exitCode === undefined) return 'nsupdate is missing (package bind9-dnsutils)';
    const ticket = await this.ticket();
    return ticket ? undefined : 'there is no Kerberos ticket and no keytab of this host that gives one';
  }

  async update(lines: readonly string[]): Promise<string> {
    await this.ticket();
    const input = `${lines.join('\n')}\n`;
    const { exitCode, stdout, stderr } = await runTool('nsupdate', ['-g', '-t', '5'], TIMEOUT_MS, {
      env: this.environment(),
      input,
    });
    // Its comments begin with a semicolon.
    const said = `${stdout}${stderr}`.replaceAll(/^;\s*/gm, '').trim().replaceAll('\n', '; ');
    return exitCode === 0 ? '' : said || `nsupdate ended with ${exitCode ?? 'its time limit'}`;
  }

  /** Whether there is a ticket that has not expired; gets one by the keytab when there is none. */
  private async ticket(): Promise<boolean> {
    const has = await runTool('klist', ['-s'], TIMEOUT_MS, { env: this.environment() });
    if (has.exitCode === 0) return true;
    if (!existsSync(this.keytab)) return false;
    const account = `${hostname().split('.')[0]!.toUpperCase()}$`;
    await runTool('kinit', ['-k', '-t', this.keytab, account], TIMEOUT_MS, { env: this.environment() });
    return (await runTool('klist', ['-s'], TIMEOUT_MS, { env: this.environment() })).exitCode === 0;
  }

  private environment(): NodeJS.ProcessEnv {
    return { ...process.env, ...(this.ticketCache === undefined ? {} : { KRB5CCNAME: this.ticketCache }) };
  }
}

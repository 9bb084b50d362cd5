/** `nsupdate -g`: an update of a zone of Active Directory as the account of this host (its keytab, or a ticket it has). */
import { KEYTAB, KerberosTicket } from './kerberos-ticket.ts';
import { runTool } from './tool.ts';

const TIMEOUT_MS = 15_000;

export class SecureDnsUpdate {
  private readonly ticket: KerberosTicket;

  /** `ticketCache`: where tickets are kept; without it that of the engine's account. */
  constructor(ticketCache?: string, keytab = KEYTAB) {
    this.ticket = new KerberosTicket(ticketCache, keytab);
  }

  async unavailable(): Promise<string | undefined> {
    const version = await runTool('nsupdate', ['-V'], TIMEOUT_MS);
    if (version.exitCode === undefined) return 'nsupdate is missing (package bind9-dnsutils)';
    const principal = await this.ticket.principal();
    return principal === undefined
      ? 'there is no Kerberos ticket and no keytab of this host that gives one'
      : undefined;
  }

  async update(lines: readonly string[]): Promise<string> {
    await this.ticket.principal();
    const input = `${lines.join('\n')}\n`;
    const { exitCode, stdout, stderr } = await runTool('nsupdate', ['-g', '-t', '5'], TIMEOUT_MS, {
      env: this.ticket.environment(),
      input,
    });
    // Its comments begin with a semicolon.
    const said = `${stdout}${stderr}`.replaceAll(/^;\s*/gm, '').trim().replaceAll('\n', '; ');
    return exitCode === 0 ? '' : said || `nsupdate ended with ${exitCode ?? 'its time limit'}`;
  }
}

/** A Kerberos ticket as the account of this host: the one it has, or one by its keytab. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { runTool } from './tool.ts';

const TIMEOUT_MS = 15_000;
export const KEYTAB = '/etc/krb5.keytab';

export class KerberosTicket {
  private readonly cache: string | undefined;
  private readonly keytab: string;

  /** `cache`: where tickets are kept; without it that of the engine's account. */
  constructor(cache?: string, keytab = KEYTAB) {
    this.cache = cache;
    this.keytab = keytab;
  }

  /** This host belongs to a domain, as far as can be told without asking anybody. */
  get hasKeytab(): boolean {
    return existsSync(this.keytab);
  }

  /** Whose ticket it is, `WEB01$@CORP.TEST`; undefined when there is none and none is given. */
  async principal(): Promise<string | undefined> {
    return (await this.current()) ?? (await this.fetched());
  }

  private async current(): Promise<string | undefined> {
    const options = { env: this.environment() };
    if ((await runTool('klist', ['-s'], TIMEOUT_MS, options)).exitCode !== 0) return undefined;
    const { stdout } = await runTool('klist', [], TIMEOUT_MS, options);
    return /^Default principal: (\S+)/m.exec(stdout)?.[1];
  }

  private async fetched(): Promise<string | undefined> {
    const account = await this.account();
    if (account === undefined) return undefined;
    await runTool('kinit', ['-k', '-t', this.keytab, account], TIMEOUT_MS, { env: this.environment() });
    return await this.current();
  }

  /** Of the computer; a host that was renamed still has the account that its keytab was made for. */
  private async account(): Promise<string | undefined> {
    if (!this.hasKeytab) return undefined;
    const { stdout } = await runTool('klist', ['-k', this.keytab], TIMEOUT_MS);
    const accounts = [...stdout.matchAll(/^\s*\d+\s+([^\s/@]+\$@\S+)$/gm)].map((match) => match[1]!);
    const own = `${hostname().split('.')[0]!}$@`.toUpperCase();
    return accounts.find((account) => account.toUpperCase().startsWith(own)) ?? accounts[0];
  }

  environment(): NodeJS.ProcessEnv {
    return { ...process.env, ...(this.cache === undefined ? {} : { KRB5CCNAME: this.cache }) };
  }
}

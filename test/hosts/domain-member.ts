/**
 * Redirect DNS of a host that is a member of a domain, as a process of its own: commands come as JSON lines, each answered by one
 * line. argv: JSON of MemberOptions. Kerberos is configured by KRB5_CONFIG; the computer is called as its account.
 */
import { SecureDnsUpdate } from '../../daemon/platform/linux/secure-dns-update.ts';
import { SystemClock } from '../../daemon/platform/node/clock.ts';
import { DnsExchange } from '../../daemon/platform/node/dns-exchange.ts';
import { SystemRandom } from '../../daemon/platform/node/random.ts';
import { DnsRedirection, type DnsUpdateMethod } from '../../daemon/redirect/dns.ts';
import { answerLines } from './line-program.ts';

export interface MemberOptions {
  readonly name: string;
  readonly servers: readonly string[];
  readonly ttlSeconds: number;
  readonly addresses: readonly string[];
  readonly method: DnsUpdateMethod;
  readonly ticketCache: string;
  readonly keytab: string;
}

export interface MemberCommand {
  readonly do: 'check' | 'acquire' | 'revert' | 'readBack';
}

const options = JSON.parse(process.argv[2]!) as MemberOptions;
const dns = new DnsRedirection(
  { host: 'here', partial: 'undo', ...options },
  {
    exchange: new DnsExchange(),
    clock: new SystemClock(),
    random: new SystemRandom(),
    secure: new SecureDnsUpdate(options.ticketCache, options.keytab),
  },
);

await answerLines((command: MemberCommand) => {
  if (command.do === 'check') return dns.check();
  if (command.do === 'acquire') return dns.apply('acquire');
  return command.do === 'revert' ? dns.revert() : dns.readBack();
});

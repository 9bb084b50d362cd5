/**
 * Redirect DNS of a host that is a member of a domain, as a process of its own: commands come as JSON lines, each answered by one
 * line. argv: JSON of MemberOptions. Kerberos is configured by KRB5_CONFIG; the computer is called as its account.
 */
import { LdapComputerDirectory } from '../../daemon/platform/linux/computer-directory.ts';
import { SecureDnsUpdate } from '../../daemon/platform/linux/secure-dns-update.ts';
import { SystemClock } from '../../daemon/platform/node/clock.ts';
import { DnsExchange } from '../../daemon/platform/node/dns-exchange.ts';
import { SystemRandom } from '../../daemon/platform/node/random.ts';
import { ComputerNameRedirection, type ComputerNames } from '../../daemon/redirect/computer-name.ts';
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
  /** Of the authority of LDAPS. */
  readonly certificate: string;
}

export interface MemberCommand {
  readonly do: 'check' | 'acquire' | 'revert' | 'readBack' | 'checkName' | 'takeName' | 'giveNameUp' | 'revertName';
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

/** What this computer is called; the name that it takes is that of another one in the directory. */
let names: ComputerNames = { running: 'web02', configured: 'web02' };
const name = new ComputerNameRedirection(
  'here',
  { kind: 'computer-name', activeName: 'web01', standbyName: 'web02', freedAs: 'web01-XO', reboot: false },
  {
    unavailable: async () => undefined,
    read: async () => names,
    set: async (next) => {
      names = next;
    },
  },
  new LdapComputerDirectory(options.ticketCache, options.certificate, options.keytab),
);

await answerLines((command: MemberCommand) => {
  if (command.do === 'checkName') return name.check();
  if (command.do === 'takeName') return name.apply('acquire');
  if (command.do === 'giveNameUp') return name.apply('release');
  if (command.do === 'revertName') return name.revert();
  if (command.do === 'check') return dns.check();
  if (command.do === 'acquire') return dns.apply('acquire');
  return command.do === 'revert' ? dns.revert() : dns.readBack();
});

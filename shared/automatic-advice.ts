/** What to do about each reason why no switchover would start by itself (`AutomaticStatus`). Pure. */
import type { AutomaticCode } from './role.ts';

const ADVICE: Readonly<Record<AutomaticCode, string>> = {
  off: 'leave it so and decide yourself, or stop it and `mainstay scenario set NAME switchover.automatic=on`',
  'no-right':
    'choose an arbiter (`mainstay witness` on a third host, or etcd) or register a fencing script, then set switchover.arbiter',
  'not-running': 'run it (`mainstay run NAME`; console: r)',
  switching: 'wait for its end; the status shows each step',
  'role-unsettled': 'see what to do now, above: Recover Active Server settles it',
  synchronizing: 'wait until it is protected',
  stale: 'run it on the active host: it synchronizes',
  diverged: 'look at the quarantine (`mainstay quarantine NAME`), then run it on the active host',
  lag: 'find out why the copy is behind (link, disk of the standby), or raise switchover.maxLagMs',
  'hold-down': 'see that all is well, then acknowledge the last one (`mainstay ack NAME`)',
  shadow: 'end shadow mode (`mainstay shadow NAME off`)',
  'cut-off': 'mend the network of the standby',
  'arbiter-silent': 'see whether the arbiter runs, and the network between',
  'fencing-unready': 'register the script on the standby (`mainstay script register`) and try it with --check',
  'no-reference': 'mend the network, or name other addresses in isAlive.referenceAddresses',
  'standby-unheard': 'see why the standby does not answer: its engine, the network between',
};

export function adviceOf(code: AutomaticCode, scenario: string): string {
  return ADVICE[code]?.replaceAll('NAME', scenario) ?? '';
}

/**
 * keepalived on two machines of the network rig: the peer of P11 and P12. It moves the production address by VRRP (RFC 5798); the same
 * client as for our engines says how long nobody answered. It replicates nothing: both web servers have the same page.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkFleet, PRODUCTION } from '../hosts/network-fleet.ts';
import type { Machine } from '../hosts/network-machine.ts';
import type { WebClient } from '../hosts/network-watch.ts';
import type { FailoverContestant } from './failover.ts';

/** Of the machine that has the address as long as nothing is wrong, and of the other one. */
const PRIORITIES = { alpha: 150, beta: 100 } as const;
/** Added to the priority by hand: enough to be below the other one. */
const LOWERED = -100;

const WATCH_SECONDS = 900;

type Name = keyof typeof PRIORITIES;

export class KeepalivedPair implements FailoverContestant {
  readonly name: string;
  private readonly fleet: NetworkFleet;
  private readonly folder: string;
  private readonly advertSeconds: number;
  private readonly client: WebClient;

  private constructor(fleet: NetworkFleet, folder: string, advertSeconds: number) {
    this.fleet = fleet;
    this.folder = folder;
    this.advertSeconds = advertSeconds;
    this.name = `keepalived, adverts every ${advertSeconds} s`;
    this.client = fleet.client();
  }

  /** `folder`: for its configuration. `advertSeconds`: down after three that did not come (RFC 5798 6.1). */
  static async start(folder: string, advertSeconds: number): Promise<KeepalivedPair> {
    const fleet = await NetworkFleet.start({ withoutEngines: true, below: folder, watchSeconds: WATCH_SECONDS });
    const pair = new KeepalivedPair(fleet, folder, advertSeconds);
    try {
      for (const machine of fleet.machines) {
        writeFileSync(join(machine.root, 'index.html'), 'the site\n');
        pair.startDaemon(machine.name as Name);
      }
      await pair.client.answeredBy('alpha');
    } catch (error) {
      await pair.stop();
      throw error;
    }
    return pair;
  }

  private at(name: Name, what: string): string {
    return join(this.folder, `keepalived-${this.advertSeconds}-${name}`, what);
  }

  private startDaemon(name: Name): void {
    // Files of process numbers that a power cut left: whoever has such a number now would be taken for keepalived.
    rmSync(this.at(name, ''), { recursive: true, force: true });
    mkdirSync(this.at(name, ''), { recursive: true });
    writeFileSync(this.at(name, 'lowered'), '0\n');
    writeFileSync(this.at(name, 'keepalived.conf'), configuration(name, this.advertSeconds, this.at(name, 'lowered')));
    const files = ['-p', this.at(name, 'pid'), '-r', this.at(name, 'vrrp.pid'), '-c', this.at(name, 'checkers.pid')];
    const options = ['--dont-fork', '--vrrp', '--log-console', '-f', this.at(name, 'keepalived.conf'), ...files];
    const [program, ...args] = [...this.fleet.lan.within(name), 'keepalived', ...options];
    spawn(program!, args, { stdio: 'ignore' });
  }

  /** `alpha` is without power from one moment to the next. */
  async unplanned(): Promise<number> {
    const alpha = this.fleet.machine('alpha');
    const gapMs = await this.client.gapUntil('beta', () => alpha.powerCut());
    await this.bringBack(alpha);
    return gapMs;
  }

  private async bringBack(alpha: Machine): Promise<void> {
    await alpha.powerOn({ engine: false, web: true });
    this.startDaemon('alpha');
    await this.client.answeredBy('alpha');
  }

  async planned(): Promise<number> {
    const lower = (by: number): void => writeFileSync(this.at('alpha', 'lowered'), `${by}\n`);
    const gapMs = await this.client.gapUntil('beta', () => lower(LOWERED));
    lower(0);
    await this.client.answeredBy('alpha');
    return gapMs;
  }

  async stop(): Promise<void> {
    await this.fleet.remove();
  }
}

function configuration(name: Name, advertSeconds: number, lowered: string): string {
  return `global_defs {
  router_id ${name}
  vrrp_version 3
}
track_file lowered {
  file "${lowered}"
  weight 1
}
vrrp_instance web {
  state BACKUP
  interface d0
  virtual_router_id 51
  priority ${PRIORITIES[name]}
  advert_int ${advertSeconds}
  virtual_ipaddress {
    ${PRODUCTION}/24 dev d0
  }
  track_file {
    lowered
  }
}
`;
}

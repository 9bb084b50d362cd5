/** Who moves the production address from the machine `alpha` to the machine `beta`, and back: us, or a peer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkFleet, PRODUCTION } from '../hosts/network-fleet.ts';
import type { Machine } from '../hosts/network-machine.ts';
import type { WebClient } from '../hosts/network-watch.ts';
import { eventually } from '../hosts/rig.ts';

const WATCH_SECONDS = 900;
const RETURN_TIMEOUT_MS = 60_000;

/** Longest gap that a client sees, milliseconds. Afterwards all is as before. */
export interface FailoverContestant {
  readonly name: string;
  /** By an operator, both machines live. */
  planned(): Promise<number>;
  /** `alpha` is without power from one moment to the next. */
  unplanned(): Promise<number>;
  stop(): Promise<void>;
}

/** Our engines, with a client that also writes. */
export class MainstayPair implements FailoverContestant {
  readonly name = 'Mainstay';
  private readonly fleet: NetworkFleet;
  private readonly client: WebClient;

  private constructor(fleet: NetworkFleet) {
    this.fleet = fleet;
    this.client = fleet.client({ writeEveryMs: 20 });
  }

  /** `folder`: where all of it lies. `detection`: settings of an automatic switchover, with a witness on a third machine. */
  static async start(folder: string, detection?: Readonly<Record<string, number>>): Promise<MainstayPair> {
    const names = ['alpha', 'beta', ...(detection === undefined ? [] : ['gamma'])];
    const fleet = await NetworkFleet.start({ below: folder, names, watchSeconds: WATCH_SECONDS });
    const pair = new MainstayPair(fleet);
    try {
      writeFileSync(join(fleet.master.root, 'index.html'), 'the site\n');
      await fleet.createScenario({
        'redirect.moveIp': true,
        'redirect.moveIpAddresses': [`${PRODUCTION}/24`],
        'switchover.reverseAutomatic': true,
        'switchover.returnPolicy': 'resynchronize',
        ...(detection === undefined ? {} : { 'switchover.automatic': true, ...detection, ...(await fleet.witness()) }),
      });
      await fleet.run();
      await pair.client.answeredBy('alpha');
    } catch (error) {
      await pair.stop();
      throw error;
    }
    return pair;
  }

  /** There and back: both count, the longer one. */
  async planned(): Promise<number> {
    const { master, replica } = this.fleet;
    return Math.max(await this.switchOver(master, replica), await this.switchOver(replica, master));
  }

  private async switchOver(from: Machine, to: Machine): Promise<number> {
    await from.engine.must('wait', 'web', '--state', 'protected', '--timeout', '60');
    return await this.client.gapUntil(to.name, async () => {
      await from.engine.must('switchover', 'web', '--yes', '--wait', '--json');
    });
  }

  async unplanned(): Promise<number> {
    const { master, replica } = this.fleet;
    await eventually('the standby heard the Master', RETURN_TIMEOUT_MS, async () =>
      (await replica.engine.status('web'))?.roles?.peer === undefined ? undefined : true,
    );
    const gapMs = await this.client.gapUntil(replica.name, () => master.powerCut());
    await master.powerOn();
    await eventually('it came back as standby', RETURN_TIMEOUT_MS, async () =>
      (await master.engine.status('web'))?.roles?.role === 'standby' ? true : undefined,
    );
    await replica.engine.must('ack', 'web', '--json');
    await this.switchOver(replica, master);
    return gapMs;
  }

  /** How many acknowledged writes the active host lacks; ends the client. */
  async lostWrites(): Promise<{ readonly acknowledged: number; readonly lost: number }> {
    await this.client.rest();
    const { acknowledged, missing } = await this.client.missingWrites(this.fleet.master.root);
    return { acknowledged, lost: missing.length };
  }

  async stop(): Promise<void> {
    await this.fleet.remove();
  }
}

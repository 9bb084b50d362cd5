/**
 * What the Master tells the Replicas of one scenario over their control connections: prepare, stop. A Replica that cannot
 * be told now is told later; one that does not take the link is prepared again (it may have lost what it knew).
 */
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { Timer } from '../ports.ts';
import { type StoredScenario, storedIn, type Untold } from './book.ts';
import { fedBy } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';

const REQUEST_TIMEOUT_MS = 10_000;
/** Preparing opens the Replica's state and may re-apply what a crash left behind. */
const PREPARE_TIMEOUT_MS = 130_000;
const RETRY_MS = { first: 2_000, longest: 30_000 };

const NOT_PAIRED: ReadonlySet<string> = new Set(['ACCESS-REVOKED', 'ACCESS-UNKNOWN-DEVICE', 'ACCESS-DENIED']);

export class PeerDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #id: string;
  readonly #changed: () => void;
  readonly #problems = new Map<string, string>();
  readonly #attempts = new Map<string, number>();
  readonly #preparing = new Map<string, Timer | undefined>();
  #retelling: Timer | undefined;
  #telling: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(environment: ScenarioEnvironment, id: string, changed: () => void) {
    this.#environment = environment;
    this.#id = id;
    this.#changed = changed;
    if (this.#stored.run.untold.length > 0) this.#retellLater();
  }

  get #stored(): StoredScenario {
    return storedIn(this.#environment.book.value, this.#id);
  }

  /**
   * Readies every Replica for the link that follows; throws the first fault. `asked`: the operator runs the scenario. `following`: after
   * a switchover, so one that has more than this host waits for him.
   */
  async prepareAll(asked = true, following = !asked): Promise<void> {
    const { document } = this.#stored;
    const untold = this.#stored.run.untold;
    if (untold.length > 0) {
      const fed = new Set(fedBy(document).map(({ deviceId }) => deviceId));
      await this.#environment.book.update((book) => {
        const { run } = storedIn(book, this.#id);
        run.untold = run.untold.filter(({ host, forget }) => forget === true && !fed.has(host.deviceId));
      });
    }
    await Promise.all(fedBy(document).map((replica) => this.#prepare(replica, asked, following)));
    this.#problems.clear();
    this.#attempts.clear();
  }

  /** `asked`: by the operator's Run; else after a link failed. */
  async #prepare(replica: HostReference, asked: boolean, following = !asked): Promise<void> {
    const { document, run } = this.#stored;
    const { fork } = run;
    const had = following && fork !== undefined ? { fork: { generation: fork.generation, seq: fork.seq } } : {};
    const args = { document: { ...document }, epoch: run.epoch, ...(asked ? { adoptRoots: true } : {}), ...had };
    await this.#environment.peers.request(replica, 'peer.prepare', args, PREPARE_TIMEOUT_MS);
  }

  /** It runs, but not with the document of now. */
  remind(replica: HostReference): void {
    if (!this.#closed) void this.#prepare(replica, false).catch(() => undefined);
  }

  /** Tells every Replica; resolves when each was told or noted for later. */
  tellAll(reason: string): Promise<void> {
    const hosts = fedBy(this.#stored.document);
    this.#telling = this.#telling.then(async () => {
      const missed = await this.#tell(hosts.map((host) => ({ host, reason })));
      await this.#setUntold([...missed, ...this.#toForget]);
    });
    return this.#telling;
  }

  /** The scenario is deleted: one that cannot be told now refuses nothing later, it only keeps a stopped scenario. */
  async forgetAll(): Promise<void> {
    await this.#tell(fedBy(this.#stored.document).map(toForget));
  }

  /** These are not fed from here any more; one that cannot be told now is told when it is back. */
  async forget(hosts: readonly HostReference[]): Promise<void> {
    if (hosts.length === 0) return;
    const missed = await this.#tell(hosts.map(toForget));
    const others = this.#stored.run.untold.filter(({ host }) => !hosts.some(({ name }) => name === host.name));
    await this.#setUntold([...others, ...missed]);
  }

  /** Resolves when what was last told is settled. */
  told(): Promise<void> {
    return this.#telling;
  }

  /** A link to a Replica failed: shows why, and prepares the Replica again when it answers. */
  failed(id: string, reason: string): void {
    this.#problems.set(id, reason);
    if (this.#closed || !this.#stored.run.wanted || this.#preparing.has(id)) return;
    const attempt = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempt);
    const delayMs = Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (attempt - 1));
    this.#preparing.set(
      id,
      this.#environment.clock.after(delayMs, () => void this.#prepareAgain(id)),
    );
    this.#changed();
  }

  answered(id: string): void {
    this.#problems.delete(id);
    this.#attempts.delete(id);
    this.#preparing.get(id)?.cancel();
    this.#preparing.delete(id);
  }

  problemOf(id: string): string | undefined {
    return this.#problems.get(id);
  }

  close(): void {
    this.#closed = true;
    this.#retelling?.cancel();
    for (const timer of this.#preparing.values()) timer?.cancel();
    this.#preparing.clear();
  }

  async #prepareAgain(id: string): Promise<void> {
    const replica = this.#stored.document.replicas.find((host) => host.deviceId === id);
    if (replica === undefined || this.#closed || !this.#stored.run.wanted) {
      this.#preparing.delete(id);
      return;
    }
    try {
      await this.#prepare(replica, false);
      this.#preparing.delete(id);
      if (!this.#closed && !this.#stored.run.wanted) await this.tellAll('Stopped meanwhile');
    } catch (error) {
      const fault = Fault.from(error);
      this.#preparing.delete(id);
      if (this.#closed) return;
      const known = this.#problems.get(id);
      if (fault.kind === 'permanent' && known !== fault.message) {
        const { document } = this.#stored;
        this.#environment.events.record('LNK-003', { peer: replica.name, reason: fault.message }, document.name);
      }
      this.failed(id, fault.message);
    }
  }

  get #toForget(): readonly Untold[] {
    return this.#stored.run.untold.filter(({ forget }) => forget === true);
  }

  /** Returns what could not be told. */
  async #tell(messages: readonly Untold[]): Promise<Untold[]> {
    const { peers } = this.#environment;
    const scenarioId = this.#id;
    const told = await Promise.all(
      messages.map(async ({ host, reason, forget }) => {
        try {
          if (forget === true) await peers.request(host, 'peer.forget', { scenarioId }, REQUEST_TIMEOUT_MS);
          else await peers.request(host, 'peer.stop', { scenarioId, reason: reason.slice(0, 200) }, REQUEST_TIMEOUT_MS);
          return true;
        } catch (error) {
          const { code } = Fault.from(error);
          // One that never heard of it has nothing to stop; one that is not paired any more is not ours to tell.
          return code === 'SCENARIO-NOT-FOUND' || (forget === true && NOT_PAIRED.has(code));
        }
      }),
    );
    return messages.filter((_message, index) => !told[index]);
  }

  async #setUntold(untold: Untold[]): Promise<void> {
    const stored = this.#environment.book.value.scenarios.find(({ document }) => document.id === this.#id);
    if (untold.length > 0) this.#retellLater();
    if (stored === undefined || JSON.stringify(stored.run.untold) === JSON.stringify(untold)) return;
    await this.#environment.book.update((book) => {
      storedIn(book, this.#id).run.untold = untold;
    });
  }

  #retellLater(): void {
    if (this.#closed) return;
    this.#retelling?.cancel();
    this.#retelling = this.#environment.clock.after(RETRY_MS.longest, () => {
      this.#telling = this.#telling.then(async () => {
        const stored = this.#environment.book.value.scenarios.find(({ document }) => document.id === this.#id);
        if (this.#closed || stored === undefined) return;
        // What runs again must not be stopped.
        const missed = await this.#tell(stored.run.wanted ? this.#toForget : stored.run.untold);
        await this.#setUntold(missed);
      });
    });
  }
}

function toForget(host: HostReference): Untold {
  return { host, reason: '', forget: true };
}

/**
 * Is Alive on this host: watches the active host of every scenario that this host would take over, answers those that watch this one, and
 * says what it found in events and in the status (FEATURES.md F1, F2).
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { HealthVerdict } from '../../shared/health.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import type { Timer } from '../ports.ts';
import { ownRoots, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import type { CommandHandlers, Session } from '../services.ts';
import { standbyOf } from '../switchover/direction.ts';
import { type Bindings, checksOf, servicesOf } from './checks.ts';
import type { ServiceReading, VerdictListener } from './contract.ts';
import { sitesOfRoots } from './sites.ts';
import { MasterWatch } from './watch.ts';

const ASK_SITES_EVERY_MS = 30_000;
const PEER_MS = 5_000;
/** Consoles see ages grow at least so often. */
const SHOW_EVERY_MS = 5_000;
/** Services are looked at so often, however often others ask for them. */
const SERVICES_EVERY_MS = 1_000;

interface Watched {
  readonly watch: MasterWatch;
  /** What it was made of. */
  readonly content: string;
  bindings: Bindings;
  wouldSwitch?: HealthVerdict['wouldSwitch'];
  /** An event said that something is wrong, and none that it is over. */
  warned?: true;
  timers: Timer[];
}

export class HealthDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #runners: RunnerSet;
  readonly #announce: (id: string) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<VerdictListener>();
  readonly #services = new Map<
    string,
    { readonly at: number; readonly readings: Promise<readonly ServiceReading[]> }
  >();
  #closed = false;

  constructor(environment: ScenarioEnvironment, runners: RunnerSet, announce: (id: string) => void) {
    this.#environment = environment;
    this.#runners = runners;
    this.#announce = announce;
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#watched.keys()]) this.#end(id);
  }

  /** Undefined: this host does not watch it. */
  verdictOf(scenarioId: string): HealthVerdict | undefined {
    const watch = this.#watched.get(scenarioId)?.watch;
    if (watch === undefined) return undefined;
    return { ...watch.verdict, ...(this.#inShadow(scenarioId) ? { shadow: true } : {}) };
  }

  onVerdict(listener: VerdictListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something about the scenario changed: begins, goes on or ends watching. */
  noticed(id: string): void {
    if (this.#closed) return;
    const document = this.#toWatch(id);
    const watched = this.#watched.get(id);
    if (document === undefined) {
      if (watched !== undefined) this.#end(id);
      return;
    }
    const content = contentOf(document);
    if (watched?.content === content) return;
    this.#end(id);
    this.#begin(document, content, watched?.bindings ?? []);
  }

  /** The scenario, while this host is its standby and has a whole copy; once begun, until it is stopped. */
  #toWatch(id: string): ScenarioDocument | undefined {
    const runner = this.#runners.runner(id);
    if (!(runner instanceof ReplicaRunner)) return undefined;
    const { document, run, relayOf } = runner.stored;
    if (!run.wanted || relayOf !== undefined || document.solution !== 'ha' || document.recoveryOf !== undefined) {
      return undefined;
    }
    if (standbyOf(document)?.deviceId !== this.#environment.host.deviceId) return undefined;
    return this.#watched.has(id) || runner.hasData ? document : undefined;
  }

  #begin(document: ScenarioDocument, content: string, bindings: Bindings): void {
    const { clock, host } = this.#environment;
    const { id, master, settings } = document;
    const rule = {
      heartbeatMs: settingOf(settings, 'isAlive.heartbeatMs'),
      timeoutMs: settingOf(settings, 'isAlive.timeoutMs'),
    };
    const options = {
      clock,
      watchedBy: host.name,
      onChange: (watch: MasterWatch) => this.#changed(document, watch),
    };
    const watch = new MasterWatch(
      options,
      { scenarioId: id, host: master.name, rule },
      this.#checks(document, bindings),
    );
    const watched: Watched = { watch, content, bindings, timers: [] };
    this.#watched.set(id, watched);
    watch.start();
    this.#every(watched, SHOW_EVERY_MS, () => this.#announce(id));
    void this.#askSites(document, watched);
    this.#every(watched, ASK_SITES_EVERY_MS, () => void this.#askSites(document, watched));
  }

  #end(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    watched.watch.stop();
    for (const timer of watched.timers) timer.cancel();
  }

  #every(watched: Watched, everyMs: number, work: () => void): void {
    const slot = watched.timers.length;
    const again = () => {
      watched.timers[slot] = this.#environment.clock.after(everyMs, () => {
        again();
        work();
      });
    };
    again();
  }

  #checks(document: ScenarioDocument, bindings: Bindings) {
    const { clock, host, peers, probes, scripts } = this.#environment;
    return checksOf(document, bindings, { clock, host, peers, probes, scripts });
  }

  /** A Master that is silent keeps the sites it had. */
  async #askSites(document: ScenarioDocument, watched: Watched): Promise<void> {
    if (!settingOf(document.settings, 'isAlive.application')) return;
    if (settingOf(document.settings, 'isAlive.sites').length > 0) return;
    const { peers } = this.#environment;
    const answer = await peers
      .request(document.master, 'peer.sites', { scenarioId: document.id }, PEER_MS)
      .catch(() => undefined);
    if (answer === undefined || this.#watched.get(document.id) !== watched) return;
    const { bindings } = answer as { readonly bindings: Bindings };
    if (JSON.stringify(bindings) === JSON.stringify(watched.bindings)) return;
    watched.bindings = bindings;
    watched.watch.use(this.#checks(document, bindings));
  }

  // ---------------------------------------------------------------- verdicts

  #changed(document: ScenarioDocument, watch: MasterWatch): void {
    const { clock, events } = this.#environment;
    const { verdict } = watch;
    const { reason } = verdict;
    const watched = this.#watched.get(document.id);
    const code = codeOf(verdict, watched?.warned === true);
    if (code !== undefined) events.record(code, { master: watch.host, reason }, document.name);
    if (watched !== undefined && verdict.cause !== undefined) watched.warned = true;
    else if (verdict.state === 'alive') delete watched?.warned;
    if (verdict.state === 'down' && watched !== undefined && this.#inShadow(document.id)) {
      const { name } = this.#environment.host;
      watched.wouldSwitch = { reason, at: clock.wallMs() };
      events.record('HLT-006', { master: watch.host, standby: name, reason }, document.name);
    }
    for (const listener of this.#listeners) listener(watch);
    this.#announce(document.id);
  }

  #inShadow(id: string): boolean {
    return storedIn(this.#environment.book.value, id).run.shadow === true;
  }

  /** With the verdict at the host that is watched. */
  shownIn(status: ScenarioStatus): ScenarioStatus {
    const watched = this.#watched.get(status.id);
    if (watched === undefined) return status;
    const { wouldSwitch } = watched;
    const verdict: HealthVerdict = {
      ...watched.watch.verdict,
      ...(this.#inShadow(status.id) ? { shadow: true } : {}),
      ...(wouldSwitch === undefined ? {} : { wouldSwitch }),
    };
    // Until the first round the link says more.
    const known = verdict.state !== 'unknown' || verdict.cause !== undefined;
    const hosts = status.hosts.map((host) =>
      host.name === watched.watch.host
        ? { ...host, health: known ? shownHealth(verdict, host.health) : host.health, isAlive: verdict }
        : host,
    );
    const isBad = verdict.state === 'down' || verdict.cause !== undefined;
    return { ...status, hosts, ...(isBad ? { problem: problemOf(watched.watch.host, verdict) } : {}) };
  }

  // ---------------------------------------------------------------- commands

  handlers(): CommandHandlers {
    return {
      'peer.alive': async ({ scenarioId }, session) => {
        const document = this.#asked(scenarioId, session);
        const { host, probes } = this.#environment;
        const stored = storedIn(this.#environment.book.value, scenarioId);
        return {
          services: await this.#servicesOf(document),
          disk: probes.disk(host.directory, ownRoots(stored, host.deviceId)),
        };
      },
      'peer.sites': ({ scenarioId }, session) => {
        const document = this.#asked(scenarioId, session);
        const stored = storedIn(this.#environment.book.value, scenarioId);
        const roots = ownRoots(stored, this.#environment.host.deviceId);
        return { bindings: sitesOfRoots(this.#environment.discover(document.serverType), roots) };
      },
      'scenario.shadow': async ({ name, on }) => await this.#shadow(this.#runners.find(name).document, on),
      'peer.shadow': async ({ scenarioId, on }, session) => {
        const document = this.#asked(scenarioId, session);
        return await this.#setShadow(document, on);
      },
    };
  }

  /** Refuses who is no host of the scenario. */
  #asked(scenarioId: string, session: Session): ScenarioDocument {
    const runner = this.#runners.runner(scenarioId);
    if (runner === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: scenarioId });
    const { document } = runner;
    const hosts = [document.master, ...document.replicas];
    if (hosts.some(({ deviceId }) => deviceId === session.deviceId)) return document;
    throw new Fault('ACCESS-DENIED', { role: session.role, command: 'watch a host of the scenario' });
  }

  /** The same look for all that ask within a second: systems need longer for it than a heartbeat lasts. */
  #servicesOf(document: ScenarioDocument): Promise<readonly ServiceReading[]> {
    const names = servicesOf(document);
    if (names.length === 0) return Promise.resolve([]);
    const now = this.#environment.clock.bootMs();
    const known = this.#services.get(document.id);
    if (known !== undefined && now - known.at < SERVICES_EVERY_MS) return known.readings;
    const readings = this.#environment.probes.services(names);
    // Until it is there the one before is told.
    const told = known === undefined ? readings : Promise.race([readings, known.readings]);
    this.#services.set(document.id, { at: now, readings });
    return told;
  }

  async #shadow(document: ScenarioDocument, on: boolean) {
    const standby = standbyOf(document);
    if (standby === undefined) {
      throw new Fault('USAGE', { reason: `The scenario "${document.name}" has no switchover host.` });
    }
    if (standby.deviceId === this.#environment.host.deviceId) return await this.#setShadow(document, on);
    const args = { scenarioId: document.id, on };
    return await this.#environment.peers.request(standby, 'peer.shadow', args, PEER_MS);
  }

  async #setShadow({ id, name }: ScenarioDocument, on: boolean) {
    const { book, events, host } = this.#environment;
    const was = this.#inShadow(id);
    await book.update((value) => {
      const { run } = storedIn(value, id);
      if (on) run.shadow = true;
      else delete run.shadow;
    });
    const watched = this.#watched.get(id);
    if (!on && watched !== undefined) delete watched.wouldSwitch;
    if (was !== on) events.record(on ? 'HLT-008' : 'HLT-009', { standby: host.name }, name);
    this.#announce(id);
    return { shadow: on, host: host.name };
  }
}

/** Everything that changes what is asked. */
/** A link that is lost is known at once, the next round only after a heartbeat: nobody is called alive meanwhile. */
function shownHealth({ state }: HealthVerdict, byLink: HostStatus['health']): HostStatus['health'] {
  return state === 'alive' && byLink === 'unknown' ? byLink : state;
}

function contentOf({ master, serverType, settings, name }: ScenarioDocument): string {
  const own = Object.entries(settings).filter(([key]) => key.startsWith('isAlive.') || key === 'dbManagement.services');
  return JSON.stringify([master, serverType, name, own]);
}

function codeOf(verdict: HealthVerdict, warned: boolean): string | undefined {
  switch (verdict.cause) {
    case 'peer':
      return 'HLT-001';
    case 'application':
      return 'HLT-002';
    case 'link':
      return 'HLT-003';
    case 'inconclusive':
      return 'HLT-004';
    case undefined:
      return verdict.state === 'alive' && warned ? 'HLT-005' : undefined;
  }
}

function problemOf(host: string, { cause, reason }: HealthVerdict): string {
  if (cause === 'peer') return `${host} is down: ${reason}`;
  if (cause === 'application') return `The application on ${host} is down, its engine is alive: ${reason}`;
  if (cause === 'link') return `This host is cut off, so nothing is known of ${host}: ${reason}`;
  return `It is not clear whether ${host} is down: ${reason}`;
}

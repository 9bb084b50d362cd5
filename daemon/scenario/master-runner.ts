/**
 * Carries out what the machine decides for one scenario on its Master: engine thread, capture, links, synchronizations,
 * persistence. Happenings are queued and worked off one after another; an answer of something that was ended meanwhile
 * is recognized by its engine number and dropped.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { HostReference, ScenarioDocument, StopReason } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { EngineCall, EngineStatus, SyncResult } from '../engine/engine-protocol.ts';
import type { Timer } from '../ports.ts';
import type { CaptureReport } from '../services.ts';
import { whyNoBarrier } from './barrier-limits.ts';
import { barrierTarget, passBarrier } from './barrier-wait.ts';
import { type StoredScenario, storedIn } from './book.ts';
import { fedBy, fedSince } from './cascade.ts';
import { withRelays } from './cascade-view.ts';
import { Conditions } from './conditions.ts';
import { OutsideCauses } from './engine-causes.ts';
import { adopting, bandwidthOf, liveLimits, masterConfig } from './engine-config.ts';
import { captureEvents, EngineKeeper } from './engine-keeper.ts';
import type { EngineSession } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';
import {
  type Effect,
  type Happening,
  type RunChoices,
  type RunningLife,
  refusalToRun,
  type ScenarioLife,
  scenarioState,
  step,
  waitingFor,
} from './machine.ts';
import { PeerDesk } from './peer-desk.ts';
import { RelayWatch } from './relay-watch.ts';
import { ReplicaLinks } from './replica-links.ts';
import { rememberedPeers, runRecord, untoldOfStop } from './run-record.ts';
import { masterStatus, refuseToWait } from './status-view.ts';

/** An engine that ran this long without trouble starts counting its crashes anew. */
const QUIET_MS = 60_000;

export class MasterRunner {
  readonly id: string;
  readonly peers: PeerDesk;
  readonly relays: RelayWatch;
  #life: ScenarioLife;
  readonly #environment: ScenarioEnvironment;
  readonly #changed: () => void;
  readonly #queue: Happening[] = [];
  #draining = false;
  #busy: string | undefined;
  #closing = false;
  #saving: Promise<void> = Promise.resolve();
  readonly #conditions: Conditions;

  readonly #keeper: EngineKeeper;
  readonly #links: ReplicaLinks;
  #timers: Timer[] = [];
  #status: EngineStatus | undefined;
  #capture: CaptureReport | undefined;
  readonly #causes = new OutsideCauses((code, details) => this.#record(code, details));
  /** The engine has said itself that a Replica is out of sync. */
  #outOfSyncTold = false;
  /** Replicas whose synchronization the operator asked to skip, once. */
  readonly #skip = new Set<string>();
  /** Replicas whose next synchronization the operator asked for himself; true: it goes on with what had been replicated. */
  readonly #asked = new Map<string, boolean>();

  constructor(environment: ScenarioEnvironment, id: string, changed: () => void) {
    this.id = id;
    this.#environment = environment;
    this.#changed = changed;
    this.#conditions = new Conditions(environment.clock);
    this.peers = new PeerDesk(environment, id, () => this.#notify());
    this.relays = new RelayWatch(environment, id, this.peers, () => this.#notify());
    this.#keeper = new EngineKeeper(environment, {
      onReady: () => this.#engineReady(),
      onCapture: (report) => this.#captured(report),
      onFault: (fault) => this.#engineFault(fault),
      onEvent: (code, details) => this.#engineEvent(code, details),
      onStatus: (status) => this.#engineStatus(status),
      onLinkClosed: (peer, reason) => this.#linkClosed(peer, reason),
      onSent: (sent) => environment.reports.noteSent(this.document, this.#nameOf(sent.peer), sent),
    });
    this.#links = new ReplicaLinks(environment, id, {
      onOpen: (peer, stream) => this.#keeper.openLink(peer, stream),
      onDown: (peer, reason) => this.peers.failed(peer, reason),
    });
    const { run } = this.stored;
    this.#life =
      run.failed === undefined ? { is: 'stopped', reason: run.reason } : { is: 'failed', reason: run.failed };
  }

  get stored(): StoredScenario {
    return storedIn(this.#environment.book.value, this.id);
  }

  get document(): ScenarioDocument {
    return this.stored.document;
  }

  get life(): ScenarioLife {
    return this.#life;
  }

  get occupies(): boolean {
    return this.#life.is === 'running' || this.#life.is === 'stopping' || this.#life.is === 'verifying';
  }

  // ---------------------------------------------------------------- what is asked of it

  /** After a start of the daemon: goes on by itself when it was running. */
  resume(): void {
    const { run, document } = this.stored;
    if (!run.wanted) return;
    const peers = rememberedPeers(run, fedBy(document));
    this.#life = { is: 'stopped', reason: run.reason };
    this.#happen({ type: 'resume', choices: run.choices, peers, preventResync: this.#preventResync() });
  }

  /**
   * `prepare` verifies and readies the Replicas; its fault leaves the scenario stopped and is thrown. `equal`: of the method `skip`, the
   * Replicas that are known to have what is here by then; the others are compared. Absent: the operator says so of all.
   */
  async run(choices: RunChoices, prepare: () => Promise<void>, equal?: ReadonlySet<string>): Promise<void> {
    const refusal = this.#busy ?? refusalToRun(this.#life);
    if (refusal !== undefined) throw this.#stateFault(refusal);
    const wasRunning = this.#life.is === 'running';
    this.#skip.clear();
    // Later, one that waits for nothing now is synchronized without being asked for.
    for (const id of waitingFor(this.#life) ?? this.#replicaIds()) this.#asked.set(id, wasRunning);
    if (choices.method === 'skip' && equal === undefined) for (const id of this.#replicaIds()) this.#skip.add(id);
    this.#happen({ type: 'run', choices });
    if (wasRunning) return;
    this.#environment.capture.prepare();
    try {
      await prepare();
    } catch (error) {
      this.#happen({ type: 'refused' });
      throw error;
    }
    if (this.#life.is !== 'verifying') {
      // Stopped meanwhile: the Replicas were just readied, so they have to be told again.
      await this.peers.tellAll('Stopped by user');
      throw this.#stateFault('it was stopped while it was verified');
    }
    for (const id of equal ?? []) this.#skip.add(id);
    this.#happen({ type: 'prepared', peers: this.#replicaIds(), preventResync: this.#preventResync() });
    await this.#conditions.until(() => this.#life.is !== 'running' || this.#life.engine !== 'starting');
    await this.#saving;
  }

  async stop(reason: StopReason): Promise<void> {
    if (this.#life.is === 'stopped') throw this.#stateFault('it is stopped already');
    this.#happen({ type: 'stop', reason });
    await this.#conditions.until(() => this.#life.is === 'stopped');
    await this.#saving;
    await this.peers.told();
  }

  /** Holds apply on a Replica, or goes on with it where it was. `untilBack`: by itself, after a restart of either host. */
  async suspend(peer: string, suspended: boolean, untilBack = false): Promise<void> {
    if (this.#life.is !== 'running') throw this.#stateFault('it does not run');
    if (this.#life.peers[peer]?.suspended === suspended) return;
    this.#record(suspended ? 'SCN-016' : 'SCN-017', { peer: this.#nameOf(peer) });
    this.#happen(suspended ? { type: 'suspend', peer, untilBack } : { type: 'unsuspend', peer });
    await this.#saving;
  }

  /** Its document was edited while it runs: what may change live takes effect. `before`: its Replicas until now. */
  async documentChanged(before: readonly HostReference[] = this.document.replicas): Promise<void> {
    this.#happen({ type: 'policy', preventResync: this.#preventResync() });
    this.#keeper.session?.ask({ name: 'limits', limits: liveLimits(this.document) }, () => undefined);
    const { gone, same } = fedSince(this.document, before);
    if (this.#life.is !== 'running') return await this.peers.forget(gone);
    this.relays.follow(true);
    this.#keeper.session?.ask({ name: 'bandwidth', policy: bandwidthOf(this.document) }, () => undefined);
    if (!same) this.#happen({ type: 'replicas', peers: this.#replicaIds() });
    await this.peers.forget(gone);
    // One that cannot be told now is told when its link fails.
    const told = this.peers.prepareAll(false).catch(() => undefined);
    if (same) return;
    await told;
    this.#happen({ type: 'replicas-told' });
  }

  /** The daemon ends: engines drain; the scenario goes on after the next start. */
  async shutdown(): Promise<void> {
    this.#closing = true;
    this.peers.close();
    this.relays.follow(false);
    await this.#endEngine();
    await this.#saving.catch(() => undefined);
  }

  /** Resolves when every change made before now is applied on every Replica, or on `replica`. */
  async barrier(timeoutMs: number, replica?: string, releasing = false): Promise<unknown> {
    const { clock } = this.#environment;
    const target = barrierTarget(this.document, replica);
    if (!releasing) refuseToWait(this.status(), clock.wallMs() + timeoutMs);
    const refused = whyNoBarrier(this.#life, target.hosts, this.#status?.brake, timeoutMs);
    if (refused !== undefined) throw this.#stateFault(refused);
    return await passBarrier(timeoutMs, {
      clock,
      conditions: this.#conditions,
      runs: () => this.#life.is === 'running',
      allSynchronized: () => this.allSynchronized(target.replicas),
      engine: () => this.#keeper.number,
      ask: async (left) => {
        const position = await this.#call().call({ name: 'barrier', replicas: target.replicas }, left());
        await this.relays.barrier(left(), target);
        return position;
      },
      refusal: () => this.#stateFault('only a running scenario has a barrier'),
    });
  }

  /** Asks the engine; throws `SCENARIO-STATE` when it does not run. */
  async ask(call: EngineCall, timeoutMs?: number): Promise<unknown> {
    return await this.#call().call(call, timeoutMs);
  }

  /** While `work` is done, which says `what` is done, the scenario is not run. Throws `SCENARIO-STATE` unless it is stopped. */
  async whileStopped<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy !== undefined) throw this.#stateFault(this.#busy);
    if (this.occupies) throw this.#stateFault('stop it first');
    this.#busy = what;
    return await work().finally(() => {
      this.#busy = undefined;
    });
  }

  status(): ScenarioStatus {
    const { host } = this.#environment;
    const own = masterStatus({
      stored: this.stored,
      life: this.#life,
      reportedBy: host.name,
      peerProblem: (id) => this.peers.problemOf(id),
      ...(this.#status === undefined ? {} : { engine: this.#status }),
      ...(this.#capture === undefined ? {} : { capture: this.#capture }),
    });
    return withRelays(own, this.document, this.relays.reports);
  }

  // ---------------------------------------------------------------- the machine

  #happen(happening: Happening): void {
    this.#queue.push(happening);
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#step(next);
    } finally {
      this.#draining = false;
    }
    this.#notify();
  }

  #step(happening: Happening): void {
    if (this.#closing) return;
    const before = this.#life;
    const { life, effects } = step(before, happening);
    if (life === before && effects.length === 0) return;
    this.#life = life;
    this.relays.follow(life.is === 'running');
    for (const effect of effects) this.#perform(effect);
    this.#save(scenarioState(before) !== scenarioState(life) || before.is !== life.is);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'verify':
        // run() verifies: whoever asked waits for the findings.
        return;
      case 'start-engine':
        this.#startEngine();
        return;
      case 'retry-engine':
        this.#after(effect.delayMs, () => this.#happen({ type: 'engine-retry' }));
        return;
      case 'stop-engine':
        void this.#endEngine();
        return;
      case 'open-link':
        this.#links.open(effect.peer, this.#replica(effect.peer));
        return;
      case 'close-link':
        this.#links.close(effect.peer);
        this.#keeper.session?.closeLink(effect.peer, 'the Replica is suspended');
        return;
      case 'suspend': {
        const { peer, suspended } = effect;
        // An engine that does not run yet is told when it is ready.
        this.#keeper.session?.ask({ name: 'suspend', peer, suspended }, () => undefined);
        return;
      }
      case 'synchronize':
        this.#synchronize(effect.peer);
        return;
      case 'retry-sync':
        this.#after(effect.delayMs, () => this.#happen({ type: 'sync-retry', peer: effect.peer }));
        return;
      case 'stop-replicas':
        void this.peers.tellAll(effect.reason);
        return;
      case 'record':
        if (effect.code !== 'SYN-006' || !this.#outOfSyncTold) this.#record(effect.code, effect.details);
    }
  }

  #save(stateChanged: boolean): void {
    const now = stateChanged ? this.#environment.clock.wallMs() : undefined;
    const run = runRecord(this.#life, this.stored.run, now);
    if (JSON.stringify(run) === JSON.stringify(this.stored.run)) return;
    const stopping = this.#life.is === 'stopping';
    const saving = this.#environment.book.update((book) => {
      const stored = storedIn(book, this.id);
      stored.run = { ...run, untold: stopping ? untoldOfStop(stored) : stored.run.untold };
    });
    this.#saving = saving;
    saving.catch((error: unknown) => this.#environment.complain(`cannot save the scenario's state: ${String(error)}`));
  }

  // ---------------------------------------------------------------- what the engine says

  #startEngine(): void {
    this.#keeper.start(() => {
      const config = masterConfig(this.#environment, this.stored);
      return this.#asked.size > 0 ? adopting(config) : config;
    });
  }

  #engineReady(): void {
    const { number } = this.#keeper;
    this.#causes.ready();
    this.#happen({ type: 'engine-ready' });
    this.#after(QUIET_MS, () => number === this.#keeper.number && this.#happen({ type: 'engine-quiet' }));
  }

  #captured(report: CaptureReport): void {
    for (const [code, details] of captureEvents(this.#capture, report)) this.#record(code, details);
    this.#capture = report;
    this.#notify();
  }

  #engineFault(fault: Fault): void {
    const known = this.#life.is === 'running' ? this.#life.crashReason : undefined;
    const waits = this.#causes.ended(fault, known);
    this.#happen({ type: 'engine-lost', reason: fault.message, waits });
  }

  /** Ends thread, capture, links and timers; `engine-stopped` follows. */
  async #endEngine(): Promise<void> {
    const links = this.#links.take();
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    // Figures stay; what it said of links is no longer true.
    if (this.#status !== undefined) this.#status = { ...this.#status, peers: {} };
    await this.#keeper.end();
    // Only now: the engine drains over its links.
    for (const link of links) link.stop();
    this.#happen({ type: 'engine-stopped' });
  }

  #engineEvent(code: string, details: FaultDetails): void {
    const { peer } = details;
    // The engine drains and closes its links: nothing was lost.
    if (code === 'LNK-002' && (this.#life.is !== 'running' || this.#closing)) return;
    this.#record(code, typeof peer === 'string' ? { ...details, peer: this.#nameOf(peer) } : details);
    if (code === 'SYN-006') this.#outOfSyncTold = true;
    if ((code !== 'SYN-003' && code !== 'SYN-007') || this.#life.is !== 'running') return;
    for (const [id, { phase }] of Object.entries(this.#life.peers)) {
      if (phase === 'catching-up' && (peer === undefined || peer === id)) this.#happen({ type: 'caught-up', peer: id });
    }
  }

  #engineStatus(status: EngineStatus): void {
    this.#status = status;
    for (const id of this.#replicaIds()) {
      const peer = status.peers[id];
      const linked = peer !== undefined && (peer.link === 'live' || peer.link === 'catching-up');
      if (linked) this.peers.answered(id);
      const reason = peer?.collapsed ? { reason: 'changes were dropped while the spool was full' } : {};
      this.#happen({ type: 'peer', peer: id, linked, synchronized: peer?.synchronized === true, ...reason });
    }
    this.#notify();
  }

  // ---------------------------------------------------------------- Replicas

  #linkClosed(id: string, reason: string): void {
    this.#happen({ type: 'peer', peer: id, linked: false, synchronized: false });
    this.peers.failed(id, reason);
  }

  #synchronize(id: string): void {
    const engine = this.#keeper.number;
    const { choices } = this.#life as RunningLife;
    const skip = this.#skip.delete(id);
    // What the operator skips once is not skipped when the product finds the data outdated later.
    const method = choices.method === 'skip' && !skip ? 'file' : choices.method;
    const asked = { droppedOnly: this.#asked.get(id) === true, adoptRoots: this.#asked.delete(id) };
    const call = { name: 'synchronize', peer: id, method, ignoreSame: choices.ignoreSame, ...asked } as const;
    this.#call().ask(call, (result, fault) => {
      if (engine !== this.#keeper.number) return;
      if (fault === undefined) this.#synchronized(id, result as SyncResult);
      else this.#happen({ type: 'sync-failed', peer: id, reason: fault.message });
    });
  }

  #synchronized(id: string, result: SyncResult): void {
    this.#outOfSyncTold = false;
    this.#happen({ type: 'sync-done', peer: id });
    const { reports, complain } = this.#environment;
    try {
      reports.addSynchronization(this.document, this.stored.run.choices.ignoreSame, { ...result, peer: id });
    } catch (error) {
      complain(`the synchronization report could not be written: ${String(error)}`);
    }
  }

  // ---------------------------------------------------------------- small parts

  #record(code: string, details: FaultDetails = {}): void {
    try {
      this.#environment.events.record(code, details, this.document.name);
    } catch (error) {
      this.#environment.complain(`event ${code}: ${String(error)}`);
    }
  }

  #after(delayMs: number, run: () => void): void {
    const timer = this.#environment.clock.after(delayMs, () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
      run();
    });
    this.#timers.push(timer);
  }

  #notify(): void {
    this.#conditions.check();
    this.#changed();
  }

  #call(): EngineSession {
    const { session } = this.#keeper;
    if (session === undefined || this.#life.is !== 'running' || this.#life.engine !== 'ready') {
      throw this.#stateFault('its engine does not run');
    }
    return session;
  }

  /** These Replicas, or all, are known to be so by the engine that runs now: it has heard from each since it started. */
  allSynchronized(replicas?: readonly string[]): boolean {
    if (this.#life.is !== 'running' || this.#life.engine !== 'ready') return false;
    const { peers } = this.#life;
    return (replicas ?? Object.keys(peers)).every((id) => peers[id]?.phase === 'synchronized' && peers[id].linked);
  }

  #stateFault(reason: string): Fault {
    return new Fault('SCENARIO-STATE', { name: this.document.name, state: scenarioState(this.#life), reason });
  }

  #preventResync(): boolean {
    return settingOf(this.document.settings, 'replication.preventAutomaticResync');
  }

  #replicaIds(): string[] {
    return fedBy(this.document).flatMap((replica) => (replica.deviceId === undefined ? [] : [replica.deviceId]));
  }

  #replica(id: string): HostReference | undefined {
    return this.document.replicas.find((replica) => replica.deviceId === id);
  }

  #nameOf(id: string): string {
    return this.#replica(id)?.name ?? id;
  }
}

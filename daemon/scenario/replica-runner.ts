/**
 * One scenario on a Replica: its engine runs from `prepare` of the Master until `stop`, also over restarts of the daemon,
 * and takes the links of this scenario's Master and of nobody else.
 */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { CopyState, EngineCall, EngineConfig, EngineStatus, FinishAnswer } from '../engine/engine-protocol.ts';
import type { LinkStream, Timer } from '../ports.ts';
import { ReplicaRehearsal } from '../rehearsal/replica-rehearsal.ts';
import type { EngineHandle } from '../services.ts';
import { type StoredScenario, storedIn } from './book.ts';
import { isSpoolFault } from './engine-causes.ts';
import { adopting, engineConfig } from './engine-config.ts';
import { EngineSession } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { HeldStream } from './held-stream.ts';
import { giveUpSpool } from './lost-spool.ts';
import { PastSession } from './past-session.ts';
import { replicaStatus } from './status-view.ts';

const RETRY_MS = { first: 500, longest: 30_000 };
const QUIET_MS = 60_000;
const COMPARE_ALONE_MS = 60_000;
const CALL_TIMEOUT_MS = 30_000;
/** A view of a million changes takes its time. */
const PAST_TIMEOUT_MS = 600_000;
/** The Master ends the link first and then says that it stopped: only a link that ends without that is lost. */
const STOP_FOLLOWS_MS = 1_500;

export class ReplicaRunner {
  readonly id: string;
  /** Tests of the copy here. */
  readonly rehearsal: ReplicaRehearsal;
  readonly #environment: ScenarioEnvironment;
  readonly #changed: () => void;
  /** Counts engines; what belongs to an older one is dropped. */
  #engine = 0;
  #session: EngineSession | undefined;
  readonly #past: PastSession;
  #config: string | undefined;
  #handle: EngineHandle | undefined;
  #work: Promise<void> = Promise.resolve();
  #timers: Timer[] = [];
  #crashes = 0;
  #closing = false;
  #comparing = false;
  /** A stream is open; `#linked`: and the engines' handshake is done. */
  #connected = false;
  #settingBack = false;
  #linked = false;
  /** Why the link ended, while it is not sure yet that this is not just a stop. */
  #lostReason: string | undefined;
  #status: EngineStatus | undefined;
  #problem: string | undefined;
  #refusal: string | undefined;

  constructor(environment: ScenarioEnvironment, id: string, changed: () => void) {
    this.id = id;
    this.#environment = environment;
    this.#changed = changed;
    this.#past = new PastSession(environment, () => void this.#do(() => Promise.resolve()));
    this.rehearsal = new ReplicaRehearsal(environment, this, changed);
  }

  get stored(): StoredScenario {
    return storedIn(this.#environment.book.value, this.id);
  }

  get document(): ScenarioDocument {
    return this.stored.document;
  }

  get occupies(): boolean {
    return this.stored.run.wanted;
  }

  /** Its Master is connected now. */
  get linked(): boolean {
    return this.#linked;
  }

  /** It has a complete copy, though maybe not the newest. */
  get hasData(): boolean {
    return this.#session !== undefined && this.status().state === 'protected';
  }

  /** After a start of the daemon: ready for the Master's link again when it was running. */
  resume(): void {
    // A test that was under way when the daemon ended left its views over the roots.
    void this.#do(() => this.rehearsal.abandon('the engine was restarted')).catch((error: unknown) =>
      this.#environment.complain(`the test of ${this.document.name} cannot be ended: ${String(error)}`),
    );
    if (this.stored.run.wanted) void this.#ensure().catch(() => undefined);
  }

  /** Runs the engine for the document stored just before; an engine that runs with the same settings is left alone. */
  async prepare(asked: boolean): Promise<void> {
    this.#crashes = 0;
    await this.#ensure(asked);
  }

  /** The engine of a stopped scenario for a comparison, or its end. A comparison nobody comes for ends by itself. */
  async compare(on: boolean): Promise<void> {
    this.#comparing = on;
    if (on) {
      await this.#ensure();
      this.#after(COMPARE_ALONE_MS, () => void this.#endComparing());
    } else await this.#endComparing();
  }

  async #endComparing(): Promise<void> {
    if (this.#linked && this.#comparing) {
      this.#after(COMPARE_ALONE_MS, () => void this.#endComparing());
      return;
    }
    this.#comparing = false;
    if (!this.stored.run.wanted) await this.#do(() => this.#end());
  }

  /** Its engine has to run. */
  get #needed(): boolean {
    return this.stored.run.wanted || this.#comparing;
  }

  /** What an incoming link of `deviceId` is given to; throws the refusal. */
  accept(deviceId: string): (stream: LinkStream) => void {
    const { document } = this.stored;
    if (document.master.deviceId !== deviceId) {
      const reason = 'this device is not the Master of the scenario';
      this.#record('LNK-003', { peer: deviceId.slice(0, 16), reason });
      throw new Fault('LINK-REFUSED', { reason });
    }
    if (this.#refusal !== undefined) throw new Fault('LINK-REFUSED', { reason: this.#refusal });
    if (!this.#needed) throw new Fault('LINK-REFUSED', { reason: 'the scenario is stopped on the Replica' });
    if (this.#problem !== undefined) throw new Fault('LINK-REFUSED', { reason: this.#problem });
    return (stream) => {
      if (this.#session !== undefined) {
        this.#open(this.#session, deviceId, stream);
        return;
      }
      // An engine that is just starting (after a restart of this host) gets the link when it is ready.
      const held = new HeldStream(stream);
      void this.#do(() => {
        if (this.#session === undefined) held.close();
        else this.#open(this.#session, deviceId, held);
        held.release();
        return Promise.resolve();
      });
    };
  }

  #open(session: EngineSession, deviceId: string, stream: LinkStream): void {
    session.openLink(deviceId, stream);
    this.#connected = true;
  }

  /** Takes no changes for that reason (its role forbids it), or takes them again. */
  refuse(reason: string | undefined): void {
    if (this.#refusal === reason) return;
    this.#refusal = reason;
    const master = this.document.master.deviceId;
    if (reason !== undefined && master !== undefined) this.#session?.closeLink(master, reason);
  }

  /** How far its engine is; `appliedSeq` undefined: it does not run, or has no whole copy. */
  get progress(): { readonly generation?: string; readonly appliedSeq?: number; readonly receivedSeq: number } {
    const { position, receivedSeq = 0 } = this.#status ?? {};
    if (this.#session === undefined || position === undefined) return { receivedSeq };
    return { generation: position.generation, appliedSeq: position.seq, receivedSeq };
  }

  /** Throws `SCENARIO-STATE` when the copy of a stopped scenario is not whole. */
  async requireCopy(): Promise<void> {
    const { position } = (await this.askHistory({ name: 'copy-state' })) as CopyState;
    if (position === undefined) throw this.#unfit('a synchronization was not finished');
  }

  #unfit(reason: string): Fault {
    return new Fault('SCENARIO-STATE', { name: this.document.name, state: this.status().state, reason });
  }

  /**
   * Applies everything that was received, before this host takes over; of a stopped scenario by an engine for that time. Throws
   * `SCENARIO-STATE` when the copy is nothing to give to users. Until it is shut down its engine takes no link.
   */
  async finish(timeoutMs: number): Promise<FinishAnswer & Required<Pick<FinishAnswer, 'position'>>> {
    const { wanted } = this.stored.run;
    if (wanted) await this.prepare(false);
    const answers: FinishAnswer[] = [];
    await this.#do(async () => {
      const alone = this.#session === undefined && !wanted;
      if (alone) await this.#start(this.#engineConfig(), false);
      try {
        answers.push((await this.call({ name: 'finish' }, timeoutMs)) as FinishAnswer);
      } finally {
        if (alone) await this.#end();
      }
    });
    const [answer] = answers;
    if (answer?.fit && answer.position !== undefined) return { ...answer, position: answer.position };
    throw this.#unfit(answer?.reason ?? 'its copy is not whole');
  }

  /** Asks its engine; throws `SCENARIO-STATE` when it does not run. */
  async call(call: EngineCall, timeoutMs = CALL_TIMEOUT_MS): Promise<unknown> {
    const session = this.#session;
    if (session === undefined) {
      const { state } = this.status();
      throw new Fault('SCENARIO-STATE', { name: this.document.name, state, reason: 'its engine does not run' });
    }
    return await session.call(call, timeoutMs);
  }

  /** Of the engine that runs, else of one for the time of the call. */
  async askHistory(call: EngineCall): Promise<unknown> {
    if (this.#settingBack) {
      const reason = 'its data is being set back; ask again when that is over';
      throw new Fault('SCENARIO-STATE', { name: this.document.name, state: 'recovering', reason });
    }
    const session = this.#session;
    const timeoutMs = call.name === 'past' ? PAST_TIMEOUT_MS : CALL_TIMEOUT_MS;
    if (session !== undefined) return await session.call(call, timeoutMs);
    let answer: unknown;
    await this.#do(async () => {
      answer = this.#needed ? await this.call(call) : await this.#past.ask(this.#engineConfig(), call);
    }, true);
    return answer;
  }

  /** Begins a new spool; returns where the one was that is gone. Throws `SCENARIO-STATE` when it is there. */
  async giveUpSpool(): Promise<string> {
    let path = '';
    await this.#do(async () => {
      const { name } = this.document;
      const there = new Fault('SCENARIO-STATE', { name, state: this.status().state, reason: 'its spool is there' });
      if (this.#session !== undefined) throw there;
      path = await giveUpSpool(this.#past, this.#engineConfig(), there);
      this.#record('SPL-002', { path });
    });
    void this.#ensure().catch(() => undefined);
    return path;
  }

  /** Its files for `work` alone, which has to end what it starts with them. Throws `SCENARIO-STATE` while its engine is needed. */
  async setBack<T>(work: (config: EngineConfig) => Promise<T>): Promise<T> {
    this.#settingBack = true;
    return await this.withHistory(work).finally(() => {
      this.#settingBack = false;
    });
  }

  /** Like `setBack`, for something short: questions wait. */
  async withHistory<T>(work: (config: EngineConfig) => Promise<T>): Promise<T> {
    const done: { result?: T } = {};
    await this.#do(async () => {
      if (this.#needed) {
        const reason = 'stop it first: data is only set back while nothing is replicated';
        throw new Fault('SCENARIO-STATE', { name: this.document.name, state: this.status().state, reason });
      }
      done.result = await work(this.#engineConfig());
    });
    return done.result as T;
  }

  /** Ends the engine; what was received stays and is applied at the next start. */
  async stop(): Promise<void> {
    this.#comparing = false;
    // One that is still starting may wait for its root.
    if (this.#session === undefined) void this.#handle?.terminate();
    await this.#do(() => this.#end());
  }

  async shutdown(): Promise<void> {
    this.#closing = true;
    await this.stop();
  }

  status(): ScenarioStatus {
    return replicaStatus({
      stored: this.stored,
      reportedBy: this.#environment.host.name,
      deviceId: this.#environment.host.deviceId,
      engineRuns: this.#session !== undefined,
      linked: this.#linked,
      ...(this.#status === undefined ? {} : { engine: this.#status }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    });
  }

  // ---------------------------------------------------------------- the engine's thread

  /** One thing after another: a stop never overtakes a start. */
  #do(work: () => Promise<void>, looks = false): Promise<void> {
    const done = this.#work.then(async () => {
      // Whatever else is done, it is done without anybody looking on.
      if (!looks || this.#needed) await this.#past.end().catch(() => undefined);
      await work();
    });
    this.#work = done.catch(() => undefined);
    return done;
  }

  /** `asked`: by the operator's Run, so what the roots are now is what he wants. */
  #ensure(asked = false): Promise<void> {
    return this.#do(async () => {
      if (this.#closing || !this.#needed) return;
      const config = this.#engineConfig();
      if (this.#session !== undefined && this.#config === JSON.stringify(config)) return;
      await this.#end();
      try {
        await this.#start(config, asked);
        this.#problem = undefined;
      } catch (error) {
        const fault = Fault.from(error);
        this.#lost(fault);
        throw fault;
      } finally {
        this.#changed();
      }
    });
  }

  async #start(config: EngineConfig, asked: boolean): Promise<void> {
    await this.rehearsal.abandon('its engine is started again');
    this.#engine += 1;
    const engine = this.#engine;
    const handle = this.#environment.spawnEngine();
    this.#handle = handle;
    const started = asked ? adopting(config) : config;
    const session = await EngineSession.start(handle, started, this.#environment.clock, {
      onEvent: (code, details) => this.#record(code, details),
      onStatus: (status) => engine === this.#engine && this.#engineStatus(status),
      onLinkClosed: (_peer, reason) => engine === this.#engine && this.#linkClosed(reason),
      onLost: (fault) => engine === this.#engine && this.#lost(fault),
    });
    this.#session = session;
    this.#config = JSON.stringify(config);
    this.#after(QUIET_MS, () => {
      if (engine === this.#engine) this.#crashes = 0;
    });
  }

  #engineConfig(): EngineConfig {
    const { document, run } = this.stored;
    const { host } = this.#environment;
    const self = document.replicas.find((replica) => replica.deviceId === host.deviceId) as HostReference;
    const directory = this.#environment.folders.open(this.id);
    return engineConfig({ document, role: 'replica', self, directory, host, epoch: run.epoch });
  }

  #lost(fault: Fault): void {
    const session = this.#session;
    const handle = this.#handle;
    this.#forget();
    this.#crashes += 1;
    if (this.#problem !== fault.message) this.#report(fault);
    this.#problem = fault.message;
    void (session?.stop() ?? handle?.terminate())?.catch((error: unknown) => this.#environment.complain(String(error)));
    const delayMs = Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** Math.min(this.#crashes - 1, 10));
    if (!this.#closing) this.#after(delayMs, () => void this.#ensure().catch(() => undefined));
    this.#changed();
  }

  #report(fault: Fault): void {
    if (fault.code === 'FS-FULL') this.#record('DSK-001', { path: fault.details.path ?? 'unknown' });
    else if (fault.code === 'ROOT-MISSING') this.#record('ROOT-001', { path: fault.details.path ?? 'unknown' });
    else if (isSpoolFault(fault)) this.#record('SPL-003', { reason: fault.message });
    else this.#record('SCN-015', { reason: fault.message });
  }

  async #end(): Promise<void> {
    const complain = (error: unknown) => this.#environment.complain(String(error));
    // A view that cannot be taken away keeps the next engine from starting, not this one from ending.
    await this.rehearsal.abandon('the scenario was stopped').catch(complain);
    const session = this.#session;
    this.#forget();
    this.#problem = undefined;
    await session?.stop().catch(complain);
    this.#changed();
  }

  #forget(): void {
    this.#engine += 1;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    this.#session = undefined;
    this.#handle = undefined;
    this.#config = undefined;
    this.#linked = false;
    this.#connected = false;
    this.#lostReason = undefined;
  }

  #engineStatus(status: EngineStatus): void {
    this.#status = status;
    // The engine is idle until the handshake is done.
    const linked = this.#connected && status.phase !== 'idle';
    if (linked && !this.#linked) {
      this.#tellLost();
      this.#record('LNK-001', { peer: this.document.master.name });
    }
    this.#linked = linked;
    this.#changed();
  }

  #linkClosed(reason: string): void {
    if (this.#linked) {
      this.#lostReason = reason;
      this.#after(STOP_FOLLOWS_MS, () => this.#tellLost());
    }
    this.#linked = false;
    this.#connected = false;
    this.#changed();
  }

  #tellLost(): void {
    const reason = this.#lostReason;
    this.#lostReason = undefined;
    if (reason !== undefined) this.#record('LNK-002', { peer: this.document.master.name, reason });
  }

  #record(code: string, details: FaultDetails): void {
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
}

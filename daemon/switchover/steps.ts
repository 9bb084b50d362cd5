/**
 * What is done in the steps of a switchover on one host: its engines, its documents, its redirection. Every step looks first at what is
 * done already, so that it can be done again after a crash.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { Epoch, SwitchRight } from '../../shared/role.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { type Tail, tailOf } from '../quarantine/tail.ts';
import { outdateCopy } from '../recovery/set-back.ts';
import type { RoleRecord } from '../role/record.ts';
import type { RoleEvent } from '../role/state.ts';
import { masterRoots, newRun, type StoredScenario, storedIn } from '../scenario/book.ts';
import { fedBy } from '../scenario/cascade.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import { reversed, standbyOf } from './direction.ts';
import type { SwitchSide } from './dry-run.ts';
import { managedServices, startServices, stopServices } from './managed-services.ts';
import { whoIsEqual } from './other-replicas.ts';
import type { ClientAccess, RoleSteps } from './ports.ts';
import { wantsRestart } from './restart.ts';
import { runSuccess, SCRIPT_MS } from './success-script.ts';

const DRAIN_MS = 60_000;
const SEAL_MS = 30_000;
const LOOK_MS = 5;
/** Longer than this nobody waits for the record of the copy: it is compared in the background instead. */
const TAKE_OVER_MS = 15_000;
/** Everything received is applied before a host is promoted, however much it is. */
const FINISH_MS = 3_600_000;
const PEER_MS = 5_000;
/** Whoever still writes to a host that is not active is copied so often; what he writes then stays until it is replaced. */
const KEEP_ROUNDS = 3;

export interface StepParts {
  readonly environment: ScenarioEnvironment;
  readonly runners: RunnerSet;
  readonly id: string;
  access(): ClientAccess;
  record(): RoleRecord;
}

export class ScenarioSteps implements RoleSteps {
  readonly #parts: StepParts;
  /** Why the tail cannot be kept, as it was told. */
  #unkept: string | undefined;

  constructor(parts: StepParts) {
    this.#parts = parts;
  }

  get #stored(): StoredScenario {
    return storedIn(this.#parts.environment.book.value, this.#parts.id);
  }

  // ---------------------------------------------------------------- the host that hands over

  async drain(id: string): Promise<RoleEvent> {
    const runner = this.#master();
    const standby = standbyOf(runner.document);
    try {
      await this.#stopForDrain();
      const position = (await runner.barrier(DRAIN_MS, standby?.name)) as Position;
      await this.#change((stored) => {
        const equal = whyUnequal(runner, standby?.name);
        stored.run.handedOver = { switchId: id, seq: position.seq, ...(equal === undefined ? {} : { unequal: equal }) };
      });
      return { type: 'drained', id, seq: position.seq };
    } catch (error) {
      await this.#startServices().catch(() => undefined);
      const reason = Fault.from(error).message;
      this.#event('SWT-003', { active: this.#parts.environment.host.name, reason });
      return { type: 'cancel' };
    }
  }

  /** Of an application that is dead, what cannot be stopped keeps nobody back. */
  async #stopForDrain(): Promise<void> {
    try {
      await this.#stopServices();
    } catch (error) {
      if (this.#parts.record().switchover?.automatic !== true) throw error;
      this.#event('SWT-040', { reason: Fault.from(error).message });
    }
  }

  async release(id: string): Promise<RoleEvent> {
    if (this.#stored.side === 'master') await this.#keepLate();
    await this.toStandby();
    await this.#remark(this.#parts.access().release(id));
    if (wantsRestart(this.#stored.document)) {
      await this.#change((stored) => {
        stored.run.restart = id;
      });
    }
    return { type: 'released', id };
  }

  /** What something on this host wrote after the last change was sent: nobody else has it. */
  async #keepLate(): Promise<void> {
    const runner = this.#master();
    const { handedOver } = this.#stored.run;
    const generation = runner.status().hosts[0]?.position.generation;
    if (handedOver === undefined || generation === undefined || !runner.occupies) return;
    const tail = await tailOf(runner, { generation, seq: handedOver.seq }, false);
    if (tail.any) await this.#keep(tail, this.#parts.record().epoch.number);
  }

  /** Its engine ends, and it is the Replica of the scenario from now on. */
  async toStandby(): Promise<void> {
    const { runners, id, environment } = this.#parts;
    const { side } = this.#stored;
    if (side !== 'master') return;
    const runner = this.#master();
    const { document } = runner;
    const standby = standbyOf(document);
    const { handedOver } = this.#stored.run;
    const last = runner.status().hosts[0]?.position.seq;
    await runner.shutdown();
    if (standby === undefined) return;
    const written = handedOver !== undefined && last !== undefined && last > handedOver.seq;
    await this.#flip('replica', reversed(document, standby), (stored) => {
      stored.run.pastGone = true;
      if (handedOver === undefined) return;
      const unequal =
        handedOver.unequal ?? (written ? 'something was written here after the last change was sent' : undefined);
      stored.run.handedOver = { ...handedOver, ...(unequal === undefined ? {} : { unequal }) };
    });
    runners.adopt(id, 'replica');
    environment.events.record('SCN-011', {}, document.name);
    await this.forgetPast();
    await this.standDown().catch((error: unknown) => environment.complain(String(error)));
  }

  // ---------------------------------------------------------------- the host that takes over

  async seal(id: string, seq: number): Promise<RoleEvent> {
    const replica = this.#replica();
    await this.#until(SEAL_MS, 'the last change to be applied', () => (replica.progress.appliedSeq ?? -1) >= seq);
    replica.refuse('it is sealed for a switchover');
    return { type: 'sealed', id };
  }

  async promote(id: string, right: SwitchRight): Promise<RoleEvent> {
    const { runners, environment } = this.#parts;
    // What it finds out is used in the next step, which says what went wrong.
    if (right === 'planned')
      void this.#parts
        .access()
        .lookAhead()
        .catch(() => undefined);
    if (this.#stored.side === 'replica') {
      const replica = this.#replica();
      const position = await this.#finish(replica);
      const { document } = replica;
      const here = document.replicas.find(({ deviceId }) => deviceId === environment.host.deviceId);
      if (here === undefined) throw new Fault('SCENARIO-INVALID', { path: 'replicas', reason: 'this host is none' });
      await replica.shutdown();
      await this.#flip('master', reversed(document, here), (stored) => {
        if (position !== undefined) stored.run.fork = { epoch: this.#parts.record().epoch.number, ...position };
      });
      runners.adopt(this.#parts.id, 'master');
    }
    if (right === 'planned' && this.#reversesItself) await this.#takeOverRecord();
    await this.#startServices();
    return { type: 'promoted', id };
  }

  /** Undefined: the operator takes the data as it is. */
  async #finish(replica: ReplicaRunner): Promise<Position | undefined> {
    try {
      return (await replica.finish(FINISH_MS)).position;
    } catch (error) {
      if (this.#stored.run.incomplete !== true) throw error;
      this.#event('SWT-021', { reason: Fault.from(error).message });
      return undefined;
    }
  }

  async acquire(id: string): Promise<RoleEvent> {
    const { switchover } = this.#parts.record();
    const partial = switchover?.right === 'planned' ? 'undo' : 'keep';
    await this.#remark(this.#parts.access().acquire(id, partial));
    return { type: 'acquired', id };
  }

  async reverse(id: string, _right: SwitchRight): Promise<RoleEvent> {
    const { environment } = this.#parts;
    this.#event('SWT-002', { active: environment.host.name });
    await this.#runSuccessScript(id);
    if (this.#reversesItself) await this.#runBackward('file');
    else environment.events.record('SCN-011', {}, this.#stored.document.name);
    return { type: 'reversed', id };
  }

  get #reversesItself(): boolean {
    return settingOf(this.#stored.document.settings, 'switchover.reverseAutomatic');
  }

  /**
   * Reverse without resynchronization: both hosts have the same data, so what the engine here has to know is only what is there. It is
   * noted before clients come; one written to meanwhile would be taken for equal.
   */
  async #takeOverRecord(): Promise<void> {
    const unequal = await this.#whyCompare();
    if (unequal !== undefined) {
      this.#event('SWT-008', { reason: unequal });
      return;
    }
    const runner = this.#master();
    const equal = new Set<string>();
    try {
      if (!runner.occupies) await this.#runBackward('skip', equal);
      await this.#until(TAKE_OVER_MS, 'the data to be noted', () => runner.allSynchronized([...equal]));
    } catch (error) {
      // Once clients write here, it may not go on.
      if (runner.occupies) await runner.stop('after-switchover');
      this.#event('SWT-008', { reason: Fault.from(error).message });
    }
  }

  async #whyCompare(): Promise<string | undefined> {
    const { environment, id } = this.#parts;
    const [other] = this.#stored.document.replicas;
    if (other === undefined) return 'there is no other host';
    try {
      await this.#until(PEER_MS, 'the other host to be standby', async () => {
        const side = (await environment.peers.request(
          other,
          'peer.switchSide',
          { scenarioId: id, brief: true },
          PEER_MS,
        )) as Pick<SwitchSide, 'takesData' | 'unequal'>;
        if (side.unequal !== undefined)
          throw new Fault('SCENARIO-STATE', { name: '', state: '', reason: side.unequal });
        return side.takesData;
      });
      return undefined;
    } catch (error) {
      const fault = Fault.from(error);
      return fault.code === 'SCENARIO-STATE' ? String(fault.details.reason) : fault.message;
    }
  }

  /** `equal`: is filled with those that have exactly what is here, while nobody writes; the others are compared. */
  async #runBackward(method: 'skip' | 'file', equal?: Set<string>): Promise<void> {
    const runner = this.#master();
    if (runner.occupies) return;
    const prepare = async () => {
      // One that does not answer is made ready when it comes back.
      await runner.peers.prepareAll(true, true).catch(() => undefined);
      if (equal !== undefined) for (const id of await this.#equalReplicas()) equal.add(id);
    };
    await runner.run({ method, ignoreSame: true }, prepare, equal);
  }

  /** The host that handed over, and every other Replica that had its last change. */
  async #equalReplicas(): Promise<string[]> {
    const { environment, id } = this.#parts;
    const { document, run } = this.#stored;
    const [standby, ...others] = fedBy(document);
    const found = await whoIsEqual(environment, id, run.fork, others);
    for (const { host, reason } of found.compared) this.#event('SWT-041', { peer: host, reason });
    return [standby?.deviceId, ...found.equal].filter((one) => one !== undefined);
  }

  async #startServices(): Promise<void> {
    const { services } = this.#parts.environment.roles;
    const started = await startServices(services, await managedServices(services, this.#stored.document));
    if (started.length > 0) this.#event('SWT-015', { names: started.join(', ') });
  }

  async #stopServices(): Promise<void> {
    const { services } = this.#parts.environment.roles;
    const stopped = await stopServices(services, await managedServices(services, this.#stored.document));
    if (stopped.length > 0) this.#event('SWT-016', { names: stopped.join(', ') });
  }

  /**
   * What this host has is the Master's own, changed without its journal: a copy of before must neither pass for one of the host that is
   * active now, nor be a rewind point. Nothing is taken here before this is durable.
   */
  async forgetPast(): Promise<void> {
    const { environment } = this.#parts;
    if (this.#stored.run.pastGone !== true) return;
    let hadPoints = false;
    await this.#replica().withHistory(async (config) => {
      hadPoints = await outdateCopy(environment, config, 'this host was active, and users changed its data');
    });
    await this.#change((stored) => {
      stored.run.pastGone = undefined;
    });
    if (hadPoints) this.#event('SWT-019', {});
  }

  /** A host that is not active keeps them down, whoever started them. */
  async standDown(): Promise<void> {
    await this.#stopServices();
  }

  /** Action upon Success. At least once: a crash behind it runs it again with the same MAINSTAY_SWITCH. */
  async #runSuccessScript(id: string): Promise<void> {
    const { environment } = this.#parts;
    const { document } = this.#stored;
    const script = settingOf(document.settings, 'success.script');
    if (script === '') return;
    const on = settingOf(document.settings, 'success.host');
    const other = document.replicas.find(({ name }) => name.toLowerCase() === on.toLowerCase());
    try {
      const exitCode =
        other === undefined
          ? await runSuccess(environment, document, id)
          : await environment.peers.request(other, 'peer.success', { scenarioId: document.id, id }, SCRIPT_MS);
      this.#event('SWT-017', { script, exitCode: Number((exitCode as { exitCode: number }).exitCode) });
    } catch (error) {
      this.#event('SWT-018', { script, reason: Fault.from(error).message });
    }
  }

  // ---------------------------------------------------------------- the host that was overruled

  /** Looks for what only this host has. Without any it is a standby like another; with some, it goes to quarantine first. */
  async compare(epoch: Epoch): Promise<RoleEvent> {
    if (this.#stored.side !== 'master') return { type: 'compared', epoch, diverged: false };
    const tail = await this.#tail();
    if (tail?.any) return { type: 'compared', epoch, diverged: true };
    if (tail === undefined || tail.unrelated) await this.#mark();
    await this.toStandby();
    return { type: 'compared', epoch, diverged: false };
  }

  async quarantine(epoch: Epoch): Promise<RoleEvent> {
    if (this.#stored.side === 'master') {
      const whole = await this.#keepTail(epoch.number);
      if (!whole || settingOf(this.#stored.document.settings, 'switchover.returnPolicy') === 'ask') await this.#mark();
      await this.toStandby();
    }
    return { type: 'quarantined' };
  }

  /** Behind what the active host had when it took over; undefined: it cannot be listed, which is told. */
  async #tail(): Promise<Tail | undefined> {
    const { environment, id } = this.#parts;
    const runner = this.#master();
    const untold = (reason: string) => {
      this.#event('SWT-014', { reason });
      return undefined;
    };
    if (!runner.occupies) return untold('the scenario did not run here');
    const active = runner.document.replicas.find(({ deviceId }) => deviceId === this.#parts.record().maxEpoch.holder);
    if (active === undefined) return untold('the active host is none of the scenario');
    const answer = await environment.peers.request(active, 'peer.forkPoint', { scenarioId: id }, PEER_MS);
    const { fork } = answer as { fork: StoredScenario['run']['fork'] | null };
    if (fork === undefined || fork === null) return untold('the active host does not know what it had of this one');
    const tail = await tailOf(runner, fork, true);
    return tail.unrelated ? untold('the active host went on from an earlier history') : tail;
  }

  /** False: not everything that only this host has is in quarantine. Throws what is in the way; then all stays in place. */
  async #keepTail(epoch: number): Promise<boolean> {
    try {
      const tail = await this.#tail();
      const whole = tail !== undefined && (await this.#keepAll(tail, epoch));
      this.#unkept = undefined;
      return whole;
    } catch (error) {
      const reason = Fault.from(error).message;
      if (this.#unkept !== reason) this.#event('SWT-020', { reason });
      this.#unkept = reason;
      throw error;
    }
  }

  /** Also what some program wrote while it was being copied; false: it goes on writing. */
  async #keepAll(tail: Tail, epoch: number): Promise<boolean> {
    const { generation } = tail;
    let left: Tail = tail;
    for (let round = 1; left.any && round <= KEEP_ROUNDS; round += 1) {
      await this.#keep(left, epoch);
      const { through } = left;
      left = await tailOf(this.#master(), { generation, seq: through }, false);
      if (left.through === through) return true;
    }
    return !left.any && !left.unrelated;
  }

  async #keep({ generation, after, through, pages }: Tail, epoch: number): Promise<void> {
    const { environment, id } = this.#parts;
    const { clock, host, roles } = environment;
    const head = { scenario: this.#stored.document.name, host: host.name, at: clock.wallMs(), epoch };
    const end = { generation, after, through };
    const kept = await roles.quarantine.keep(id, { ...head, ...end }, pages(), masterRoots(this.#stored.document));
    this.#event('SWT-013', { items: kept.items, bytes: kept.bytes, id: kept.id });
  }

  /** From now on only the operator's run replaces what is here. */
  async #mark(): Promise<void> {
    await this.#change((stored) => {
      stored.run.returned = true;
    });
  }

  // ---------------------------------------------------------------- small parts

  /** The document of the other direction is durable, with a run that has not begun. */
  async #flip(
    side: 'master' | 'replica',
    document: ScenarioDocument,
    more: (stored: StoredScenario) => void,
  ): Promise<void> {
    const { environment, id } = this.#parts;
    const epoch = this.#parts.record().epoch.number;
    await environment.book.update((book) => {
      const index = book.scenarios.findIndex((one) => one.document.id === id);
      const before = storedIn(book, id);
      const { choices } = before.run;
      const { returned, fenced } = before.run;
      const run = { ...newRun(environment.clock.wallMs(), epoch), choices, roles: true as const, returned, fenced };
      const stored: StoredScenario = { ...before, side, document, run: { ...run, reason: 'after-switchover' } };
      more(stored);
      book.scenarios[index] = stored;
    });
  }

  async #change(change: (stored: StoredScenario) => void): Promise<void> {
    await this.#parts.environment.book.update((book) => change(storedIn(book, this.#parts.id)));
  }

  #master(): MasterRunner {
    const runner = this.#parts.runners.runner(this.#parts.id);
    if (runner instanceof MasterRunner) return runner;
    throw new Fault('SCENARIO-STATE', {
      name: this.#stored.document.name,
      state: 'stopped',
      reason: 'it is a Replica',
    });
  }

  #replica(): ReplicaRunner {
    const runner = this.#parts.runners.runner(this.#parts.id);
    if (runner instanceof ReplicaRunner) return runner;
    throw new Fault('SCENARIO-STATE', {
      name: this.#stored.document.name,
      state: 'stopped',
      reason: 'it is the Master',
    });
  }

  async #remark(work: Promise<readonly string[]>): Promise<void> {
    for (const remark of await work) this.#event('SWT-007', { remark });
  }

  async #until(limitMs: number, what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const { clock } = this.#parts.environment;
    const until = clock.bootMs() + limitMs;
    while (!(await holds())) {
      if (clock.bootMs() >= until) throw new Fault('TIMEOUT', { seconds: limitMs / 1_000, what });
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
  }

  #event(code: string, details: FaultDetails): void {
    this.#parts.environment.events.record(code, details, this.#stored.document.name);
  }
}

/** Why the standby may not have exactly what is here although every change was applied. */
function whyUnequal(runner: MasterRunner, standby: string | undefined): string | undefined {
  const status = runner.status();
  const replica = status.hosts.find(({ name }) => name === standby)?.replica;
  if ((replica?.parked ?? 0) > 0) return 'items are parked';
  if ((replica?.dropped ?? 0) > 0) return 'parked items were dropped';
  if ((status.unreadable ?? 0) > 0) return 'places could not be read';
  if ((replica?.keptAside ?? []).length > 0) return 'metadata is kept aside';
  return undefined;
}

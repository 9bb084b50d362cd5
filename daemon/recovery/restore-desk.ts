/** What operators ask of restores, on the Master of a scenario (for any method) or on a Replica (to set it back). */

import type { CommandArgs } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { RestoreResult, RewindResult, UndoResult } from '../../shared/rewind.ts';
import type { HostReference } from '../../shared/scenario.ts';
import { newRun, type StoredScenario, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import { chosenReplica, type RunnerSet } from '../scenario/runner-set.ts';
import type { CommandHandlers } from '../services.ts';
import { goesBack, recoveryDocument, rewinds } from './plan.ts';
import type { StoredUndo } from './record.ts';
import type { RecoveryWatch } from './recovery-watch.ts';
import type { RecoveryAction, RecoveryAnswer, RestoreBegun, Restores } from './restores.ts';
import type { UndoKeeper } from './undo-keeper.ts';
import type { UndoProgress } from './undo-progress.ts';

const ASK_TIMEOUT_MS = 130_000;
/** As long as the disks need. */
const REWIND_TIMEOUT_MS = 24 * 3_600_000;

/** Of no restore. */
const NO_RESTORE = '0'.repeat(32);

type RestoreArgs = CommandArgs<'scenario.restore'>;

export class RestoreDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly #restores: Restores;
  readonly #watch: RecoveryWatch;
  readonly #undos: UndoKeeper;
  readonly #progress: UndoProgress;

  constructor(
    environment: ScenarioEnvironment,
    scenarios: RunnerSet,
    {
      restores,
      watch,
      undos,
      progress,
    }: {
      readonly restores: Restores;
      readonly watch: RecoveryWatch;
      readonly undos: UndoKeeper;
      readonly progress: UndoProgress;
    },
  ) {
    this.#environment = environment;
    this.#scenarios = scenarios;
    this.#restores = restores;
    this.#watch = watch;
    this.#undos = undos;
    this.#progress = progress;
  }

  handlers(): CommandHandlers {
    return {
      'scenario.restore': async (args) => await this.#restore(args),
      'scenario.undo': async ({ name, replica, forget }) =>
        forget ? await this.#forget(name) : await this.#undo(name, replica),
    };
  }

  /** The life of a temporary Recovery scenario is the restore's; the others are refused what a restore forbids. */
  guarding(others: CommandHandlers): CommandHandlers {
    const { 'scenario.run': run, 'scenario.stop': stop, 'scenario.delete': remove } = others;
    const control = async (name: string, action: RecoveryAction): Promise<boolean> => {
      const runner = this.#scenarios.named(name);
      const of = runner?.document.recoveryOf;
      if (runner === undefined || of === undefined) return false;
      await this.#control(of, runner.id, action);
      return true;
    };
    return {
      'scenario.run': async (args, session) => {
        if (await control(args.name, 'run')) return { state: 'recovering' };
        this.#refuseHalf(args.name);
        return await run?.(args, session);
      },
      'scenario.stop': async (args, session) => {
        if (await control(args.name, 'stop')) return { state: 'stopped' };
        return await stop?.(args, session);
      },
      'scenario.delete': async (args, session) => {
        if (await control(args.name, 'remove')) return {};
        const { stored } = this.#scenarios.find(args.name);
        this.#refuseRestoring(stored);
        if (stored.undo?.document !== undefined) await this.#undos.forget(stored.document.id);
        return await remove?.(args, session);
      },
    };
  }

  // ---------------------------------------------------------------- restore

  async #restore(args: RestoreArgs): Promise<RestoreResult> {
    const runner = this.#scenarios.find(args.name);
    if (runner.document.recoveryOf !== undefined) {
      const reason = 'this is the temporary scenario of a restore: run it to go on with that, or stop and remove it';
      throw this.#refusal(runner.stored, reason);
    }
    if (rewinds(args.method) && args.point === undefined)
      throw new Fault('USAGE', { reason: 'say which point to set back to (--at): see `mainstay points`' });
    if (runner instanceof ReplicaRunner) return await this.#restoreHere(runner, args);
    const replica = chosenReplica(runner.document, args.replica);
    this.#refuseRestoring(runner.stored);
    if (runner.occupies)
      throw this.#refusal(runner.stored, 'stop it first: data is only restored while nothing is replicated');
    if (replica.source !== undefined && replica.source !== runner.document.master.name) {
      const reason = `${replica.name} is fed by ${replica.source}: restore from ${replica.source}, its next run brings ${replica.name} along`;
      throw this.#refusal(runner.stored, reason);
    }
    const { undo } = runner.stored;
    if (undo?.half === true && !goesBack(args.method)) throw this.#refusal(runner.stored, halfReason(undo));
    return await this.#begin(runner, replica, args);
  }

  async #begin(runner: MasterRunner, replica: HostReference, args: RestoreArgs): Promise<RestoreResult> {
    const { peers, events, random } = this.#environment;
    const { document, undo } = runner.stored;
    const identified = { ...replica, deviceId: replica.deviceId ?? peers.resolve(replica).deviceId };
    // What a restore before this one left half done is taken back by the same journal.
    const id = undo?.half === true ? undo.id : Buffer.from(random.bytes(16)).toString('hex');
    const recovery = recoveryDocument(document, identified, id);
    // One that cannot be asked is told at once; from here on silence means that it may have begun.
    await peers.request(identified, 'peer.recoveryLook', { scenarioId: document.id, id }, ASK_TIMEOUT_MS);
    if (this.#scenarios.named(recovery.name) !== undefined) throw new Fault('SCENARIO-EXISTS', { name: recovery.name });
    const { method, point, sync } = args;
    await runner.whileStopped('a restore of its data begins', () =>
      this.#remember(runner, { id, replica: identified.deviceId, method, sync, point }, recovery),
    );
    this.#scenarios.adopt(id, 'replica');
    this.#watch.follow(document.id);
    try {
      const order = {
        scenarioId: document.id,
        document: { ...recovery },
        method,
        sync,
        ...(point === undefined ? {} : { point }),
        ...(args.acceptLost === true ? { acceptLost: true } : {}),
      };
      const begun = (await peers.request(identified, 'peer.restore', order, ASK_TIMEOUT_MS)) as RestoreBegun;
      const { parked } = begun;
      if (parked > 0) events.record('RST-006', { count: parked, replica: replica.name }, document.name);
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.kind !== 'transient') {
        await this.#watch.forget(document.id, fault);
        throw fault;
      }
    }
    events.record('RST-001', { method }, document.name);
    this.#watch.look(document.id);
    return await this.#watch.over(document.id);
  }

  async #remember(
    runner: MasterRunner,
    order: Pick<NonNullable<StoredScenario['recovery']>, 'id' | 'replica' | 'method' | 'sync' | 'point'>,
    document: StoredScenario['document'],
  ): Promise<void> {
    const now = this.#environment.clock.wallMs();
    const phase = rewinds(order.method) ? 'rewinding' : 'synchronizing';
    await this.#environment.book.update((book) => {
      const stored = storedIn(book, runner.id);
      stored.recovery = { ...order, phase, startedAt: now };
      book.scenarios.push({ side: 'replica', document, run: newRun(now) });
    });
  }

  /** Asked on the Replica: its own roots only. */
  async #restoreHere(runner: ReplicaRunner, args: RestoreArgs): Promise<RestoreResult> {
    const { document } = runner;
    if (goesBack(args.method)) this.#scenarios.onMaster(args.name);
    const { host, random } = this.#environment;
    const self = document.replicas.find(({ deviceId }) => deviceId === host.deviceId);
    if (self === undefined) throw new Fault('SCENARIO-INVALID', { reason: 'this host is not a Replica of it' });
    this.#restores.refuseWhileRestoring(document.id);
    const recovery = recoveryDocument(document, self, Buffer.from(random.bytes(16)).toString('hex'));
    await this.#restores.begin(recovery, args);
    this.#environment.events.record('RST-001', { method: args.method }, document.name);
    return await this.#restores.over(document.id);
  }

  async #control(of: string, id: string, action: RecoveryAction): Promise<void> {
    const stored = storedIn(this.#environment.book.value, of);
    if (stored.side === 'replica') {
      await this.#restores.control(of, id, action);
      return;
    }
    const host = stored.document.replicas.find(({ deviceId }) => deviceId === stored.recovery?.replica);
    if (host !== undefined) {
      try {
        await this.#environment.peers.request(
          host,
          'peer.recoveryControl',
          { scenarioId: of, id, action },
          ASK_TIMEOUT_MS,
        );
      } catch (error) {
        const fault = Fault.from(error);
        // A Replica that is gone keeps nobody from removing it here.
        if (action !== 'remove' || (fault.kind !== 'transient' && fault.code !== 'SCENARIO-NOT-FOUND')) throw fault;
      }
    }
    if (action === 'remove') {
      const reason = 'the Recovery scenario was removed';
      await this.#watch.forget(of, new Fault('RESTORE-FAILED', { name: stored.document.name, reason }));
    } else this.#watch.look(of);
  }

  // ---------------------------------------------------------------- undo

  async #undo(name: string, replica: string | undefined): Promise<UndoResult> {
    const runner = this.#scenarios.find(name);
    this.#refuseRestoring(runner.stored);
    if (runner.occupies)
      throw this.#refusal(runner.stored, 'stop it first: data is only set back while nothing is replicated');
    const { host, events } = this.#environment;
    if (runner instanceof ReplicaRunner) {
      return together([{ host: host.name, result: await this.#restores.undo(runner.id) }]);
    }
    const of = { id: runner.id, name: runner.document.name, method: runner.stored.undo?.method ?? 'rewind-replica' };
    const result = await runner.whileStopped('its last restore is being undone; wait for it', () =>
      this.#progress.during(of, () => this.#undoOnHosts(runner, replica)),
    );
    events.record('RST-004', { hosts: result.hosts.map((one) => one.host).join(', ') }, runner.document.name);
    return result;
  }

  async #undoOnHosts(runner: MasterRunner, replica: string | undefined): Promise<UndoResult> {
    const { host } = this.#environment;
    const done: { host: string; result: RewindResult }[] = [];
    const { undo } = runner.stored;
    if (undo?.later !== undefined) {
      done.push(await this.#undoOnReplica(runner, replica));
      await this.#undos.change(runner.id, { later: undefined });
      return together(done);
    }
    const other = undo?.document === undefined || rewinds(undo.method);
    if (undo?.document !== undefined && undo.ownDone !== true) {
      done.push({ host: host.name, result: await this.#undos.undoOwn(runner, other) });
    }
    if (other) done.push(await this.#undoOnReplica(runner, replica));
    return together(done);
  }

  async #undoOnReplica(
    runner: MasterRunner,
    named: string | undefined,
  ): Promise<{ host: string; result: RewindResult }> {
    const { peers } = this.#environment;
    const { document, undo } = runner.stored;
    const last = undo?.later ?? (undo?.document === undefined ? undefined : undo.replica);
    const taken = document.replicas.find(({ deviceId }) => last !== undefined && deviceId === last);
    const replica = taken ?? chosenReplica(document, named);
    const scenarioId = document.id;
    let back = undo?.asked;
    if (back === undefined) {
      const look = { scenarioId, id: undo?.id ?? NO_RESTORE };
      const answer = (await peers.request(replica, 'peer.recoveryLook', look, ASK_TIMEOUT_MS)) as RecoveryAnswer;
      back = answer.back;
      if (back !== undefined) await this.#undos.change(document.id, { asked: back });
    }
    const args = { scenarioId, ...(back === undefined ? {} : { back }) };
    const asked = peers.request(replica, 'peer.undo', args, REWIND_TIMEOUT_MS) as Promise<RewindResult>;
    const result = await this.#progress.there(scenarioId, replica.name, asked, async () => {
      const answer = await peers.request(replica, 'peer.recoveryLook', { scenarioId, id: NO_RESTORE }, ASK_TIMEOUT_MS);
      return (answer as RecoveryAnswer).undoing;
    });
    await this.#undos.change(document.id, { asked: undefined, ownDone: undefined });
    return { host: replica.name, result };
  }

  /** The operator confirms the data as it is. */
  async #forget(name: string): Promise<UndoResult> {
    const runner = this.#scenarios.onMaster(name);
    this.#refuseRestoring(runner.stored);
    if (runner.stored.undo === undefined) throw new Fault('UNDO-NONE', { name: runner.document.name });
    await runner.whileStopped('what its last restore replaced is being removed; wait for it', () =>
      this.#undos.forget(runner.id),
    );
    return together([]);
  }

  // ---------------------------------------------------------------- refusals

  #refuseRestoring({ document, recovery, side }: StoredScenario): void {
    if (side === 'replica') this.#restores.refuseWhileRestoring(document.id);
    else if (recovery !== undefined) {
      const { scenario = '', failed } = this.#watch.statusOf(document.id) ?? {};
      const reason =
        failed === undefined
          ? `"${scenario}" is restoring its data; wait for it, or stop and remove that`
          : `"${scenario}" has stopped (${failed}): run that again to go on, or remove it first`;
      throw new Fault('SCENARIO-STATE', { name: document.name, state: 'recovering', reason });
    }
  }

  #refuseHalf(name: string): void {
    const runner = this.#scenarios.named(name);
    if (!(runner instanceof MasterRunner)) return;
    this.#refuseRestoring(runner.stored);
    const { undo } = runner.stored;
    if (undo !== undefined && (undo.half === true || undo.going !== undefined)) {
      throw this.#refusal(runner.stored, halfReason(undo));
    }
  }

  #refusal({ document }: StoredScenario, reason: string): Fault {
    const state = this.#scenarios.find(document.name).status().state;
    return new Fault('SCENARIO-STATE', { name: document.name, state, reason });
  }
}

/** Running it would replicate a mixture over the only whole copy. */
function halfReason({ going }: StoredUndo): string {
  if (going !== undefined) return 'undoing its last restore was interrupted: `mainstay undo` goes on with it';
  return 'its data on the Master is half restored: restore again, or `mainstay undo` gives the Master its data back, or `mainstay undo --forget` takes it as it is';
}

function together(done: readonly { readonly host: string; readonly result: RewindResult }[]): UndoResult {
  const foreign = done.flatMap(({ result }) => result.foreign);
  return {
    steps: done.reduce((sum, { result }) => sum + result.steps, 0),
    foreign,
    foreignCount: done.reduce((sum, { result }) => sum + result.foreignCount, 0),
    lostCount: done.reduce((sum, { result }) => sum + (result.lostCount ?? 0), 0),
    undoPoint: done.at(-1)?.result.undoPoint ?? '',
    tookMs: done.reduce((sum, { result }) => sum + result.tookMs, 0),
    hosts: done.map(({ host, result }) => ({ host, steps: result.steps, foreignCount: result.foreignCount })),
  };
}

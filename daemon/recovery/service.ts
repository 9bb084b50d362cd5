/** Restore data and undo (guide: "Recovering Data"): both sides of it, put together for the scenarios of this host. */
import { Fault } from '../../shared/faults.ts';
import type { RecoveryStatus } from '../../shared/rewind.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { completeDocument, type StoredScenario } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import type { CommandHandlers, Session } from '../services.ts';
import { NO_APPLICATION } from './application-hooks.ts';
import { RecoveryWatch } from './recovery-watch.ts';
import { RestoreDesk } from './restore-desk.ts';
import { Restores } from './restores.ts';
import { UndoKeeper } from './undo-keeper.ts';
import { UndoProgress } from './undo-progress.ts';

export class Recovery {
  readonly #environment: ScenarioEnvironment;
  readonly #restores: Restores;
  readonly #watch: RecoveryWatch;
  readonly #undos: UndoKeeper;
  readonly #progress: UndoProgress;
  readonly #desk: RestoreDesk;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet, announce: (scenarioId: string) => void) {
    this.#environment = environment;
    this.#progress = new UndoProgress(environment, announce);
    this.#restores = new Restores(environment, scenarios, announce, this.#progress);
    this.#watch = new RecoveryWatch(environment, scenarios, announce);
    this.#undos = new UndoKeeper(environment, this.#progress);
    const parts = { restores: this.#restores, watch: this.#watch, undos: this.#undos, progress: this.#progress };
    this.#desk = new RestoreDesk(environment, scenarios, parts);
  }

  /** Goes on with everything that was under way when the daemon ended. */
  start(): void {
    this.#restores.resume();
    this.#watch.resume();
    this.#undos.start();
  }

  async shutdown(): Promise<void> {
    this.#watch.close();
    await this.#restores.shutdown();
    await this.#undos.close();
  }

  /** `others`: what scenarios answer when no restore has a say. */
  handlers(others: CommandHandlers): CommandHandlers {
    return { ...this.#desk.handlers(), ...this.#desk.guarding(others) };
  }

  /** `own`: the Replica here, when the session is its Master. */
  peerHandlers(own: (scenarioId: string, session: Session) => ReplicaRunner): CommandHandlers {
    return {
      'peer.restore': async ({ scenarioId, document, method, point, sync, acceptLost }, session) => {
        own(scenarioId, session);
        const parsed = completeDocument.safeParse(document);
        if (!parsed.success || parsed.data.recoveryOf !== scenarioId) {
          throw new Fault('SCENARIO-INVALID', { path: 'recoveryOf', reason: 'no Recovery scenario of this scenario' });
        }
        return await this.#restores.begin(parsed.data, { method, point, sync }, acceptLost === true);
      },
      'peer.recoveryLook': ({ scenarioId, id }, session) => this.#restores.look(own(scenarioId, session).id, id),
      'peer.recoveryControl': async ({ scenarioId, id, action }, session) => {
        await this.#restores.control(own(scenarioId, session).id, id, action);
        return {};
      },
      'peer.undo': async ({ scenarioId, back }, session) =>
        await this.#restores.undo(own(scenarioId, session).id, back),
    };
  }

  /**
   * Before this host takes `document` as a Replica: refuses what a restore forbids. The Recovery scenario of a restore that
   * this host has begun as the Master is about to overwrite it: how that is undone is durable when this resolves.
   */
  async preparing(document: ScenarioDocument): Promise<void> {
    this.#restores.refuseWhileRestoring(document.id);
    const { recoveryOf } = document;
    if (recoveryOf === undefined) {
      await this.#restores.running(document.id);
      return;
    }
    const stored = this.#environment.book.value.scenarios.find((one) => one.document.id === recoveryOf);
    const recovery = stored?.recovery;
    if (stored?.side !== 'master' || recovery?.id !== document.id || stored.run.wanted) {
      const reason = 'no restore of it is under way on the Master: it was removed there';
      throw new Fault('SCENARIO-STATE', { name: document.name, state: 'stopped', reason });
    }
    await NO_APPLICATION.beforeRestore(stored.document);
    await this.#undos.overwriting(document, recovery.method, recovery.replica);
  }

  refuseWhileRestoring(scenarioId: string): void {
    this.#restores.refuseWhileRestoring(scenarioId);
  }

  noticed(scenarioId: string): void {
    this.#restores.noticed(scenarioId);
  }

  /** What the engines of a Recovery scenario report is what its restore has done. */
  watching(environment: ScenarioEnvironment): ScenarioEnvironment {
    const { reports, complain } = environment;
    const watched: typeof reports = {
      ...reports,
      addSynchronization: (document, ignoreSame, result) => {
        this.#restores.synchronized(document, result).catch((error: unknown) => complain(`restore: ${String(error)}`));
        return reports.addSynchronization(document, ignoreSame, result);
      },
    };
    // The ledger is set later.
    Object.defineProperty(watched, 'ledger', { get: () => reports.ledger, enumerable: true });
    return { ...environment, reports: watched };
  }

  /** A status with the restore in it. */
  shownIn(status: ScenarioStatus, stored: StoredScenario): ScenarioStatus {
    const { recoveryOf } = stored.document;
    const recovery = this.#statusOf(recoveryOf ?? stored.document.id);
    if (recovery === undefined) return withUndoProblem(status, stored);
    if (recoveryOf === undefined) return { ...status, recovery };
    const { stopReason: _stopReason, ...rest } = status;
    if (recovery.failed === undefined) return { ...rest, state: 'recovering', running: true, recovery };
    return { ...rest, state: 'failed', running: false, recovery, problem: recovery.failed };
  }

  #statusOf(of: string): RecoveryStatus | undefined {
    return this.#restores.statusOf(of) ?? this.#watch.statusOf(of) ?? this.#progress.statusOf(of);
  }
}

/** The Master's data is a mixture: whoever looks has to see it. */
function withUndoProblem(status: ScenarioStatus, { undo, side }: StoredScenario): ScenarioStatus {
  if (side !== 'master' || undo === undefined || (undo.half !== true && undo.going === undefined)) return status;
  const problem = 'Its data on the Master is half restored: restore again, or `mainstay undo` gives it back';
  return { ...status, problem: status.problem ?? problem };
}

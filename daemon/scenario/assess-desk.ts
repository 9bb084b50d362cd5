/** Assessments of this host: measures of how much changes on the Master of a stopped scenario, without a Replica. */

import { Fault } from '../../shared/faults.ts';
import type { AssessmentReport } from '../../shared/report.ts';
import { beginSpan, type Span } from '../ageing.ts';
import type { AssessFigures } from '../engine/assess-engine.ts';
import { assessmentReport } from '../report/assessment.ts';
import type { CommandHandlers } from '../services.ts';
import { masterConfig } from './engine-config.ts';
import { EngineSession } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';
import type { MasterRunner } from './master-runner.ts';
import type { RunnerSet } from './runner-set.ts';

interface Assessment {
  readonly session: EngineSession;
  readonly span: () => Span;
  readonly release: () => void;
}

export class AssessDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly #running = new Map<string, Assessment>();

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet) {
    this.#environment = environment;
    this.#scenarios = scenarios;
  }

  handlers(): CommandHandlers {
    return {
      'scenario.assess': async ({ name, action }) => {
        const runner = this.#scenarios.onMaster(name);
        if (action === 'start' && !this.#running.has(runner.id)) await this.#start(runner);
        const assessment = this.#running.get(runner.id);
        if (assessment === undefined) {
          throw new Fault('SCENARIO-STATE', { name, state: runner.status().state, reason: 'nothing is measured' });
        }
        const report = await this.#report(runner, assessment, action === 'stop');
        if (action === 'stop') await this.#end(runner, assessment);
        return { report, running: action !== 'stop' };
      },
    };
  }

  /** The daemon ends: what was measured until now is kept as a report. */
  async close(): Promise<void> {
    for (const [id, assessment] of this.#running) {
      const runner = this.#scenarios.runner(id) as MasterRunner;
      await this.#report(runner, assessment, true).catch((error: unknown) =>
        this.#environment.complain(`the assessment of ${runner.document.name} is lost: ${String(error)}`),
      );
      await this.#end(runner, assessment);
    }
  }

  async #start(runner: MasterRunner): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const what = 'its changes are being measured; end that first';
      const measuring = runner.whileStopped(what, () => this.#measure(runner, resolve));
      this.#measuring.set(
        runner.id,
        measuring.catch((error: unknown) => {
          reject(error);
          this.#environment.complain(`the assessment of ${runner.document.name} ended: ${String(error)}`);
        }),
      );
    });
  }

  /** Resolves when the assessment was ended. */
  async #measure(runner: MasterRunner, onStarted: () => void): Promise<void> {
    const { clock, capture, spawnEngine, events } = this.#environment;
    const { document } = runner;
    const config = masterConfig(this.#environment, runner.stored);
    let lost: (fault: Fault) => void = () => {};
    const ended = new Promise<void>((resolve, reject) => {
      lost = reject;
      this.#releases.set(runner.id, resolve);
    });
    ended.catch(() => undefined);
    const session = await EngineSession.start(spawnEngine(), { ...config, assess: true }, clock, {
      onEvent: () => {},
      onStatus: () => {},
      onLinkClosed: () => {},
      onLost: (fault) => lost(fault),
    });
    try {
      await capture.watch(
        session.handle,
        config.roots.map(({ path }) => path),
      );
      await session.call({ name: 'assess-begin' });
      const release = this.#releases.get(runner.id)!;
      this.#running.set(runner.id, { session, span: beginSpan(clock), release });
      events.record('ASM-001', {}, document.name);
      onStarted();
      await ended;
    } finally {
      this.#running.delete(runner.id);
      await session.stop(() => capture.unwatch(session.handle));
    }
  }

  readonly #releases = new Map<string, () => void>();
  readonly #measuring = new Map<string, Promise<void>>();

  async #end(runner: MasterRunner, { release }: Assessment): Promise<void> {
    release();
    this.#releases.delete(runner.id);
    await this.#measuring.get(runner.id);
    this.#measuring.delete(runner.id);
  }

  async #report(
    { document }: MasterRunner,
    { session, span: spanUntilNow }: Assessment,
    stored: boolean,
  ): Promise<AssessmentReport> {
    const figures = (await session.call({ name: 'assess-figures' })) as AssessFigures;
    const span = spanUntilNow();
    if (!stored) return assessmentReport('', document, span, figures);
    const { reports } = this.#environment;
    return reports.add('assessment', span.finishedAt, (id) => assessmentReport(id, document, span, figures));
  }
}

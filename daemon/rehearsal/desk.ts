/** Assured Recovery of the scenarios of this host: asked for on the Master or on the Replica itself, or by the Replica's schedule. */
import { settingOf } from '../../config/catalogue.ts';
import type { CommandArgs } from '../../shared/commands.ts';
import { nextCron } from '../../shared/cron.ts';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults } from '../../shared/results.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { Timer } from '../ports.ts';
import { below, fedBy } from '../scenario/cascade.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import { type RunnerSet, replicaNamed } from '../scenario/runner-set.ts';
import type { CommandHandlers, Session } from '../services.ts';
import type { ReplicaRehearsal } from './replica-rehearsal.ts';

type Action = CommandArgs<'peer.rehearse'>['action'];
type Answer = CommandResults['scenario.rehearse'];

const SCHEDULE_LOOK_MS = 20_000;
/** Opening and closing; a test may last as long as its limits say. */
const STEP_TIMEOUT_MS = 120_000;
const RUN_TIMEOUT_MS = 24 * 3_600_000;

export class RehearsalDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  /** Wall clock until which a schedule was looked at, by scenario and Replica. */
  readonly #servedAt = new Map<string, { readonly schedule: string; readonly at: number }>();
  #timer: Timer | undefined;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet) {
    this.#environment = environment;
    this.#scenarios = scenarios;
  }

  start(): void {
    this.#timer = this.#environment.clock.after(SCHEDULE_LOOK_MS, () => {
      this.#serveSchedules();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  handlers(): CommandHandlers {
    return {
      'scenario.rehearse': async ({ name, replica, action }) => {
        const runner = this.#scenarios.find(name);
        if (runner instanceof ReplicaRunner) return await this.#here(runner, action, 'demand');
        return await this.#ask(runner, chosen(runner, replica), action);
      },
    };
  }

  /** What the Master asks of this Replica. */
  peerHandlers(own: (scenarioId: string, session: Session) => ReplicaRunner): CommandHandlers {
    return {
      'peer.rehearse': async ({ scenarioId, action, trigger }, session) =>
        await this.#here(own(scenarioId, session), action, trigger),
    };
  }

  async #ask(runner: MasterRunner, host: HostReference, action: Action, trigger: 'demand' | 'schedule' = 'demand') {
    if (!fedBy(runner.document).includes(host) || below(runner.document, host.name).length > 0) {
      const reason = `${host.name} is part of a chain of Replicas; ask on that host itself, if it feeds no other`;
      throw new Fault('REHEARSAL-UNAVAILABLE', { reason });
    }
    const args = { scenarioId: runner.id, action, trigger };
    const timeoutMs = action === 'run' ? RUN_TIMEOUT_MS : STEP_TIMEOUT_MS;
    return (await this.#environment.peers.request(host, 'peer.rehearse', args, timeoutMs)) as Answer;
  }

  async #here(runner: ReplicaRunner, action: Action, trigger: 'demand' | 'schedule'): Promise<Answer> {
    const { rehearsal } = runner;
    const replica = this.#environment.host.name;
    if (action === 'show') return { replica, ...stateOf(rehearsal) };
    if (action === 'end') return { replica, result: await rehearsal.end() };
    this.#refuseFeeder(runner);
    if (action === 'begin') return { replica, state: await rehearsal.begin(trigger) };
    return { replica, result: await rehearsal.run(trigger) };
  }

  /** What its relay captures must stay where it is. */
  #refuseFeeder({ document }: ReplicaRunner): void {
    const { deviceId, name } = this.#environment.host;
    const self = document.replicas.find((replica) => replica.deviceId === deviceId);
    if (self === undefined || below(document, self.name).length === 0) return;
    throw new Fault('REHEARSAL-UNAVAILABLE', { reason: `${name} feeds other Replicas` });
  }

  // ---------------------------------------------------------------- schedules

  #serveSchedules(): void {
    const now = this.#environment.clock.wallMs();
    for (const runner of this.#scenarios.all()) {
      if (!(runner instanceof MasterRunner)) continue;
      const { document } = runner;
      if (!settingOf(document.settings, 'general.integrityTesting')) continue;
      for (const host of fedBy(document)) this.#serve(runner, host, now);
    }
  }

  #serve(runner: MasterRunner, host: HostReference, now: number): void {
    const schedule = settingOf(host.settings, 'tasks.integrityTestingSchedule');
    const key = `${runner.id} ${host.name}`;
    const served = this.#servedAt.get(key);
    // Also after the clock was put back: the next time counts from now.
    if (served?.schedule !== schedule || served.at > now) {
      this.#servedAt.set(key, { schedule, at: now });
      return;
    }
    const due = schedule === '' ? undefined : nextCron(schedule, served.at);
    if (due === undefined || now < due) return;
    this.#servedAt.set(key, { schedule, at: now });
    if (settingOf(host.settings, 'tasks.suspended') || runner.life.is !== 'running') return;
    void this.#ask(runner, host, 'run', 'schedule').catch((error: unknown) => {
      const { name } = runner.document;
      this.#environment.events.record('RHS-005', { peer: host.name, reason: Fault.from(error).message }, name);
    });
  }
}

function stateOf({ state }: ReplicaRehearsal): Pick<Answer, 'state'> {
  return state === undefined ? {} : { state };
}

function chosen({ document }: MasterRunner, replica: string | undefined): HostReference {
  if (replica !== undefined) return replicaNamed(document, replica);
  const [first, ...others] = document.replicas;
  if (first !== undefined && others.length === 0) return first;
  const names = document.replicas.map((one) => one.name).join(', ');
  throw new Fault('USAGE', { reason: `"${document.name}" has several Replicas; name one of ${names} by --replica.` });
}

/**
 * Redirection by registered scripts of this host: what no built-in method covers. They run at least once, also again after a crash:
 * MAINSTAY_SWITCH is the same for all runs of one switchover. An identify script ends with 0 when this host is the active one, with 1
 * when it is not; every other end says nothing.
 */
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { ScriptOutcome, ScriptRunner } from '../rehearsal/scripts.ts';
import type { EventLog } from '../services.ts';
import {
  type Applied,
  type RedirectDirection,
  type Redirection,
  type RedirectState,
  redirectFinding,
} from './model.ts';
import type { PlannedScript } from './plan.ts';

export interface ScriptRedirectionOptions {
  readonly host: string;
  readonly scenarioName: string;
  /** Of this switchover: the idempotency key of the scripts. */
  readonly switchId: string;
  readonly plan: PlannedScript;
}

export interface ScriptRedirectionPorts {
  readonly scripts: ScriptRunner;
  readonly events: Pick<EventLog, 'record'>;
}

const ACTIVE = 0;
const NOT_ACTIVE = 1;
/** Of the output, in an event. */
const SHOWN_OUTPUT = 500;

const OPPOSITE: Readonly<Record<RedirectDirection, RedirectDirection>> = { acquire: 'release', release: 'acquire' };

export class ScriptRedirection implements Redirection {
  readonly kind = 'script';
  private readonly options: ScriptRedirectionOptions;
  private readonly ports: ScriptRedirectionPorts;
  private applied: RedirectDirection | undefined;

  constructor(options: ScriptRedirectionOptions, ports: ScriptRedirectionPorts) {
    this.options = options;
    this.ports = ports;
  }

  async check(): Promise<Finding[]> {
    const { identify, activate, deactivate } = this.options.plan;
    return [identify, activate, deactivate].filter((name) => name !== '').flatMap((name) => this.checkScript(name));
  }

  private checkScript(name: string): Finding[] {
    try {
      this.ports.scripts.confirm(name);
      return [];
    } catch (error) {
      const fault = Fault.from(error);
      return [redirectFinding(this.options.host, 'error', 'REDIRECT-SCRIPT', fault.message, fault.hint)];
    }
  }

  async apply(direction: RedirectDirection): Promise<Applied> {
    this.applied = undefined;
    const script = this.scriptFor(direction);
    if (script === '') return { changed: false, state: await this.readBack(), remarks: [] };
    // It may have done half of its work when it fails: `revert` runs its opposite then too.
    this.applied = direction;
    await this.runScript(script, direction);
    const state = await this.readBack();
    const wrong = direction === 'acquire' ? 'elsewhere' : 'here';
    if (state.clients === wrong)
      throw this.failure(script, direction, `${this.options.plan.identify} says that it did not`);
    return { changed: true, state, remarks: [] };
  }

  private scriptFor(direction: RedirectDirection): string {
    const { activate, deactivate } = this.options.plan;
    return direction === 'acquire' ? activate : deactivate;
  }

  private async runScript(script: string, direction: RedirectDirection): Promise<void> {
    const outcome = await this.outcomeOf(script, direction);
    const { exitCode } = outcome;
    if (exitCode !== 0) throw this.failure(script, direction, reasonOf(outcome), outcome.output.slice(-SHOWN_OUTPUT));
    this.ports.events.record('RED-001', { script, exitCode, direction }, this.options.scenarioName);
  }

  private failure(script: string, direction: RedirectDirection, reason: string, output = ''): Fault {
    this.ports.events.record('RED-002', { script, reason, direction, output }, this.options.scenarioName);
    return new Fault('REDIRECT-FAILED', { method: `The script ${script}`, reason });
  }

  private outcomeOf(script: string, direction: RedirectDirection | 'identify'): Promise<ScriptOutcome> {
    const { host, scenarioName, switchId, plan } = this.options;
    const variables = {
      MAINSTAY_HOST: host,
      MAINSTAY_SCENARIO: scenarioName,
      MAINSTAY_SWITCH: switchId,
      MAINSTAY_DIRECTION: direction,
    };
    return this.ports.scripts.run(script, variables, plan.timeoutMs, plan.arguments);
  }

  async readBack(): Promise<RedirectState> {
    const { identify } = this.options.plan;
    if (identify === '') return { clients: 'unknown', detail: ['no identify script is given'] };
    try {
      const outcome = await this.outcomeOf(identify, 'identify');
      if (outcome.exitCode === ACTIVE) return { clients: 'here', detail: [`${identify}: this host is active`] };
      if (outcome.exitCode === NOT_ACTIVE)
        return { clients: 'elsewhere', detail: [`${identify}: this host is not active`] };
      return { clients: 'unknown', detail: [`${identify}: ${reasonOf(outcome)}`] };
    } catch (error) {
      return { clients: 'unknown', detail: [Fault.from(error).message] };
    }
  }

  async revert(): Promise<Applied> {
    const { applied } = this;
    this.applied = undefined;
    if (applied === undefined) return { changed: false, state: await this.readBack(), remarks: [] };
    const opposite = OPPOSITE[applied];
    const script = this.scriptFor(opposite);
    if (script === '') throw this.failure(this.scriptFor(applied), opposite, 'no script is given that takes it back');
    await this.runScript(script, opposite);
    return { changed: true, state: await this.readBack(), remarks: [] };
  }

  describe(direction: RedirectDirection): string[] {
    const script = this.scriptFor(direction);
    if (script === '') return [];
    const words = [script, ...this.options.plan.arguments].map((word) => JSON.stringify(word));
    return [`Script: ${words.join(' ')} (at most ${this.options.plan.timeoutMs} ms, exit code 0 means success)`];
  }
}

function reasonOf({ exitCode, timedOut }: ScriptOutcome): string {
  if (timedOut) return 'it was ended at its time limit';
  return exitCode === undefined ? 'it was ended by a signal' : `exit code ${exitCode}`;
}

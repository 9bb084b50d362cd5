/**
 * Fencing: a registered script of the host that takes over turns the other one off, over a path of its own, and says by its exit code
 * that it is off. That counts as the commit of a switchover without an arbiter. The wish is durable before the script runs, so a
 * daemon that is killed runs it again, with the same MAINSTAY_SWITCH (INV-10).
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { FencingStatus } from '../../shared/role.ts';
import type { HostReference, ScenarioDocument, SettingValues } from '../../shared/scenario.ts';
import type { ScriptOutcome } from '../rehearsal/scripts.ts';
import { type StoredRun, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { BackOff } from './back-off.ts';
import type { Part, RoleParts } from './role-parts.ts';

const RETRY_MS = { first: 10_000, longest: 600_000 };
/** Of the output, in an event and in the status. */
const SHOWN_OUTPUT = 500;
/** Whether the script can be run is looked at so often. */
const READY_MS = 10_000;
/** After a start, the other host has so long to be heard before what an operator asked for goes on. */
const RESUME_MS = 3_000;
const CHECK_MS = 30_000;

type Asker = NonNullable<StoredRun['fencing']>['by'];

interface Kept {
  readonly backOff: BackOff;
  running?: Promise<void> | undefined;
  shown?: Omit<FencingStatus, 'nextInMs'> | undefined;
  ready?: { readonly at: number; readonly problem: string | undefined };
  /** When it was confirmed, by the clock of this start. */
  confirmedAt?: number;
  /** That the other one was heard since. */
  lieTold?: true;
}

export class Fencing {
  readonly #parts: RoleParts;
  readonly #kept = new Map<string, Kept>();
  readonly #startedAt: number;

  constructor(parts: RoleParts) {
    this.#parts = parts;
    this.#startedAt = parts.environment.clock.bootMs();
  }

  get #environment(): ScenarioEnvironment {
    return this.#parts.environment;
  }

  #of(id: string): Kept {
    const kept = this.#kept.get(id) ?? { backOff: new BackOff(RETRY_MS.first, RETRY_MS.longest) };
    this.#kept.set(id, kept);
    return kept;
  }

  /** Why it cannot be run on this host; undefined: it can. */
  problem(id: string, { settings }: ScenarioDocument): string | undefined {
    const kept = this.#of(id);
    const now = this.#environment.clock.bootMs();
    if (kept.ready === undefined || now - kept.ready.at > READY_MS) {
      kept.ready = { at: now, problem: whyNotReady(this.#environment, fencingScript(settings)) };
    }
    return kept.ready.problem;
  }

  status(id: string): FencingStatus | undefined {
    const { shown, backOff } = this.#of(id);
    if (shown === undefined) return undefined;
    const nextInMs = Math.round(backOff.leftMs(this.#environment.clock.bootMs()));
    return { ...shown, ...(shown.state === 'failed' && nextInMs > 0 ? { nextInMs } : {}) };
  }

  /** At every look at a standby. `down`: the active host is dead and nothing stands against an automatic switchover. */
  look(id: string, part: Part, down: boolean, alive: boolean): void {
    const kept = this.#of(id);
    if (kept.running !== undefined) return;
    const now = this.#environment.clock.bootMs();
    const wish = this.#parts.stored(id).run.fencing;
    if (down) {
      if (kept.backOff.leftMs(now) === 0) void this.#retried(id, part, 'automatic');
      return;
    }
    if (wish === undefined) return;
    const isHeard = part.host.state.peer !== undefined;
    if (wish.by === 'operator') {
      if (now - this.#startedAt < RESUME_MS) return;
      if (isHeard) void this.#giveUp(id, 'it was heard after the restart of this host');
      else void this.fence(id, part, 'operator').catch(() => undefined);
    } else if (alive) void this.#giveUp(id, 'it is alive again');
  }

  /** One that was active meanwhile, or is by now, wants nothing any more. */
  settle(id: string): void {
    if (this.#of(id).running === undefined && this.#parts.stored(id).run.fencing !== undefined) {
      void this.#change(id, (run) => {
        run.fencing = undefined;
      });
    }
  }

  async #giveUp(id: string, reason: string): Promise<void> {
    const kept = this.#of(id);
    kept.backOff.over();
    kept.shown = undefined;
    const { document } = this.#parts.stored(id);
    const other = this.#parts.otherOf(document)?.name ?? '?';
    this.#parts.event(document.name, 'SWT-035', { other, reason });
    await this.#change(id, (run) => {
      run.fencing = undefined;
    });
  }

  async #retried(id: string, part: Part, by: Asker): Promise<void> {
    const kept = this.#of(id);
    try {
      await this.fence(id, part, by);
      kept.backOff.over();
    } catch (error) {
      const delayMs = kept.backOff.failed(this.#environment.clock.bootMs());
      const { document } = this.#parts.stored(id);
      const { message } = Fault.from(error);
      const other = this.#parts.otherOf(document)?.name ?? '?';
      const seconds = Math.round(delayMs / 1_000);
      this.#parts.event(document.name, 'SWT-033', { other, reason: message, seconds });
    }
  }

  /**
   * Runs the script and, when it confirms, makes this host active; whoever comes meanwhile waits for the same run. Throws what keeps it
   * from that: then nothing has changed.
   */
  async fence(id: string, part: Part, by: Asker): Promise<void> {
    const kept = this.#of(id);
    kept.running ??= this.#fence(id, part, by).finally(() => {
      kept.running = undefined;
    });
    await kept.running;
  }

  async #fence(id: string, part: Part, by: Asker): Promise<void> {
    const { document } = this.#parts.stored(id);
    const script = fencingScript(document.settings);
    const other = this.#parts.otherOf(document);
    if (other === undefined)
      throw new Fault('SCENARIO-INVALID', { path: 'replicas', reason: 'there is no other host' });
    const wish = await this.#wish(id, by);
    const kept = this.#of(id);
    const shown = { script, other: other.name, attempts: wish.attempts };
    kept.shown = { ...shown, state: 'running' };
    this.#parts.event(document.name, 'SWT-031', { script, other: other.name, attempt: wish.attempts });
    this.#parts.changed(id);
    const heard = part.host.state.peer?.boot;
    try {
      const output = await this.#run(document, script, other, wish.id);
      await this.#confirmed(id, { switchId: wish.id, script, output, ...(heard === undefined ? {} : { heard }) });
      kept.shown = { ...shown, state: 'confirmed', text: output };
      this.#parts.event(document.name, 'SWT-032', { script, other: other.name, output });
      this.#force(document, part, wish.id, by);
    } catch (error) {
      kept.shown = { ...shown, state: 'failed', text: Fault.from(error).message };
      // What an operator asked for is not tried again behind his back.
      if (by === 'operator') await this.#drop(id);
      throw error;
    } finally {
      this.#parts.changed(id);
    }
    await this.#drop(id);
  }

  async #wish(id: string, by: Asker): Promise<NonNullable<StoredRun['fencing']>> {
    const { random } = this.#environment;
    const fresh = { id: Buffer.from(random.bytes(8)).toString('hex'), by, attempts: 0 };
    const before = this.#parts.stored(id).run.fencing ?? fresh;
    const wish = { ...before, attempts: before.attempts + 1 };
    await this.#change(id, (run) => {
      run.fencing = wish;
    });
    return wish;
  }

  async #run(document: ScenarioDocument, script: string, other: HostReference, key: string): Promise<string> {
    const { scripts } = this.#environment;
    const variables = { ...variablesOf(this.#environment, document.name, other), MAINSTAY_SWITCH: key };
    const limitMs = settingOf(document.settings, 'switchover.fencingTimeoutMs');
    const outcome = await scripts.run(script, { ...variables, MAINSTAY_FENCING: 'off' }, limitMs);
    const output = endOf(outcome);
    if (outcome.exitCode !== 0) {
      const reason = `${endText(outcome)}${output === '' ? '' : `: ${output}`}`;
      throw new Fault('SWITCH-FENCING', { host: other.name, script, reason });
    }
    return output;
  }

  async #confirmed(id: string, statement: { switchId: string; script: string; output: string; heard?: string }) {
    const { clock } = this.#environment;
    await this.#change(id, (run) => {
      run.fenced = { ...statement, at: clock.wallMs() };
    });
    const kept = this.#of(id);
    kept.confirmedAt = clock.bootMs();
    delete kept.lieTold;
  }

  #force(document: ScenarioDocument, part: Part, id: string, by: Asker): void {
    part.host.happen({ type: 'force', id, right: 'fenced', ...(by === 'automatic' ? { automatic: true } : {}) });
    const { record } = part.host;
    if (record.switchover?.id === id) return;
    const reason =
      record.role === 'active' ? 'it is active already' : 'the copy here is not whole, or not of one moment';
    throw new Fault('SWITCH-REFUSED', { name: document.name, reason });
  }

  async #drop(id: string): Promise<void> {
    await this.#change(id, (run) => {
      run.fencing = undefined;
    });
  }

  async #change(id: string, change: (run: StoredRun) => void): Promise<void> {
    await this.#environment.book.update((book) => change(storedIn(book, id).run));
  }

  /** A host that was said to be off, and goes on as if nothing had been, was not: the epoch protects the data, but users had two. */
  exposeLie(id: string, part: Part): void {
    const { fenced } = this.#parts.stored(id).run;
    const { peer } = part.host.state;
    const kept = this.#of(id);
    if (kept.lieTold || fenced?.heard === undefined || peer?.boot !== fenced.heard) return;
    const { confirmedAt } = kept;
    const heardAt = part.host.heardAt ?? 0;
    if (confirmedAt !== undefined && heardAt <= confirmedAt) return;
    const { document } = this.#parts.stored(id);
    const other = this.#parts.nameOf(document, part.other);
    this.#parts.event(document.name, 'SWT-034', { other, script: fenced.script });
    kept.lieTold = true;
    void this.#change(id, (run) => {
      if (run.fenced !== undefined) run.fenced.heard = undefined;
    });
  }
}

export function fencingScript(settings: SettingValues): string {
  return settingOf(settings, 'switchover.fencingScript');
}

function whyNotReady({ scripts, host }: ScenarioEnvironment, script: string): string | undefined {
  if (script === '') return 'no fencing script is given (property "Fencing script")';
  try {
    scripts.confirm(script);
    return undefined;
  } catch (error) {
    return `the fencing script cannot be run on ${host.name}: ${Fault.from(error).message}`;
  }
}

function variablesOf(
  { host }: Pick<ScenarioEnvironment, 'host'>,
  scenario: string,
  other: HostReference,
): Readonly<Record<string, string>> {
  const { name, address } = other;
  return { MAINSTAY_SCENARIO: scenario, MAINSTAY_HOST: host.name, MAINSTAY_PEER: name, MAINSTAY_PEER_ADDRESS: address };
}

/**
 * Asks the script with `--check` whether it could fence, without doing it: for verification. Answers what it printed; throws why it
 * could not.
 */
export async function checkFencing(
  environment: Pick<ScenarioEnvironment, 'host' | 'scripts'>,
  script: string,
  scenario: string,
  other: HostReference,
): Promise<string> {
  environment.scripts.confirm(script);
  const variables = { ...variablesOf(environment, scenario, other), MAINSTAY_FENCING: 'check' };
  const outcome = await environment.scripts.run(script, variables, CHECK_MS, ['--check']);
  if (outcome.exitCode === 0) return endOf(outcome);
  const reason = `with --check ${endText(outcome)}${endOf(outcome) === '' ? '' : `: ${endOf(outcome)}`}`;
  throw new Fault('SCRIPT-FAILED', { name: script, reason });
}

function endOf({ output }: ScriptOutcome): string {
  return output.trim().slice(-SHOWN_OUTPUT);
}

function endText({ exitCode, timedOut }: ScriptOutcome): string {
  if (timedOut) return 'it was ended at its time limit';
  return exitCode === undefined ? 'it was ended by a signal' : `it ended with ${exitCode}`;
}

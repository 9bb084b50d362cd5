/** What operators ask for: a switchover, its dry run, Recover Active Server. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { SwitchoverPlan, SwitchoverResult } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatDuration } from '../../shared/units.ts';
import { storedIn } from '../scenario/book.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { Runner } from '../scenario/runner-set.ts';
import { originalHosts, standbyOf } from './direction.ts';
import { type SwitchSide, switchoverPlan } from './dry-run.ts';
import { fencingScript } from './fencing.ts';
import { managedServices } from './managed-services.ts';
import { type Part, type RoleParts, refused } from './role-parts.ts';
import { Settling } from './settling.ts';

const PEER_MS = 5_000;
/** The other host was heard so recently that it cannot be called dead. */
const HEARD_MS = 15_000;
const LOOK_MS = 100;
const NOT_WHOLE = 'the copy here is not whole, or not of one moment';

export interface RecoverArguments {
  readonly make: 'master' | 'replica';
  readonly peerIsFenced?: boolean | undefined;
  readonly acceptIncomplete?: boolean | undefined;
}

export class SwitchDesk {
  readonly #parts: RoleParts;
  readonly #settling: Settling;
  readonly #shown: (runner: Runner) => ScenarioStatus;

  /** `shown`: the status with the roles in it. */
  constructor(parts: RoleParts, shown: (runner: Runner) => ScenarioStatus) {
    this.#parts = parts;
    this.#settling = new Settling(parts);
    this.#shown = shown;
  }

  async begin(part: Part, document: ScenarioDocument, peerIsFenced: boolean): Promise<string> {
    const { record, confirmed } = part.host.state;
    if (record.role === 'active' && (confirmed || !peerIsFenced)) return await this.handOver(part, document);
    if (peerIsFenced) return this.#force(part, document);
    const other = this.#parts.otherOf(document);
    if (other === undefined) throw refused(document, 'it has no other host');
    try {
      const answer = await this.#parts.environment.peers.request(
        other,
        'peer.switchover',
        { scenarioId: document.id },
        PEER_MS,
      );
      return (answer as { id: string }).id;
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.code !== 'LINK-UNREACHABLE' && fault.code !== 'TIMEOUT') throw fault;
      if (fencingScript(document.settings) !== '') return await this.#fence(part, document);
      throw new Fault('SWITCH-SILENT', { host: other.name, name: document.name, reason: fault.message });
    }
  }

  /** Its confirmation stands for the operator's statement. */
  async #fence(part: Part, document: ScenarioDocument): Promise<string> {
    const { record, fit } = part.host.state;
    if (record.role === 'standby' && !fit) throw refused(document, NOT_WHOLE);
    await this.#parts.automatic.fencing.fence(document.id, part, 'operator');
    return part.host.record.switchover?.id ?? '';
  }

  #refuseHandOver(part: Part, document: ScenarioDocument): void {
    const { host } = this.#parts.environment;
    const { state } = part.host;
    const runner = this.#parts.runners.runner(document.id);
    if (state.record.role !== 'active') throw refused(document, `${host.name} is not active`);
    if (state.record.switchover !== undefined) throw refused(document, 'a switchover is under way already');
    if (!state.confirmed) throw refused(document, part.host.status().waits ?? 'it is not known who is active');
    if (state.leaseUntil <= this.#parts.environment.clock.bootMs())
      throw refused(document, 'this host has no lease: the arbiter does not answer it, or knows another epoch');
    if (!(runner instanceof MasterRunner)) throw refused(document, 'its engine is not the Master');
    const shown = runner.status();
    // A Replica that has no part in it keeps nobody back.
    const othersOnly = shown.state === 'synchronizing' && runner.allSynchronized([part.other]);
    if (shown.state !== 'protected' && !othersOnly)
      throw refused(document, `it is ${shown.state}: all data has to be synchronized first`);
    if (state.peer?.role !== 'standby')
      throw refused(document, `${this.#parts.nameOf(document, part.other)} is not standby`);
  }

  /** `because`: the standby asks by itself, its users have no application. */
  async handOver(part: Part, document: ScenarioDocument, because?: string): Promise<string> {
    const { random, host } = this.#parts.environment;
    this.#refuseHandOver(part, document);
    if (because !== undefined) refuseUnasked(part, document);
    const id = Buffer.from(random.bytes(8)).toString('hex');
    const automatic = because === undefined ? {} : ({ automatic: true } as const);
    if (because !== undefined) this.#parts.event(document.name, 'SWT-036', { other: host.name, reason: because });
    this.#parts.event(document.name, 'SWT-001', { from: host.name, to: this.#parts.nameOf(document, part.other) });
    part.host.happen({ type: 'switchover', id, ...automatic });
    if (part.host.record.switchover?.id !== id)
      throw refused(document, part.host.status().waits ?? 'the hosts do not agree on who is active');
    return await Promise.resolve(id);
  }

  /** `settles`: the other host answers and is not active: neither is, and the operator says which one shall be. */
  #refuseForce(part: Part, document: ScenarioDocument, settles = false): void {
    const { peer } = part.host.status();
    const other = this.#parts.nameOf(document, part.other);
    if (peer !== undefined && peer.ageMs < HEARD_MS && !settles) {
      throw new Fault('SWITCH-ALIVE', { host: other, seconds: Math.round(peer.ageMs / 1_000) });
    }
    const { record, fit } = part.host.state;
    if (record.role === 'standby' && !fit) throw refused(document, NOT_WHOLE);
  }

  #force(part: Part, document: ScenarioDocument, settles = false): string {
    const { random } = this.#parts.environment;
    this.#refuseForce(part, document, settles);
    const id = Buffer.from(random.bytes(8)).toString('hex');
    part.host.happen({ type: 'force', id, right: 'stated' });
    if (part.host.record.switchover?.id !== id) throw refused(document, 'it is active already');
    return id;
  }

  async recover(part: Part, document: ScenarioDocument, how: RecoverArguments) {
    const { make, peerIsFenced = false, acceptIncomplete = false } = how;
    const { host } = this.#parts.environment;
    const original = originalHosts(document);
    const chosen = make === 'master' ? original.master : original.replica;
    if (chosen?.deviceId !== host.deviceId) {
      throw refused(
        document,
        `Recover Active Server is done on the host that is to be active: connect to ${chosen?.name ?? '?'}`,
      );
    }
    const runner = this.#parts.runners.runner(document.id);
    const { record } = part.host.state;
    if (record.role === 'active' && part.host.state.confirmed)
      throw refused(document, `${host.name} is active already`);
    if (record.role === 'standby' && record.switchover?.side === 'from' && !peerIsFenced) {
      const { id } = record.switchover;
      part.host.happen({ type: 'take-back' });
      return this.result(part, document.id, id);
    }
    if (runner instanceof ReplicaRunner && record.role === 'standby')
      await this.#makeFit(part, runner, acceptIncomplete);
    return await this.#settling.settle(part, document, (agreed) => {
      this.#refuseForce(part, document, agreed);
      if (!agreed && !peerIsFenced) {
        const other = this.#parts.nameOf(document, part.other);
        throw refused(
          document,
          `${other} does not answer: make sure that it is off, and state it with --peer-is-fenced`,
        );
      }
      const id = this.#force(part, document, agreed);
      return this.result(part, document.id, id);
    });
  }

  /** Of a stopped scenario nobody has looked at the copy; one that is not whole takes the operator's word. */
  async #makeFit(part: Part, runner: ReplicaRunner, acceptIncomplete: boolean): Promise<void> {
    const { wanted } = runner.stored.run;
    if (acceptIncomplete) await this.#acceptIncomplete(runner.id);
    else if (!wanted) await runner.requireCopy();
    if (acceptIncomplete || !wanted) part.host.happen({ type: 'fit', fit: true });
  }

  /** Remembered over a crash: the step that takes the data over asks for it. */
  async #acceptIncomplete(id: string): Promise<void> {
    await this.#parts.environment.book.update((book) => {
      storedIn(book, id).run.incomplete = true;
    });
  }

  /** The other host makes itself active by the word of an operator. */
  yieldTo(part: Part, scenarioId: string): { readonly yields: boolean } {
    return this.#settling.yieldTo(part, scenarioId);
  }

  result(part: Part, scenarioId: string, id: string): SwitchoverResult {
    const { document } = this.#parts.stored(scenarioId);
    const { record } = part.host;
    const active = this.#parts.nameOf(document, record.epoch.holder);
    return { switchover: id, over: record.switchover === undefined, active, epoch: record.epoch.number };
  }

  // ---------------------------------------------------------------- dry run

  async plan(name: string, peerIsFenced: boolean): Promise<SwitchoverPlan> {
    const runner = this.#parts.runners.find(name);
    const { document } = runner;
    const part = this.#parts.part(runner.id);
    const { host } = this.#parts.environment;
    const other = this.#parts.otherOf(document);
    const own = [document.master, ...document.replicas].find(({ deviceId }) => deviceId === host.deviceId);
    if (other === undefined || own === undefined) throw refused(document, 'it has no other host');
    const ownSide = await this.side(document.id);
    const started = this.#parts.environment.clock.bootMs();
    const theirSide = peerIsFenced ? undefined : await this.#sideOf(other, document.id);
    const roundTripMs = this.#parts.environment.clock.bootMs() - started;
    const isActive = part.host.record.role === 'active';
    return switchoverPlan({
      document,
      status: this.#shown(runner),
      from: isActive ? own : other,
      to: isActive ? other : own,
      fromSide: isActive ? ownSide : theirSide,
      toSide: isActive ? theirSide : ownSide,
      refusal: this.#whyNot(part, document, peerIsFenced, theirSide !== undefined),
      drainMs: await this.#drainMs(runner),
      roundTripMs: theirSide === undefined ? undefined : roundTripMs,
      reverses: settingOf(document.settings, 'switchover.reverseAutomatic'),
      alone: aloneLines(document, isActive ? own : other, peerIsFenced),
    });
  }

  #whyNot(part: Part, document: ScenarioDocument, peerIsFenced: boolean, answers: boolean): string | undefined {
    try {
      const { role } = part.host.record;
      if (role === 'active' && !peerIsFenced) this.#refuseHandOver(part, document);
      else if (peerIsFenced) this.#refuseForce(part, document);
      else if (!answers) return this.#whyNotAlone(part, document);
      return undefined;
    } catch (error) {
      return Fault.from(error).message;
    }
  }

  #whyNotAlone(part: Part, document: ScenarioDocument): string | undefined {
    if (fencingScript(document.settings) !== '') return this.#parts.automatic.fencing.problem(document.id, document);
    return `${this.#parts.nameOf(document, part.other)} does not answer: it takes your statement that it is off`;
  }

  /** Without looking at anything but the book: asked while clients wait. */
  brief(scenarioId: string): Pick<SwitchSide, 'side' | 'unequal' | 'takesData'> {
    const { side, run } = this.#parts.stored(scenarioId);
    const unequal = run.handedOver?.unequal;
    const takesData = side === 'replica' && run.pastGone !== true;
    return { side, takesData, ...(unequal === undefined ? {} : { unequal }) };
  }

  async side(scenarioId: string): Promise<SwitchSide> {
    const { access } = this.#parts.part(scenarioId);
    return {
      ...this.brief(scenarioId),
      findings: await access.findings(),
      release: access.describe('release'),
      acquire: access.describe('acquire'),
      services: await managedServices(this.#parts.environment.roles.services, this.#parts.stored(scenarioId).document),
    };
  }

  async #sideOf(host: HostReference, scenarioId: string): Promise<SwitchSide | undefined> {
    try {
      return (await this.#parts.environment.peers.request(
        host,
        'peer.switchSide',
        { scenarioId },
        PEER_MS,
      )) as SwitchSide;
    } catch {
      return undefined;
    }
  }

  async #drainMs(runner: Runner): Promise<number | undefined> {
    if (!(runner instanceof MasterRunner)) return undefined;
    const { clock } = this.#parts.environment;
    const started = clock.bootMs();
    try {
      await runner.barrier(PEER_MS, standbyOf(runner.document)?.name);
      return clock.bootMs() - started;
    } catch {
      return undefined;
    }
  }

  async ended(part: Part, id: string, timeoutMs: number): Promise<void> {
    const { clock } = this.#parts.environment;
    const until = clock.bootMs() + timeoutMs;
    while (
      part.host.record.switchover?.id === id ||
      (part.host.record.switchover === undefined && this.#isAhead(part, id))
    ) {
      if (clock.bootMs() > until)
        throw new Fault('TIMEOUT', { seconds: timeoutMs / 1_000, what: 'the switchover to end' });
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
  }

  /** The other host has begun it, and this one has not heard of it yet. */
  #isAhead(part: Part, id: string): boolean {
    const theirs = part.host.state.peer?.switchover;
    return theirs?.id === id && theirs.step !== 'reverse';
  }
}

/** The standby may have an older document, or have lost that the last one is not acknowledged. */
function refuseUnasked({ host }: Part, document: ScenarioDocument): void {
  if (!settingOf(document.settings, 'switchover.automatic')) throw refused(document, 'automatic switchover is off');
  if (host.record.unacknowledged !== undefined)
    throw refused(document, 'the last automatic switchover is not acknowledged');
}

/** What stands for the agreement of a host that does not answer. */
function aloneLines({ settings }: ScenarioDocument, { name }: HostReference, stated: boolean): string[] {
  const script = fencingScript(settings);
  if (stated || script === '') return [`by your statement that ${name} is off`];
  const limit = formatDuration(settingOf(settings, 'switchover.fencingTimeoutMs'));
  return [`run the fencing script ${script} (at most ${limit}): exit code 0 confirms that ${name} is off`];
}

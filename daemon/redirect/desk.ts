/**
 * Redirection of one scenario on this host: its properties become methods and a gate. The plan is made anew for each call, from the
 * document of then, so that an edited property counts. Every call can be made again after a crash; what a call before the crash has done
 * is seen in what is there, never remembered.
 *
 * Whose turn: `adopt` at Run, `gate.arm` again and again while this host is active (it adopts by itself when nobody did, and takes an
 * address again that ran out), `gate.close` before `release`, `acquire` before or while the gate is armed, `giveBack` at Stop and
 * delete on BOTH hosts (a stopped scenario guards nothing), `clientView` after the gate is open. `handOver` when the engine ends
 * orderly: then the address stays for that long, and an engine that starts meanwhile and may be active must not close the gate first:
 * what `gate.read` says is left of the lease is left to the kernel.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { Timer } from '../ports.ts';
import type { ClientGate } from '../services.ts';
import { AskedAhead } from './asked-ahead.ts';
import { type ClientView, clientView } from './client-view.ts';
import { AddressGate, type PortFilter, PortGate } from './gates.ts';
import { type MethodContext, type MethodPorts, redirectionOf } from './methods.ts';
import {
  type RedirectDirection,
  type Redirection,
  type RedirectionKind,
  type RedirectState,
  redirectFinding,
} from './model.ts';
import { MoveIpRedirection } from './move-ip.ts';
import { inOrder, type PlannedMethod, planRedirection } from './plan.ts';
import { ScenarioGate, Turns } from './scenario-gate.ts';
import { type Subject, subjectOf } from './subject.ts';

/** When a method does not get everything done: take all back and fail, or go on with what worked (the rest may be dead). */
export type OnFailure = 'undo' | 'keep';

export interface RedirectionDesk {
  /** Undefined: nothing that leads clients to this host could be closed by the kernel. The same object until the plan changes. */
  readonly gate: ClientGate | undefined;
  /** For verification and the dry run; changes nothing. */
  findings(): Promise<Finding[]>;
  /** Every command and record, one a line. */
  describe(direction: RedirectDirection): string[];
  adopt(): Promise<void>;
  giveBack(active: boolean): Promise<void>;
  /**
   * Milliseconds that the gate stays as it is although nobody renews it, as the last act of an engine: at most until when this host
   * holds its right (the end of an arbiter's lease; without one as long as a restart takes).
   */
  handOver(ms: number): Promise<void>;
  /** Step 5. What an operator should know although it worked. Tries every method; throws `REDIRECT-FAILED` naming those that failed. */
  release(switchId: string): Promise<readonly string[]>;
  /** Step 7. With `undo` (planned) a failure takes back what was changed; with `keep` (forced) it throws only when nothing worked. */
  acquire(switchId: string, partial?: OnFailure): Promise<readonly string[]>;
  /** This host is about to acquire: begins to ask what takes time and changes nothing. */
  lookAhead(): Promise<void>;
  /** Takes back `direction`: what this engine changed, or after a restart by going the opposite way. */
  revert(direction: RedirectDirection, switchId: string): Promise<readonly string[]>;
  /**
   * What clients see now that this host is active; announces moved addresses again when another machine answers for one. After
   * `acquire` it is done by itself until nothing stands against it, with events.
   */
  clientView(): Promise<ClientView>;
  /** Where clients are led, by every method; `unknown` when there is none that knows. */
  readBack(): Promise<RedirectState>;
  /** The engine ends: what it keeps an eye on is left to the kernel. */
  close(): void;
  /** The engine is removed: nothing is guarded here any more, whatever is asked of the gate. */
  leave(): Promise<void>;
}

export interface DeskPorts extends MethodPorts {
  /** Undefined where the system cannot close ports by itself. */
  portFilter(label: string, ports: readonly number[]): PortFilter | undefined;
  /** DNS servers of this host. */
  hostServers(): readonly string[];
  /** Why nothing answers at that port; undefined: something does. */
  silence(address: string, port: number): Promise<string | undefined>;
  /** DNS domain of this host; empty: none. */
  domain(): string;
}

export interface DeskSubject {
  readonly host: { readonly name: string; readonly deviceId: string };
  /** As it is now; the last one known after it was deleted. */
  document(): ScenarioDocument;
  /** How long the kernel keeps the gate open after each renewal. */
  gateMs(document: ScenarioDocument): number;
}

interface Plan {
  readonly document: ScenarioDocument;
  readonly subject: Subject;
  readonly methods: readonly PlannedMethod[];
  readonly ports: readonly number[];
}

const TITLES: Readonly<Record<RedirectionKind, string>> = {
  dns: 'Redirect DNS',
  'move-ip': 'Move IP',
  'computer-name': 'Switch Computer Name',
  script: 'Redirection script',
};
const OPPOSITE: Readonly<Record<RedirectDirection, RedirectDirection>> = { acquire: 'release', release: 'acquire' };
const NO_SWITCH = 'check';
/** After a takeover, as long as something stands against it; each a while after the one before. */
const VIEW_AFTER_MS = [1_000, 4_000, 15_000, 60_000];
/** Of the scenario's id, in names of kernel tables. */
const LABEL_DIGITS = 16;

interface Failure {
  readonly kind: RedirectionKind;
  readonly fault: Fault;
}

export class ScenarioDesk implements RedirectionDesk {
  readonly #subject: DeskSubject;
  readonly #ports: DeskPorts;
  readonly #addresses: AskedAhead;
  readonly #turns = new Turns();
  #gate: { readonly key: string; readonly gate: ScenarioGate | undefined } | undefined;
  #gateFor: ScenarioDocument | undefined;
  #gateProblem: string | undefined;
  #hasLeft = false;
  #view: Timer | undefined;
  #applied: { readonly direction: RedirectDirection; readonly methods: readonly Redirection[] } | undefined;

  constructor(subject: DeskSubject, ports: DeskPorts) {
    this.#subject = subject;
    this.#addresses = new AskedAhead(ports.addresses, ports.clock);
    this.#ports = { ...ports, addresses: this.#addresses };
  }

  // ---------------------------------------------------------------- plan

  /** Undefined: this host has no part in it. Throws `CONFIG-INVALID`. */
  #plan(): Plan | undefined {
    const document = this.#subject.document();
    const subject = subjectOf(document, this.#subject.host.deviceId);
    if (subject === undefined) return undefined;
    const { settings } = document;
    const moved = settingOf(settings, 'redirect.moveIp') ? settingOf(settings, 'redirect.moveIpAddresses') : [];
    const methods = planRedirection({
      settings,
      ...subject,
      domain: this.#ports.domain(),
      hostServers: this.#ports.hostServers(),
      // The name leads to what moves, wherever that is.
      ...(moved.length === 0 ? {} : { addresses: moved.map((text) => text.split('/')[0] ?? text) }),
    });
    const ports = settingOf(settings, 'redirect.servicePorts').map(Number);
    return { document, subject, methods, ports };
  }

  #context({ document, subject }: Plan, switchId: string, partial: OnFailure): MethodContext {
    return {
      host: this.#subject.host.name,
      scenarioName: document.name,
      switchId,
      leaseSeconds: Math.max(1, Math.floor(this.#subject.gateMs(document) / 1_000)),
      partial,
      isActive: subject.isActive,
    };
  }

  #methods(plan: Plan, switchId: string, partial: OnFailure): Redirection[] {
    const context = this.#context(plan, switchId, partial);
    return plan.methods.map((planned) => redirectionOf(planned, context, this.#ports));
  }

  #moveIp(plan: Plan): MoveIpRedirection | undefined {
    const found = this.#methods(plan, NO_SWITCH, 'undo').find((method) => method.kind === 'move-ip');
    return found instanceof MoveIpRedirection ? found : undefined;
  }

  // ---------------------------------------------------------------- gate

  /** Asked for at every tick of the role: planned again only for another document. */
  get gate(): ClientGate | undefined {
    if (this.#hasLeft) return undefined;
    const document = this.#subject.document();
    if (this.#gate === undefined || this.#gateFor !== document) {
      const plan = this.#plan();
      if (plan === undefined) return undefined;
      this.#gateFor = document;
      this.#gateBy(plan);
    }
    return this.#gate?.gate;
  }

  #gateBy(plan: Plan): void {
    const addresses = movedBy(plan);
    const key = JSON.stringify([plan.document.id, addresses, plan.ports]);
    if (this.#gate?.key !== key) {
      this.#gate?.gate?.stopWatching();
      this.#gate = { key, gate: this.#makeGate(plan, addresses) };
    }
  }

  #makeGate(plan: Plan, addresses: readonly string[]): ScenarioGate | undefined {
    const { clock } = this.#ports;
    const filter = this.#filter(plan);
    if (addresses.length === 0 && filter === undefined) return undefined;
    const moving = { gate: new AddressGate(addresses, this.#ports.addresses, clock), take: () => this.#take() };
    return new ScenarioGate({
      clock,
      turns: this.#turns,
      addresses: addresses.length === 0 ? undefined : moving,
      ports: filter === undefined ? undefined : new PortGate(filter, clock),
      onReopened: (problem) => this.#reopened(plan.document.name, problem),
    });
  }

  /** Told once for each time that it begins. */
  #reopened(scenario: string, problem: string | undefined): void {
    const { events } = this.#ports;
    if (problem === undefined) events.record('RED-005', {}, scenario);
    else if (problem !== this.#gateProblem) events.record('RED-006', { reason: problem }, scenario);
    this.#gateProblem = problem;
  }

  /** Ends what this desk does by itself; the kernel keeps what it was told. */
  close(): void {
    this.#gate?.gate?.stopWatching();
    this.#view?.cancel();
    this.#gate = undefined;
  }

  #filter({ document, ports }: Plan): PortFilter | undefined {
    return ports.length === 0 ? undefined : this.#ports.portFilter(document.id.slice(0, LABEL_DIGITS), ports);
  }

  /** Within a turn of the gate. */
  async #take(): Promise<void> {
    const plan = this.#plan();
    const moveIp = plan && this.#moveIp(plan);
    await moveIp?.adopt();
    // One that the system never had here is not owed to it.
    await moveIp?.apply('acquire');
  }

  async adopt(): Promise<void> {
    const plan = this.#plan();
    const moveIp = plan && this.#moveIp(plan);
    if (moveIp !== undefined) await this.#turns.run(() => moveIp.adopt());
  }

  async giveBack(active: boolean): Promise<void> {
    const plan = this.#plan();
    if (plan === undefined) return;
    await this.#turns.run(async () => {
      this.close();
      await this.#filter(plan)?.remove();
      await this.#moveIp(plan)?.giveBack(active);
    });
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    this.close();
    const plan = this.#plan();
    // What was asked of the gate before is over by then.
    await this.#turns.run(async () => plan && (await this.#filter(plan)?.remove()));
  }

  async handOver(ms: number): Promise<void> {
    const plan = this.#plan();
    if (plan === undefined) return;
    await this.#turns.run(async () => {
      await this.#moveIp(plan)?.handOver(Math.floor(ms / 1_000));
      const filter = this.#filter(plan);
      const left = await filter?.remainingMs();
      if (left !== undefined && left > 0) await filter?.set(ms);
    });
  }

  // ---------------------------------------------------------------- verification and dry run

  async findings(): Promise<Finding[]> {
    try {
      const plan = this.#plan();
      if (plan === undefined) return [];
      const methods = this.#methods(plan, NO_SWITCH, 'undo');
      const found = await Promise.all(methods.map((method) => method.check()));
      return [...found.flat(), ...(await this.#gateFindings(plan))];
    } catch (error) {
      return [this.#invalid(Fault.from(error))];
    }
  }

  #invalid(fault: Fault): Finding {
    return redirectFinding(this.#subject.host.name, 'error', 'REDIRECT-PLAN', fault.message, fault.hint);
  }

  async #gateFindings(plan: Plan): Promise<Finding[]> {
    const { host } = this.#subject;
    if (plan.ports.length > 0) {
      const filter = this.#filter(plan);
      const why = filter === undefined ? 'this system has no way to do it' : await filter.unavailable();
      if (why === undefined) return [];
      const text = `The service ports cannot be closed while this host is not active: ${why}`;
      return [redirectFinding(host.name, 'error', 'GATE-SYSTEM', text, 'Install or allow it, or name no ports.')];
    }
    const isLed = plan.methods.some(({ kind }) => kind === 'dns' || kind === 'computer-name');
    if (!isLed || movedBy(plan).length > 0) return [];
    const text = 'Nothing keeps clients away from this host while it is not active, but the record or name they use';
    const fix = 'Name the ports of the application in the property Service ports: the kernel closes them.';
    return [redirectFinding(host.name, 'info', 'GATE-NONE', text, fix)];
  }

  describe(direction: RedirectDirection): string[] {
    const plan = this.#plan();
    if (plan === undefined) return [];
    const methods = inOrder(this.#methods(plan, NO_SWITCH, 'undo'), direction);
    const ports = plan.ports.join(', ');
    const gate = ports === '' ? [] : [`Service ports ${ports}: ${direction === 'acquire' ? 'opened' : 'closed'}`];
    const lines = methods.flatMap((method) => method.describe(direction));
    return direction === 'acquire' ? [...lines, ...gate] : [...gate, ...lines];
  }

  async readBack(): Promise<RedirectState> {
    const plan = this.#plan();
    if (plan === undefined) return { clients: 'unknown', detail: [] };
    const states = await Promise.all(this.#methods(plan, NO_SWITCH, 'undo').map((method) => method.readBack()));
    const known = states.map(({ clients }) => clients).filter((clients) => clients !== 'unknown');
    const detail = states.flatMap((state) => state.detail);
    const [first = 'unknown'] = known;
    return { clients: known.every((clients) => clients === first) ? first : 'mixed', detail };
  }

  async clientView(): Promise<ClientView> {
    const plan = this.#plan();
    if (plan === undefined) return { seen: [], findings: [] };
    const view = await clientView(this.#subject.host.name, plan.methods, plan.ports, this.#ports);
    if (view.findings.some(({ code }) => code === 'VIEW-ARP')) this.#moveIp(plan)?.announce();
    return view;
  }

  #viewLater([afterMs, ...then]: readonly number[]): void {
    this.#view?.cancel();
    if (afterMs !== undefined) this.#view = this.#ports.clock.after(afterMs, () => void this.#viewed(then));
  }

  async #viewed(then: readonly number[]): Promise<void> {
    const { events } = this.#ports;
    const { name } = this.#subject.document();
    try {
      const { seen, findings } = await this.clientView();
      if (findings.length === 0) {
        if (seen.length > 0) events.record('RED-007', { detail: seen.join('; ') }, name);
        return;
      }
      for (const { text, fix } of findings) events.record('RED-008', { text, fix }, name);
    } catch (error) {
      events.record('RED-008', { text: Fault.from(error).message, fix: '' }, name);
    }
    this.#viewLater(then);
  }

  // ---------------------------------------------------------------- switchover

  async release(switchId: string): Promise<readonly string[]> {
    this.#view?.cancel();
    const { failures, remarks } = await this.#apply('release', switchId, 'keep');
    if (failures.length > 0) throw failureOf(failures);
    return remarks;
  }

  async lookAhead(): Promise<void> {
    const moving = this.#plan()?.methods.flatMap((method) => (method.kind === 'move-ip' ? method.addresses : [])) ?? [];
    if (moving.length > 0) await this.#addresses.askAhead(moving);
  }

  async acquire(switchId: string, partial: OnFailure = 'undo'): Promise<readonly string[]> {
    const { failures, remarks, worked } = await this.#apply('acquire', switchId, partial);
    if (worked > 0) this.#viewLater(VIEW_AFTER_MS);
    if (failures.length === 0) return remarks;
    if (partial === 'undo' || worked === 0) throw failureOf(failures);
    return [...remarks, ...failures.map(({ fault }) => `left out: ${fault.message}`)];
  }

  /** With `undo` nothing is changed any more when something failed. */
  async #apply(direction: RedirectDirection, switchId: string, partial: OnFailure) {
    const plan = this.#plan();
    const methods = plan === undefined ? [] : inOrder(this.#methods(plan, switchId, partial), direction);
    const failures: Failure[] = [];
    const remarks: string[] = [];
    const done: Redirection[] = [];
    for (const method of methods) {
      try {
        const { changed, state, remarks: said } = await this.#inTurn(method, () => method.apply(direction));
        done.unshift(method);
        remarks.push(...said.map((remark) => `${TITLES[method.kind]}: ${remark}`));
        if (changed) this.#tell(method.kind, direction, state);
      } catch (error) {
        failures.push({ kind: method.kind, fault: Fault.from(error) });
        if (partial === 'keep') continue;
        failures.push(...(await this.#takeBack(done)));
        done.length = 0;
        break;
      }
    }
    this.#applied = { direction, methods: done };
    return { failures, remarks, worked: done.length };
  }

  /** What could not be taken back. */
  async #takeBack(methods: readonly Redirection[]): Promise<Failure[]> {
    const failures: Failure[] = [];
    for (const method of methods) {
      try {
        await this.#inTurn(method, () => method.revert());
      } catch (error) {
        failures.push({ kind: method.kind, fault: Fault.from(error) });
      }
    }
    return failures;
  }

  #inTurn<T>({ kind }: Redirection, work: () => Promise<T>): Promise<T> {
    return kind === 'move-ip' ? this.#turns.run(work) : work();
  }

  async revert(direction: RedirectDirection, switchId: string): Promise<readonly string[]> {
    const applied = this.#applied;
    this.#applied = undefined;
    if (applied?.direction === direction) {
      const failures = await this.#takeBack(applied.methods);
      if (failures.length > 0) throw failureOf(failures);
      return [];
    }
    const opposite = OPPOSITE[direction];
    return opposite === 'release' ? await this.release(switchId) : await this.acquire(switchId);
  }

  #tell(kind: RedirectionKind, direction: RedirectDirection, { detail }: RedirectState): void {
    // Scripts have events of their own.
    if (kind === 'script') return;
    const { name } = this.#subject.document();
    this.#ports.events.record('RED-003', { method: TITLES[kind], direction, detail: detail.join('; ') }, name);
  }
}

function movedBy({ methods }: Plan): string[] {
  return methods.flatMap((method) => (method.kind === 'move-ip' ? method.addresses.map(({ address }) => address) : []));
}

/** One fault for all; a single one keeps its code. */
function failureOf(failures: readonly Failure[]): Fault {
  const [first, ...others] = failures;
  if (first !== undefined && others.length === 0) return first.fault;
  const reason = failures.map(({ fault }) => fault.message).join(' ');
  return new Fault('REDIRECT-FAILED', { method: 'Redirection', reason });
}

/** The part of this host in the role protocol of each of its scenarios: opened from its record, kept going, and shown to the engines. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import { STEP_TITLES, SWITCH_STEPS, type SwitchRight } from '../../shared/role.ts';
import type { HostReference, ScenarioDocument, SettingValues } from '../../shared/scenario.ts';
import { acceptsChanges } from '../role/machine.ts';
import { firstRecord, LOST_RECORD, type RoleRecord } from '../role/record.ts';
import { newRole, type RoleSetup, startRole } from '../role/state.ts';
import { type Word, wordSchema } from '../role/word.ts';
import { type StoredScenario, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import type { Session } from '../services.ts';
import { ArbiterWatch } from './arbiter-watch.ts';
import { AutomaticDesk } from './automatic-desk.ts';
import { standbyOf } from './direction.ts';
import { type ArbiterPlace, type ClientAccess, NO_ACCESS } from './ports.ts';
import { restartIfWanted } from './restart.ts';
import { RoleHost } from './role-host.ts';
import { ScenarioSteps } from './steps.ts';

/** Clocks drift by less in a lease (PROTOCOL.md): a tenth, at least this. */
const LEAST_MARGIN_MS = 100;
/** How long the kernel keeps the gate open without an arbiter: a daemon may take that long to start again. */
const ALONE_GATE_MS = 30_000;

/** How long the kernel keeps the gate of a scenario open after each renewal; at most half of a lease. */
export function gateMsOf({ settings }: ScenarioDocument): number {
  return hasArbiter(settings) ? settingOf(settings, 'switchover.leaseMs') / 2 : ALONE_GATE_MS;
}

function hasArbiter(settings: SettingValues): boolean {
  return arbiterPlaceOf({ settings }) !== undefined;
}

/** Undefined: the scenario has none. */
export function arbiterPlaceOf({ settings }: Pick<ScenarioDocument, 'settings'>): ArbiterPlace | undefined {
  const kind = settingOf(settings, 'switchover.arbiter');
  if (kind !== 'witness' && kind !== 'etcd') return undefined;
  return { kind, addresses: settingOf(settings, 'switchover.arbiterAddress') };
}

/** Lease and margin of the arbiter, ms. */
export function leaseOf({ settings }: ScenarioDocument): { leaseMs: number; marginMs: number } {
  const leaseMs = settingOf(settings, 'switchover.leaseMs');
  return { leaseMs, marginMs: Math.max(LEAST_MARGIN_MS, Math.round(leaseMs / 10)) };
}

const PEER_MS = 5_000;
const SHOW_EVERY_MS = 5_000;

const WHY_ALONE: Readonly<Record<Exclude<SwitchRight, 'planned' | 'unsafe'>, string>> = {
  granted: 'the arbiter granted it because {other} was not heard',
  fenced: 'its fencing script confirmed that {other} is off',
  stated: 'by the word of an operator',
};

export interface Part {
  readonly host: RoleHost;
  /** Device id of the other host. */
  readonly other: string;
  readonly access: ClientAccess;
  readonly steps: ScenarioSteps;
  readonly arbiter: ArbiterWatch;
}

export class RoleParts {
  readonly environment: ScenarioEnvironment;
  readonly runners: RunnerSet;
  readonly #announce: (id: string) => void;
  readonly #parts = new Map<string, Part>();
  readonly #shownAt = new Map<string, number>();
  readonly automatic: AutomaticDesk;
  #closed = false;

  constructor(environment: ScenarioEnvironment, runners: RunnerSet, announce: (id: string) => void) {
    this.environment = environment;
    this.runners = runners;
    this.#announce = announce;
    this.automatic = new AutomaticDesk(this);
  }

  /** Something that is shown of the scenario changed. */
  changed(id: string): void {
    if (!this.#closed) this.#announce(id);
  }

  /** Before any engine starts: what roles forbid holds from the first moment. */
  load(): void {
    for (const stored of this.environment.book.value.scenarios) {
      if (stored.run.roles === true) this.#forbid(this.#open(stored, false), stored.document.id);
    }
  }

  /** A runner of the scenario was made: what its role forbids holds for it too. */
  adopted(id: string): void {
    const part = this.#parts.get(id);
    if (part !== undefined) this.#forbid(part, id);
  }

  /** When what was running runs again. */
  start(): void {
    for (const { host } of this.#parts.values()) host.start();
    for (const [id, part] of this.#parts) {
      if (this.stored(id).run.pastGone !== true) continue;
      const done = part.steps.forgetPast().then(() => this.adopted(id));
      done.catch((error: unknown) => this.environment.complain(`rewind points: ${String(error)}`));
    }
  }

  /** An orderly end: what leads clients to an active host stays as long as the kernel keeps it, so that a restart is not noticed. */
  async close(): Promise<void> {
    this.#closed = true;
    const ends = [...this.#parts].map(async ([id, { host, access }]) => {
      const keeps = host.keepsOpen && this.#guards(id);
      host.close();
      if (keeps) await access.handOver(Math.min(this.#setup(id, '').gateMs, host.rightForMs));
    });
    await Promise.allSettled(ends);
  }

  /** Undefined: it has no roles, or has not run yet. */
  find(id: string): Part | undefined {
    return this.#parts.get(id);
  }

  /** From the first run on, a scenario of high availability has a record on both hosts. */
  async begun(document: ScenarioDocument): Promise<void> {
    if (this.#parts.has(document.id) || !hasRoles(document)) return;
    const { host, roles, book } = this.environment;
    const active = document.master.deviceId ?? host.deviceId;
    const store = roles.openRecord(document.id);
    // One that is there already is of a run that was killed before the book named it.
    if (store.load().record === LOST_RECORD) store.create(firstRecord(host.deviceId, active));
    await book.update((value) => {
      storedIn(value, document.id).run.roles = true;
    });
    const part = this.#open(this.stored(document.id), true);
    part.host.start();
    this.#announce(document.id);
  }

  #open(stored: StoredScenario, isNew: boolean): Part {
    const { roles, clock, host: own } = this.environment;
    const { id } = stored.document;
    const store = roles.openRecord(id);
    const { record, fault } = store.load();
    const name = stored.document.name;
    if (fault !== undefined) this.event(name, 'SWT-009', { reason: fault.message });
    const other = this.otherOf(stored.document)?.deviceId ?? '';
    const setup = () => this.#setup(id, other);
    const start = isNew && record.turn === 1;
    const state = start
      ? newRole(setup(), record.epoch.holder, roles.boot, clock.bootMs())
      : startRole(record, roles.boot, setup(), clock.bootMs());
    const steps = new ScenarioSteps({
      environment: this.environment,
      runners: this.runners,
      id,
      access: () => part.access,
      record: () => host.record,
    });
    const arbiter = new ArbiterWatch(
      clock,
      () => roles.arbiterOf(this.stored(id).document, other),
      (reason) => this.#arbiterHeard(id, reason),
    );
    const host: RoleHost = new RoleHost(
      {
        clock,
        store,
        steps,
        peerName: this.nameOf(stored.document, other),
        setup,
        gate: () => part.access.gate,
        arbiter: () => arbiter.ofHost(),
        guards: () => this.#guards(id),
        say: (word) => this.#say(id, other, word),
        settled: (now, before) => this.#settled(id, now, before),
        changed: () => this.#announce(id),
        tick: () => this.#look(id),
        heartbeatMs: () => settingOf(this.stored(id).document.settings, 'isAlive.heartbeatMs'),
        gaveUp: (reason) => this.event(name, 'SWT-003', { active: own.name, reason }),
        fatal: (reason) => this.event(name, 'SWT-009', { reason: reason.message }),
      },
      state,
    );
    const part: Part = { host, steps, other, arbiter, access: this.#accessOf(stored.document, own.deviceId) };
    this.#parts.set(id, part);
    return part;
  }

  #accessOf(document: ScenarioDocument, deviceId: string): ClientAccess {
    const here = [document.master, ...document.replicas].find((host) => host.deviceId === deviceId);
    return here === undefined ? NO_ACCESS : this.environment.roles.accessOf(document);
  }

  forget(id: string): void {
    this.automatic.forget(id);
    this.#parts.get(id)?.host.close();
    this.#parts.delete(id);
  }

  #setup(id: string, other: string): RoleSetup {
    const { document } = this.stored(id);
    const arbiter = hasArbiter(document.settings) ? 'witness' : 'none';
    return {
      self: this.environment.host.deviceId,
      peer: other,
      arbiter,
      automatic: arbiter === 'witness' && settingOf(document.settings, 'switchover.automatic'),
      ...leaseOf(document),
      gateMs: gateMsOf(document),
    };
  }

  #arbiterHeard(id: string, reason: string | undefined): void {
    if (this.#closed || !this.#parts.has(id)) return;
    const { name } = this.stored(id).document;
    const host = this.environment.host.name;
    if (reason === undefined) this.event(name, 'SWT-023', { host });
    else this.event(name, 'SWT-022', { host, reason });
    this.#announce(id);
  }

  #guards(id: string): boolean {
    const { run } = this.stored(id);
    // Users do not lose the active host because replication failed.
    const isGuarded = run.wanted || run.reason === 'after-switchover' || run.reason === 'by-error';
    return isGuarded || this.#parts.get(id)?.host.record.switchover !== undefined;
  }

  // ---------------------------------------------------------------- what follows from a record

  #forbid({ host }: Part, id: string): void {
    const runner = this.runners.runner(id);
    if (!(runner instanceof ReplicaRunner)) return;
    const past = this.stored(id).run.pastGone === true ? 'its rewind points are put in order first' : undefined;
    runner.refuse(past ?? refusalOf(host.record));
  }

  #settled(id: string, now: RoleRecord, before: RoleRecord): void {
    if (this.#closed) return;
    const part = this.#parts.get(id);
    if (part !== undefined) this.#forbid(part, id);
    const { name } = this.stored(id).document;
    const step = now.switchover?.step;
    // Ready when this host has to watch its roots itself: users wait for it.
    if (step === 'prepare' && now.switchover?.side === 'to') this.environment.capture.prepare();
    if (step !== undefined && (step !== before.switchover?.step || now.switchover?.id !== before.switchover?.id)) {
      this.event(name, 'SWT-004', {
        step: SWITCH_STEPS.indexOf(step) + 1,
        title: STEP_TITLES[step],
        switchover: now.switchover?.id ?? '',
      });
    }
    const begun = now.switchover?.id !== before.switchover?.id;
    if (begun && now.role === 'active') this.#tellAlone(id, now.switchover?.right);
    if (now.role === 'fenced' && before.role !== 'fenced') this.event(name, 'SWT-006', {});
    if (now.role === 'standby' && now.switchover === undefined) void this.#restartHost(id);
  }

  async #restartHost(id: string): Promise<void> {
    const active = [...this.#parts].find(([other, { host }]) => host.record.role === 'active' && this.#guards(other));
    await restartIfWanted(this.environment, id, active && this.stored(active[0]).document.name);
  }

  /** It became active without the help of the other. */
  #tellAlone(id: string, right: SwitchRight | undefined): void {
    const { document } = this.stored(id);
    const active = this.environment.host.name;
    const other = this.nameOf(document, this.#parts.get(id)?.other ?? '');
    if (right === 'unsafe') this.event(document.name, 'SWT-038', { active, other });
    else if (right !== undefined && right !== 'planned') {
      this.event(document.name, 'SWT-005', { active, other, why: WHY_ALONE[right].replace('{other}', other) });
    }
  }

  /** What Is Alive found changed. */
  look(id: string): void {
    if (!this.#closed) this.#look(id);
  }

  /** Every tick: whether this host could take over, and whether the other one gives its address up. */
  #look(id: string): void {
    const part = this.#parts.get(id);
    if (part === undefined || this.runners.runner(id) === undefined) return;
    if (this.#guards(id)) part.arbiter.look(leaseOf(this.stored(id).document).leaseMs);
    this.automatic.look(id, part);
    this.#show(id);
  }

  /** Consoles see how long ago the other host and the arbiter were heard. */
  #show(id: string): void {
    const now = this.environment.clock.bootMs();
    if (now < (this.#shownAt.get(id) ?? now - SHOW_EVERY_MS) + SHOW_EVERY_MS) return;
    this.#shownAt.set(id, now);
    this.#announce(id);
  }

  async #say(id: string, other: string, word: Word): Promise<Word> {
    const { document } = this.stored(id);
    const peer = [document.master, ...document.replicas].find(({ deviceId }) => deviceId === other);
    if (peer === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: id });
    const said = this.automatic.saidOf(id);
    const automatic = said === undefined ? {} : { automatic: { ...said, reasons: [...said.reasons] } };
    const behindMs = this.automatic.behindOf(id, this.part(id));
    const behind = behindMs === undefined ? {} : { behindMs };
    const args = { scenarioId: id, word: { ...word }, ...automatic, ...behind };
    return wordSchema.parse(await this.environment.peers.request(peer, 'peer.roleWord', args, PEER_MS));
  }

  ofPeer(scenarioId: string, session: Session): Part {
    const part = this.part(scenarioId);
    if (part.other === session.deviceId) return part;
    throw new Fault('ACCESS-DENIED', { role: session.role, command: 'take part in its switchovers' });
  }

  part(id: string): Part {
    const part = this.#parts.get(id);
    if (part !== undefined) return part;
    const stored = this.environment.book.value.scenarios.find(({ document }) => document.id === id);
    if (stored === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: id });
    const { document } = stored;
    if (!hasRoles(document))
      throw refused(document, 'it is for disaster recovery: only scenarios of high availability switch over');
    throw refused(document, 'it has not run yet');
  }

  stored(id: string): StoredScenario {
    return storedIn(this.environment.book.value, id);
  }

  otherOf(document: ScenarioDocument): HostReference | undefined {
    const { deviceId } = this.environment.host;
    return document.master.deviceId === deviceId ? standbyOf(document) : document.master;
  }

  nameOf(document: ScenarioDocument, deviceId: string): string {
    const host = [document.master, ...document.replicas].find((one) => one.deviceId === deviceId);
    return host?.name ?? deviceId.slice(0, 16);
  }

  event(scenario: string, code: string, details: FaultDetails): void {
    try {
      this.environment.events.record(code, details, scenario);
    } catch (error) {
      this.environment.complain(`event ${code}: ${String(error)}`);
    }
  }
}

/** Relays, restores and scenarios of disaster recovery have one direction. */
function hasRoles(document: ScenarioDocument): boolean {
  const plain = document.recoveryOf === undefined && document.origin === undefined;
  return plain && document.solution === 'ha' && standbyOf(document) !== undefined;
}

/** Why a Replica takes no changes in this state; undefined: it does. */
function refusalOf(record: RoleRecord): string | undefined {
  if (record.maxEpoch.number === 0) return 'its role record was lost';
  if (record.role === 'fenced') return 'it was active: what only it has is looked at first';
  if (record.diverged) return 'it has changes that the active host lacks';
  return record.role === 'standby' && !acceptsChanges(record, record.epoch)
    ? 'it is sealed for a switchover'
    : undefined;
}

export function refused({ name }: ScenarioDocument, reason: string): Fault {
  return new Fault('SWITCH-REFUSED', { name, reason });
}

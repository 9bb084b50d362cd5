/**
 * Groups of scenarios: their documents, which all hosts of their members have, and their switchover: one member after the other, with
 * the switchover of each scenario as it is. It stops at the first that fails. What was done is durable before the next begins.
 */
import { Fault } from '../../shared/faults.ts';
import type { GroupDocument, GroupRun, GroupRunMember, GroupStatus } from '../../shared/group.ts';
import type { SwitchoverPlan, SwitchoverResult } from '../../shared/results.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { type RunnerSet, sameName } from '../scenario/runner-set.ts';
import type { CommandHandlers, Session } from '../services.ts';
import { standbyOf } from '../switchover/direction.ts';
import type { StoredGroup } from './book.ts';
import { type GroupWish, type MemberFacts, membersOf, refused, summaryOf } from './plan.ts';

const LIMIT_MS = 600_000;
const PEER_MS = 5_000;
const TELL_AGAIN_MS = 60_000;
/** After its end, the new active host is shown here within this. */
const SHOWN_MS = 5_000;
const LOOK_MS = 100;

export interface GroupPorts {
  readonly environment: ScenarioEnvironment;
  readonly runners: RunnerSet;
  statusOf(scenario: string): ScenarioStatus;
  plan(scenario: string, peerIsFenced: boolean): Promise<SwitchoverPlan>;
  /** Waits for its end; throws `TIMEOUT` after `limitMs`, and then it goes on. */
  switchOver(scenario: string, peerIsFenced: boolean, limitMs: number): Promise<SwitchoverResult>;
}

export class GroupDesk {
  readonly #ports: GroupPorts;
  readonly #untold = new Set<string>();
  #closed = false;

  constructor(ports: GroupPorts) {
    this.#ports = ports;
  }

  get #environment(): ScenarioEnvironment {
    return this.#ports.environment;
  }

  /** What was under way when the engine ended is told; every host of a member hears of its groups. */
  start(): void {
    for (const { document, run } of this.#environment.groups.value.groups) {
      if (run?.state === 'running')
        void this.#interrupted(document, run).catch((error: unknown) => this.#complain(error));
      void this.#tell(document.name);
    }
  }

  close(): void {
    this.#closed = true;
  }

  handlers(): CommandHandlers {
    return {
      'group.create': async ({ name, scenarios, limitMs = LIMIT_MS }) => await this.#create(name, scenarios, limitMs),
      'group.list': () => ({ groups: this.#environment.groups.value.groups.map((stored) => this.#shown(stored)) }),
      'group.show': ({ name }) => this.#shown(this.#find(name)),
      'group.delete': async ({ name }) => {
        const { document } = this.#find(name);
        const hosts = this.#hostsOf(document);
        await this.#forget(document.name, document.revision + 1);
        return { missed: await this.#tellAll(document.name, hosts) };
      },
      'group.plan': async ({ name, peerIsFenced = false, ...wish }) => {
        const stored = this.#find(name);
        const members = this.#membersOf(stored, wish);
        return { name: stored.document.name, members, plans: await this.#plans(members, peerIsFenced) };
      },
      'group.switchover': async ({ name, peerIsFenced = false, wait = false, ...wish }) => {
        const stored = this.#find(name);
        const run = await this.#begin(stored, wish, peerIsFenced);
        const done = this.#carryOut(stored.document, run, peerIsFenced);
        if (!wait) done.catch((error: unknown) => this.#complain(error));
        return { name: stored.document.name, run: wait ? await done : run };
      },
      'peer.group': async (told, session) => await this.#heard(told, session),
    };
  }

  // ---------------------------------------------------------------- documents

  #find(name: string): StoredGroup {
    const found = this.#environment.groups.value.groups.find(({ document }) => sameName(document.name, name));
    if (found === undefined) throw new Fault('GROUP-NOT-FOUND', { name });
    return found;
  }

  #shown({ document, run }: StoredGroup): GroupStatus {
    const members = document.scenarios.map((scenario) => {
      if (this.#ports.runners.named(scenario) === undefined) return { scenario };
      const { state, active, problem } = this.#ports.statusOf(scenario);
      return { scenario, state, active, ...(problem === undefined ? {} : { problem }) };
    });
    return { group: document, members, ...(run === undefined ? {} : { run }) };
  }

  async #create(name: string, given: readonly string[], limitMs: number) {
    const scenarios = given.map((scenario) => this.#ports.runners.find(scenario).document.name);
    const twice = scenarios.find((scenario, index) => scenarios.indexOf(scenario) < index);
    if (twice !== undefined) throw new Fault('USAGE', { reason: `"${twice}" is named twice` });
    for (const scenario of scenarios) this.#facts(scenario);
    const { groups } = this.#environment;
    const before = groups.value.groups.find(({ document }) => sameName(document.name, name));
    if (before?.run?.state === 'running') throw refused(name, 'it is being switched over');
    const revision = Math.max(before?.document.revision ?? 0, groups.value.deleted[name] ?? 0) + 1;
    const document: GroupDocument = { name: before?.document.name ?? name, scenarios, limitMs, revision };
    await this.#keep(document);
    return { group: document, missed: await this.#tellAll(document.name, this.#hostsOf(document)) };
  }

  async #keep(document: GroupDocument): Promise<void> {
    await this.#environment.groups.update((book) => {
      const others = book.groups.filter((one) => !sameName(one.document.name, document.name));
      const before = book.groups.find((one) => sameName(one.document.name, document.name));
      book.groups = [...others, { ...before, document }];
      delete book.deleted[document.name];
    });
  }

  async #forget(name: string, revision: number): Promise<void> {
    await this.#environment.groups.update((book) => {
      book.groups = book.groups.filter(({ document }) => !sameName(document.name, name));
      book.deleted[name] = revision;
    });
  }

  // ---------------------------------------------------------------- other hosts

  #hostsOf({ scenarios }: GroupDocument): HostReference[] {
    const { deviceId } = this.#environment.host;
    const hosts = scenarios.flatMap((scenario) => {
      const document = this.#ports.runners.named(scenario)?.document;
      return document === undefined ? [] : [document.master, ...document.replicas];
    });
    const others = new Map(hosts.map((host) => [host.deviceId ?? host.name, host]));
    others.delete(deviceId);
    return [...others.values()];
  }

  async #tell(name: string): Promise<void> {
    const stored = this.#environment.groups.value.groups.find(({ document }) => document.name === name);
    if (stored !== undefined) await this.#tellAll(name, this.#hostsOf(stored.document));
  }

  /** Answers those that could not be told; they are told later. */
  async #tellAll(name: string, hosts: readonly HostReference[]): Promise<string[]> {
    const { groups, peers } = this.#environment;
    const stored = groups.value.groups.find(({ document }) => document.name === name)?.document;
    const revision = stored?.revision ?? groups.value.deleted[name];
    if (revision === undefined) return [];
    const content = stored === undefined ? {} : { scenarios: [...stored.scenarios], limitMs: stored.limitMs };
    const asked = hosts.map(async (host) => {
      const answer = await peers.request(host, 'peer.group', { name, revision, ...content }, PEER_MS);
      await this.#outdated(name, revision, answer);
    });
    const answers = await Promise.allSettled(asked);
    const missed = hosts.filter((_host, index) => answers[index]?.status === 'rejected');
    if (missed.length > 0) this.#tellLater(name, missed);
    return missed.map((host) => host.name);
  }

  /** The other host knows something newer. */
  async #outdated(name: string, revision: number, answer: unknown): Promise<void> {
    const { deleted } = answer as { deleted?: unknown };
    if (typeof deleted === 'number' && deleted > revision) await this.#forget(name, deleted);
  }

  #tellLater(name: string, hosts: readonly HostReference[]): void {
    if (this.#closed || this.#untold.has(name)) return;
    this.#untold.add(name);
    this.#environment.clock.after(TELL_AGAIN_MS, () => {
      this.#untold.delete(name);
      if (!this.#closed) void this.#tellAll(name, hosts).catch((error: unknown) => this.#complain(error));
    });
  }

  async #heard(
    told: { name: string; revision: number; scenarios?: string[] | undefined; limitMs?: number | undefined },
    session: Session,
  ) {
    const { name, revision, scenarios, limitMs = LIMIT_MS } = told;
    const { groups } = this.#environment;
    const own = groups.value.groups.find(({ document }) => sameName(document.name, name));
    const members = scenarios ?? own?.document.scenarios ?? [];
    if (members.length > 0 && !members.some((scenario) => this.#isHostOf(scenario, session)))
      throw new Fault('ACCESS-DENIED', { role: session.role, command: 'change a group without a scenario of its own' });
    const deleted = groups.value.deleted[name];
    if (deleted !== undefined && deleted > revision) return { deleted };
    if ((own?.document.revision ?? 0) >= revision) return {};
    if (own?.run?.state === 'running') throw refused(name, 'it is being switched over');
    if (scenarios === undefined) await this.#forget(name, revision);
    else await this.#keep({ name, scenarios, limitMs, revision });
    return {};
  }

  #isHostOf(scenario: string, { deviceId }: Session): boolean {
    const document = this.#ports.runners.named(scenario)?.document;
    return document !== undefined && [document.master, ...document.replicas].some((host) => host.deviceId === deviceId);
  }

  // ---------------------------------------------------------------- switchover

  #facts(scenario: string): MemberFacts {
    const { document } = this.#ports.runners.find(scenario);
    const standby = standbyOf(document);
    if (document.solution !== 'ha' || standby === undefined)
      throw refused(scenario, `"${scenario}" has no switchover host`);
    return { scenario, active: this.#ports.statusOf(scenario).active, hosts: [document.master.name, standby.name] };
  }

  #membersOf({ document, run }: StoredGroup, wish: GroupWish): GroupRunMember[] {
    const facts = document.scenarios.map((scenario) => this.#facts(scenario));
    return membersOf(document, run, facts, wish);
  }

  async #plans(members: readonly GroupRunMember[], peerIsFenced: boolean): Promise<SwitchoverPlan[]> {
    const plans: SwitchoverPlan[] = [];
    for (const { scenario, state } of members) {
      if (state === 'waiting') plans.push(await this.#ports.plan(scenario, peerIsFenced));
    }
    return plans;
  }

  /** All or none begin. */
  async #begin(stored: StoredGroup, wish: GroupWish, peerIsFenced: boolean): Promise<GroupRun> {
    const { document } = stored;
    const members = this.#membersOf(stored, wish);
    const plans = await this.#plans(members, peerIsFenced);
    const reasons = plans.flatMap(({ name, refusal }) => (refusal === undefined ? [] : [`${name}: ${refusal}`]));
    if (reasons.length > 0) throw refused(document.name, reasons.join('; '));
    if (this.#find(document.name).run?.state === 'running') throw refused(document.name, 'it is being switched over');
    const run: GroupRun = { state: 'running', startedAt: this.#environment.clock.wallMs(), members };
    await this.#note(document.name, run);
    this.#event('GRP-001', { group: document.name, members: members.map(({ scenario }) => scenario).join(', ') });
    return run;
  }

  async #carryOut({ name, limitMs }: GroupDocument, begun: GroupRun, peerIsFenced: boolean): Promise<GroupRun> {
    let run = begun;
    for (const [index, member] of begun.members.entries()) {
      if (member.state === 'already') continue;
      run = await this.#noteMember(name, run, index, { state: 'switching' });
      const outcome = await this.#member(member, peerIsFenced, limitMs);
      run = await this.#noteMember(name, run, index, outcome);
      const number = `${index + 1} of ${begun.members.length}`;
      if (outcome.state === 'failed') return await this.#failed(name, run);
      this.#event('GRP-002', { group: name, scenario: member.scenario, active: member.to, number });
    }
    run = { ...run, state: 'done', endedAt: this.#environment.clock.wallMs() };
    await this.#note(name, run);
    this.#event('GRP-003', { group: name, truth: summaryOf(run.members) });
    return run;
  }

  async #failed(name: string, run: GroupRun): Promise<GroupRun> {
    const members = run.members.map((member) =>
      member.state === 'waiting' ? { ...member, state: 'not-begun' as const } : member,
    );
    const failed: GroupRun = { ...run, members, state: 'failed', endedAt: this.#environment.clock.wallMs() };
    await this.#note(name, failed);
    this.#event('GRP-004', { group: name, truth: summaryOf(members) });
    return failed;
  }

  async #member(
    { scenario, to }: GroupRunMember,
    peerIsFenced: boolean,
    limitMs: number,
  ): Promise<Pick<GroupRunMember, 'state' | 'tookMs' | 'reason'>> {
    const { clock } = this.#environment;
    const startedAt = clock.wallMs();
    const started = clock.bootMs();
    try {
      await this.#ports.switchOver(scenario, peerIsFenced, limitMs);
      await this.#shownActive(scenario, to);
      return { state: 'done', tookMs: Math.round(clock.bootMs() - started) };
    } catch (error) {
      const fault = Fault.from(error);
      const tookMs = Math.round(clock.bootMs() - started);
      return { state: 'failed', tookMs, reason: this.#why(scenario, fault, startedAt) };
    }
  }

  async #shownActive(scenario: string, to: string): Promise<void> {
    const { clock } = this.#environment;
    const until = clock.bootMs() + SHOWN_MS;
    while (!sameName(this.#ports.statusOf(scenario).active, to)) {
      if (clock.bootMs() >= until) {
        const { active } = this.#ports.statusOf(scenario);
        throw new Fault('SWITCH-REFUSED', { name: scenario, reason: `${active} is still active` });
      }
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
  }

  /** What the switchover itself said, or where it stands. */
  #why(scenario: string, fault: Fault, since: number): string {
    const under = this.#ports.statusOf(scenario).roles?.switchover;
    if (fault.code === 'TIMEOUT' && under !== undefined)
      return `it is at step "${under.step}" and goes on by itself${under.problem === undefined ? '' : `: ${under.problem}`}`;
    const told = this.#environment.events.query({ scenario, since, limit: 1_000 });
    const givenUp = told.filter(({ code }) => code === 'SWT-003').at(-1);
    return givenUp?.text ?? fault.message;
  }

  async #interrupted({ name }: GroupDocument, run: GroupRun): Promise<void> {
    const members = run.members.map((member) =>
      member.state === 'waiting' ? { ...member, state: 'not-begun' as const } : member,
    );
    await this.#note(name, { ...run, members, state: 'interrupted', endedAt: this.#environment.clock.wallMs() });
    this.#event('GRP-005', { group: name, truth: summaryOf(members) });
  }

  async #noteMember(
    name: string,
    run: GroupRun,
    index: number,
    change: Pick<GroupRunMember, 'state' | 'tookMs' | 'reason'>,
  ): Promise<GroupRun> {
    const members = run.members.map((member, at) => (at === index ? { ...member, ...change } : member));
    const next = { ...run, members };
    await this.#note(name, next);
    return next;
  }

  async #note(name: string, run: GroupRun): Promise<void> {
    await this.#environment.groups.update((book) => {
      book.groups = book.groups.map((one) => (one.document.name === name ? { ...one, run } : one));
    });
  }

  #event(code: string, details: Record<string, string>): void {
    this.#environment.events.record(code, details);
  }

  #complain(error: unknown): void {
    this.#environment.complain(`groups: ${String(error)}`);
  }
}

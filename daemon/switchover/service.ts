/** The roles of the scenarios of this host: who is active, and the commands that change it. */
import { Fault } from '../../shared/faults.ts';
import type { HealthVerdict } from '../../shared/health.ts';
import type { PreviewSide } from '../../shared/preview.ts';
import type { AutomaticStatus } from '../../shared/role.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { GroupPorts } from '../group/desk.ts';
import { QuarantineDesk } from '../quarantine/desk.ts';
import type { QuarantinePiece } from '../quarantine/store.ts';
import { wordSchema } from '../role/word.ts';
import { ownRoots, type StoredScenario, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import type { RunnerSet } from '../scenario/runner-set.ts';
import type { CommandHandlers } from '../services.ts';
import { standbyOf } from './direction.ts';
import { checkFencing } from './fencing.ts';
import { shareServices } from './managed-services.ts';
import { standingOf } from './other-replicas.ts';
import { arbiterPlaceOf, RoleParts, refused } from './role-parts.ts';
import { runSuccess } from './success-script.ts';
import { SwitchDesk } from './switch-desk.ts';

const WAIT_MS = 600_000;
const PEER_MS = 5_000;
/** Reading what is compared. */
const LOOK_MS = 30_000;

export class Switchovers {
  readonly #parts: RoleParts;
  readonly #desk: SwitchDesk;

  constructor(environment: ScenarioEnvironment, runners: RunnerSet, announce: (id: string) => void) {
    this.#parts = new RoleParts(environment, runners, announce);
    this.#desk = new SwitchDesk(this.#parts, (runner) => this.shownIn(runner.status()));
  }

  /** Who says of a scenario whether the other host is down; `look` when that changed. */
  heeding(verdictOf: (id: string) => HealthVerdict | undefined): { look(id: string): void } {
    this.#parts.automatic.verdictOf = verdictOf;
    return { look: (id) => this.#parts.look(id) };
  }

  /** Before the engines. */
  load(): void {
    this.#parts.load();
  }

  start(): void {
    this.#parts.start();
  }

  adopted(id: string): void {
    this.#parts.adopted(id);
  }

  async close(): Promise<void> {
    await this.#parts.close();
  }

  /** The switchover of one scenario, for those that switch several over. */
  one(): Pick<GroupPorts, 'plan' | 'switchOver'> {
    return {
      plan: (name, peerIsFenced) => this.#desk.plan(name, peerIsFenced),
      switchOver: async (name, peerIsFenced, limitMs) => {
        const runner = this.#parts.runners.find(name);
        const part = this.#parts.part(runner.id);
        const id = await this.#desk.begin(part, runner.document, peerIsFenced);
        await this.#desk.ended(part, id, limitMs);
        return this.#desk.result(part, runner.id, id);
      },
    };
  }

  // ---------------------------------------------------------------- what scenarios ask

  handlers(): CommandHandlers {
    const quarantines = this.#quarantines();
    return {
      ...quarantines.handlers(),
      'scenario.switchover': async ({ name, to, peerIsFenced, wait, timeoutMs }) => {
        const runner = this.#parts.runners.find(name);
        const part = this.#parts.part(runner.id);
        refuseOther(runner.document, to);
        const started = this.#parts.environment.clock.bootMs();
        const id = await this.#desk.begin(part, runner.document, peerIsFenced === true);
        if (wait) await this.#desk.ended(part, id, timeoutMs ?? WAIT_MS);
        const tookMs = this.#parts.environment.clock.bootMs() - started;
        return { ...this.#desk.result(part, runner.id, id), ...(wait ? { tookMs } : {}) };
      },
      'scenario.switchoverPlan': async ({ name, peerIsFenced }) => await this.#desk.plan(name, peerIsFenced === true),
      'scenario.recoverActive': async ({ name, ...how }) => {
        const runner = this.#parts.runners.find(name);
        return await this.#desk.recover(this.#parts.part(runner.id), runner.document, how);
      },
      'scenario.ack': ({ name }) => {
        const runner = this.#parts.runners.find(name);
        const { host } = this.#parts.part(runner.id);
        const acknowledged = host.record.unacknowledged !== undefined;
        host.happen({ type: 'acknowledge' });
        if (acknowledged) this.#parts.event(runner.document.name, 'SWT-011', {});
        return { acknowledged };
      },
      'peer.roleWord': ({ scenarioId, word, automatic, behindMs }, session) => {
        const parsed = wordSchema.safeParse(word);
        if (!parsed.success) throw new Fault('LINK-REFUSED', { reason: 'its word of its role cannot be read' });
        const part = this.#parts.ofPeer(scenarioId, session);
        this.#parts.automatic.heard(scenarioId, automatic as AutomaticStatus | undefined);
        this.#parts.automatic.heardBehind(scenarioId, behindMs);
        return part.host.hear(parsed.data);
      },
      'peer.switchover': async ({ scenarioId, because }, session) => {
        const part = this.#parts.ofPeer(scenarioId, session);
        return { id: await this.#desk.handOver(part, this.#parts.stored(scenarioId).document, because) };
      },
      'peer.yield': ({ scenarioId }, session) =>
        this.#desk.yieldTo(this.#parts.ofPeer(scenarioId, session), scenarioId),
      'peer.switchSide': async ({ scenarioId, brief }, session) => {
        this.#parts.ofPeer(scenarioId, session);
        return brief === true ? this.#desk.brief(scenarioId) : await this.#desk.side(scenarioId);
      },
      'peer.arbiter': async (place) => {
        try {
          await this.#parts.environment.roles.reachArbiter(place);
          return {};
        } catch (error) {
          return { reason: Fault.from(error).message };
        }
      },
      'peer.shares': async () => ({ services: await shareServices(this.#parts.environment.roles.services) }),
      'peer.fencing': async ({ script, scenario, other }) => {
        try {
          await checkFencing(this.#parts.environment, script, scenario, other);
          return {};
        } catch (error) {
          return { reason: Fault.from(error).message };
        }
      },
      'peer.success': async ({ scenarioId, id }, session) => {
        this.#parts.ofPeer(scenarioId, session);
        return await runSuccess(this.#parts.environment, this.#parts.stored(scenarioId).document, id);
      },
      'peer.standing': ({ scenarioId }, session) => {
        const runner = this.#parts.runners.runner(scenarioId);
        const asks = runner?.document;
        const hosts = asks === undefined ? [] : [asks.master, ...asks.replicas];
        if (runner instanceof ReplicaRunner && hosts.some(({ deviceId }) => deviceId === session.deviceId))
          return standingOf(runner, this.#parts.environment.host.name);
        throw new Fault('ACCESS-DENIED', { role: session.role, command: 'ask what a Replica of the scenario has' });
      },
      'peer.quarantineRead': async ({ scenarioId, id, position, ...place }, session) => {
        this.#parts.ofPeer(scenarioId, session);
        return await quarantines.pieceOf(scenarioId, id, place, position);
      },
      'peer.rootSides': async ({ scenarioId, places, text }, session) => {
        this.#parts.ofPeer(scenarioId, session);
        const sides = await quarantines.sidesOf(scenarioId, places, text);
        return { sides: sides.map((side) => side ?? null) };
      },
      'peer.forkPoint': ({ scenarioId }, session) => {
        this.#parts.ofPeer(scenarioId, session);
        return { fork: this.#parts.stored(scenarioId).run.fork ?? null };
      },
    };
  }

  #quarantines(): QuarantineDesk {
    const { environment, runners } = this.#parts;
    const { book, host, peers, roles } = environment;
    const otherOf = (id: string) => this.#parts.otherOf(this.#parts.stored(id).document);
    return new QuarantineDesk(roles.quarantine, {
      self: host.name,
      scenarios: () =>
        runners.all().map(({ stored }) => ({ document: stored.document, roots: ownRoots(stored, host.deviceId) })),
      openTree: (path) => roles.openTree(path),
      otherHost: (id) => otherOf(id)?.name,
      askOther: async (scenarioId, places, text) => {
        const other = otherOf(scenarioId);
        if (other === undefined) throw refused(storedIn(book.value, scenarioId).document, 'it has no other host');
        const asked = places.map(({ root, path, sizeBytes }) => ({
          root,
          path,
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
        }));
        const args = { scenarioId, places: asked, text };
        const { sides } = (await peers.request(other, 'peer.rootSides', args, LOOK_MS)) as {
          readonly sides: readonly (PreviewSide | null)[];
        };
        return sides.map((side) => side ?? undefined);
      },
      rest: () => new Promise<void>((resolve) => environment.clock.after(0, resolve)),
      isActive: (id) => this.#parts.find(id)?.host.record.role === 'active',
      readOther: async (scenarioId, id, place, position) => {
        const other = otherOf(scenarioId);
        if (other === undefined) throw refused(storedIn(book.value, scenarioId).document, 'it has no other host');
        const args = { scenarioId, id, ...place, position };
        const { data, ...piece } = (await peers.request(other, 'peer.quarantineRead', args, PEER_MS)) as {
          readonly data: string;
        } & Omit<QuarantinePiece, 'bytes'>;
        return { ...piece, bytes: Buffer.from(data, 'base64') };
      },
      moment: (id) => ({
        at: environment.clock.wallMs(),
        epoch: this.#parts.find(id)?.host.record.epoch.number ?? 0,
      }),
      putBack: (scenario, { path, id, kept }) =>
        this.#parts.event(scenario, 'SWT-050', { path, id, kept: kept ?? 'nothing: there was none' }),
    });
  }

  /** What roles have a say in. */
  guarding(others: CommandHandlers): CommandHandlers {
    const { 'scenario.run': run, 'scenario.stop': stop, 'scenario.delete': remove } = others;
    return {
      ...(run && {
        'scenario.run': async (args, session) => {
          const runner = this.#parts.runners.find(args.name);
          if (runner instanceof MasterRunner) {
            this.#refuseRun(runner);
            await this.#parts.begun(runner.document);
          }
          const goesOn = runner instanceof MasterRunner && runner.occupies;
          const result = await run(args, session);
          // One that came back from being active waits for the operator's word.
          if (goesOn) await runner.peers.prepareAll();
          await this.#parts.find(runner.id)?.access.adopt();
          return result;
        },
      }),
      ...(stop && {
        'scenario.stop': async (args, session) => {
          const runner = this.#parts.runners.find(args.name);
          const part = this.#parts.find(runner.id);
          const under = part?.host.record.switchover;
          if (under !== undefined && under.step !== 'reverse') {
            throw new Fault('SCENARIO-STATE', {
              name: args.name,
              state: 'switching',
              reason: 'a switchover is under way',
            });
          }
          const result = await stop(args, session);
          await part?.access.giveBack(part.host.record.role === 'active');
          return result;
        },
      }),
      ...(remove && {
        'scenario.delete': async (args, session) => {
          const { id } = this.#parts.runners.find(args.name);
          const part = this.#parts.find(id);
          const result = await remove(args, session);
          await part?.access.giveBack(part.host.record.role === 'active');
          this.#parts.forget(id);
          return result;
        },
      }),
    };
  }

  /** This host has taken `document` as a Replica. */
  async prepared(document: ScenarioDocument): Promise<void> {
    const standby = standbyOf(document);
    if (standby?.deviceId !== this.#parts.environment.host.deviceId) return;
    await this.#parts.begun(document);
    await this.#parts.find(document.id)?.steps.standDown();
  }

  /** Another host may become the Master of a Replica here: the one that took over in a switchover. */
  mayLead(stored: StoredScenario, deviceId: string, epoch: number): boolean {
    return epoch > stored.run.epoch && standbyOf(stored.document)?.deviceId === deviceId;
  }

  forget(id: string): void {
    this.#parts.forget(id);
  }

  shownIn(status: ScenarioStatus): ScenarioStatus {
    const part = this.#parts.find(status.id);
    const { document } = this.#parts.stored(status.id);
    const backward = document.backward ? { backward: true as const } : {};
    if (part === undefined) return { ...status, ...backward };
    const heard = part.arbiter.status();
    const place = arbiterPlaceOf(document);
    const arbiter = heard === undefined || place === undefined ? {} : { arbiter: { kind: place.kind, ...heard } };
    const automatic = this.#parts.automatic.shown(status.id, part);
    const roles = { ...this.#returned(document), ...part.host.status(), ...arbiter, ...automatic };
    const own = this.#parts.environment.host.name;
    const active =
      roles.role === 'active'
        ? own
        : roles.epoch.holder === ''
          ? status.active
          : this.#parts.nameOf(document, roles.epoch.holder);
    const switching = roles.switchover !== undefined && roles.switchover.step !== 'reverse';
    const hosts = status.hosts.map((host) => {
      if (host.name === own) return { ...host, role: roles.role, gate: roles.gate };
      return host.name === roles.peer?.name ? { ...host, role: roles.peer.role } : host;
    });
    const problem = roles.waits ?? roles.switchover?.problem ?? status.problem;
    return {
      ...status,
      ...backward,
      ...(switching ? { state: 'switching' as const } : {}),
      epoch: roles.epoch.number,
      active,
      hosts,
      roles,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** What only this host had is kept; the operator decides when the rest is replaced. */
  #returned({ id, master }: ScenarioDocument) {
    if (this.#parts.stored(id).run.returned !== true) return {};
    const waits = `it was active before and waits for you: run the scenario on ${master.name}, which replaces what differs here`;
    return { returned: true as const, waits };
  }

  #refuseRun(runner: MasterRunner): void {
    const part = this.#parts.find(runner.id);
    if (part === undefined) return;
    const { record } = part.host;
    if (record.role === 'fenced')
      throw refused(runner.document, 'another host is active: what only this host has is looked at first');
    const under = record.switchover;
    if (under !== undefined && under.step !== 'reverse') throw refused(runner.document, 'a switchover is under way');
  }
}

function refuseOther(document: ScenarioDocument, to: string | undefined): void {
  const standby = standbyOf(document);
  const names = [standby?.name, document.master.name];
  if (to === undefined || names.some((name) => name?.toLowerCase() === to.toLowerCase())) return;
  throw refused(document, `${to} is not its switchover host (property "Switchover hostname")`);
}

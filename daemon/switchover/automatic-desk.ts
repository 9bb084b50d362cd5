/**
 * Automatic switchover on the standby: says whether one would start now, and starts those that do not come by an arbiter's grant (which
 * the reducer asks for): by fencing, by reference addresses alone, and with the help of a host whose application is dead.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { HealthVerdict } from '../../shared/health.ts';
import type { AutomaticReason, AutomaticStatus, FencingStatus } from '../../shared/role.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { storedIn } from '../scenario/book.ts';
import { MasterRunner } from '../scenario/master-runner.ts';
import { ReplicaRunner } from '../scenario/replica-runner.ts';
import { automaticRight, automaticStatus, besidesRole, unheardStandby, withItsHelp } from './automatic.ts';
import { BackOff } from './back-off.ts';
import { Fencing } from './fencing.ts';
import { HoldDown } from './hold-down.ts';
import type { Part, RoleParts } from './role-parts.ts';

const PEER_MS = 5_000;
/** What the standby said is old after this many of its heartbeats, and after this long at least. */
const OLD = { heartbeats: 3, leastMs: 15_000 };
const ASK_AGAIN_MS = { first: 30_000, longest: 600_000 };

interface Kept {
  readonly holdDown: HoldDown;
  readonly asking: BackOff;
  /** Of the standby, on the active host. */
  heard?: { readonly status: AutomaticStatus; readonly at: number };
  own?: AutomaticStatus | undefined;
  isAsking?: boolean;
  /** What stands against it, as it was told. */
  told?: string | undefined;
  /** On the standby: how old the oldest change was that it had not received, ms, when the active host said so last. */
  behindMs?: number;
}

export class AutomaticDesk {
  readonly fencing: Fencing;
  /** What Is Alive says of the active host (daemon/health); undefined: it does not watch it. */
  verdictOf: (id: string) => HealthVerdict | undefined = () => undefined;
  readonly #parts: RoleParts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: RoleParts) {
    this.#parts = parts;
    this.fencing = new Fencing(parts);
  }

  #of(id: string): Kept {
    const kept: Kept = this.#kept.get(id) ?? {
      holdDown: new HoldDown(),
      asking: new BackOff(ASK_AGAIN_MS.first, ASK_AGAIN_MS.longest),
    };
    this.#kept.set(id, kept);
    return kept;
  }

  forget(id: string): void {
    this.#kept.delete(id);
  }

  // ---------------------------------------------------------------- what is known of it

  /** For the other host, with each word. */
  saidOf(id: string): AutomaticStatus | undefined {
    return this.#of(id).own;
  }

  heard(id: string, status: AutomaticStatus | undefined): void {
    if (status === undefined) delete this.#of(id).heard;
    else this.#of(id).heard = { status, at: this.#parts.environment.clock.bootMs() };
  }

  /** What the active host says with each word: only it knows what the standby lacks. Undefined: it does not know either. */
  behindOf(id: string, part: Part): number | undefined {
    const runner = this.#parts.runners.runner(id);
    if (!(runner instanceof MasterRunner)) return undefined;
    const standby = this.#parts.nameOf(runner.document, part.other);
    const shown = runner.status().hosts.find(({ name }) => name === standby);
    return shown?.replica === undefined ? undefined : Math.round(shown.exposureMs);
  }

  /** Kept over a restart when it is too much: then the other host may be dead, and nobody else knows. */
  heardBehind(id: string, behindMs: number | undefined): void {
    if (behindMs === undefined) return;
    this.#of(id).behindMs = behindMs;
    const { document, run } = this.#parts.stored(id);
    const isOver = behindMs > settingOf(document.settings, 'switchover.maxLagMs');
    if (isOver === (run.behindMs !== undefined)) return;
    const saved = this.#parts.environment.book.update((book) => {
      storedIn(book, id).run.behindMs = isOver ? behindMs : undefined;
    });
    saved.catch((error: unknown) => this.#parts.environment.complain(`lag of ${document.name}: ${String(error)}`));
  }

  shown(id: string, part: Part): { automatic?: AutomaticStatus; fencing?: FencingStatus } {
    const { document } = this.#parts.stored(id);
    const fencing = this.fencing.status(id);
    const automatic = this.#of(id).own ?? this.#heardStatus(id, part, document);
    return { automatic, ...(fencing === undefined ? {} : { fencing }) };
  }

  #heardStatus(id: string, part: Part, document: ScenarioDocument): AutomaticStatus {
    const { clock, host } = this.#parts.environment;
    const { heard } = this.#of(id);
    const ageMs = heard === undefined ? Number.POSITIVE_INFINITY : clock.bootMs() - heard.at;
    const oldMs = Math.max(OLD.leastMs, OLD.heartbeats * settingOf(document.settings, 'isAlive.heartbeatMs'));
    if (heard === undefined || ageMs > oldMs) {
      return unheardStandby(host.name, this.#parts.nameOf(document, part.other), document);
    }
    return { ...heard.status, ageMs };
  }

  // ---------------------------------------------------------------- at every tick

  look(id: string, part: Part): void {
    const { clock } = this.#parts.environment;
    const { document } = this.#parts.stored(id);
    const holdDownMs = settingOf(document.settings, 'switchover.holdDownMs');
    const heldForMs = this.#of(id).holdDown.leftMs(part.host.state, holdDownMs, clock.bootMs());
    if (heldForMs === 0) {
      part.host.happen({ type: 'acknowledge' });
      this.#parts.event(document.name, 'SWT-039', {});
    }
    this.fencing.exposeLie(id, part);
    const runner = this.#parts.runners.runner(id);
    if (runner instanceof ReplicaRunner) this.#lookAsStandby(id, part, runner, heldForMs === 0 ? undefined : heldForMs);
    else this.#lookAsActive(id);
  }

  #lookAsActive(id: string): void {
    const kept = this.#of(id);
    kept.own = undefined;
    kept.told = undefined;
    this.fencing.settle(id);
  }

  #lookAsStandby(id: string, part: Part, runner: ReplicaRunner, heldForMs: number | undefined): void {
    const { document } = runner;
    const { wanted } = runner.stored.run;
    if (wanted && runner.hasData !== part.host.state.fit) part.host.happen({ type: 'fit', fit: runner.hasData });
    const verdict = this.verdictOf(id);
    const status = this.#judge(id, part, runner, heldForMs, verdict);
    this.#of(id).own = status;
    if (!wanted) return;
    const dead = verdict === undefined ? deadBySilence(part, document) : whatIsDead(verdict);
    const down = dead === 'host' && besidesRole(status).length === 0;
    if (down !== part.host.state.peerDown) part.host.happen({ type: 'peer-down', down });
    if (part.host.record.role === 'standby') this.#startIfAllowed(part, document, status, dead, verdict);
  }

  #startIfAllowed(
    part: Part,
    document: ScenarioDocument,
    status: AutomaticStatus,
    dead: 'host' | 'application' | undefined,
    verdict: HealthVerdict | undefined,
  ): void {
    const { id } = document;
    const against = dead === 'application' ? withItsHelp(status) : status.reasons;
    this.#tell(id, document, dead === undefined ? [] : against);
    const isAlive = verdict?.state === 'alive';
    const alone = dead === 'host' && status.possible ? status.right : undefined;
    this.fencing.look(id, part, alone === 'fencing', isAlive);
    if (alone === 'unsafe') this.#takeUnsafely(part);
    if (isAlive) this.#of(id).asking.over();
    if (dead === 'application' && against.length === 0) void this.#askForHelp(id, document, verdict?.reason ?? '');
  }

  #judge(
    id: string,
    part: Part,
    runner: ReplicaRunner,
    heldForMs: number | undefined,
    verdict: HealthVerdict | undefined,
  ): AutomaticStatus {
    const { document } = runner;
    const { host } = this.#parts.environment;
    return automaticStatus({
      document,
      host: host.name,
      other: document.master.name,
      role: part.host.state,
      state: runner.status().state,
      behindMs: this.#of(id).behindMs ?? runner.stored.run.behindMs ?? 0,
      verdict,
      heldForMs,
      arbiter: part.arbiter.status(),
      fencing: automaticRight(document) === 'fencing' ? this.fencing.problem(id, document) : undefined,
    });
  }

  /** The active host is down, and nothing happens: that is told once, and again when the reasons are others. */
  #tell(id: string, document: ScenarioDocument, reasons: readonly AutomaticReason[]): void {
    const kept = this.#of(id);
    // Who switches over by hand is told by Is Alive; a switchover that is under way says so itself.
    const isQuiet = reasons.some(({ code }) => code === 'off' || code === 'switching' || code === 'shadow');
    const codes = isQuiet ? '' : reasons.map(({ code }) => code).join();
    if (codes === (kept.told ?? '')) return;
    kept.told = codes;
    if (codes === '') return;
    const reason = reasons.map(({ text }) => text).join('; ');
    this.#parts.event(document.name, 'SWT-030', { other: document.master.name, reason });
  }

  #takeUnsafely(part: Part): void {
    const { random } = this.#parts.environment;
    const id = Buffer.from(random.bytes(8)).toString('hex');
    part.host.happen({ type: 'force', id, right: 'unsafe', automatic: true });
  }

  /** The engine of the active host lives: it hands over itself, so nothing is lost. */
  async #askForHelp(id: string, document: ScenarioDocument, reason: string): Promise<void> {
    const kept = this.#of(id);
    const { clock, peers } = this.#parts.environment;
    if (kept.isAsking || kept.asking.leftMs(clock.bootMs()) > 0) return;
    kept.isAsking = true;
    const { master } = document;
    this.#parts.event(document.name, 'SWT-036', { other: master.name, reason });
    try {
      await peers.request(master, 'peer.switchover', { scenarioId: id, because: reason.slice(0, 1_000) }, PEER_MS);
    } catch (error) {
      this.#parts.event(document.name, 'SWT-037', { other: master.name, reason: Fault.from(error).message });
    } finally {
      // One that is given up on the way is asked for again, later each time.
      kept.asking.failed(clock.bootMs());
      kept.isAsking = false;
    }
  }
}

function whatIsDead({ state, cause }: HealthVerdict): 'host' | 'application' | undefined {
  if (state !== 'down') return undefined;
  return cause === 'application' ? 'application' : 'host';
}

/** Nobody watches it (yet), and its engine said nothing for the whole timeout. */
function deadBySilence({ host }: Part, { settings }: ScenarioDocument): 'host' | undefined {
  const { peer } = host.status();
  return peer !== undefined && peer.ageMs > settingOf(settings, 'isAlive.timeoutMs') ? 'host' : undefined;
}

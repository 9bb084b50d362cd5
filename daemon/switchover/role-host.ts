/**
 * One host's part in one scenario: runs the reducer (role/machine.ts), makes its record durable before anything of it leaves the
 * host, keeps the gate as it has to be, exchanges words with the other host, and does what the state asks for until it is done.
 */
import { Fault } from '../../shared/faults.ts';
import { compareEpochs, type RoleStatus, type SwitchStatus } from '../../shared/role.ts';
import type { Clock, Timer } from '../ports.ts';
import { effectsOf, wordOf } from '../role/effects.ts';
import { step } from '../role/machine.ts';
import type { RoleRecord } from '../role/record.ts';
import type { RoleEffect, RoleEvent, RoleSetup, RoleState } from '../role/state.ts';
import type { Word } from '../role/word.ts';
import type { ClientGate } from '../services.ts';
import { isFull, type RoleRecordStore } from '../store/role-record.ts';
import type { Arbiter, ArbiterAnswer, RoleSteps } from './ports.ts';

/** Between two words while nothing happens, and while a switchover is under way. */
const WORD_MS = { idle: 3_000, busy: 150 };
/** A handing over that is not committed by then is given up: clients are kept out meanwhile. */
const GIVE_UP_MS = 90_000;
const RETRY_MS = { first: 250, longest: 10_000 };
/** A gate that is closed is looked at again: something else may have opened it. */
const CLOSED_LOOK_MS = 5_000;

/** What still needs room is tried again well within this. */
const NO_ROOM_SHOWN_MS = 5_000;

export interface RoleHostParts {
  readonly clock: Clock;
  readonly store: RoleRecordStore;
  readonly steps: RoleSteps;
  readonly peerName: string;
  setup(): RoleSetup;
  gate(): ClientGate | undefined;
  arbiter(): Arbiter | undefined;
  /** Whether the gate is kept at all: a stopped scenario guards nothing. */
  guards(): boolean;
  /** Tells the other host; its answer is its own word. Rejects when it does not answer. */
  say(word: Word): Promise<unknown>;
  /** The record changed and is durable: whatever depends on it is settled before it resolves. */
  settled(record: RoleRecord, before: RoleRecord): void;
  changed(): void;
  /** Looked at what the state depends on; called before every look at what is to be done. */
  tick(): void;
  /** A switchover that was not committed is given up. */
  gaveUp(reason: string): void;
  /** At least so often the other host is heard, ms. */
  heartbeatMs(): number;
  /** The record could not be made durable: nothing of this host may be believed until it is started again. */
  fatal(fault: Fault): void;
}

interface Task {
  readonly key: string;
  attempts: number;
  running: boolean;
  timer?: Timer;
  problem?: string;
}

export class RoleHost {
  readonly #parts: RoleHostParts;
  #state: RoleState;
  #ended = false;
  readonly #tasks = new Map<string, Task>();
  #gateDone: 'open' | 'closed' | 'none' = 'none';
  #gateBusy = false;
  #gateAt = Number.NEGATIVE_INFINITY;
  #gateProblem: string | undefined;
  /** When a record last found no room. */
  #noRoomAt = Number.NEGATIVE_INFINITY;
  #wordTimer: Timer | undefined;
  #saying = false;
  #news = false;
  #heardAt: number | undefined;
  #ticker: Timer | undefined;
  #since: { at: string | undefined; ms: number } = { at: undefined, ms: 0 };

  constructor(parts: RoleHostParts, state: RoleState) {
    this.#parts = parts;
    this.#state = state;
  }

  get state(): RoleState {
    return this.#state;
  }

  get record(): RoleRecord {
    return this.#state.record;
  }

  /** When the other host was heard last, by the boot clock; undefined: not since this host started. */
  get heardAt(): number | undefined {
    return this.#heardAt;
  }

  /** It goes on by itself from here. */
  start(): void {
    this.#parts.settled(this.#state.record, this.#state.record);
    this.#tick();
    this.#talk(0);
  }

  close(): void {
    this.#ended = true;
    this.#wordTimer?.cancel();
    this.#ticker?.cancel();
    for (const { timer } of this.#tasks.values()) timer?.cancel();
    this.#tasks.clear();
  }

  /** What the other host said of itself; answers what this host is. */
  hear(word: Word): Word {
    this.#heardAt = this.#parts.clock.bootMs();
    this.happen({ type: 'word', word });
    return this.#word();
  }

  /** Throws nothing: a record that cannot be saved ends this host's part (`fatal`). */
  happen(event: RoleEvent): void {
    if (this.#ended) return;
    const before = this.#state;
    const next = step(before, event, this.#parts.setup(), this.#parts.clock.bootMs());
    if (next === before) return;
    if (next.record !== before.record) {
      try {
        this.#parts.store.save(next.record);
      } catch (error) {
        if (isFull(error) && isSameRole(next.record, before.record)) {
          // As if it had not happened, like a word that was lost: it comes again or is asked for again.
          this.#noRoomAt = this.#parts.clock.bootMs();
          this.#parts.changed();
          return;
        }
        this.close();
        void this.#parts
          .gate()
          ?.close()
          .catch(() => undefined);
        this.#parts.fatal(Fault.from(error));
        return;
      }
    }
    this.#state = next;
    if (next.record !== before.record) {
      this.#noRoomAt = Number.NEGATIVE_INFINITY;
      this.#parts.settled(next.record, before.record);
      this.#talk(0);
      this.#parts.changed();
    }
    this.#act();
  }

  status(): RoleStatus {
    const { record, peer } = this.#state;
    const { clock, peerName } = this.#parts;
    const waits = this.#waits();
    return {
      role: record.role,
      epoch: record.epoch,
      gate: this.#gateDone,
      ...(peer === undefined || this.#heardAt === undefined
        ? {}
        : { peer: { name: peerName, role: peer.role, epoch: peer.epoch, ageMs: clock.bootMs() - this.#heardAt } }),
      ...(record.switchover === undefined ? {} : { switchover: this.#switchStatus(record.switchover) }),
      ...(record.role === 'active' && Number.isFinite(this.rightForMs) ? { rightForMs: this.rightForMs } : {}),
      ...(waits === undefined ? {} : { waits }),
      ...(record.unacknowledged === undefined ? {} : { unacknowledged: true }),
    };
  }

  #switchStatus({ id, step: at, side, right }: NonNullable<RoleRecord['switchover']>): SwitchStatus {
    const problem = [...this.#tasks.values()].find((task) => task.problem !== undefined)?.problem ?? this.#gateProblem;
    return { id, step: at, side, right, ...(problem === undefined ? {} : { problem }) };
  }

  /** An explicit operator state: nothing goes on by itself. */
  #waits(): string | undefined {
    const { record, confirmed, peer } = this.#state;
    const { peerName } = this.#parts;
    if (this.#parts.clock.bootMs() < this.#noRoomAt + NO_ROOM_SHOWN_MS) {
      return 'there is no room on its disk to note that its role changes: free space there';
    }
    if (record.maxEpoch.number === 0) {
      return 'its role record was lost, so it knows nothing of who is active: Recover Active Server settles it';
    }
    if (record.role === 'active' && !confirmed) {
      return `it was active before it was started again and has to hear from ${peerName} that nobody took over meanwhile; when ${peerName} is off for good, state it with \`mainstay recover-active --peer-is-fenced\``;
    }
    const own = record.switchover;
    if (own?.side === 'from' && own.step === 'commit' && peer?.role !== 'active') {
      return `it has handed over and waits for ${peerName} to take over`;
    }
    if (record.role === 'standby' && own === undefined && peer?.role === 'standby') {
      return 'neither host is active: when none becomes so by itself, Recover Active Server settles which one is';
    }
    return undefined;
  }

  // ---------------------------------------------------------------- what has to be done

  #tick(): void {
    if (this.#ended) return;
    const { clock } = this.#parts;
    const setup = this.#parts.setup();
    this.#parts.tick();
    this.#waive();
    this.happen({ type: 'tick' });
    this.#act();
    const everyMs = Math.max(20, Math.min(setup.gateMs / 3, setup.leaseMs / 4, 1_000));
    this.#ticker = clock.after(everyMs, () => this.#tick());
  }

  #act(): void {
    if (this.#ended) return;
    const { clock } = this.#parts;
    const effects = effectsOf(this.#state, this.#parts.setup(), clock.bootMs());
    const wanted = new Set<string>();
    for (const effect of effects) {
      if (effect.type === 'open' || effect.type === 'close') this.#keepGate(effect);
      else wanted.add(this.#do(effect));
    }
    for (const [key, task] of this.#tasks) {
      if (wanted.has(key) || task.running) continue;
      task.timer?.cancel();
      this.#tasks.delete(key);
    }
  }

  /** The time limits of a switchover. */
  #waive(): void {
    const { record, releaseWaived } = this.#state;
    const now = this.#parts.clock.bootMs();
    const own = record.switchover;
    const at =
      own === undefined ? undefined : `${own.id} ${own.side === 'from' && record.role === 'active' ? '' : own.step}`;
    if (at !== this.#since.at) this.#since = { at, ms: now };
    if (own === undefined) return;
    const forMs = now - this.#since.ms;
    if (own.side === 'from' && record.role === 'active' && forMs > GIVE_UP_MS) {
      this.#parts.gaveUp(`${this.#parts.peerName} did not get ready within ${GIVE_UP_MS / 1_000} s`);
      this.happen({ type: 'cancel' });
    }
    const { gateMs, marginMs } = this.#parts.setup();
    // The kernel of the host that handed over has closed its gate by then, whatever became of the host.
    if (own.side === 'to' && own.step === 'acquire' && !releaseWaived && forMs > gateMs + marginMs) {
      this.happen({ type: 'waive-release' });
    }
  }

  #keepGate(effect: Extract<RoleEffect, { type: 'open' | 'close' }>): void {
    const gate = this.#parts.gate();
    const { clock } = this.#parts;
    if (gate === undefined || !this.#parts.guards()) {
      this.#gateDone = 'none';
      return;
    }
    const now = clock.bootMs();
    const { gateMs } = this.#parts.setup();
    // A restart: what the engine before left to the kernel ends by itself, if the other host does not say first that nothing has changed.
    if (effect.type === 'close' && this.#state.record.role === 'active' && !this.#state.confirmed) {
      this.#readGate(gate, now);
      return;
    }
    const isDone = effect.type === 'close' && this.#gateDone === 'closed' && now < this.#gateAt + CLOSED_LOOK_MS;
    const isFresh = effect.type === 'open' && this.#gateDone === 'open' && now < this.#gateAt + gateMs / 3;
    if (isDone || isFresh || this.#gateBusy) return;
    this.#gateBusy = true;
    const work = effect.type === 'open' ? gate.arm(effect.until) : gate.close();
    const done = (state: 'open' | 'closed', problem: string | undefined) => {
      this.#gateBusy = false;
      this.#gateAt = now;
      if (this.#gateDone !== state || this.#gateProblem !== problem) {
        this.#gateDone = state;
        this.#gateProblem = problem;
        this.#parts.changed();
      }
      // The state may have changed while the kernel was told.
      this.#act();
    };
    work.then(
      () => done(effect.type === 'open' ? 'open' : 'closed', undefined),
      (error: unknown) => {
        // A gate that could not be opened is closed; one that could not be closed is not believed to be.
        const state = effect.type === 'open' ? 'closed' : 'open';
        this.#gateBusy = false;
        this.#gateAt = now;
        this.#gateDone = state;
        this.#gateProblem = Fault.from(error).message;
        this.#parts.changed();
      },
    );
  }

  #readGate(gate: ClientGate, now: number): void {
    if (this.#gateBusy || now < this.#gateAt + 1_000) return;
    this.#gateBusy = true;
    this.#gateAt = now;
    gate
      .read()
      .then(({ state }) => {
        this.#gateDone = state;
      })
      .catch((error: unknown) => {
        this.#gateProblem = Fault.from(error).message;
      })
      .finally(() => {
        this.#gateBusy = false;
        this.#parts.changed();
      });
  }

  /** Clients may reach this host for as long as the kernel keeps its gate open. */
  get keepsOpen(): boolean {
    const { record, confirmed } = this.#state;
    return this.#gateDone === 'open' && record.role === 'active' && confirmed && record.switchover === undefined;
  }

  /** How long this host may be active without hearing of its arbiter; Infinity without one. */
  get rightForMs(): number {
    return Math.max(0, this.#state.leaseUntil - this.#parts.clock.bootMs());
  }

  /** Closed, as read back, or nothing leads clients here. */
  async closed(): Promise<void> {
    const gate = this.#parts.gate();
    if (gate === undefined || !this.#parts.guards()) return;
    await gate.close();
    this.#gateDone = 'closed';
  }

  /** Begins what is not under way; returns under which name it goes on. */
  #do(effect: Exclude<RoleEffect, { type: 'open' | 'close' }>): string {
    const key = 'id' in effect ? `${effect.type} ${effect.id}` : effect.type;
    const known = this.#tasks.get(key);
    if (known !== undefined) return key;
    const task: Task = { key, attempts: 0, running: false };
    this.#tasks.set(key, task);
    this.#attempt(task, effect);
    return key;
  }

  #attempt(task: Task, effect: Exclude<RoleEffect, { type: 'open' | 'close' }>): void {
    if (this.#ended || this.#tasks.get(task.key) !== task) return;
    task.running = true;
    task.attempts += 1;
    this.#carryOut(effect).then(
      (event) => {
        task.running = false;
        delete task.problem;
        this.#tasks.delete(task.key);
        // What is asked of a witness goes on as long as the state asks for it, at its own pace.
        if (event === undefined) this.#again(task, effect, this.#parts.setup().leaseMs / 4);
        else this.happen(event);
        this.#act();
      },
      (error: unknown) => {
        task.running = false;
        task.problem = Fault.from(error).message;
        this.#parts.changed();
        this.#again(task, effect, Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** Math.min(task.attempts - 1, 8)));
        this.#act();
      },
    );
  }

  #again(task: Task, effect: Exclude<RoleEffect, { type: 'open' | 'close' }>, delayMs: number): void {
    if (this.#ended) return;
    this.#tasks.set(task.key, task);
    task.timer = this.#parts.clock.after(delayMs, () => this.#attempt(task, effect));
  }

  async #carryOut(effect: Exclude<RoleEffect, { type: 'open' | 'close' }>): Promise<RoleEvent | undefined> {
    const { steps } = this.#parts;
    switch (effect.type) {
      case 'drain':
        await this.closed();
        return await steps.drain(effect.id);
      case 'seal':
        return await steps.seal(effect.id, effect.seq);
      case 'release':
        await this.closed();
        return await steps.release(effect.id);
      case 'promote':
        return await steps.promote(effect.id, effect.right);
      case 'acquire':
        return await steps.acquire(effect.id);
      case 'reverse':
        return await steps.reverse(effect.id, effect.right);
      case 'compare':
        // It ends as standby, and the other host may open then.
        await this.closed();
        return await steps.compare(effect.epoch);
      case 'quarantine':
        return await steps.quarantine(effect.epoch);
      default:
        return await this.#ask(effect);
    }
  }

  async #ask(effect: Extract<RoleEffect, { type: 'renew' | 'transfer' | 'request' | 'enforce' }>) {
    const arbiter = this.#parts.arbiter();
    if (arbiter === undefined)
      throw new Fault('SCENARIO-INVALID', { path: 'switchover.arbiter', reason: 'none is set' });
    const answer = await answerOf(arbiter, effect, () => this.closed());
    if (answer.type === 'silent') throw new Fault('LINK-UNREACHABLE', { host: 'the witness', reason: answer.reason });
    if (answer.type === 'lease') this.happen({ type: 'lease', epoch: answer.epoch, sentAt: answer.sentAt });
    else this.happen({ type: 'lease-refused', epoch: answer.epoch });
    return undefined;
  }

  // ---------------------------------------------------------------- words

  #word(): Word {
    return wordOf(this.#state, this.#parts.setup(), this.#parts.clock.bootMs());
  }

  #talk(delayMs: number): void {
    if (this.#ended) return;
    if (this.#saying) {
      this.#news ||= delayMs === 0;
      return;
    }
    this.#wordTimer?.cancel();
    this.#wordTimer = this.#parts.clock.after(delayMs, () => void this.#say());
  }

  async #say(): Promise<void> {
    this.#saying = true;
    this.#news = false;
    try {
      const answer = await this.#parts.say(this.#word());
      if (this.#ended) return;
      this.#heardAt = this.#parts.clock.bootMs();
      this.happen({ type: 'word', word: answer as Word });
    } catch {
      // Not heard: whoever looks sees how long ago the other was heard last.
    } finally {
      this.#saying = false;
      const busy = this.#state.record.switchover !== undefined || this.#state.record.role === 'fenced';
      const { arbiter, leaseMs } = this.#parts.setup();
      const usualMs = Math.min(WORD_MS.idle, this.#parts.heartbeatMs());
      const idleMs = arbiter === 'none' && this.#state.confirmed ? usualMs : Math.min(leaseMs / 4, 500, usualMs);
      this.#talk(this.#news ? 0 : busy ? WORD_MS.busy : idleMs);
    }
  }
}

async function answerOf(
  arbiter: Arbiter,
  effect: Extract<RoleEffect, { type: 'renew' | 'transfer' | 'request' | 'enforce' }>,
  closed: () => Promise<void>,
): Promise<ArbiterAnswer> {
  switch (effect.type) {
    case 'renew':
      return await arbiter.renew(effect.epoch, effect.held === true);
    case 'request':
      return await arbiter.request(effect.above);
    case 'enforce':
      return await arbiter.enforce(effect.epoch);
    case 'transfer':
      // Whoever gets it may open at once.
      await closed();
      return await arbiter.transfer(effect.to);
  }
}

/** Neither opens a gate nor closes one: an old record instead of the new one endangers nobody. */
function isSameRole(next: RoleRecord, before: RoleRecord): boolean {
  return next.role === before.role && compareEpochs(next.maxEpoch, before.maxEpoch) === 0;
}

/**
 * A link between a host and one it feeds: connections that come and go, bytes that arrive late and in pieces, and the
 * supervisor who has an unusable Replica synchronized. What the feeding engine says of the other is checked as it says it.
 */
import type { EnginePeerStatus, EngineStatus } from '../../daemon/engine/engine-protocol.ts';
import type { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import type { Calls } from './calls.ts';
import type { SimulatedHost } from './hosts.ts';

export interface LineWorld {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly calls: Calls;
  readonly note: (text: string) => void;
  readonly problem: (text: string) => void;
  /** Processes killed until now. */
  readonly kills: () => number;
}

interface Connection {
  open: boolean;
  /** When the last bytes sent by each side arrive: later ones never overtake them. */
  readonly arrivesMs: Map<SimulatedHost, number>;
}

/** Statuses are sent at most every 100 ms and clocks tick in whole ones. */
const STATUS_SLACK_MS = 110;

export class Line {
  readonly up: SimulatedHost;
  readonly down: SimulatedHost;
  private readonly world: LineWorld;
  private connection: Connection | undefined;
  private dialing = false;
  status: EngineStatus | undefined;
  private synchronizing = false;
  private synchronizations = 0;
  everSynchronized = false;
  /** Reasons for which the Replica may have to be compared again. */
  allowedSynchronizations = 1;
  /** Somebody else wrote into the Replica's root: what they did is found only by comparing. */
  tampered = false;
  suspended = false;
  /** The feeding host refuses the other. */
  revoked = false;
  cuts = 0;
  /** Newest captured change of each status, with its time: how old what is not applied must be at least. */
  private captured: { readonly seq: number; readonly atMs: number }[] = [];

  constructor(up: SimulatedHost, down: SimulatedHost, world: LineWorld) {
    this.up = up;
    this.down = down;
    this.world = world;
  }

  get name(): string {
    return `${this.up.name}→${this.down.name}`;
  }

  get peer(): EnginePeerStatus | undefined {
    return this.status?.peers[this.down.name];
  }

  /** All is there, as far as the feeding engine knows; `withParked`: but for what is set aside. */
  isSettled(withParked: boolean): boolean {
    const { peer } = this;
    return (
      !this.synchronizing &&
      peer?.synchronized === true &&
      peer.link === 'live' &&
      peer.pendingChanges === 0 &&
      peer.lagMs === 0 &&
      (withParked || peer.parked === 0)
    );
  }

  describe(): string {
    const { peer } = this;
    if (peer === undefined) return `${this.name}: no status`;
    const { pendingChanges, lagMs, parked, link, held, synchronized } = peer;
    const figures = `pending ${pendingChanges}, lag ${lagMs} ms, parked ${parked}, ${link}, synchronized ${synchronized}`;
    return `${this.name}: ${figures}${held === undefined ? '' : `, held: ${held}`}`;
  }

  // ---------------------------------------------------------------- what the engines say

  onStatus(status: EngineStatus): void {
    this.status = status;
    const { peer } = this;
    if (peer === undefined) return;
    this.checkAge(status, peer);
    if (peer.synchronized && !this.everSynchronized) {
      this.everSynchronized = true;
      // Kills before the first synchronization was complete made it start over.
      this.allowedSynchronizations += this.synchronizations;
    }
    if (peer.synchronized || peer.link !== 'catching-up' || this.synchronizing) return;
    if (this.everSynchronized && this.synchronizations >= this.allowedSynchronizations + this.world.kills()) {
      this.world.problem(`${this.name}: synchronized again without a reason`);
      return;
    }
    this.synchronize();
  }

  /** The lag is never less than what has been seen to wait. */
  private checkAge(status: EngineStatus, peer: EnginePeerStatus): void {
    const nowMs = this.world.clock.bootMs();
    if (!peer.synchronized || status.position === undefined) {
      this.captured = [];
      return;
    }
    this.captured = this.captured.filter(({ seq }) => seq > peer.appliedSeq);
    const [oldest] = this.captured;
    if (oldest !== undefined && peer.lagMs + STATUS_SLACK_MS < nowMs - oldest.atMs)
      this.world.problem(
        `${this.name}: lag ${peer.lagMs} ms, but change ${oldest.seq} waits for ${nowMs - oldest.atMs} ms`,
      );
    const known = this.captured.at(-1)?.seq ?? peer.appliedSeq;
    if (status.position.seq > known) this.captured.push({ seq: status.position.seq, atMs: nowMs });
  }

  onEvent(code: string, host: SimulatedHost): void {
    if (host === this.down && code === 'SYN-006') this.allowedSynchronizations += 1;
    // The spool was full: what was dropped of it is compared.
    if (host === this.up && code === 'SPL-100') this.allowedSynchronizations += 1;
  }

  synchronize(): void {
    const { world } = this;
    this.synchronizing = true;
    const method = world.random.pick(['file', 'block'] as const);
    this.world.clock.after(1, () => {
      if (!this.synchronizing) return;
      this.synchronizations += 1;
      const call = { name: 'synchronize', peer: this.down.name, method, ignoreSame: true } as const;
      const done = (answer: { readonly fault?: unknown }) => {
        this.synchronizing = false;
        // Refused, or never begun.
        if (answer.fault !== undefined) this.synchronizations -= 1;
      };
      world.calls.ask(this.up, call, done);
    });
  }

  // ---------------------------------------------------------------- network

  dialLater(): void {
    if (this.dialing) return;
    this.dialing = true;
    const { clock, random, note } = this.world;
    clock.after(20 + random.below(800), () => {
      this.dialing = false;
      if (this.revoked || this.connection !== undefined || !this.up.alive || !this.down.alive) return;
      this.connection = { open: true, arrivesMs: new Map() };
      note(`${this.name}: connected`);
      this.down.handle('replica', { type: 'link-open', peer: this.up.name });
      this.up.handle('master', { type: 'link-open', peer: this.down.name });
    });
  }

  revoke(): void {
    this.revoked = true;
    this.cut('revoked');
  }

  admit(): void {
    if (!this.revoked) return;
    this.world.note(`${this.name}: paired again`);
    this.revoked = false;
    this.dialLater();
  }

  carry(from: SimulatedHost, bytes: Uint8Array): void {
    const { connection } = this;
    if (connection === undefined) return;
    const { clock, random } = this.world;
    const to = from === this.up ? this.down : this.up;
    const role = from === this.up ? 'replica' : 'master';
    const latencyMs = random.below(random.chance(0.05) ? 100 : 4);
    const arrivesMs = Math.max(connection.arrivesMs.get(from) ?? 0, clock.bootMs() + latencyMs);
    connection.arrivesMs.set(from, arrivesMs);
    const parts = this.split(bytes);
    clock.after(arrivesMs - clock.bootMs(), () => {
      for (const part of parts) {
        if (!connection.open || !to.alive) return;
        to.handle(role, { type: 'link-bytes', peer: from.name, bytes: part });
      }
    });
  }

  /** A stream has no frames: bytes arrive in other pieces than they were sent in. */
  private split(bytes: Uint8Array): Uint8Array[] {
    if (bytes.length < 2 || !this.world.random.chance(0.1)) return [bytes];
    const at = 1 + this.world.random.below(bytes.length - 1);
    return [bytes.slice(0, at), bytes.slice(at)];
  }

  cut(why: string): void {
    const { connection } = this;
    if (connection === undefined) return;
    const { clock, random, note } = this.world;
    this.cuts += 1;
    note(`${this.name}: ${why}`);
    connection.open = false;
    this.connection = undefined;
    const tell = (host: SimulatedHost, role: 'master' | 'replica', peer: string) =>
      clock.after(random.below(30), () => {
        if (this.connection === undefined) host.handle(role, { type: 'link-closed', peer, reason: why });
      });
    tell(this.up, 'master', this.down.name);
    tell(this.down, 'replica', this.up.name);
    clock.after(40, () => this.dialLater());
  }

  /** One of the hosts died. */
  lost(host: SimulatedHost): void {
    if (host === this.up) {
      this.synchronizing = false;
      this.status = undefined;
      this.captured = [];
    }
    this.cut(`${host.name} is gone`);
  }
}

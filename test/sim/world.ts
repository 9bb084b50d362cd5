/**
 * One seeded world: users work on the Master while links are cut, engines killed, power lost, disks filled and links planted.
 * Then the faults stop and within bounded virtual time both roots must be equal.
 */
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { EngineNotice, EngineStatus } from '../../daemon/scenario/engine-protocol.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import type { DirectoryNode, MemoryNode } from '../memory/volume.ts';
import { type HostPorts, type SimulatedHost, SimulatedMaster, SimulatedReplica } from './hosts.ts';
import { Users } from './users.ts';

export interface WorldOptions {
  readonly hasher: ContentHasher;
  /** Where the Master's database file goes. */
  readonly directory: string;
  /** Faults that do not happen, to find out which one matters. */
  readonly without?: readonly string[];
}

type FaultName =
  | 'cut'
  | 'kill'
  | 'kill-inside'
  | 'lost-hints'
  | 'doubled-hints'
  | 'power'
  | 'disk-full'
  | 'planted-link';

export interface WorldResult {
  readonly seed: number;
  /** Empty when all is well. */
  readonly problems: readonly string[];
  readonly trace: readonly string[];
  readonly virtualMs: number;
  readonly kills: number;
  readonly cuts: number;
}

/** Users and faults are active for so long (virtual). */
const FAULT_PHASE_MS = 20_000;
const SETTLE_LIMIT_MS = 300_000;
const TRACE_LINES = 400;

interface Connection {
  open: boolean;
  /** When the last bytes sent by each side arrive: later ones never overtake them. */
  readonly arrivesMs: { master: number; replica: number };
}

interface Planted {
  readonly path: string;
  readonly link: MemoryNode;
  readonly aside: MemoryNode;
}

export class World {
  readonly seed: number;
  private readonly random: SeededRandom;
  private readonly clock = new SimulatedClock();
  private readonly master: SimulatedMaster;
  private readonly replica: SimulatedReplica;
  private readonly users: Users;
  private connection: Connection | undefined;
  private dialing = false;
  private status: EngineStatus | undefined;
  private syncCall: number | undefined;
  private nextCall = 1;
  private faultsActive = true;
  private planted: Planted | undefined;
  /** Somebody else wrote into the Replica's root: what they did is found only by comparing. */
  private tampered = false;
  private readonly problems: string[] = [];
  private readonly trace: string[] = [];
  private synchronizations = 0;
  /** Reasons for which the Replica may have to be compared again. */
  private allowedSynchronizations = 1;
  private everSynchronized = false;
  private kills = 0;
  private cuts = 0;

  constructor(seed: number, options: WorldOptions) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.faults = this.listFaults(options.without ?? []);
    const ports: HostPorts = {
      clock: this.clock,
      random: new SeededRandom(seed + 0x5eed),
      hasher: options.hasher,
      onNotice: (host, notice) => this.onNotice(host, notice),
    };
    this.master = new SimulatedMaster(ports, `${options.directory}/sim-${process.pid}-${seed}.db`);
    this.replica = new SimulatedReplica(ports);
    this.users = new Users(this.master.tree, new MemoryUser(this.master.tree, this.master.capture), this.random);
  }

  run(): WorldResult {
    try {
      this.play();
    } catch (error) {
      this.problems.push(`thrown: ${error instanceof Error ? error.stack : error}`);
    } finally {
      this.master.dispose();
    }
    const { seed, problems, trace, kills, cuts } = this;
    return { seed, problems, trace, virtualMs: this.clock.bootMs(), kills, cuts };
  }

  private play(): void {
    for (let n = this.random.below(15); n > 0; n -= 1) this.users.act();
    this.boot(this.master);
    this.boot(this.replica);
    this.userActs();
    this.faultHappens();
    this.advance(FAULT_PHASE_MS);
    this.heal();
    if (!this.settles()) this.reportDifferences();
  }

  // ---------------------------------------------------------------- time

  /** Runs everything that is due; a process killed inside an operation is buried right after the event it died in. */
  private advance(durationMs: number): void {
    const untilMs = this.clock.bootMs() + durationMs;
    for (;;) {
      const due = this.clock.nextDueMs();
      if (due === undefined || due > untilMs) break;
      this.step();
    }
  }

  private step(): void {
    this.clock.runNext();
    for (const host of [this.master, this.replica]) if (host.killedInside) this.kill(host, 'inside an operation');
  }

  private settles(): boolean {
    const untilMs = this.clock.bootMs() + SETTLE_LIMIT_MS;
    while (this.problems.length === 0) {
      const checkAtMs = this.clock.bootMs() + 1_000;
      // At least one step, however far away: time moves only with what happens.
      do this.step();
      while ((this.clock.nextDueMs() ?? Number.POSITIVE_INFINITY) <= checkAtMs);
      if (this.isSettled() && this.tampered) this.compareAgain();
      else if (this.isSettled() && this.differences().length === 0) return true;
      if (this.clock.bootMs() > untilMs || this.clock.nextDueMs() === undefined) return false;
    }
    return true;
  }

  /** What an operator does after somebody wrote into the Replica's root: run it again. */
  private compareAgain(): void {
    this.tampered = false;
    this.allowedSynchronizations += 1;
    this.synchronize();
  }

  private isSettled(): boolean {
    const peer = this.status?.peers.replica;
    return (
      this.syncCall === undefined &&
      peer?.synchronized === true &&
      peer.pendingChanges === 0 &&
      peer.lagMs === 0 &&
      peer.parked === 0
    );
  }

  // ---------------------------------------------------------------- users and faults

  private userActs(): void {
    if (!this.faultsActive) return;
    this.note(this.users.act());
    this.clock.after(this.random.below(this.random.chance(0.2) ? 1_500 : 150), () => this.userActs());
  }

  private faultHappens(): void {
    this.clock.after(200 + this.random.below(2_000), () => {
      if (!this.faultsActive) return;
      this.random.pick(this.faults).happen();
      this.faultHappens();
    });
  }

  private readonly faults: readonly { readonly name: FaultName; readonly happen: () => void }[];

  private listFaults(without: readonly string[]) {
    const all: { readonly name: FaultName; readonly happen: () => void }[] = [
      { name: 'cut', happen: () => this.cut('the link is cut') },
      { name: 'cut', happen: () => this.cut('the link is cut') },
      { name: 'kill', happen: () => this.kill(this.pickHost(), 'killed') },
      { name: 'kill-inside', happen: () => this.pickHost().killInside(1 + this.random.below(60)) },
      { name: 'kill-inside', happen: () => this.pickHost().killInside(1 + this.random.below(60)) },
      { name: 'lost-hints', happen: () => this.loseHints() },
      { name: 'doubled-hints', happen: () => this.doubleHints() },
      { name: 'power', happen: () => this.losePower() },
      { name: 'disk-full', happen: () => this.fillDisk() },
      { name: 'planted-link', happen: () => this.plantLink() },
    ];
    return all.filter((fault) => !without.includes(fault.name));
  }

  private pickHost(): SimulatedHost {
    return this.random.chance(0.5) ? this.master : this.replica;
  }

  private loseHints(): void {
    this.note('hints are lost, the loss is signalled');
    this.master.capture.overflow(0);
  }

  private doubleHints(): void {
    this.note('hints arrive twice');
    const entries = this.master.tree.scan('');
    for (const { name } of entries) this.master.capture.emit({ kind: 'dirty', root: 0, path: name, closed: true });
  }

  private losePower(): void {
    const host = this.pickHost();
    this.note(`${host.name}: power cut`);
    // A second power cut during recovery may leave the Replica with nothing but a comparison.
    if (host === this.replica) this.allowedSynchronizations += 1;
    host.powerCut();
    this.afterDeath(host);
  }

  private fillDisk(): void {
    this.note('replica: disk full');
    const { volume } = this.replica;
    volume.totalBytes = volume.usedBytes + this.random.below(100);
    this.clock.after(this.random.below(4_000), () => {
      volume.totalBytes = 2 ** 40;
    });
  }

  /** Somebody on the Replica puts a link where a directory was, and the directory back later. */
  private plantLink(): void {
    if (this.planted !== undefined) return;
    const { tree, volume } = this.replica;
    const directories = tree.scan('').filter((entry) => entry.type === 'directory');
    if (directories.length === 0) return;
    const path = this.random.pick(directories).name;
    this.note(`replica: link planted at ${path}`);
    const place = tree.place(path);
    const aside = volume.detach(place.parent, place.name);
    const link = volume.createSymlink('/outside');
    volume.attach(place.parent, place.name, link);
    this.planted = { path, link, aside };
    this.tampered = true;
    this.clock.after(this.random.below(5_000), () => this.unplant());
  }

  private unplant(): void {
    const { planted } = this;
    this.planted = undefined;
    if (planted === undefined) return;
    const parent = this.holderOf(planted);
    if (parent === undefined) return;
    const { volume } = this.replica;
    const name = [...parent.entries].find(([, node]) => node === planted.link)![0];
    volume.detach(parent, name);
    volume.attach(parent, name, planted.aside);
    this.note(`replica: link taken away from ${planted.path}`);
  }

  /** The directory the planted link still lies in, if it does. */
  private holderOf({ link }: Planted): DirectoryNode | undefined {
    const pending: DirectoryNode[] = [this.replica.tree.root];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const node of at.entries.values()) {
        if (node === link) return at;
        if (node.type === 'directory') pending.push(node);
      }
    }
    return undefined;
  }

  private heal(): void {
    this.note('faults stop');
    this.faultsActive = false;
    this.unplant();
    this.replica.volume.totalBytes = 2 ** 40;
    for (const host of [this.master, this.replica]) host.killInside(0);
  }

  // ---------------------------------------------------------------- processes

  private boot(host: SimulatedHost): void {
    if (host.alive) return;
    this.note(`${host.name}: starts`);
    host.boot();
    if (host.killedInside) this.kill(host, 'inside its start');
    this.dialLater();
  }

  private kill(host: SimulatedHost, how: string): void {
    if (!host.alive) return;
    this.kills += 1;
    this.note(`${host.name}: killed ${how}`);
    host.kill();
    this.afterDeath(host);
  }

  private afterDeath(host: SimulatedHost): void {
    if (host === this.master) {
      this.syncCall = undefined;
      this.status = undefined;
    }
    this.cut(`${host.name} is gone`);
    this.clock.after(50 + this.random.below(1_500), () => this.boot(host));
  }

  private onNotice(host: SimulatedHost, notice: EngineNotice): void {
    switch (notice.type) {
      case 'link-send':
        this.carry(host, notice.bytes.slice());
        return;
      case 'link-close':
        this.note(`${host.name}: closes the link${notice.fault === undefined ? '' : `: ${notice.fault.text}`}`);
        if (notice.fault?.code === 'INTERNAL') this.problems.push(`${host.name}: ${notice.fault.text}`);
        this.clock.after(0, () => this.cut('closed by an engine'));
        return;
      case 'event':
        this.onEvent(host, notice.code, JSON.stringify(notice.details));
        return;
      case 'status':
        if (host === this.master) this.onMasterStatus(notice.status);
        return;
      case 'reply':
        if (notice.id === this.syncCall) this.syncCall = undefined;
        return;
      case 'failed':
        this.problems.push(`${host.name} failed: ${notice.fault.text}`);
        return;
      default:
    }
  }

  private onEvent(host: SimulatedHost, code: string, details: string): void {
    this.note(`${host.name}: ${code} ${details}`);
    if (host === this.replica && code === 'SYN-006') this.allowedSynchronizations += 1;
    if (host !== this.master || code !== 'SYN-001') return;
    this.synchronizations += 1;
  }

  /** What the supervisor does: a Replica without usable data is synchronized. */
  private onMasterStatus(status: EngineStatus): void {
    this.status = status;
    const peer = status.peers.replica;
    if (peer === undefined) return;
    if (peer.synchronized && !this.everSynchronized) {
      this.everSynchronized = true;
      // Kills before the first synchronization was complete made it start over.
      this.allowedSynchronizations += this.synchronizations;
    }
    if (peer.synchronized || peer.link !== 'catching-up' || this.syncCall !== undefined) return;
    if (this.everSynchronized && this.synchronizations >= this.allowedSynchronizations + this.kills) {
      this.problems.push('synchronized again without a reason');
      return;
    }
    this.synchronize();
  }

  private synchronize(): void {
    const id = this.nextCall;
    this.nextCall += 1;
    this.syncCall = id;
    const method = this.random.pick(['file', 'block'] as const);
    this.clock.after(1, () => {
      if (this.syncCall !== id) return;
      const call = { name: 'synchronize', peer: 'replica', method, ignoreSame: true } as const;
      this.master.handle({ type: 'call', id, call });
    });
  }

  // ---------------------------------------------------------------- network

  private dialLater(): void {
    if (this.dialing) return;
    this.dialing = true;
    this.clock.after(20 + this.random.below(800), () => {
      this.dialing = false;
      if (this.connection !== undefined || !this.master.alive || !this.replica.alive) return;
      this.connection = { open: true, arrivesMs: { master: 0, replica: 0 } };
      this.note('connected');
      this.replica.handle({ type: 'link-open', peer: 'master' });
      this.master.handle({ type: 'link-open', peer: 'replica' });
    });
  }

  private carry(from: SimulatedHost, bytes: Uint8Array): void {
    const { connection } = this;
    if (connection === undefined) return;
    const to = from === this.master ? this.replica : this.master;
    const latencyMs = this.random.below(this.random.chance(0.05) ? 100 : 4);
    const arrivesMs = Math.max(connection.arrivesMs[from.name], this.clock.bootMs() + latencyMs);
    connection.arrivesMs[from.name] = arrivesMs;
    const parts = this.split(bytes);
    this.clock.after(arrivesMs - this.clock.bootMs(), () => {
      for (const part of parts) {
        if (!connection.open || !to.alive) return;
        to.handle({ type: 'link-bytes', peer: from.name, bytes: part });
      }
    });
  }

  /** A stream has no frames: bytes arrive in other pieces than they were sent in. */
  private split(bytes: Uint8Array): Uint8Array[] {
    if (bytes.length < 2 || !this.random.chance(0.1)) return [bytes];
    const at = 1 + this.random.below(bytes.length - 1);
    return [bytes.slice(0, at), bytes.slice(at)];
  }

  private cut(why: string): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.cuts += 1;
    this.note(why);
    connection.open = false;
    this.connection = undefined;
    for (const host of [this.master, this.replica]) {
      const peer = host === this.master ? 'replica' : 'master';
      this.clock.after(this.random.below(30), () => {
        if (this.connection === undefined) host.handle({ type: 'link-closed', peer, reason: why });
      });
    }
    this.clock.after(40, () => this.dialLater());
  }

  // ---------------------------------------------------------------- judging

  private differences(): string[] {
    const wanted = describeTree(this.master.tree);
    const found = describeTree(this.replica.tree);
    const lines: string[] = [];
    for (const path of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(path) === found.get(path)) continue;
      lines.push(`${path || '(root)'}: ${shorten(found.get(path))} instead of ${shorten(wanted.get(path))}`);
    }
    return lines;
  }

  private reportDifferences(): void {
    this.problems.push(...this.differences().slice(0, 8));
    this.problems.push(...this.replica.describeParked().slice(0, 5));
    const peer = this.status?.peers.replica;
    const figures = peer && `pending ${peer.pendingChanges}, lag ${peer.lagMs} ms, parked ${peer.parked}, ${peer.link}`;
    this.problems.push(`not settled: ${figures ?? 'no status'}`);
  }

  private note(text: string): void {
    this.trace.push(`${(this.clock.bootMs() / 1000).toFixed(3).padStart(8)} ${text}`);
    if (this.trace.length > 4 * TRACE_LINES) this.trace.splice(0, this.trace.length - TRACE_LINES);
  }
}

function shorten(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  const printable = text.replace(/[^ -~]/g, '.');
  return printable.length > 80 ? `${printable.slice(0, 80)}…` : printable;
}

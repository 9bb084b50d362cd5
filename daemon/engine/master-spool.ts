/** Which Replicas the spool is kept for, how far each has it, and its limits. */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import { type DirtyPlace, DirtyPlaces } from '../spool/dirty-places.ts';
import { foldIntents } from '../spool/fold-intents.ts';
import type { MasterState } from '../store/master-state.ts';
import type { EngineLimits } from './engine-protocol.ts';
import { type TailPage, type TailRequest, tailPage } from './master-tail.ts';

const TRIM_MS = 500;
/** What an intent takes in the database beside its paths, with its index entries (measured: 90–140 bytes). */
const INTENT_BYTES = 256;
const WARN_FRACTION = 0.8;
const PREFIX = 'peer:';
/** What was dropped for a Replica, as places to compare. */
const DIRTY_PREFIX = 'dirty:';
/** Below this the spool is not what fills the volume. */
const SMALLEST_BYTES = 64 * INTENT_BYTES;
/** The forecast looks back so far. */
const RATE_MS = 60_000;

/** The Replica was at `fromSeq` or later; what differs since then is in the places and in the intents after `throughSeq`. */
interface Dropped {
  readonly fromSeq: number;
  readonly throughSeq: number;
  /** Wall clock, ms: when the oldest of it was captured. */
  readonly sinceMs: number;
  readonly places: readonly DirtyPlace[];
}

/** A Replica, as far as the spool has to do with it. */
interface SpooledPeer {
  /** Makes durable what it has of large files, or forgets it when it does not go on from its position. */
  storeBlocks(goesOn: boolean): void;
}

export interface SpoolPorts {
  readonly state: MasterState;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  /** Of the volume of the spool; absent: not watched. */
  readonly freeBytes?: () => number;
  /** Those connected in this life of the Master. */
  readonly peers?: ReadonlyMap<string, SpooledPeer>;
}

export class SpoolKeeper {
  private readonly state: MasterState;
  private readonly clock: Clock;
  private readonly limits: EngineLimits;
  private readonly onEvent: (code: string, details: FaultDetails) => void;
  /** A Replica for which something was dropped counts as having everything before `throughSeq`. */
  private readonly received = new Map<string, number>();
  private readonly dropped = new Map<string, Dropped>();
  /** Time since boot of each `sinceMs`. */
  private readonly droppedBootMs = new Map<number, number>();
  /** Replicas being synchronized: each goes on from the position its synchronization began at, whoever has more by then. */
  private readonly pinned = new Map<string, number>();
  private readonly freeBytes: () => number;
  private readonly peers: ReadonlyMap<string, SpooledPeer>;
  private readonly samples: { readonly atMs: number; readonly bytes: number }[] = [];
  private keptAtMs = Number.NEGATIVE_INFINITY;
  private warned = false;

  constructor({ state, clock, limits, onEvent, freeBytes, peers }: SpoolPorts) {
    this.state = state;
    this.clock = clock;
    this.limits = limits;
    this.onEvent = onEvent;
    this.freeBytes = freeBytes ?? (() => Number.POSITIVE_INFINITY);
    this.peers = peers ?? new Map();
    for (const key of state.metaKeys(PREFIX)) this.received.set(key.slice(PREFIX.length), Number(state.meta(key)));
    for (const key of state.metaKeys(DIRTY_PREFIX)) {
      this.dropped.set(key.slice(DIRTY_PREFIX.length), JSON.parse(state.meta(key)!) as Dropped);
    }
  }

  /** Replicas that were synchronized and go on from a position. */
  knownPeers(): string[] {
    return [...this.received.keys()];
  }

  /** Nothing is kept for a Replica that was taken out of the scenario. */
  keepOnly(configured: readonly string[] | undefined): void {
    for (const peer of this.knownPeers()) if (configured?.includes(peer) === false) this.forget(peer);
    this.state.sentBlocks.keepPeers(new Set(this.knownPeers().filter((peer) => this.goesOn(peer))));
  }

  get isNeeded(): boolean {
    return this.received.size > 0;
  }

  receivedBy(peer: string): number | undefined {
    return this.received.get(peer);
  }

  /** What is behind a position of a Replica. */
  tail(generation: string, request: TailRequest): TailPage {
    return tailPage(this.state, generation, request);
  }

  /** It goes on from its position, without a comparison. */
  goesOn(peer: string): boolean {
    return this.received.has(peer) && !this.dropped.has(peer);
  }

  /** Keeps everything after a position, beyond the limit if need be, until `know` or `unpin`. */
  pin(peer: string, seq: number): void {
    this.pinned.set(peer, seq);
  }

  unpin(peer: string): void {
    this.pinned.delete(peer);
  }

  /** Throws `INTERNAL` when what follows the position is not there any more. */
  know(peer: string, receivedSeq: number): void {
    if (receivedSeq < this.state.trimmedSeq)
      throw new Fault('INTERNAL', { reason: `position ${receivedSeq} was dropped` });
    this.unpin(peer);
    this.forgetDropped(peer);
    this.received.set(peer, receivedSeq);
    this.state.setMeta(PREFIX + peer, String(receivedSeq));
  }

  forget(peer: string): void {
    this.received.delete(peer);
    this.state.deleteMeta(PREFIX + peer);
    this.forgetDropped(peer);
  }

  /** It was compared. */
  forgetDropped(peer: string): void {
    if (this.dropped.delete(peer)) this.state.deleteMeta(DIRTY_PREFIX + peer);
  }

  /** Its lag is counted from the oldest change that was dropped. */
  marksOf(peer: string): { readonly collapsed?: true; readonly lagMs?: number; readonly exposureMs?: number } {
    const dropped = this.dropped.get(peer);
    if (dropped === undefined) return {};
    // The wall clock may have been set since it was dropped or read.
    const sinceBootMs = this.droppedBootMs.get(dropped.sinceMs) ?? this.noteDropped(dropped.sinceMs);
    const ageMs = Math.max(0, this.clock.bootMs() - sinceBootMs);
    return { collapsed: true, lagMs: ageMs, exposureMs: ageMs };
  }

  private noteDropped(sinceMs: number): number {
    const { clock } = this;
    const bootMs = clock.bootMs() - Math.max(0, clock.wallMs() - sinceMs);
    this.droppedBootMs.set(sinceMs, bootMs);
    return bootMs;
  }

  /** Something was dropped for it: it goes on by comparing places. */
  hasDropped(peer: string): boolean {
    return this.dropped.has(peer);
  }

  /**
   * All places where a Replica that is at `seq` may differ from the index now; undefined when only a comparison of everything
   * tells. Whatever is changed from now on comes as intents.
   */
  placesFor(peer: string, seq: number | undefined): readonly DirtyPlace[] | undefined {
    const dropped = this.dropped.get(peer);
    if (dropped === undefined || seq === undefined || seq < dropped.fromSeq) return undefined;
    this.state.transaction(() => this.drop(peer));
    return this.dropped.get(peer)!.places;
  }

  /** Turns what is kept for a Replica into places. In the caller's transaction. */
  private drop(peer: string): void {
    const before = this.dropped.get(peer);
    const received = this.received.get(peer) ?? 0;
    const places = new DirtyPlaces(before?.places);
    foldIntents(places, this.state, before?.throughSeq ?? received);
    const [oldest] = this.state.intentsAfter(received, 1);
    const dropped: Dropped = {
      fromSeq: before?.fromSeq ?? received,
      throughSeq: this.state.seq,
      sinceMs: before?.sinceMs ?? oldest?.atMs ?? this.clock.wallMs(),
      places: places.list(),
    };
    this.dropped.set(peer, dropped);
    if (!this.droppedBootMs.has(dropped.sinceMs)) this.noteDropped(dropped.sinceMs);
    this.received.set(peer, dropped.throughSeq);
    this.state.setMeta(DIRTY_PREFIX + peer, JSON.stringify(dropped));
    this.state.setMeta(PREFIX + peer, String(dropped.throughSeq));
  }

  /** Before intents are forgotten: later they could not end what is stored any more. May be in a transaction. */
  private beforeTrim(): void {
    for (const [id, peer] of this.peers) peer.storeBlocks(this.goesOn(id));
  }

  acknowledge(peer: string, receivedSeq: number): void {
    if (receivedSeq > (this.received.get(peer) ?? Number.POSITIVE_INFINITY)) this.received.set(peer, receivedSeq);
  }

  /** No Replica goes on from an earlier position. In the caller's transaction. */
  startOver(): void {
    for (const peer of this.knownPeers()) this.forget(peer);
    this.state.skipTo(this.state.seq + 1);
  }

  get usedBytes(): number {
    return (this.state.seq - this.state.trimmedSeq) * INTENT_BYTES;
  }

  /** Trims what every Replica has, from time to time. Returns Replicas that were given up because the spool is full. */
  keep(): string[] {
    const nowMs = this.clock.bootMs();
    if (nowMs - this.keptAtMs < TRIM_MS || this.received.size === 0) return [];
    this.keptAtMs = nowMs;
    this.beforeTrim();
    const through = this.neededFrom();
    if (through > this.state.trimmedSeq) this.trim(through);
    return this.watch();
  }

  /** Every Replica goes on from there or later. */
  neededFrom(): number {
    return Math.min(...this.received.values(), ...this.pinned.values());
  }

  private trim(through: number): void {
    this.state.transaction(() => {
      for (const [peer, seq] of this.received) this.state.setMeta(PREFIX + peer, String(seq));
      this.state.trim(through);
    });
  }

  private watch(): string[] {
    const used = this.usedBytes;
    const limit = this.limits.spoolMaxBytes;
    this.sample(used);
    const noRoom = used >= SMALLEST_BYTES && this.freeBytes() < this.limits.spoolMinFreeBytes;
    if (used < limit * WARN_FRACTION && !noRoom) {
      this.warned = false;
      return [];
    }
    if (!this.warned && !noRoom) this.onEvent('SPL-080', { percent: Math.round((used * 100) / limit) });
    this.warned = true;
    if (used < limit && !noRoom) return [];
    // A synchronization needs what is kept: nothing to drop until it has ended.
    if (Math.min(...this.pinned.values()) <= Math.min(...this.received.values())) return [];
    this.onEvent('SPL-100', {});
    // What is dropped for the slowest Replicas is compared again later; the changes themselves are in the file system.
    const slowest = Math.min(...this.received.values());
    const given = this.knownPeers().filter((peer) => this.received.get(peer) === slowest);
    this.state.transaction(() => {
      for (const peer of given) this.drop(peer);
      this.beforeTrim();
      this.trim(this.neededFrom());
    });
    return given;
  }

  private sample(bytes: number): void {
    const atMs = this.clock.bootMs();
    this.samples.push({ atMs, bytes });
    while (this.samples.length > 2 && atMs - this.samples[0]!.atMs > RATE_MS) this.samples.shift();
  }

  /** In so many ms the spool is full when it goes on like in the last minute; undefined when it does not grow. */
  get fullInMs(): number | undefined {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined || last.bytes <= first.bytes) return undefined;
    const perMs = (last.bytes - first.bytes) / (last.atMs - first.atMs);
    return Math.round(Math.max(0, this.limits.spoolMaxBytes - last.bytes) / perMs);
  }
}

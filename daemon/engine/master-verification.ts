/**
 * Continuous verification: in the background, directory by directory, both sides are compared by content. A difference is
 * believed only when it is still there after everything captured before was applied, and nothing touched the place since;
 * then it is told and sent again like any change. One slice at a time, with pauses so that it takes a tenth of the time.
 */
import type { Clock } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { WalkPlace } from '../sync/master-walk.ts';
import type { DiffResult, EngineConfig } from './engine-protocol.ts';
import type { MasterCapture } from './master-capture.ts';
import type { MasterPeer } from './master-peer.ts';

export interface VerificationPorts {
  readonly clock: Clock;
  readonly state: MasterState;
  readonly capture: MasterCapture;
  readonly peers: ReadonlyMap<string, MasterPeer>;
  /** Compares places without changing anything; `takeSlice` gets what was found. */
  readonly compare: (peer: MasterPeer, places: readonly WalkPlace[]) => void;
  readonly onEvent: (code: string, details: Readonly<Record<string, string | number>>) => void;
  /** A Replica does not get everything that was captured applied as soon as it can be. */
  readonly isHeldBack: (peer: string) => boolean;
  readonly config: Pick<EngineConfig, 'limits' | 'keepDeleted'>;
}

type Found = DiffResult['differences'];

interface Slice {
  readonly peer: string;
  readonly places: readonly WalkPlace[];
  readonly startedMs: number;
  /** comparing → settling → applying → again → judging; the last four only when something differs. */
  stage: 'comparing' | 'settling' | 'applying' | 'again' | 'judging';
  found: Found;
  /** What changed after this is no difference. */
  seq: number;
  tries: number;
}

interface Cycle {
  /** Directories up to this index row were compared. */
  cursor: number;
  readonly startedAt: number;
  clean: boolean;
  /** Something differed and was sent again: the proof is not put off for long. */
  mended: boolean;
}

const SLICE_DIRECTORIES = 16;
const SHORTEST_PAUSE_MS = 1_000;
/** Pause after a slice, in times of what it took. */
const PAUSE_FACTOR = 9;
const BETWEEN_CYCLES_MS = 60_000;
const AFTER_MENDING_MS = 5_000;
/** A place that changes all the time is left to the next cycle. */
const MOST_TRIES = 3;
const EXAMPLES = 3;
const META = 'verified:';

export class ContinuousVerification {
  private readonly ports: VerificationPorts;
  private readonly cycles = new Map<string, Cycle>();
  private readonly lastPeers: string[] = [];
  private slice: Slice | undefined;
  private nextAtMs = 0;
  private enabled: boolean;
  /** What the Master removed may stay on the Replicas: that is no difference. */
  private readonly keepsExtra: boolean;

  constructor(ports: VerificationPorts) {
    this.ports = ports;
    const { limits, keepDeleted } = ports.config;
    this.enabled = limits.continuousVerification === true;
    this.keepsExtra = keepDeleted?.replication === true || keepDeleted?.synchronization === true;
  }

  /** At any time; a comparison that is under way is finished. Switched on it begins at once. */
  enable(enabled: boolean): void {
    if (enabled && !this.enabled) this.nextAtMs = 0;
    this.enabled = enabled;
  }

  /**
   * Wall clock, ms: everything was compared at this time or later and nothing differed. Undefined: never, or something is
   * known now that makes it untrue or that nobody would take for identical.
   */
  verifiedAt(peer: MasterPeer): { readonly verifiedAt?: number } {
    if (!this.enabled || !this.mayClaim(peer)) return {};
    const known = this.ports.state.meta(META + peer.id);
    return known === undefined ? {} : { verifiedAt: Number(known) };
  }

  /** Whatever was known of it is no longer known. */
  withdraw(peer: string): void {
    this.cycles.delete(peer);
    if (this.ports.state.meta(META + peer) !== undefined) this.ports.state.deleteMeta(META + peer);
  }

  private mayClaim(peer: MasterPeer): boolean {
    const { capture, isHeldBack } = this.ports;
    const there = capture.held === undefined && capture.unreadableCount === 0;
    const whole = peer.synchronized && peer.parked === 0 && peer.dropped === 0;
    return there && whole && peer.sync?.options.dryRun !== false && !peer.isHeld && !isHeldBack(peer.id);
  }

  step(): void {
    const { slice } = this;
    if (slice === undefined) this.begin();
    else this.goOn(slice);
  }

  private begin(): void {
    const nowMs = this.ports.clock.bootMs();
    if (!this.enabled || nowMs < this.nextAtMs || !this.ports.capture.active) return;
    const peer = this.nextPeer();
    if (peer === undefined) return;
    const startedAt = this.ports.clock.wallMs();
    const cycle = this.cycles.get(peer.id) ?? { cursor: 0, startedAt, clean: true, mended: false };
    this.cycles.set(peer.id, cycle);
    const ids = this.ports.state.directoriesAfter(cycle.cursor, SLICE_DIRECTORIES);
    if (ids.length === 0) {
      this.endCycle(peer, cycle, nowMs);
      return;
    }
    const places = ids.flatMap((id) => this.placeOf(id));
    cycle.cursor = ids.at(-1)!;
    if (places.length === 0) return;
    this.slice = { peer: peer.id, places, startedMs: nowMs, stage: 'comparing', found: [], seq: 0, tries: 0 };
    this.ports.compare(peer, places);
  }

  private placeOf(id: number): WalkPlace[] {
    const row = this.ports.state.byId(id);
    const place = row && this.ports.state.placeOf(row);
    return row === undefined || place === undefined ? [] : [{ ...place, deep: false, id: row }];
  }

  /** The one that was served longest ago. */
  private nextPeer(): MasterPeer | undefined {
    const ready = [...this.ports.peers.values()].filter((peer) => isQuiet(peer));
    ready.sort((a, b) => this.lastPeers.indexOf(a.id) - this.lastPeers.indexOf(b.id));
    const [peer] = ready;
    if (peer === undefined) return undefined;
    const at = this.lastPeers.indexOf(peer.id);
    if (at >= 0) this.lastPeers.splice(at, 1);
    this.lastPeers.push(peer.id);
    return peer;
  }

  private endCycle(peer: MasterPeer, cycle: Cycle, nowMs: number): void {
    this.cycles.delete(peer.id);
    this.nextAtMs = nowMs + (cycle.mended ? AFTER_MENDING_MS : BETWEEN_CYCLES_MS);
    if (!cycle.clean || !this.mayClaim(peer)) return;
    const first = this.ports.state.meta(META + peer.id) === undefined;
    this.ports.state.setMeta(META + peer.id, String(cycle.startedAt));
    if (first) this.ports.onEvent('VRF-002', { peer: peer.id });
  }

  // ---------------------------------------------------------------- one slice

  private goOn(slice: Slice): void {
    const { capture, peers, state } = this.ports;
    const peer = peers.get(slice.peer);
    if (peer === undefined || !peer.connected || !peer.synchronized) {
      this.giveUp(slice);
      return;
    }
    if (slice.stage === 'settling' && capture.isFlushed()) {
      slice.seq = state.seq;
      slice.stage = 'applying';
    }
    if (slice.stage === 'applying' && peer.hasApplied(slice.seq) && peer.sync === undefined) {
      slice.stage = 'again';
      this.ports.compare(peer, slice.places);
    } else if (slice.stage === 'judging' && capture.isFlushed()) this.judge(slice);
  }

  /** The comparison of a slice is over. */
  takeSlice(peer: string, all: Found): void {
    const { slice } = this;
    const differences = this.keepsExtra ? all.filter(({ kind }) => kind !== 'extra') : all;
    if (slice === undefined || slice.peer !== peer) return;
    if (differences.length === 0) this.end(slice);
    else if (slice.stage === 'comparing') this.settle(slice, differences);
    else {
      const before = new Set(slice.found.map(keyOf));
      slice.found = differences.filter((one) => before.has(keyOf(one)));
      slice.stage = 'judging';
      this.ports.capture.hurry();
    }
  }

  private settle(slice: Slice, found: Found): void {
    slice.found = found;
    slice.stage = 'settling';
    this.ports.capture.hurry();
  }

  private judge(slice: Slice): void {
    const touched = this.touchedSince(slice.seq);
    if (touched === undefined || slice.found.some((one) => touched.has(keyOf(one)))) {
      slice.tries += 1;
      if (slice.tries < MOST_TRIES) this.settle(slice, slice.found);
      else this.giveUp(slice);
      return;
    }
    this.leaveKnown(slice);
    if (slice.found.length > 0) this.mend(slice);
    this.end(slice);
  }

  /** What cannot be read here or is set aside there is known to differ: it was told, and is tried again by itself. */
  private leaveKnown(slice: Slice): void {
    const peer = this.ports.peers.get(slice.peer);
    const parked = new Set(peer?.parkedPaths);
    // It names only the first of many.
    const allNamed = (peer?.parked ?? 0) <= parked.size;
    const { unreadable } = this.ports.capture;
    const isNews = ({ root, path }: Found[number]) => allNamed && !parked.has(path) && !unreadable.covers(root, path);
    const news = slice.found.filter(isNews);
    if (news.length < slice.found.length) this.cycleOf(slice.peer).clean = false;
    slice.found = news;
  }

  /** Places of the changes after `seq`; undefined when a directory was moved: then any path may mean something else. */
  private touchedSince(seq: number): Set<string> | undefined {
    const touched = new Set<string>();
    for (const { kind, root, path } of this.ports.state.intentsAfter(seq, Number.MAX_SAFE_INTEGER)) {
      if (kind === 'rename' || kind === 'link') return undefined;
      touched.add(keyOf({ root, path }));
    }
    return touched;
  }

  private mend({ peer, found }: Slice): void {
    const cycle = this.cycleOf(peer);
    cycle.clean = false;
    cycle.mended = true;
    if (this.ports.state.meta(META + peer) !== undefined) this.ports.state.deleteMeta(META + peer);
    const paths = found.slice(0, EXAMPLES).map(({ path }) => path);
    this.ports.onEvent('VRF-001', { peer, count: found.length, paths: paths.join(', ') });
    for (const root of new Set(found.map((one) => one.root))) {
      this.ports.capture.repair(
        root,
        found.filter((one) => one.root === root).map(({ path }) => path),
      );
    }
  }

  private cycleOf(peer: string): Cycle {
    return this.cycles.get(peer) ?? { cursor: 0, startedAt: 0, clean: false, mended: false };
  }

  /** Nothing is known about this slice in this cycle. */
  private giveUp(slice: Slice): void {
    this.cycleOf(slice.peer).clean = false;
    this.end(slice);
  }

  private end(slice: Slice): void {
    const nowMs = this.ports.clock.bootMs();
    this.slice = undefined;
    this.nextAtMs = nowMs + Math.max(SHORTEST_PAUSE_MS, PAUSE_FACTOR * (nowMs - slice.startedMs));
  }
}

/** Up to date, and nothing is held back on it. */
function isQuiet(peer: MasterPeer): boolean {
  return peer.connected && peer.synchronized && peer.sync === undefined && !peer.isHeld;
}

function keyOf({ root, path }: { readonly root: number; readonly path: string }): string {
  return `${root}:${path}`;
}

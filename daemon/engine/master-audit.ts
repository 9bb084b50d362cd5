/**
 * The audit walk: once a period everything below the roots is compared with the record, slowly, so that a change no
 * notification told of (a kernel's defect, a write through a long-lived memory map) is found. What differs is looked at again
 * after the time any notified change needs; what differs then in the same way was missed, is counted, and is sent.
 */
import type { FaultDetails } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { DigestOf, NamedStat } from '../capture/digest.ts';
import { toIndexed } from '../capture/entry.ts';
import type { RootFilters } from '../capture/filter.ts';
import type { HeldPlaces } from '../capture/held-places.ts';
import { isRecorded } from '../capture/model.ts';
import type { Clock, RootTree } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { AuditResult } from './engine-protocol.ts';

export interface AuditPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly state: MasterState;
  readonly filters: RootFilters;
  readonly digestOf: DigestOf;
  readonly held: (root: number) => HeldPlaces;
  /** Compares the entries of a directory with the record and sends what differs. */
  readonly repair: (root: number, path: RelativePath) => void;
  readonly onEvent: (code: string, details: FaultDetails) => void;
}

/** A piece of the slow walk, and how much longer than it took is waited after it: 2 % of a core at most. */
const PIECE_MS = 5;
const REST_FACTOR = 49;
const SHORTEST_REST_MS = 20;
/** A notified change is recorded by then: a file that is never closed is looked at every 10 s. */
const DOUBT_MS = 15_000;
/** More directories in doubt than this are compared again at once. */
const DOUBTS_LIMIT = 1_000;
/** How often it is asked whether the walk may go on while it may not. */
const PAUSE_MS = 1_000;

interface Place {
  readonly root: number;
  readonly path: RelativePath;
}

interface Doubt extends Place {
  readonly dueMs: number;
  /** What was found at each name that differs from the record. */
  readonly found: ReadonlyMap<string, string>;
}

interface Walk {
  readonly startedMs: number;
  readonly left: Place[];
  doubts: Doubt[];
  entries: number;
  differences: number;
  /** Somebody waits for it: no rests. */
  readonly waiting: ((result: AuditResult) => void)[];
  nextMs: number;
}

const LAST_AT = 'audit:at';

export class MasterAudit {
  private readonly ports: AuditPorts;
  private readonly periodMs: number;
  private walk: Walk | undefined;
  /** Wall clock: end of the last walk. */
  private lastMs: number | undefined;

  /** `periodMs` 0: only when asked for. */
  constructor(ports: AuditPorts, periodMs: number) {
    this.ports = ports;
    this.periodMs = periodMs;
  }

  /** Everything was compared by other means. */
  noteCompared(): void {
    this.lastMs = this.ports.clock.wallMs();
    this.ports.state.setMeta(LAST_AT, String(this.lastMs));
  }

  /** Starts it now, or joins the one under way; it does not rest any more. */
  request(onDone: (result: AuditResult) => void): void {
    this.walk ??= this.begin();
    this.walk.waiting.push(onDone);
    this.walk.nextMs = Math.min(this.walk.nextMs, this.ports.clock.bootMs());
  }

  /** Boot time of the next piece. */
  nextDueMs(nowMs: number): number | undefined {
    const { walk } = this;
    if (walk === undefined) return this.periodMs === 0 ? undefined : nowMs + Math.max(0, this.untilNextMs());
    if (walk.left.length > 0) return Math.max(nowMs, walk.nextMs);
    return walk.doubts[0]?.dueMs ?? nowMs;
  }

  private untilNextMs(): number {
    const { state, clock } = this.ports;
    const wallMs = clock.wallMs();
    this.lastMs ??= Number(state.meta(LAST_AT));
    // Never walked, or the clock was put back.
    if (!(this.lastMs > 0 && this.lastMs <= wallMs)) this.noteCompared();
    return this.lastMs + this.periodMs - wallMs;
  }

  /** One piece when it is due. `may`: the record is complete and nobody else walks. True: there is more to do at once. */
  step(may: boolean, more: () => boolean): boolean {
    const nowMs = this.ports.clock.bootMs();
    if ((this.nextDueMs(nowMs) ?? Number.POSITIVE_INFINITY) > nowMs) return false;
    const walk = this.walk ?? this.begin();
    this.walk = walk;
    if (!may) {
      walk.nextMs = nowMs + PAUSE_MS;
      return false;
    }
    const hurried = walk.waiting.length > 0;
    do {
      const place = walk.left.pop();
      if (place === undefined) break;
      this.compare(walk, place, nowMs);
    } while (more() && (hurried || this.ports.clock.bootMs() - nowMs < PIECE_MS));
    this.settleDoubts(walk, nowMs);
    if (walk.left.length === 0 && walk.doubts.length === 0) {
      this.end(walk);
      return false;
    }
    const tookMs = this.ports.clock.bootMs() - nowMs;
    walk.nextMs = hurried ? nowMs : nowMs + tookMs + Math.max(SHORTEST_REST_MS, tookMs * REST_FACTOR);
    return hurried && walk.left.length > 0;
  }

  private begin(): Walk {
    const startedMs = this.ports.clock.bootMs();
    const left = this.ports.trees.map((_, root) => ({ root, path: '' }));
    return { startedMs, left, doubts: [], entries: 0, differences: 0, waiting: [], nextMs: startedMs };
  }

  private end(walk: Walk): void {
    this.walk = undefined;
    this.noteCompared();
    const { entries, differences } = walk;
    this.ports.onEvent(differences === 0 ? 'CAP-005' : 'CAP-006', { entries, differences });
    const tookMs = this.ports.clock.bootMs() - walk.startedMs;
    for (const done of walk.waiting) done({ entries, differences, tookMs });
  }

  private compare(walk: Walk, place: Place, nowMs: number): void {
    const found = this.differencesAt(place, (count, directories) => {
      walk.entries += count;
      for (const path of directories) walk.left.push({ root: place.root, path });
    });
    if (found.size === 0) return;
    if (walk.doubts.length < DOUBTS_LIMIT) walk.doubts.push({ ...place, found, dueMs: nowMs + DOUBT_MS });
    else {
      walk.differences += found.size;
      this.ports.repair(place.root, place.path);
    }
  }

  private settleDoubts(walk: Walk, nowMs: number): void {
    while (walk.doubts[0] !== undefined && walk.doubts[0].dueMs <= nowMs) {
      const { root, path, found } = walk.doubts.shift()!;
      let missed = 0;
      for (const [name, state] of this.differencesAt({ root, path })) if (found.get(name) === state) missed += 1;
      if (missed === 0) continue;
      walk.differences += missed;
      this.ports.repair(root, path);
    }
  }

  /** What is not as recorded, by name. `onListed`: entries of the directory, and recorded directories among them. */
  private differencesAt(
    { root, path }: Place,
    onListed: (count: number, directories: RelativePath[]) => void = () => {},
  ): Map<string, string> {
    const differences = new Map<string, string>();
    const { state, digestOf } = this.ports;
    const row = state.lookup(root, path);
    const listed = this.list(root, path);
    if (row?.type !== 'directory' || listed === undefined) return differences;
    const directories = listed.filter(({ type }) => type === 'directory').map(({ name }) => joinPath(path, name));
    onListed(listed.length, directories);
    const digest = state.digest(row.id);
    if (digest !== undefined && Buffer.compare(digest, digestOf(listed)) === 0) return differences;
    const rows = new Map(state.children(row.id).map((child) => [child.name, child]));
    for (const stat of listed) {
      const known = rows.get(stat.name);
      rows.delete(stat.name);
      if (known === undefined || !isRecorded(known, stat)) differences.set(stat.name, stateOf(stat));
    }
    const held = this.ports.held(root);
    for (const name of rows.keys()) if (!held.blocks(joinPath(path, name))) differences.set(name, 'absent');
    return differences;
  }

  private list(root: number, path: RelativePath): NamedStat[] | undefined {
    const { trees, filters } = this.ports;
    const excluded = filters(root);
    const held = this.ports.held(root);
    const listed: NamedStat[] = [];
    try {
      for (const entry of trees[root]!.scan(path)) {
        const stat = toIndexed(entry);
        const at = joinPath(path, entry.name);
        if (stat !== undefined && !excluded(at) && !held.behind(at)) listed.push({ name: entry.name, ...stat });
      }
    } catch {
      // Gone meanwhile, or unreadable, which is known and told elsewhere.
      return undefined;
    }
    return listed;
  }
}

function stateOf(stat: NamedStat): string {
  const { type, inode, birthNs, sizeBytes, mtimeNs, ctimeNs, links } = stat;
  return [type, inode, birthNs, sizeBytes, mtimeNs, ctimeNs, type === 'directory' ? 0 : links].join(' ');
}

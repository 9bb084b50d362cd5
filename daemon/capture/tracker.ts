/**
 * Follows one root: hints go in, reconciliations come out in bounded steps. It decides when to look, `reconcile` decides what
 * was found. Removals come last: after everything else that is known to need a look, and only while the root guard agrees.
 */

import { CONTROL_NAME, isWithin, parentPath, type RelativePath } from '../../shared/path.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { CaptureHint, RootTree } from '../ports.ts';
import { type IndexedEntry, NEVER_NS, type NewIntent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { ContentChecks, type SentContents } from './content-check.ts';
import type { DigestOf } from './digest.ts';
import { type AddOptions, type DirtyLook, DirtySet } from './dirty.ts';
import type { PathFilter } from './filter.ts';
import type { HeldPlaces } from './held-places.ts';
import { reconcile, removeAbsent } from './model.ts';
import type { OnReplaced, ReconcileContext, ReconcileOutcome, Unsettled } from './reconcile-state.ts';
import type { SpecialFilesOfRoot } from './special-files.ts';

export interface TrackerOptions {
  readonly root: number;
  readonly tree: RootTree;
  readonly index: MasterState;
  readonly excluded: PathFilter;
  readonly held: HeldPlaces;
  readonly special?: SpecialFilesOfRoot;
  readonly digestOf: DigestOf;
  readonly hasher: ContentHasher;
  readonly sent: SentContents;
  /** For tests; see REMOVALS_LIMIT. */
  readonly removalsLimit?: number;
  /** A look that failed for another reason than absence. */
  readonly onFailed: (path: RelativePath, error: unknown) => void;
}

export interface StepContext {
  readonly bootMs: number;
  readonly wallMs: number;
  readonly sentSeq: number;
  readonly emit: (intent: NewIntent) => void;
  readonly onReplaced?: OnReplaced;
}

/** Places kept one by one; more collapse to their directories (limit of memory: about 20 MB). */
const DIRTY_LIMIT = 100_000;
const LOOKS_PER_STEP = 500;
/** A place found missing through something below it waits this long for its own hint, which may be a rename. */
const INFERRED_GRACE_MS = 50;
/** Removals kept one by one; the directories of more are looked at again when these are done. About 30 MB. */
const REMOVALS_LIMIT = 100_000;
/** What led to one removal; of more, everything below it is what is meant. */
const REMOVAL_HINTS_LIMIT = 1_000;
/** Removals wait for other looks at most this long. */
const REMOVAL_PATIENCE_MS = 500;
const FAILED_RETRY_MS = 5_000;
const AGAIN_MS = 2;
/** After this long without a further hint a record of a just written file is believed (see entry.ts). */
const SETTLE_MS = 2_000;

/** The looks an outcome belongs to, by path. */
type Origins = ReadonlyMap<RelativePath, DirtyLook> | undefined;

interface PendingRemoval {
  readonly sinceMs: number;
  readonly dueMs: number;
  /** What was looked at there and below; directories above may be renamed after the numbered hint. */
  readonly hints: Hinted[];
}

interface Hinted {
  readonly path: RelativePath;
  readonly order: number;
  readonly scan: DirtyLook['scan'];
  readonly closed: boolean;
  readonly written: boolean;
}

export class RootTracker {
  private readonly options: TrackerOptions;
  private readonly dirty = new DirtySet(DIRTY_LIMIT);
  private readonly scans: { readonly path: RelativePath; readonly deep: boolean; readonly order: number }[] = [];
  private readonly removals = new Map<RelativePath, PendingRemoval>();
  private readonly checks: ContentChecks;
  private unsettled: (Unsettled & { readonly atMs: number })[] = [];
  /** While set, nothing is deferred: hints up to this number must be looked at. */
  private hurriedTo: number | undefined;

  constructor(options: TrackerOptions) {
    this.options = options;
    this.checks = new ContentChecks(options);
  }

  close(): void {
    this.checks.close();
  }

  // ------------------------------------------------------------- hints

  takeHint(hint: CaptureHint, bootMs: number): void {
    switch (hint.kind) {
      case 'dirty':
        if (this.isOurs(hint.path)) return;
        if (hint.closed) this.dirty.add(hint.path, bootMs, { closed: true, written: hint.written === true });
        else this.dirty.add(hint.path, bootMs);
        return;
      case 'rename':
        if (!this.isOurs(hint.from) && !this.isOurs(hint.to)) this.dirty.addRename(hint.from, hint.to, bootMs);
        else if (!this.isOurs(hint.from)) this.dirty.add(hint.from, bootMs);
        else if (!this.isOurs(hint.to)) this.dirty.add(hint.to, bootMs, { closed: true, scan: 'tree' });
        return;
      case 'overflow':
        this.rescan(hint.path, bootMs);
        return;
      default:
    }
  }

  private isOurs(path: RelativePath): boolean {
    return isWithin(path, CONTROL_NAME);
  }

  /** Compares everything below a path with the record. */
  rescan(path: RelativePath, bootMs: number): void {
    this.dirty.add(path, bootMs, { scan: 'tree' });
  }

  /** Compares the entries of one directory only. */
  rescanChildren(path: RelativePath, bootMs: number): void {
    this.dirty.add(path, bootMs, { scan: 'children' });
  }

  /** A `rescan` later; false when such a rescan is waiting already. */
  rescanAt(path: RelativePath, dueMs: number, bootMs: number): boolean {
    if (this.dirty.isScanWaiting(path)) return false;
    if (dueMs <= bootMs) this.rescan(path, bootMs);
    else this.dirty.addAt(path, dueMs, bootMs, { closed: false, scan: 'tree' });
    return true;
  }

  /** Every directory is about to be looked at by somebody else. */
  forgetScans(): void {
    this.scans.length = 0;
    this.dirty.forgetScans();
  }

  /** Looks at a place at once, as if it had been written. */
  look(path: RelativePath, bootMs: number): void {
    this.dirty.add(path, bootMs, { closed: true });
  }

  /** Looks again after a moment of quiet. */
  lookLater(path: RelativePath, bootMs: number): void {
    this.dirty.addLater(path, bootMs);
  }

  /** A record to be believed after a while; see entry.ts. */
  noteUnsettled(one: Unsettled, bootMs: number): void {
    this.unsettled.push({ ...one, atMs: bootMs });
  }

  // ------------------------------------------------------------- what is left to do

  get root(): number {
    return this.options.root;
  }

  /** Nothing is left but what waits for a writer. */
  get isQuiet(): boolean {
    return !this.dirty.hasReady && this.scans.length === 0 && this.removals.size === 0;
  }

  /** Number of places to look at. */
  get pendingCount(): number {
    return this.dirty.size + this.scans.length + this.removals.size;
  }

  oldestMs(): number | undefined {
    let oldest = this.dirty.oldestMs();
    for (const { sinceMs } of this.removals.values()) oldest = Math.min(oldest ?? sinceMs, sinceMs);
    return oldest;
  }

  /** Boot time of the next step that is due; undefined: nothing to do. */
  nextDueMs(bootMs: number): number | undefined {
    if (this.dirty.hasReady || this.scans.length > 0) return bootMs;
    let due = this.dirty.nextDueMs();
    for (const { dueMs } of this.removals.values()) due = Math.min(due ?? dueMs, dueMs);
    const check = this.checks.nextDueMs(bootMs);
    if (check !== undefined) due = Math.min(due ?? check, check);
    const settle = this.unsettled[0];
    if (settle !== undefined) due = Math.min(due ?? Number.POSITIVE_INFINITY, settle.atMs + SETTLE_MS);
    return due;
  }

  /** From now on nothing is deferred until `isFlushed()`. */
  hurry(): void {
    this.dirty.hurry();
    this.checks.hurry();
    this.hurriedTo = this.dirty.newestOrder;
  }

  /** Everything known at the last `hurry` was looked at. */
  isFlushed(): boolean {
    const target = this.hurriedTo;
    if (target === undefined) return true;
    if (this.scans.length > 0 || this.removals.size > 0 || this.dirty.hasUpTo(target)) return false;
    if (this.checks.isHurried) return false;
    this.hurriedTo = undefined;
    return true;
  }

  // ------------------------------------------------------------- work

  /** One bounded piece of work in the caller's transaction; the number of changes, undefined when nothing is due. */
  step(context: StepContext): number | undefined {
    const patience = this.hurriedTo === undefined ? REMOVAL_PATIENCE_MS : 0;
    const overdue =
      this.removals.size > 0 && this.scans.length === 0 && this.hasRemovalSince(context.bootMs - patience);
    const full = this.isFull;
    if (!(full || (overdue && patience > 0))) {
      const looks = this.dirty.take(context.bootMs, LOOKS_PER_STEP);
      if (looks.length > 0) return this.lookAt(looks, context);
      const scan = this.scans.pop();
      if (scan !== undefined) {
        const { path, order } = scan;
        const how = { closed: false, written: false, now: false, scan: scan.deep ? 'tree' : 'children' } as const;
        return this.lookAt([{ ...how, path, order, sinceMs: context.bootMs, derived: false }], context);
      }
    }
    return this.removeDue(context) ?? this.settleDue(context) ?? this.checkDue(context);
  }

  /** A file whose content is not what was sent is sent as if it had just been written. */
  private checkDue({ bootMs }: StepContext): number | undefined {
    const checked = this.checks.step(bootMs);
    if (checked === undefined) return undefined;
    if (checked.outdated !== undefined) this.lookAsWritten(checked.outdated, bootMs);
    return 0;
  }

  private lookAsWritten(entry: IndexedEntry, bootMs: number): void {
    const { index } = this.options;
    const place = index.placeOf(entry);
    if (place === undefined) return;
    index.updateEntry(entry, { ...entry, mtimeNs: NEVER_NS });
    this.dirty.add(place.path, bootMs, { closed: true, firstOrder: 0 });
  }

  private hasRemovalSince(bootMs: number): boolean {
    for (const { sinceMs } of this.removals.values()) return sinceMs <= bootMs;
    return false;
  }

  private lookAt(looks: readonly DirtyLook[], context: StepContext): number {
    const hurried = this.hurriedTo !== undefined;
    const origins = new Map<RelativePath, DirtyLook>();
    for (const look of looks) {
      origins.set(look.path, look);
      const { closed, written, now, scan } = look;
      this.followRenames(look.path, look.order, { closed, written, now, scan, firstOrder: 0 }, context.bootMs);
    }
    const effective = hurried ? looks.map((look) => ({ ...look, now: true })) : looks;
    const wasWritten = (path: RelativePath) => origins.get(path)?.written === true;
    return this.conclude(reconcile(this.reconcileContext(context), effective), context, wasWritten, origins);
  }

  /** What was meant by a path is looked at where directories above it were moved to meanwhile. */
  private followRenames(path: RelativePath, order: number, how: AddOptions, bootMs: number): void {
    for (const place of this.dirty.translations(path, order)) this.dirty.add(place, bootMs, { ...how, derived: true });
    if (how.written !== true) return;
    for (const place of this.dirty.translations(path, order, true)) {
      this.dirty.add(place, bootMs, { now: true, written: true, firstOrder: 0, derived: true });
    }
  }

  private reconcileContext(context: StepContext): ReconcileContext {
    const { root, tree, index, excluded, held, special, digestOf } = this.options;
    return {
      root,
      tree,
      index,
      excluded,
      held,
      special,
      digestOf,
      wallMs: context.wallMs,
      sentSeq: context.sentSeq,
      emit: context.emit,
      onReplaced: context.onReplaced,
    };
  }

  private conclude(
    outcome: ReconcileOutcome,
    { bootMs }: StepContext,
    wasWritten: (path: RelativePath) => boolean,
    origins?: Origins,
  ): number {
    const order = this.dirty.newestOrder;
    // First: what was not found at its path may have gone with one of these, whose hint is still to come.
    for (const { from, to } of outcome.moved) this.dirty.noteRename(from, to, bootMs);
    this.takeAbsences(outcome, bootMs, order, origins);
    for (const scan of outcome.scans) this.scans.push({ ...scan, order });
    this.takeRetries(outcome, bootMs, wasWritten, origins);
    for (const one of outcome.unsettled) this.unsettled.push({ ...one, atMs: bootMs });
    for (const entry of outcome.unexplained) {
      if (!this.checks.add(entry.id, bootMs, this.hurriedTo !== undefined)) this.lookAsWritten(entry, bootMs);
    }
    return outcome.changes;
  }

  private get isFull(): boolean {
    return this.removals.size >= (this.options.removalsLimit ?? REMOVALS_LIMIT);
  }

  /** Undefined when there are too many: then its directory is looked at again. */
  private removalOf(path: RelativePath, bootMs: number, isHinted: boolean): PendingRemoval | undefined {
    const known = this.removals.get(path);
    if (known !== undefined) {
      if (known.hints.length >= REMOVAL_HINTS_LIMIT) collapseHints(path, known.hints);
      return known;
    }
    if (this.isFull) {
      this.dirty.add(parentPath(path) ?? '', bootMs, { scan: 'children', firstOrder: 0 });
      return undefined;
    }
    const removal = { sinceMs: bootMs, dueMs: bootMs + (isHinted ? 0 : INFERRED_GRACE_MS), hints: [] };
    this.removals.set(path, removal);
    return removal;
  }

  private takeAbsences(outcome: ReconcileOutcome, bootMs: number, order: number, origins: Origins): void {
    for (const { path, hinted } of outcome.absent) {
      const origin = origins?.get(hinted);
      const known = this.removalOf(path, bootMs, hinted === path);
      if (known === undefined) continue;
      known.hints.push({
        path: hinted,
        order: origin?.order ?? order,
        scan: origin?.scan ?? 'no',
        closed: origin?.closed === true,
        written: origin?.written === true,
      });
    }
    for (const path of outcome.unknown) {
      const origin = origins?.get(path);
      if (origin?.derived) continue;
      const how = {
        closed: true,
        written: origin?.written === true,
        scan: origin?.scan ?? 'no',
        firstOrder: 0,
      } as const;
      this.followRenames(path, 0, how, bootMs);
    }
  }

  private takeRetries(
    outcome: ReconcileOutcome,
    bootMs: number,
    wasWritten: (path: RelativePath) => boolean,
    origins: Origins,
  ): void {
    const hurried = this.hurriedTo !== undefined;
    for (const path of outcome.later) {
      if (hurried) this.dirty.add(path, bootMs, { now: true, firstOrder: 0 });
      else this.dirty.addLater(path, bootMs, origins?.get(path)?.sinceMs ?? bootMs);
    }
    for (const [path, through] of outcome.siblings) {
      this.dirty.add(path, bootMs, { now: true, written: wasWritten(through), firstOrder: 0 });
    }
    for (const path of outcome.again) {
      const { sinceMs, scan, written } = origins?.get(path) ?? { sinceMs: bootMs, scan: 'no', written: false };
      if (hurried) this.dirty.add(path, bootMs, { closed: true, written, scan, firstOrder: 0 });
      else this.dirty.addAt(path, bootMs + AGAIN_MS, sinceMs, { closed: true, written, scan });
    }
    this.takeUnfinished(outcome, bootMs, origins);
    for (const { path, error } of outcome.failed) {
      this.options.onFailed(path, error);
      this.dirty.addAt(path, bootMs + FAILED_RETRY_MS, bootMs, { closed: true, scan: 'children' });
    }
  }

  private takeUnfinished(outcome: ReconcileOutcome, bootMs: number, origins: Origins): void {
    for (const path of outcome.unfinished) {
      if (this.hurriedTo !== undefined) {
        this.dirty.add(path, bootMs, { now: true, scan: 'children', firstOrder: 0 });
        continue;
      }
      const sinceMs = origins?.get(path)?.sinceMs ?? bootMs;
      this.dirty.addAt(path, bootMs + AGAIN_MS, sinceMs, { closed: false, scan: 'children' });
    }
  }

  private removeDue(context: StepContext): number | undefined {
    const due = new Map<RelativePath, PendingRemoval>();
    const full = this.isFull;
    for (const [path, removal] of this.removals) {
      if (removal.dueMs > context.bootMs && this.hurriedTo === undefined && !full) continue;
      due.set(path, removal);
      this.removals.delete(path);
      if (due.size >= LOOKS_PER_STEP) break;
    }
    if (due.size === 0) return undefined;
    for (const { hints } of due.values()) {
      for (const { path, order, scan, closed, written } of hints) {
        this.followRenames(path, order, { closed, written, now: true, scan, firstOrder: 0 }, context.bootMs);
      }
    }
    const outcome = removeAbsent(this.reconcileContext(context), [...due.keys()]);
    // It is there again, or was moved before it could be removed: so was what is below it.
    for (const place of [...outcome.again, ...outcome.unknown]) {
      for (const { path, scan, written } of due.get(place)?.hints ?? []) {
        this.dirty.add(path, context.bootMs, { closed: true, written, scan, firstOrder: 0 });
      }
    }
    const wasWritten = (path: RelativePath) => due.get(path)?.hints.some(({ written }) => written) === true;
    return this.conclude(outcome, context, wasWritten);
  }

  private settleDue({ bootMs }: StepContext): number | undefined {
    const due = this.unsettled.findIndex((one) => one.atMs + SETTLE_MS > bootMs);
    const settled = this.unsettled.splice(0, due < 0 ? this.unsettled.length : due);
    if (settled.length === 0) return undefined;
    for (const one of settled) this.options.index.settle(one.id, one.mtimeNs, one.ctimeNs);
    return 0;
  }
}

/** Too many: anything below the place is meant, since the first of them. */
function collapseHints(path: RelativePath, hints: Hinted[]): void {
  const order = hints.reduce((first, hint) => Math.min(first, hint.order), Number.POSITIVE_INFINITY);
  const written = hints.some((hint) => hint.written);
  hints.splice(0, hints.length, { path, order, scan: 'tree', closed: true, written });
}

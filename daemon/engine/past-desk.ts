/**
 * Answers what is asked about the past while the engine goes on. A view is made between two changes: apply waits for it, in
 * small pieces of work, while receiving and acknowledging go on. Once made it is used until the roots have changed; what is
 * then asked makes another one, which says the same, for a point stays what it is.
 */
import { Fault, type FaultDocument } from '../../shared/faults.ts';
import { parseRelativePath } from '../../shared/path.ts';
import type { ExtractContent, PreviewFileResult, PreviewResult } from '../../shared/preview.ts';
import type { Standby } from '../apply/standby.ts';
import { openPast, type PastContent } from '../journal/past-content.ts';
import { entryOf, listPast, readPast, sideOf } from '../journal/past-listing.ts';
import { type PastName, pastStat, sides } from '../journal/past-object.ts';
import type { PastTree } from '../journal/past-tree.ts';
import { buildPast, type PastView, previewOf } from '../journal/past-view.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock, ReadableFile, RootTree, SegmentLog, Timer } from '../ports.ts';
import type { EngineConfig, EngineNotice, PastRequest } from './engine-protocol.ts';
import { SLICE_MS } from './slice.ts';

/** Of an in-place change that goes on: it is looked at again so often. */
const SETTLE_MS = 20;
/** An unused view is forgotten. */
const KEPT_MS = 60_000;
const QUEUED = 64;
const ATTEMPTS = 5;

export interface PastDeskPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly journalLog: SegmentLog;
  readonly hasher: ContentHasher;
}

export interface PastDeskHooks {
  /** The roots are being synchronized or set back: they are no state of any history. */
  readonly inFlux: () => boolean;
  /** Apply may go on. */
  readonly onIdle: () => void;
}

interface Job {
  readonly id: number;
  readonly request: PastRequest;
  work: Generator<undefined, unknown> | undefined;
  /** Of the journal, when it was begun. */
  changes: number;
  attempts: number;
}

/** A file that is being read, piece after piece. */
interface OpenFile {
  readonly key: string;
  readonly content: PastContent;
  /** Only a change in place changes what an open file holds. */
  readonly inPlace: number;
}

export class PastDesk {
  private readonly ports: PastDeskPorts & PastDeskHooks & { readonly standby: Standby; readonly scenarioName: string };
  private readonly notify: (notice: EngineNotice) => void;
  private readonly jobs: Job[] = [];
  private timer: Timer | undefined;
  private view: { readonly view: PastView; readonly stamp: string } | undefined;
  private file: OpenFile | undefined;
  private ended = false;

  constructor(
    ports: PastDeskPorts,
    standby: Standby,
    config: Pick<EngineConfig, 'scenarioName'>,
    notify: (notice: EngineNotice) => void,
    hooks: PastDeskHooks,
  ) {
    this.ports = { ...ports, ...hooks, standby, scenarioName: config.scenarioName };
    this.notify = notify;
  }

  /** A view is being made or used: nothing may be changed in the roots. */
  get busy(): boolean {
    return this.jobs[0]?.work !== undefined;
  }

  /** Oldest segment of the journal that is needed; undefined: none. */
  get pinnedSegment(): number | undefined {
    return this.view?.view.segment;
  }

  /** Throws what is refused at once. */
  take(id: number, request: PastRequest): void {
    if (this.jobs.length >= QUEUED) throw new Fault('ACCESS-RATE');
    if ('path' in request && request.path !== undefined) parseRelativePath(request.path);
    this.jobs.push({ id, request, work: undefined, changes: 0, attempts: 0 });
    if (this.jobs.length === 1) this.schedule(0);
  }

  end(): void {
    this.ended = true;
    this.timer?.cancel();
    this.forget();
    for (const { id } of this.jobs.splice(0)) {
      const fault = new Fault('ENGINE-ENDED', { reason: 'it was stopped' }).toDocument();
      this.notify({ type: 'reply', id, fault });
    }
  }

  private forget(): void {
    this.view = undefined;
    this.file?.content.close();
    this.file = undefined;
  }

  private schedule(delayMs: number): void {
    if (this.ended) return;
    this.timer?.cancel();
    this.timer = this.ports.clock.after(delayMs, () => this.step());
  }

  private step(): void {
    const [job] = this.jobs;
    if (job === undefined) {
      this.forget();
      return;
    }
    try {
      if (job.work !== undefined && job.changes !== this.changes) this.startOver(job);
      if (job.work === undefined && !this.begin(job)) return;
      const untilMs = this.ports.clock.bootMs() + SLICE_MS;
      do {
        const { done, value } = job.work!.next();
        if (done === true) {
          this.finish({ result: value });
          return;
        }
      } while (this.ports.clock.bootMs() < untilMs);
      this.schedule(0);
    } catch (error) {
      this.finish({ fault: Fault.from(error).toDocument() });
    }
  }

  private get changes(): number {
    return this.ports.standby.journal.changes.all;
  }

  /** Something else than apply changed the roots: what was seen of them fits together no more. */
  private startOver(job: Job): void {
    job.work?.return(undefined);
    job.work = undefined;
    job.attempts += 1;
    if (job.attempts >= ATTEMPTS) throw new Fault('FS-CHANGED', { path: this.ports.trees[0]?.path ?? '' });
  }

  /** False: not now, or it is answered already. */
  private begin(job: Job): boolean {
    const { standby, scenarioName, inFlux } = this.ports;
    if (inFlux()) {
      const reason = 'its roots are being compared or set back; ask again when that is over';
      throw new Fault('SCENARIO-STATE', { name: scenarioName, state: 'synchronizing', reason });
    }
    const read = this.continued(job.request);
    if (read !== undefined) {
      this.finish({ result: read });
      return false;
    }
    if (!standby.settle()) {
      this.schedule(SETTLE_MS);
      return false;
    }
    job.changes = this.changes;
    job.work = this.answer(job.request);
    return true;
  }

  private finish(answer: { readonly result?: unknown; readonly fault?: FaultDocument }): void {
    const job = this.jobs.shift();
    if (job !== undefined) this.notify({ type: 'reply', id: job.id, ...answer });
    this.schedule(this.jobs.length > 0 ? 0 : KEPT_MS);
    if (this.jobs.length === 0) this.ports.onIdle();
  }

  private *answer(request: PastRequest): Generator<undefined, unknown> {
    const startedMs = this.ports.clock.bootMs();
    const view = yield* this.viewOf(request.point);
    switch (request.kind) {
      case 'preview': {
        const result = yield* previewOf(view, request);
        return { ...result, tookMs: Math.round(this.ports.clock.bootMs() - startedMs) } satisfies PreviewResult;
      }
      case 'file':
        return yield* this.compare(view, request.root, request.path);
      case 'entry': {
        const tree = treeOf(view, request.root);
        return { point: view.point, entry: entryOf(tree, nameAt(tree, view, request.path), request.path) };
      }
      case 'list': {
        const tree = treeOf(view, request.root);
        return yield* listPast(tree, nameAt(tree, view, request.path), request.path, request);
      }
      case 'read': {
        const tree = treeOf(view, request.root);
        const name = nameAt(tree, view, request.path);
        if (name.object.stat.type !== 'file')
          throw new Fault('POINT-PATH', { path: request.path, point: request.point });
        const { inPlace } = this.ports.standby.journal.changes;
        this.file?.content.close();
        this.file = undefined;
        this.file = { key: keyOf(request), content: openPast(tree, name), inPlace };
        return readPast(this.file.content, request.position, request.length);
      }
    }
  }

  /** The next piece of the file that is open: it holds what it held, whatever became of its name. */
  private continued(request: PastRequest): ExtractContent | undefined {
    const { file } = this;
    if (request.kind !== 'read' || file?.key !== keyOf(request)) return undefined;
    if (file.inPlace !== this.ports.standby.journal.changes.inPlace) return undefined;
    return readPast(file.content, request.position, request.length);
  }

  private *viewOf(point: string): Generator<undefined, PastView> {
    const { journalLog, trees } = this.ports;
    const known = this.view;
    if (known !== undefined && known.view.point.id === point && known.stamp === this.stamp()) return known.view;
    this.view = undefined;
    const view = yield* buildPast(journalLog, trees, point);
    this.view = { view, stamp: this.stamp() };
    return view;
  }

  /** Changes with the roots, also when another engine changed them. */
  private stamp(): string {
    const { standby, journalLog } = this.ports;
    const newest = journalLog.list().at(-1);
    return `${standby.journal.changes.all} ${newest} ${newest === undefined ? 0 : journalLog.read(newest).length}`;
  }

  private *compare(view: PastView, root: number, path: string): Generator<undefined, PreviewFileResult> {
    const { hasher } = this.ports;
    const tree = treeOf(view, root);
    const name = tree.at(path);
    const stat = tree.now.stat(path);
    if (name === undefined && stat === undefined) throw new Fault('POINT-PATH', { path, point: view.point.id });
    const then =
      name &&
      (yield* sideOf(
        pastStat(name.object),
        () => openPast(tree, name),
        () => tree.reader(name).readLink(name.place.path),
        hasher,
      ));
    const now =
      stat &&
      (yield* sideOf(
        stat,
        () => presentContent(tree.now.openRead(path)),
        () => tree.now.readLink(path),
        hasher,
      ));
    const identical =
      then !== undefined &&
      then.type === now?.type &&
      then.sizeBytes === now.sizeBytes &&
      then.target === now.target &&
      then.hash === now.hash &&
      (then.hash !== undefined || then.type !== 'file');
    return { point: view.point, root, path, ...sides(then, now), identical };
  }
}

function keyOf({ point, root, path }: { point: string; root: number; path: string }): string {
  return `${point} ${root} ${path}`;
}

function treeOf(view: PastView, root: number): PastTree {
  const tree = view.trees[root];
  if (tree === undefined) throw new Fault('USAGE', { reason: `there is no root ${root}` });
  return tree;
}

function nameAt(tree: PastTree, view: PastView, path: string): PastName {
  const name = tree.at(path);
  if (name === undefined) throw new Fault('POINT-PATH', { path: path === '' ? '.' : path, point: view.point.id });
  return name;
}

function presentContent(file: ReadableFile): PastContent {
  const { sizeBytes } = file.stat();
  return {
    sizeBytes,
    read: (target, position, length) => {
      let done = 0;
      while (done < length) {
        const count = file.read(target, done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    },
    dataFrom: (position) => file.dataFrom?.(position) ?? position,
    close: () => file.close(),
  };
}

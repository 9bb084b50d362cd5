/**
 * The replication ledger of this host: what happened in each scenario it is the Master of since the last Replication Report.
 * Once a second it looks at the status and adds up; every few seconds that is made durable. Changes and bytes come from the
 * Replicas' tallies and are exact whatever was killed; delays, spool and states are measured only while the daemon runs, and
 * the report says when it did not.
 */
import { settingOf } from '../../config/catalogue.ts';
import { nextCron } from '../../shared/cron.ts';
import type { EventRecord } from '../../shared/events.ts';
import { Fault } from '../../shared/faults.ts';
import type { ReplicationReport, ReplicationTrigger } from '../../shared/report.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { AppliedTally, HostStatus, ScenarioStatus } from '../../shared/status.ts';
import type { SyncResult } from '../engine/engine-protocol.ts';
import type { Clock, Timer } from '../ports.ts';
import type { SentNotice } from '../scenario/engine-session.ts';
import type { EventLog, StatusSource } from '../services.ts';
import { addApplied, addSample, condense, emptySpan, type SpanFigures } from './figures.ts';
import type { ClosedPeriod, LedgerHead, LedgerNote, LedgerStore } from './ledger-store.ts';
import { FILE_LIMIT, isConnected, replicationReport } from './replication.ts';

const SAMPLE_MS = 1_000;
/** On a host that is no scenario's Master: a wake-up each. */
const NOTHING_MS = 3_000;
/** How much of the measurements a crash takes; the report says so (shared/report-replication.ts). */
const WRITE_MS = 10_000;
const WRITE_STOPPED_MS = 300_000;
const SPAN_MS = 900_000;
const SPANS_KEPT = 192;
/** Samples further apart measured nothing in between: the host slept, or the daemon did not run. */
const GAP_MS = 10_000;
/** Shorter interruptions of a link are not listed. */
const OUTAGE_MS = 3_000;
/** A moment that passed longer ago was missed. */
const MISSED_MS = 90_000;
const SETTLE_MS = 30_000;
const RETRY_MS = 30_000;
const NOTES_KEPT = 1_000;
const EVENT_PAGE = 5_000;
/** Events of one report that are looked at. */
const EVENTS_READ = 100_000;

export interface LedgerPorts {
  readonly clock: Clock;
  readonly store: LedgerStore;
  readonly events: EventLog;
  readonly status: StatusSource;
  readonly documentOf: (scenarioId: string) => ScenarioDocument | undefined;
  readonly newId: (at: number) => string;
  /** Durable when it returns; the same id again is the same report. */
  readonly publish: (report: ReplicationReport) => void;
  readonly complain: (text: string) => void;
}

interface Down {
  readonly fromWall: number;
  readonly sinceBoot: number;
  /** Its note, once it is long enough to be listed. */
  note?: number;
}

interface Book {
  readonly head: LedgerHead;
  span: SpanFigures;
  seenBoot: number;
  writtenBoot: number;
  readonly down: Map<string, Down>;
  running: boolean;
  spans: number;
  notes: number;
  dueAt: number | undefined;
  triedBoot: number;
}

export class ReplicationLedger {
  readonly #ports: LedgerPorts;
  readonly #books = new Map<string, Book>();
  /** Last reason a link went down, by scenario and Replica. */
  readonly #reasons = new Map<string, string>();
  #timer: Timer | undefined;
  #hasMaster = true;
  #unsubscribe: () => void = () => {};
  #complaint = '';
  #startedBoot = 0;

  constructor(ports: LedgerPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { clock, store, events } = this.#ports;
    this.#unsubscribe = events.subscribe((event) => this.#noteReason(event));
    const now = clock.wallMs();
    this.#startedBoot = clock.bootMs();
    for (const [id, head] of store.heads()) {
      const book = this.#open(head, now);
      book.spans = store.spans(id, head.period).length;
      book.notes = store.notes(id, head.period).length;
      this.#books.set(id, book);
      if (now - head.writtenAt > 2 * SAMPLE_MS) this.#unmeasured(id, book, head.writtenAt, now);
      this.#closeOutagesOfBefore(id, head);
    }
    this.#next();
  }

  /** Writes down what was measured; nothing is measured from here on. */
  pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unsubscribe();
    this.#guard(() => {
      this.#sample();
      for (const [id, book] of this.#books) this.#write(id, book);
    });
  }

  close(): void {
    this.#ports.store.close();
  }

  // ---------------------------------------------------------------- what is told

  sent({ id, name, settings }: ScenarioDocument, replica: string, { files, unnamed }: SentNotice): void {
    const book = this.#books.get(id) ?? this.#begin(id, name);
    if (book === undefined || !settingOf(settings, 'report.detailed')) return;
    const { head } = book;
    this.#guard(() => {
      this.#ports.store.write(() => {
        const leftOut = this.#ports.store.addFiles(id, head.period, replica, files, FILE_LIMIT);
        head.unnamedChanges += leftOut + unnamed;
      });
    });
  }

  synchronized({ id, name }: ScenarioDocument, replica: string, result: SyncResult): void {
    const book = this.#books.get(id) ?? this.#begin(id, name);
    if (book === undefined) return;
    const { startedAt, finishedAt, method, sentFiles: files, sentBytes: bytes, parked } = result;
    const tookMs = Math.max(0, finishedAt - startedAt);
    this.#note(id, book, { kind: 'synchronization', replica, at: finishedAt, tookMs, method, files, bytes, parked });
  }

  /** Makes the report of everything since the last one; throws `SCENARIO-STATE` when there is nothing. */
  report(name: string): ReplicationReport {
    this.#sample();
    const status = this.#ports.status.scenarios().find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (status === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name });
    const book = this.#books.get(status.id);
    if (book === undefined) {
      const reason = isOnMaster(status) ? 'it has not run yet' : `ask its Master ${status.hosts[0]?.name ?? ''}`;
      throw new Fault('SCENARIO-STATE', { name: status.name, state: status.state, reason });
    }
    if (book.head.closed !== undefined) this.#publish(status.id, book.head, book.head.closed);
    this.#closePeriod(status.id, book, 'demand');
    return this.#publish(status.id, book.head, book.head.closed!);
  }

  // ---------------------------------------------------------------- measuring

  #next(): void {
    this.#timer = this.#ports.clock.after(this.#hasMaster ? SAMPLE_MS : NOTHING_MS, () => {
      this.#next();
      this.#guard(() => this.#sample());
      this.#guard(() => this.#serve());
    });
  }

  #sample(): void {
    const scenarios = this.#ports.status.scenarios();
    const mastered = scenarios.filter(isOnMaster);
    this.#hasMaster = mastered.length > 0;
    for (const status of mastered) this.#observe(status);
    const known = new Set(scenarios.map(({ id }) => id));
    for (const id of this.#books.keys()) {
      if (known.has(id)) continue;
      this.#ports.store.dropScenario(id);
      this.#books.delete(id);
    }
  }

  #observe(status: ScenarioStatus): void {
    const { clock } = this.#ports;
    const book = this.#books.get(status.id) ?? (status.running ? this.#begin(status.id, status.name) : undefined);
    if (book === undefined) return;
    const bootMs = clock.bootMs();
    const now = clock.wallMs();
    const tookMs = bootMs - book.seenBoot;
    book.seenBoot = bootMs;
    if (tookMs > GAP_MS) this.#unmeasured(status.id, book, now - tookMs, now);
    else addSample(book.span, status, tookMs);
    book.span.until = now;
    if (book.running !== status.running) book.writtenBoot = Number.NEGATIVE_INFINITY;
    book.running = status.running;
    for (const host of status.hosts.slice(1)) {
      if (host.replica?.tally !== undefined) takeTally(book, host.name, host.replica.tally);
      this.#followLink(status, book, host);
    }
    const everyMs = status.running ? WRITE_MS : WRITE_STOPPED_MS;
    if (bootMs - book.writtenBoot >= everyMs || now - book.span.at >= SPAN_MS) this.#write(status.id, book);
  }

  #followLink(status: ScenarioStatus, book: Book, host: HostStatus): void {
    const { clock } = this.#ports;
    const down = book.down.get(host.name);
    if (!status.running || status.state === 'suspended' || isConnected(host)) {
      if (down === undefined) return;
      book.down.delete(host.name);
      if (down.note !== undefined) this.#changeOutage(status.name, host.name, down, clock.wallMs());
      return;
    }
    if (down === undefined) {
      book.down.set(host.name, { fromWall: clock.wallMs(), sinceBoot: clock.bootMs() });
      return;
    }
    if (down.note !== undefined || clock.bootMs() - down.sinceBoot < OUTAGE_MS) return;
    const note = this.#note(status.id, book, this.#outage(status.name, host.name, down));
    if (note !== undefined) down.note = note;
  }

  #outage(scenario: string, replica: string, { fromWall }: Down): LedgerNote {
    const reason = this.#reasons.get(`${scenario}\u0000${replica}`) ?? 'not reachable';
    return { kind: 'outage', replica, from: fromWall, reason };
  }

  #changeOutage(scenario: string, replica: string, down: Down, until: number): void {
    const note = { ...this.#outage(scenario, replica, down), until } as LedgerNote;
    this.#ports.store.changeNote(down.note!, note);
  }

  #noteReason({ code, scenario, data }: EventRecord): void {
    if (code !== 'LNK-002' && code !== 'LNK-003') return;
    this.#reasons.set(`${scenario}\u0000${data.peer}`, String(data.reason ?? ''));
  }

  /** What lasted when the daemon ended is known until then. */
  #closeOutagesOfBefore(id: string, head: LedgerHead): void {
    const { store } = this.#ports;
    const open = store.notes(id, head.period).filter((note) => note.kind === 'outage' && note.until === undefined);
    if (open.length === 0) return;
    const others = store.notes(id, head.period).filter((note) => !open.includes(note));
    const closed = open.map((note) => ({ ...note, until: head.writtenAt }) as LedgerNote);
    this.#guard(() => store.write(() => store.replaceNotes(id, head.period, [...others, ...closed])));
  }

  // ---------------------------------------------------------------- keeping

  #open(head: LedgerHead, now: number): Book {
    const boot = this.#ports.clock.bootMs();
    return {
      head,
      span: emptySpan(now),
      seenBoot: boot,
      writtenBoot: boot,
      down: new Map(),
      running: false,
      spans: 0,
      notes: 0,
      dueAt: undefined,
      triedBoot: boot,
    };
  }

  /** Undefined while nothing can be written. */
  #begin(id: string, name: string): Book | undefined {
    const now = this.#ports.clock.wallMs();
    const head: LedgerHead = {
      period: 1,
      startedAt: now,
      writtenAt: now,
      servedAt: now,
      schedule: '',
      tallies: {},
      unnamedChanges: 0,
    };
    const written = this.#guard(() => this.#ports.store.write(() => this.#ports.store.saveHead(id, head)));
    if (written !== true) {
      this.#ports.complain(`the replication ledger of ${name} cannot be begun: there is no room`);
      return undefined;
    }
    const book = this.#open(head, now);
    this.#books.set(id, book);
    return book;
  }

  /** Tallies and the figures that were made of them are durable together. */
  #write(id: string, book: Book): void {
    const { clock, store } = this.#ports;
    const { head, span } = book;
    const writtenAt = clock.wallMs();
    book.writtenBoot = clock.bootMs();
    const full = writtenAt - span.at >= SPAN_MS;
    const written = store.write(() => {
      store.saveSpan(id, head.period, span);
      store.saveHead(id, { ...head, writtenAt });
      if (!full || book.spans < SPANS_KEPT) return;
      const wider = condense(store.spans(id, head.period), SPANS_KEPT / 2);
      store.replaceSpans(id, head.period, wider);
      book.spans = wider.length;
    });
    if (!written) return;
    head.writtenAt = writtenAt;
    if (!full) return;
    book.span = emptySpan(writtenAt);
    book.spans += 1;
  }

  #note(id: string, book: Book, note: LedgerNote): number | undefined {
    if (book.notes >= NOTES_KEPT) return undefined;
    book.notes += 1;
    return this.#guard(() => this.#ports.store.addNote(id, book.head.period, note));
  }

  #unmeasured(id: string, book: Book, from: number, until: number): void {
    this.#note(id, book, { kind: 'unmeasured', from, until });
  }

  // ---------------------------------------------------------------- periods

  /** Reports that are due, and those whose writing was interrupted. */
  #serve(): void {
    for (const [id, book] of this.#books) {
      const document = this.#ports.documentOf(id);
      if (document === undefined) continue;
      this.#finish(id, book);
      const schedule = settingOf(document.settings, 'report.replicationSchedule');
      if (schedule !== book.head.schedule) this.#reschedule(id, book, schedule);
      if (schedule !== '' && book.head.closed === undefined) this.#keepSchedule(id, book, schedule);
    }
  }

  /** The report of a period that was closed and not published. */
  #finish(id: string, book: Book): void {
    const { clock } = this.#ports;
    if (book.head.closed === undefined || clock.bootMs() - book.triedBoot < RETRY_MS) return;
    book.triedBoot = clock.bootMs();
    this.#publish(id, book.head, book.head.closed);
  }

  #reschedule(id: string, book: Book, schedule: string): void {
    book.head.schedule = schedule;
    book.head.servedAt = this.#ports.clock.wallMs();
    book.dueAt = undefined;
    this.#write(id, book);
  }

  #keepSchedule(id: string, book: Book, schedule: string): void {
    const { clock } = this.#ports;
    const { head } = book;
    const now = clock.wallMs();
    // The clock was put back: the next time counts from now.
    if (head.servedAt > now) this.#reschedule(id, book, schedule);
    book.dueAt ??= nextCron(schedule, head.servedAt) ?? Number.POSITIVE_INFINITY;
    if (now < book.dueAt) return;
    const missed = now - book.dueAt > MISSED_MS;
    // Just started, no Replica is connected yet: that would be all the report says of them.
    if (missed && clock.bootMs() - this.#startedBoot < SETTLE_MS) return;
    head.servedAt = now;
    book.dueAt = undefined;
    if (!this.#hasRun(id, book)) {
      this.#write(id, book);
      return;
    }
    this.#closePeriod(id, book, missed ? 'made-up' : 'schedule');
    this.#publish(id, head, head.closed!);
  }

  #hasRun(id: string, book: Book): boolean {
    const spans = [...this.#ports.store.spans(id, book.head.period), book.span];
    return spans.some(({ states }) => Object.keys(states).some((state) => state !== 'stopped'));
  }

  /** From here on everything belongs to the next report. Throws `FS-FULL` when that cannot be made durable. */
  #closePeriod(id: string, book: Book, trigger: ReplicationTrigger): void {
    const { clock, store, newId } = this.#ports;
    const { head, span } = book;
    const finishedAt = clock.wallMs();
    const { period, startedAt, unnamedChanges } = head;
    const closed: ClosedPeriod = { period, startedAt, finishedAt, id: newId(finishedAt), trigger, unnamedChanges };
    const next: LedgerHead = {
      ...head,
      period: period + 1,
      startedAt: finishedAt,
      writtenAt: finishedAt,
      unnamedChanges: 0,
      closed,
    };
    const written = store.write(() => {
      store.saveSpan(id, period, span);
      store.saveHead(id, next);
    });
    if (!written) throw new Fault('FS-FULL', { path: 'the replication ledger' });
    Object.assign(head, next);
    book.span = emptySpan(finishedAt);
    book.writtenBoot = clock.bootMs();
    book.spans = 0;
    book.notes = 0;
    // What lasts is told in the next report, too.
    for (const down of book.down.values()) delete down.note;
  }

  /** Interrupted here, it is made again at the next start from the same rows, under the same id. */
  #publish(id: string, head: LedgerHead, closed: ClosedPeriod): ReplicationReport {
    const { store, documentOf, status, publish } = this.#ports;
    const document = documentOf(id);
    if (document === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: id });
    const report = replicationReport(document, closed, {
      spans: store.spans(id, closed.period),
      notes: store.notes(id, closed.period),
      files: settingOf(document.settings, 'report.detailed') ? store.files(id, closed.period) : undefined,
      ...this.#eventsOf(document.name, closed),
      status: status.scenarios().find((one) => one.id === id),
    });
    publish(report);
    const { closed: _, ...open } = head;
    store.write(() => {
      store.dropPeriod(id, closed.period);
      store.saveHead(id, open);
    });
    delete head.closed;
    return report;
  }

  #eventsOf(scenario: string, { startedAt, finishedAt }: ClosedPeriod) {
    const { events } = this.#ports;
    const found: EventRecord[] = [];
    let after = 0;
    for (let more = true; more && found.length < EVENTS_READ; ) {
      const page = events.query({ scenario, since: startedAt, after, limit: EVENT_PAGE });
      found.push(...page.filter(({ at }) => at < finishedAt));
      after = page.at(-1)?.n ?? after;
      more = page.length === EVENT_PAGE;
    }
    const [oldest] = events.query({ after: 0, limit: 1 });
    const complete = oldest === undefined || oldest.n === 1 || oldest.at <= startedAt;
    return { events: found, eventsComplete: complete && found.length < EVENTS_READ };
  }

  /** Nothing the ledger does may end the daemon. */
  #guard<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const text = `the replication ledger: ${String(error)}`;
      if (text !== this.#complaint) this.#ports.complain(text);
      this.#complaint = text;
      return undefined;
    }
  }
}

function isOnMaster({ hosts, reportedBy }: ScenarioStatus): boolean {
  return hosts[0]?.name === reportedBy;
}

/** Adds what is new in a Replica's tally. One that went back after a crash is waited for: it counts the same changes again. */
function takeTally({ head, span }: Book, replica: string, tally: AppliedTally): void {
  const known = head.tallies[replica];
  if (known !== undefined && known.since === tally.since) {
    addApplied(span, replica, known, tally);
    head.tallies[replica] = highest(known, tally);
    return;
  }
  // One never heard of that is older than this period: what it holds belongs to nobody's report.
  const older = known === undefined && tally.since < head.startedAt;
  addApplied(span, replica, older ? tally : undefined, tally);
  head.tallies[replica] = tally;
}

function highest(a: AppliedTally, b: AppliedTally): AppliedTally {
  const kinds: Record<string, number> = { ...a.kinds };
  for (const [kind, count] of Object.entries(b.kinds)) kinds[kind] = Math.max(kinds[kind] ?? 0, count);
  return { since: a.since, kinds, bytes: Math.max(a.bytes, b.bytes) };
}

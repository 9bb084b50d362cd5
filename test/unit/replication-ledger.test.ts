/** The Replication Report: exactly what happened since the last one, over restarts, crashes and missed times. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ReplicationLedger } from '../../daemon/report/ledger.ts';
import { openEventLog } from '../../daemon/store/event-log.ts';
import { openReplicationLedger } from '../../daemon/store/replication-ledger.ts';
import { Fault } from '../../shared/faults.ts';
import type { ReplicationReport } from '../../shared/report.ts';
import { reportCsv } from '../../shared/report-csv.ts';
import { reportHtml } from '../../shared/report-html.ts';
import { renderReport } from '../../shared/report-text.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { AppliedTally, ScenarioStatus } from '../../shared/status.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { SYNC_RESULT } from '../memory/scenario-world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A host whose ledger is real and whose scenario is as the test says. */
class Host {
  readonly clock = new SimulatedClock();
  readonly directory = mkdtempSync(join(tmpdir(), 'mainstay-ledger-'));
  readonly events = openEventLog({ path: ':memory:', clock: this.clock, host: 'alpha' });
  readonly published: ReplicationReport[] = [];
  readonly complaints: string[] = [];
  readonly damaged: string[] = [];
  settings: ScenarioDocument['settings'] = {};
  onPublish: () => void = () => {};
  tally: AppliedTally = { since: this.clock.wallMs(), kinds: {}, bytes: 0 };
  lagMs = 0;
  connected = true;
  running = true;
  parked = 0;
  ledger: ReplicationLedger | undefined;
  #life = 0;

  get document(): ScenarioDocument {
    return {
      id: 'a'.repeat(32),
      name: 'web',
      serverType: 'custom',
      solution: 'ha',
      master: { name: 'alpha', address: 'alpha:1' },
      replicas: [{ name: 'beta', address: 'beta:1', deviceId: 'b' }],
      roots: [{ master: '/srv/www', replica: '/srv/copy' }],
      exclude: [],
      settings: this.settings,
      revision: 1,
    };
  }

  status(): ScenarioStatus {
    const { running, lagMs } = this;
    const position = { generation: 'g', seq: 1 };
    const host = { health: 'alive', gate: 'none', position, lagMs, exposureMs: lagMs, exposureBytes: 0 } as const;
    return {
      id: this.document.id,
      name: 'web',
      serverType: 'custom',
      state: running ? 'protected' : 'stopped',
      since: 0,
      running,
      epoch: 1,
      active: 'alpha',
      hosts: [
        { ...host, name: 'alpha', role: 'active', spoolBytes: 5 },
        {
          ...host,
          name: 'beta',
          role: 'standby',
          spoolBytes: 7,
          synchronized: true,
          replica: {
            sentSeq: 1,
            receivedSeq: 1,
            appliedSeq: 1,
            lagMs,
            exposureMs: lagMs,
            exposureBytes: 0,
            pendingChanges: 0,
            link: this.connected ? 'live' : 'down',
            spoolBytes: 7,
            parked: this.parked,
            ...(this.connected ? { tally: this.tally } : {}),
          },
        },
      ],
      statistics: {
        synchronizedFiles: 0,
        synchronizedBytes: 0,
        replicatedChanges: 0,
        replicatedBytes: 0,
        bytesPerSecond: 0,
        changesPerSecond: 0,
      },
      reportedBy: 'alpha',
      revision: 1,
    };
  }

  start(): void {
    this.#life += 1;
    const life = this.#life;
    const { clock } = this;
    this.ledger = new ReplicationLedger({
      clock: {
        wallMs: () => clock.wallMs(),
        bootMs: () => clock.bootMs(),
        after: (delayMs, run) => clock.after(delayMs, () => life === this.#life && run()),
      },
      store: openReplicationLedger(join(this.directory, 'replication.sqlite'), (path) => this.damaged.push(path)),
      events: this.events,
      status: { scenarios: () => [this.status()], subscribe: () => () => {} },
      documentOf: () => this.document,
      newId: (at) => `report-${at}`,
      publish: (report) => {
        this.onPublish();
        this.published.push(report);
      },
      complain: (text) => this.complaints.push(text),
    });
    this.ledger.start();
  }

  /** kill -9: nothing is written down any more. */
  kill(): void {
    this.#life += 1;
    this.ledger?.close();
  }

  stop(): void {
    this.ledger?.pause();
    this.kill();
  }

  apply(files: number, bytes: number): void {
    const { since, kinds } = this.tally;
    this.tally = { since, kinds: { ...kinds, put: (kinds.put ?? 0) + files }, bytes: this.tally.bytes + bytes };
  }

  report(): ReplicationReport {
    return this.ledger!.report('web');
  }
}

function open(t: ExecutionContext, settings: ScenarioDocument['settings'] = {}): Host {
  const host = new Host();
  host.settings = settings;
  host.start();
  host.clock.advance(2 * SECOND);
  t.teardown(() => {
    host.kill();
    rmSync(host.directory, { recursive: true });
  });
  return host;
}

const replica = (report: ReplicationReport | undefined) => report?.replicas[0];

test('two reports together hold every change once and leave no time between them', (t) => {
  const host = open(t);
  host.apply(10, 1_000);
  host.clock.advance(HOUR);
  const first = host.report();
  host.apply(3, 30);
  host.clock.advance(HOUR);
  host.apply(1, 7);
  const second = host.report();
  t.like(replica(first), { files: 10, bytes: 1_000 });
  t.like(replica(second), { files: 4, bytes: 37 });
  t.is(second.startedAt, first.finishedAt);
  t.like(first, { ok: true, trigger: 'demand', stateAtEnd: 'protected', masterSpoolPeakBytes: 5 });
  t.is(second.states.protected, second.finishedAt - second.startedAt);
  t.deepEqual(host.complaints, []);
});

test('a crash of the daemon loses and doubles no change, and the time nobody measured is told', (t) => {
  const host = open(t);
  host.apply(100, 5_000);
  host.clock.advance(25 * SECOND);
  host.apply(11, 500);
  host.clock.advance(5 * SECOND);
  host.kill();
  host.apply(7, 70);
  host.clock.advance(MINUTE);
  host.start();
  host.clock.advance(20 * SECOND);
  const report = host.report();
  t.like(replica(report), { files: 118, bytes: 5_570 });
  t.is(report.unmeasured.length, 1);
  const { from, until } = report.unmeasured[0]!;
  t.true(until - from >= MINUTE && until - from <= MINUTE + 10 * SECOND);
  const measured = report.states.protected ?? 0;
  t.is(measured + (until - from), report.finishedAt - report.startedAt, 'measured and not measured make the period');
});

test('a clean restart measures until its end', (t) => {
  const host = open(t);
  host.clock.advance(14 * SECOND);
  host.stop();
  host.clock.advance(5 * SECOND);
  host.start();
  host.clock.advance(SECOND);
  const [gap] = host.report().unmeasured;
  t.is(gap!.until - gap!.from, 5 * SECOND);
});

test('a Replica whose tally went back after a crash is not counted twice, one that starts anew is', (t) => {
  const host = open(t);
  host.apply(50, 500);
  host.clock.advance(MINUTE);
  const whole = host.tally;
  host.tally = { ...whole, kinds: { put: 30 }, bytes: 300 };
  host.clock.advance(5 * SECOND);
  host.tally = whole;
  host.apply(1, 1);
  host.clock.advance(5 * SECOND);
  t.like(replica(host.report()), { files: 51, bytes: 501 });
  host.tally = { since: host.clock.wallMs(), kinds: { put: 4 }, bytes: 40 };
  host.clock.advance(5 * SECOND);
  t.like(replica(host.report()), { files: 4, bytes: 40 });
});

test('lag is told as its longest and as what it was for 95 % of the time', (t) => {
  const host = open(t);
  host.lagMs = 200;
  host.clock.advance(96 * SECOND);
  host.lagMs = 30_000;
  host.clock.advance(3 * SECOND);
  const { lag } = replica(host.report())!;
  t.is(lag?.maxMs, 30_000);
  t.true(lag!.p95Ms >= 200 && lag!.p95Ms <= 220, `${lag?.p95Ms}`);
});

test('an interruption of the link is told with its times and reason, a blink is not', (t) => {
  const host = open(t);
  const begun = host.clock.wallMs();
  host.events.record('LNK-002', { peer: 'beta', reason: 'the cable was pulled' }, 'web');
  host.connected = false;
  host.clock.advance(2 * MINUTE);
  host.connected = true;
  host.clock.advance(MINUTE);
  host.connected = false;
  host.clock.advance(1_500);
  host.connected = true;
  host.clock.advance(MINUTE);
  const report = host.report();
  t.is(report.outages.length, 1);
  const [outage] = report.outages;
  t.like(outage, { replica: 'beta', reason: 'the cable was pulled' });
  t.true(outage!.from - begun <= SECOND && outage!.until! - outage!.from - 2 * MINUTE <= SECOND);
  t.is(report.eventCounts['LNK-002'], 1);
  t.regex(renderReport(report, 'summary'), /Link outages[\s\S]*beta .* 2 min .*the cable was pulled/);
});

test('an outage that lasts is in this report and in the next', (t) => {
  const host = open(t);
  host.connected = false;
  host.clock.advance(MINUTE);
  const first = host.report();
  t.is(first.outages[0]?.until, undefined);
  t.false(first.ok);
  host.clock.advance(MINUTE);
  host.connected = true;
  host.clock.advance(MINUTE);
  const second = host.report();
  t.is(second.outages[0]?.from, first.outages[0]?.from);
  t.truthy(second.outages[0]?.until);
});

test('synchronizations, brakes and verification of the period are in it, those before are not', (t) => {
  const host = open(t);
  const result = { ...SYNC_RESULT, peer: 'b', startedAt: host.clock.wallMs() - 2_000, finishedAt: host.clock.wallMs() };
  host.ledger!.synchronized(host.document, 'beta', result);
  host.events.record('BRK-001', { removed: 10, total: 12, seq: 3 }, 'web');
  host.events.record('VRF-001', { count: 1, peer: 'beta', paths: 'x' }, 'web');
  host.events.record('SYN-002', {}, 'other');
  host.clock.advance(MINUTE);
  const first = host.report();
  t.like(first.synchronizations[0], { replica: 'beta', files: 2, bytes: 300, tookMs: 2_000, method: 'file' });
  t.deepEqual(
    first.incidents.map(({ code }) => code),
    ['BRK-001', 'VRF-001'],
  );
  t.false(first.ok);
  t.true(first.eventsComplete);
  host.clock.advance(MINUTE);
  const second = host.report();
  t.deepEqual([second.synchronizations.length, second.incidents.length, second.ok], [0, 0, true]);
});

test('the detailed report lists at most 10,000 files, says how many changes are not named, and only when it is wanted', (t) => {
  const host = open(t);
  const sent = (from: number, count: number) => ({
    type: 'sent' as const,
    peer: 'b',
    files: Array.from({ length: count }, (_, at) => ({
      root: 0,
      path: `f${from + at}\udcff`,
      kind: 'put',
      changes: 1,
      bytes: 5,
    })),
    unnamed: 4,
  });
  for (let from = 0; from < 11_000; from += 1_000) host.ledger!.sent(host.document, 'beta', sent(from, 1_000));
  host.ledger!.sent(host.document, 'beta', { ...sent(0, 1), unnamed: 0 });
  host.clock.advance(SECOND);
  const report = host.report();
  t.is(report.files?.length, 10_000);
  t.like(report.files?.[0], { replica: 'beta', path: 'f0\udcff', changes: 2 });
  t.is(report.unnamedChanges, 1_000 + 44);
  t.regex(renderReport(report, 'detailed'), /and 1,044 more changes: at most 10,000 files are listed/);
  t.regex(reportHtml(report, 'detailed'), /\/srv\/www\/f0\\xff/);
  t.true(reportCsv(report, 'detailed').startsWith('replica,root,path,kind,changes,bytes\r\nbeta,/srv/www,f0'));
  host.settings = { 'report.detailed': false };
  host.ledger!.sent(host.document, 'beta', sent(0, 5));
  host.clock.advance(SECOND);
  const without = host.report();
  t.is(without.files, undefined);
  t.regex(renderReport(without, 'detailed'), /was not kept/);
});

test('reports are made at their times, and one for all the times that were missed', (t) => {
  const host = open(t, { 'report.replicationSchedule': '0 * * * *' });
  host.apply(5, 50);
  host.clock.advance(2 * HOUR);
  t.deepEqual(
    host.published.map(({ trigger }) => trigger),
    ['schedule', 'schedule'],
  );
  for (const { finishedAt } of host.published) t.true(new Date(finishedAt).getMinutes() === 0);
  t.deepEqual(
    host.published.map((report) => replica(report)?.files),
    [5, 0],
  );
  host.stop();
  host.clock.advance(5 * HOUR);
  host.apply(2, 20);
  host.start();
  host.clock.advance(2 * MINUTE);
  t.is(host.published.length, 3);
  t.like(host.published[2], { trigger: 'made-up' });
  t.is(replica(host.published[2])?.files, 2);
  t.is(host.published[2]!.startedAt, host.published[1]!.finishedAt);
  host.clock.advance(2 * HOUR);
  t.is(host.published.length, 5);
});

test('while a scenario is stopped the whole time no report of it is made, and a schedule that was changed counts from then', (t) => {
  const host = open(t);
  host.report();
  host.running = false;
  host.settings = { 'report.replicationSchedule': '0 * * * *' };
  host.clock.advance(SECOND);
  host.report();
  const before = host.published.length;
  host.clock.advance(3 * HOUR);
  t.is(host.published.length, before);
  host.running = true;
  host.clock.advance(HOUR);
  t.is(host.published.length, before + 1);
  t.true((host.published.at(-1)?.states.stopped ?? 0) > 2 * HOUR, 'the time it was stopped is not left out');
});

test('a crash between the end of a period and its report makes the same report again, once', (t) => {
  const host = open(t);
  host.apply(9, 90);
  host.clock.advance(MINUTE);
  host.onPublish = () => {
    throw new Error('killed here');
  };
  t.throws(() => host.report(), { message: 'killed here' });
  host.kill();
  host.onPublish = () => {};
  host.apply(1, 1);
  host.clock.advance(MINUTE);
  host.start();
  host.clock.advance(2 * MINUTE);
  t.is(host.published.length, 1);
  t.like(replica(host.published[0]), { files: 9, bytes: 90 });
  const next = host.report();
  t.like(replica(next), { files: 1, bytes: 1 });
  t.is(next.startedAt, host.published[0]!.finishedAt);
});

test('a period of many weeks keeps its sums in a bounded number of spans', (t) => {
  const host = open(t);
  for (let day = 0; day < 60; day += 1) {
    host.apply(24, 240);
    // Samples far apart, as on a host that sleeps: the test would take minutes otherwise.
    host.clock.advance(SECOND);
    host.clock.setWallMs(host.clock.wallMs() + 24 * HOUR);
  }
  host.clock.advance(2 * SECOND);
  const report = host.report();
  t.like(replica(report), { files: 60 * 24, bytes: 60 * 240 });
  t.true(report.spans.length <= 48);
  t.is(
    report.spans.reduce((sum, { changes }) => sum + changes, 0),
    60 * 24,
  );
});

test('a scenario that never ran has no report; a damaged ledger is set aside and begun anew', (t) => {
  const host = new Host();
  host.running = false;
  host.start();
  t.is(t.throws(() => host.report(), { instanceOf: Fault })?.code, 'SCENARIO-STATE');
  host.kill();
  writeFileSync(join(host.directory, 'replication.sqlite'), 'not a database, certainly not'.repeat(100));
  host.running = true;
  host.start();
  host.clock.advance(5 * SECOND);
  t.is(host.damaged.length, 1);
  t.is(host.report().replicas.length, 1);
  host.kill();
  rmSync(host.directory, { recursive: true });
});

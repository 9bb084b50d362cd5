/** Assessment: what is counted on a Master without a Replica, and what is suggested from it. */
import test from 'ava';
import { AssessEngine, type AssessFigures } from '../../daemon/engine/assess-engine.ts';
import type { EngineNotice } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { assessmentReport } from '../../daemon/report/assessment.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { renderReport } from '../../shared/report-text.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { MemoryCapture } from '../memory/capture.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const document: ScenarioDocument = {
  id: '0'.repeat(32),
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:1' },
  replicas: [{ name: 'beta', address: 'beta:1' }],
  roots: [{ master: '/srv/www' }],
  exclude: [],
  settings: {},
  revision: 1,
};

test('changes are counted minute by minute as they would be sent; what was there before is not', (t) => {
  const clock = new SimulatedClock();
  clock.setWallMs(Date.UTC(2026, 10, 23, 10, 0));
  const capture = new MemoryCapture(clock);
  const tree = new MemoryTree({
    volume: new MemoryVolume(clock),
    path: '/srv/www',
    capture: { source: capture, root: 0 },
  });
  const user = new MemoryUser(tree, capture);
  user.makeDirectory('d');
  user.writeFile('d/old', 'x'.repeat(1_000));
  const notices: EngineNotice[] = [];
  const config = {
    scenarioId: 'a',
    scenarioName: 'web',
    role: 'master',
    assess: true,
    roots: [{ path: '/srv/www' }],
    directory: '/state',
    exclude: ['cache/**'],
    fileFilter: [],
    agreedFingerprint: '',
    attributeKinds: 0,
    epoch: 1,
    limits: { spoolMaxBytes: 2 ** 30, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 },
  } as const;
  const ports = { clock, trees: [tree], state: new MasterState(':memory:'), hasher };
  const engine = new AssessEngine(config, ports, (notice) => notices.push(notice));
  const call = (id: number, name: 'assess-begin' | 'assess-figures'): unknown => {
    engine.handle({ type: 'call', id, call: { name } });
    const answer = () => notices.find((notice) => notice.type === 'reply' && notice.id === id);
    t.true(clock.runUntil(() => answer() !== undefined, 60_000));
    return (answer() as { result?: unknown }).result;
  };
  capture.start((hints) => engine.handle({ type: 'hints', hints }));
  engine.start();
  call(1, 'assess-begin');
  clock.advance(5_000);
  user.writeFile('d/new', 'y'.repeat(5_000));
  clock.advance(60_000);
  user.writeFile('d/old', 'z'.repeat(2_000));
  user.rename('d/new', 'd/renamed');
  user.makeDirectory('cache');
  user.writeFile('cache/page', 'not replicated');
  clock.advance(60_000);
  const figures = call(2, 'assess-figures') as AssessFigures;
  t.like(figures, { entries: 2, dataBytes: 1_000, overflows: 0 });
  t.deepEqual(
    figures.minutes.map(({ at, files, bytes }) => [new Date(at).toISOString().slice(14, 16), files, bytes]),
    [
      ['00', 1, 5_000],
      ['01', 1, 2_000],
    ],
  );
  t.is(figures.minutes[1]?.kinds.rename, 1);
  const span = { startedAt: Date.UTC(2026, 10, 23, 10, 0), finishedAt: Date.UTC(2026, 10, 23, 10, 2) };
  const report = assessmentReport('a1', document, span, figures);
  t.like(report, { total: { files: 2, bytes: 7_000 }, peakMinuteBytes: 5_000, peakHourBytes: 7_000 });
  t.is(report.hours.length, 1);
  t.regex(renderReport(report, 'summary'), /Files changed: +2\n/);
  engine.handle({ type: 'stop' });
  t.is(notices.at(-1)?.type, 'stopped');
});

test('the suggestion carries all but the busiest minutes and holds four busy hours', (t) => {
  const minute = (n: number, bytes: number) => ({ at: n * 60_000, files: 1, bytes, kinds: { put: 1 } });
  const minutes = Array.from({ length: 120 }, (_, n) => minute(n, n < 6 ? 6_000_000_000 : 60_000_000));
  const span = { startedAt: 0, finishedAt: 120 * 60_000 };
  const figures = { entries: 10, dataBytes: 5_000, overflows: 1, minutes };
  const report = assessmentReport('a1', document, span, figures);
  t.is(report.suggestion.bandwidthBytesPerSecond, 1_000_000);
  t.is(report.suggestion.spoolBytes, 4 * (6 * 6_000_000_000 + 54 * 60_000_000));
  t.false(report.ok, 'notifications were lost: too low');
});

import test from 'ava';
import fc from 'fast-check';
import type { RecoveryStatus } from '../../shared/rewind.ts';
import type { SyncProgress } from '../../shared/status.ts';
import { PaceMeter, recoveryText } from '../../tui/cli/recovery-progress.ts';
import { bar, pairs, safe, safeJson, table } from '../../tui/cli/text.ts';
import { progressText } from '../../tui/cli/waiting.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';
import { scenarioStatus } from './command-line-rig.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const STEERS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f]/;

test('whatever a file is called, it cannot steer the terminal', (t) => {
  t.is(safe('a\u001b[31mred\u001b[0m'), 'ared');
  t.is(safe('x\u001b]0;title\u0007y'), 'xy');
  t.is(safe('a\nb\u202etxt.exe'), 'a�b�txt.exe');
  t.is(safe('bad \udc80 byte 😀'), 'bad � byte 😀');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.false(STEERS.test(safe(text)));
      const json = safeJson({ text });
      t.false(STEERS.test(json));
      t.deepEqual(JSON.parse(json), { text });
    }),
    { numRuns: 500 },
  );
});

test('columns line up, numbers at their right end', (t) => {
  t.is(
    table(
      ['NAME', 'BYTES'],
      [
        ['a', '5'],
        ['longer name', '12,345'],
      ],
      [1],
    ),
    'NAME          BYTES\na                 5\nlonger name  12,345\n',
  );
  t.is(
    pairs([
      ['a', '1'],
      ['none', undefined],
      ['long', '2'],
    ]),
    'a     1\nlong  2\n',
  );
});

test('the progress bar is full only when all is done', (t) => {
  t.is(bar(0.5, 12), '[#####-----]');
  t.is(bar(0.9999, 12), '[#########-]');
  t.is(bar(1, 12), '[##########]');
});

test('progress shows no percentage before the amount is known, and fits the line', (t) => {
  const sync: SyncProgress = {
    phase: 'transferring',
    startedAt: 0,
    comparedEntries: 500,
    sentFiles: 20,
    sentBytes: 5_000_000,
    neededBytes: 10_000_000,
    bytesPerSecond: 1_000_000,
  };
  const during = (more: Partial<SyncProgress>) =>
    progressText(scenarioStatus('shop', { state: 'synchronizing', sync: { ...sync, ...more } }), 200);
  t.is(during({}), 'transferring  500 compared, 20 files 5 MB sent, 1 MB/s');
  t.regex(during({ totalEntries: 1000, secondsLeft: 5 }), /^\[#{10}-{10}\] 50% {2}500 of 1,000 compared.*5 s left$/);
  t.is(progressText(scenarioStatus('shop', { state: 'verifying' }), 80), 'shop: verifying');
  t.is(progressText(scenarioStatus('shop', { state: 'synchronizing', sync }), 30).length, 29);
});

test('a restore and its undo say how far they are, how fast and how long it takes; a new part starts the rate anew', (t) => {
  const recovery: RecoveryStatus = {
    method: 'rewind',
    phase: 'rewinding',
    doneSteps: 1_000,
    totalSteps: 4_000,
    startedAt: 0,
    scenario: 'shop',
    replica: 'web-02',
  };
  const meter = new PaceMeter();
  const undo = { ...recovery, undo: true as const, path: 'a.html' };
  t.is(meter.seen(undo, 0), undefined);
  t.is(recoveryText(undo), 'undo on web-02 [#####---------------] 25%  1,000 of 4,000 changes taken back, a.html');
  const pace = meter.seen({ ...undo, doneSteps: 2_000 }, 2_000);
  t.deepEqual(pace, { stepsPerSecond: 500, bytesPerSecond: 0 });
  const { path: _path, ...further } = { ...undo, doneSteps: 2_000 };
  t.is(
    recoveryText(further, pace),
    'undo on web-02 [##########----------] 50%  2,000 of 4,000 changes taken back, 500 a second, 4 s left',
  );
  t.is(meter.seen({ ...undo, replica: 'web-01', doneSteps: 2_500 }, 3_000), undefined, 'another host');
  t.is(recoveryText({ ...recovery, totalSteps: 0, doneSteps: 0 }), 'rewinding  0 changes taken back');
  const sent = { ...recovery, phase: 'synchronizing' as const, doneBytes: 1_000_000, totalBytes: 2_000_000 };
  t.regex(
    recoveryText(sent, { stepsPerSecond: 0, bytesPerSecond: 1_000_000 }),
    /1,000 of 4,000 compared, 1 MB of 2 MB sent, 1 MB\/s$/,
  );
});

import test from 'ava';
import { PUSH_EVENT_LIMIT, PushQueue } from '../../daemon/console/push-queue.ts';
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, backoffMs } from '../../daemon/link/backoff.ts';
import type { EventRecord } from '../../shared/events.ts';
import type { DaemonStatus, ScenarioStatus } from '../../shared/status.ts';

const daemon = (): DaemonStatus => ({
  name: 'web1',
  deviceId: 'd',
  version: '0',
  platform: 'test',
  startedAt: 0,
  address: 'a:1',
  at: 0,
});
const scenario = (id: string) => ({ id, name: id }) as ScenarioStatus;
const event = (n: number): EventRecord => ({
  n,
  at: 0,
  severity: 'info',
  code: 'HST-001',
  host: 'web1',
  text: '',
  data: {},
});

test('many changes of one scenario become one entry, with its newest status', (t) => {
  const queue = new PushQueue();
  for (let n = 0; n < 1_000; n += 1) queue.scenarioChanged('a');
  const newest = scenario('a');
  const batch = queue.take([scenario('b'), newest], daemon);
  t.deepEqual(batch?.scenarios, [newest]);
  t.is(queue.take([newest], daemon), undefined);
});

test('a changed scenario that is not there any more was removed', (t) => {
  const queue = new PushQueue();
  queue.scenarioChanged('gone');
  t.deepEqual(queue.take([scenario('b')], daemon)?.removedScenarios, ['gone']);
});

test('a storm of events is cut and counted, and the next push starts anew', (t) => {
  const queue = new PushQueue();
  for (let n = 1; n <= PUSH_EVENT_LIMIT + 300; n += 1) queue.eventRecorded(event(n));
  const batch = queue.take([], daemon);
  t.is(batch?.events.length, PUSH_EVENT_LIMIT);
  t.is(batch?.events[0]?.n, 1);
  t.is(batch?.eventsDropped, 300);
  queue.eventRecorded(event(9));
  t.like(queue.take([], daemon), { eventsDropped: 0, events: { length: 1 } });
});

test('the daemon itself is told only when asked for', (t) => {
  const queue = new PushQueue();
  queue.eventRecorded(event(1));
  t.is(queue.take([], daemon)?.daemon, undefined);
  queue.daemonChanged();
  t.is(queue.take([], daemon)?.daemon?.name, 'web1');
});

test('attempts to connect come at growing, spread intervals up to the longest', (t) => {
  t.is(backoffMs(0, 0), BACKOFF_FIRST_MS);
  t.is(backoffMs(3, 0), BACKOFF_FIRST_MS * 8);
  t.is(backoffMs(50, 0), BACKOFF_MAX_MS);
  t.true(backoffMs(50, 0.999) > BACKOFF_MAX_MS / 2);
  t.true(backoffMs(2, 0.5) < backoffMs(2, 0.1));
});

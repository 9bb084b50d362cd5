/**
 * The console as a process with one pretended daemon and a past of 100,000 points, for journeys in a real pty. A restore takes
 * some seconds, and in the middle of it the connection breaks and comes back, as it does when an administrator is on a train.
 */
import { Fault } from '../../shared/faults.ts';
import type { RecoveryStatus } from '../../shared/rewind.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { runConsole } from '../../tui/main.tsx';
import { FakeConnection } from './fake-connection.ts';
import { answerOf, history, RECOVERY, STOPPED } from './recovery-states.ts';
import { daemon, event, scenario, snapshot } from './sample.ts';

const POINTS = history(100_000);
const STEPS = 20_000;
const BREAK_AT = 6_000;
const BACK_AT = 14_000;
const STEP_MS = 100;
const PUSH_MS = 50;

let shop: ScenarioStatus = scenario('web-shop', STOPPED);
let n = 0;
const web = new FakeConnection('web-01');
let up = true;

function push(status: ScenarioStatus, ...texts: readonly string[]): void {
  shop = status;
  const events = texts.map((text, index) => event(n + index + 1, text, { at: Date.now() }));
  n += events.length;
  if (up) web.say({ type: 'push', batch: { scenarios: [status], removedScenarios: [], events, eventsDropped: 0 } });
}

function greet(): void {
  web.say({ type: 'welcome', welcome: { protocol: 1, role: 'admin', daemon: daemon('web-01') } });
  web.say({ type: 'snapshot', snapshot: snapshot('web-01', [shop]) });
}

let reject: (fault: Fault) => void = () => {};

function restore(): Promise<unknown> {
  const startedAt = Date.now();
  let done = 0;
  const timer = setInterval(() => {
    done = Math.min(STEPS, done + 1_000);
    if (done === BREAK_AT) {
      up = false;
      web.goDown('the train went into a tunnel');
      reject(new Fault('LINK-UNREACHABLE', { host: 'web-01', reason: 'the connection was lost' }));
    }
    const recovery: RecoveryStatus = { ...RECOVERY, startedAt, doneSteps: done, totalSteps: STEPS };
    if (done < STEPS) push({ ...shop, recovery });
    else {
      clearInterval(timer);
      const { recovery: _over, ...rest } = shop;
      push(rest, 'Rewind process is completed successfully', 'Synchronization finished');
    }
    if (done === BACK_AT) {
      up = true;
      greet();
    }
  }, STEP_MS);
  return new Promise((_resolve, refuse) => {
    reject = refuse;
  });
}

web.onConnect = () => setTimeout(greet, 50);
web.answer = (command, args) => {
  if (!up) throw new Fault('LINK-UNREACHABLE', { host: 'web-01', reason: 'the connection was lost' });
  if (command === 'events.query') return { events: [] };
  return command === 'scenario.restore' ? restore() : answerOf(command, args, POINTS);
};

/** MAINSTAY_PLAY_EVENTS=N: so many events a second, as a daemon batches them. */
const perPush = Number(process.env.MAINSTAY_PLAY_EVENTS ?? 0) / (1000 / PUSH_MS);
if (perPush > 0) {
  setInterval(() => push(shop, ...Array.from({ length: perPush }, (_, index) => `change ${n + index}`)), PUSH_MS);
}

process.exit(await runConsole({ profile: 'prod', hosts: [web.host], connect: async () => [web] }));

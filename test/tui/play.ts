/**
 * The console as a process with pretended daemons, for journeys in a real pty and for looking at screens: `node play.js MODE`.
 * web-01 answers like a daemon, one host is down. Modes: `calm`, `busy` (many events), `empty`, `throw` (an error nobody catches).
 */
import { Fault } from '../../shared/faults.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { runConsole, whyNoConsole } from '../../tui/main.tsx';
import { FakeConnection } from './fake-connection.ts';
import { daemon, event, moods, SYNCHRONIZING, scenario, snapshot } from './sample.ts';

const mode = process.argv[2] ?? 'calm';
const refusal = whyNoConsole();
if (refusal !== undefined) {
  process.stderr.write(`mainstay: ${refusal}\n`);
  process.exit(4);
}

let n = 0;
let scenarios: ScenarioStatus[] =
  mode === 'empty'
    ? []
    : [...moods(), scenario('fresh', { state: 'stopped', stopReason: 'never-run', running: false })];
const web = new FakeConnection('web-01');
const down = new FakeConnection('old-02');

function push(changed: readonly ScenarioStatus[], texts: readonly (readonly [string, string])[] = []): void {
  scenarios = scenarios.map((status) => changed.find((other) => other.id === status.id) ?? status);
  const events = texts.map(([name, text], index) => event(n + index + 1, text, { at: Date.now(), scenario: name }));
  n += events.length;
  web.say({ type: 'push', batch: { scenarios: changed, removedScenarios: [], events, eventsDropped: 0 } });
}

function find(name: unknown): ScenarioStatus {
  const found = scenarios.find((status) => status.name === name);
  if (found === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: String(name) });
  return found;
}

function run(status: ScenarioStatus): void {
  const began = { ...status, running: true, since: Date.now(), revision: status.revision + 1 };
  push([{ ...began, state: 'synchronizing', sync: SYNCHRONIZING }], [[status.name, 'Scenario is starting']]);
  setTimeout(() => {
    const { sync: _done, ...rest } = began as ScenarioStatus;
    push(
      [{ ...rest, state: 'protected' }],
      [[status.name, 'All modifications during synchronization period are replicated']],
    );
  }, 1500);
}

web.onConnect = () => {
  setTimeout(() => {
    web.say({ type: 'welcome', welcome: { protocol: 1, role: 'admin', daemon: daemon('web-01') } });
    web.say({ type: 'snapshot', snapshot: snapshot('web-01', scenarios) });
    web.say({ type: 'round-trip', ms: 12 });
    push(
      [],
      [
        ['web-shop', 'Connected to web-02'],
        ['web-shop', 'Scenario is protected'],
      ],
    );
  }, 100);
};
web.answer = (command, args) => {
  const now = Date.now();
  switch (command) {
    case 'scenario.verify':
      find(args.name);
      return {
        findings: [
          {
            severity: 'warning',
            code: 'CLOCK',
            host: 'web-02',
            text: 'clocks differ',
            found: '3.2 s',
            expected: 'at most 1 s',
            fix: 'Start a time service on both hosts.',
          },
        ],
      };
    case 'scenario.run':
      setTimeout(() => run(find(args.name)), 100);
      return {};
    case 'scenario.stop': {
      const { sync: _gone, ...rest } = find(args.name);
      push(
        [{ ...rest, state: 'stopped', stopReason: 'by-user', running: false, since: now }],
        [[String(args.name), 'Stopped by user']],
      );
      return {};
    }
    case 'scenario.show':
      return {
        id: find(args.name).id,
        name: args.name,
        master: { name: 'web-01', address: 'web-01:7780' },
        replicas: [{ name: 'web-02', address: 'web-02:7780' }],
        roots: [{ master: '/srv/www/shop' }, { master: '/srv/www/assets', replica: '/data/assets' }],
        exclude: ['cache/**', '*.tmp'],
        revision: 3,
      };
    default:
      return { events: [] };
  }
};
down.onConnect = () => setTimeout(() => down.goDown(), 150);

const perTick = mode === 'busy' ? 250 : 0;
if (mode === 'busy') {
  setInterval(
    () =>
      push(
        [],
        Array.from({ length: perTick }, (_, index) => ['web-shop', `change ${n + index} replicated`] as const),
      ),
    50,
  );
}
setInterval(() => {
  const shop = scenarios.find((status) => status.name === 'web-shop');
  if (shop === undefined || !shop.running) return;
  const wave = 1_000_000 + Math.round(800_000 * Math.sin(Date.now() / 7000));
  push([{ ...shop, statistics: { ...shop.statistics, bytesPerSecond: wave } }]);
}, 1000);
if (mode === 'throw')
  setTimeout(() => {
    throw new Error('thrown on purpose');
  }, 1000);

try {
  const code = await runConsole({
    profile: 'prod',
    hosts: [web.host, down.host],
    connect: async () => [web, down],
    readonly: process.argv.includes('--readonly'),
    ...(process.argv.includes('--ascii') ? { ascii: true } : {}),
    ...(process.env.CONSOLE_LOG === undefined ? {} : { logFile: process.env.CONSOLE_LOG }),
  });
  process.exit(code);
} catch (error) {
  process.stderr.write(`mainstay: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

/** States of the console made the way the console makes them: by messages to its reducer. */
import { Fault } from '../../shared/faults.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { type ConsoleSettings, type ConsoleState, initialState, type Message } from '../../tui/state.ts';
import { update } from '../../tui/update.ts';
import { daemon, event, master, moods, NOON, SYNCHRONIZING, scenario, snapshot, standby } from './sample.ts';

export const SETTINGS: ConsoleSettings = {
  profile: 'prod',
  readonly: false,
  ascii: false,
  colour: true,
  charts: 'braille',
  spareRows: 0,
};

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export function fresh(
  size: Size,
  hosts: readonly string[] = ['web-01'],
  settings: Partial<ConsoleSettings> = {},
): ConsoleState {
  return initialState({
    settings: { ...SETTINGS, ...settings },
    hosts: hosts.map((name) => ({ name, address: `${name}.example.net:7780` })),
    ...size,
    now: NOON,
  });
}

export function after(state: ConsoleState, ...messages: readonly Message[]): ConsoleState {
  return messages.reduce((current, message) => update(current, message).state, state);
}

/** Keys pressed calmly, one a second, so that no guard takes them for slips. */
export function press(state: ConsoleState, ...names: readonly string[]): ConsoleState {
  return names.reduce((current, name) => after(current, keyPress(name, current.now + 1000)), state);
}

export function keyPress(name: string, at: number): Extract<Message, { type: 'key' }> {
  const text = name === 'space' ? ' ' : name;
  return [...text].length === 1
    ? { type: 'key', name, text, burst: false, at }
    : { type: 'key', name, burst: false, at };
}

export function type(state: ConsoleState, text: string): ConsoleState {
  return press(state, ...[...text].map((character) => (character === ' ' ? 'space' : character)));
}

export function connected(state: ConsoleState, host: string, scenarios: readonly ScenarioStatus[]): ConsoleState {
  return after(
    state,
    {
      type: 'news',
      host,
      news: { type: 'welcome', welcome: { protocol: 1, role: 'admin', daemon: daemon(host) } },
      at: NOON,
    },
    { type: 'news', host, news: { type: 'snapshot', snapshot: snapshot(host, scenarios) }, at: NOON },
    { type: 'news', host, news: { type: 'round-trip', ms: 12 }, at: NOON },
  );
}

export function lost(state: ConsoleState, host: string, at = NOON): ConsoleState {
  const fault = new Fault('LINK-UNREACHABLE', {
    host: `${host}.example.net:7780`,
    reason: 'connection refused',
  }).toDocument();
  return after(state, { type: 'news', host, news: { type: 'down', fault }, at });
}

export function ticks(state: ConsoleState, seconds: number): ConsoleState {
  let next = state;
  for (let second = 1; second <= seconds; second += 1)
    next = after(next, { type: 'tick', at: state.now + second * 1000 });
  return next;
}

const STREAM = [
  event(1, 'Engine started (0.1.0)', { code: 'HST-001' }),
  event(2, 'Scenario is starting'),
  event(3, 'Synchronization started (file)', { code: 'SYN-001' }),
  event(4, 'Synchronization finished', { code: 'SYN-002' }),
  event(5, 'All modifications during synchronization period are replicated', { code: 'SYN-003' }),
  event(6, 'Scenario is protected', { code: 'SCN-014' }),
  event(7, 'Spool above 80% (81%)', {
    severity: 'warning',
    code: 'SPL-080',
    scenario: 'intranet',
    host: 'fs-02',
    hint: 'The link or the Replica is slower than the changes.',
    data: { percent: 81 },
  }),
  event(8, 'Connection to old-02 lost: connection refused', {
    severity: 'warning',
    code: 'LNK-002',
    scenario: 'legacy',
    hint: 'Changes are kept in the spool; it reconnects by itself.',
  }),
];

export function withEvents(state: ConsoleState, host: string): ConsoleState {
  const batch = { scenarios: [], removedScenarios: [], events: STREAM, eventsDropped: 0 };
  return after(state, { type: 'news', host, news: { type: 'push', batch }, at: NOON });
}

/** One protected scenario with five minutes of a wave behind it. */
export function protectedState(size: Size): ConsoleState {
  let state = withEvents(connected(fresh(size), 'web-01', [scenario('web-shop')]), 'web-01');
  const started = state.now;
  for (let second = 0; second < 300; second += 1) {
    const bytesPerSecond = Math.round(1_000_000 + 800_000 * Math.sin(second / 15));
    const status = scenario('web-shop', { statistics: { ...scenario('web-shop').statistics, bytesPerSecond } });
    const batch = { scenarios: [status], removedScenarios: [], events: [], eventsDropped: 0 };
    state = after(
      state,
      { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: NOON },
      { type: 'tick', at: started },
    );
  }
  return state;
}

export function moodyState(size: Size): ConsoleState {
  return lost(withEvents(connected(fresh(size, ['web-01', 'old-02']), 'web-01', moods()), 'web-01'), 'old-02');
}

/** Protected, and yet not everything is on the Replica as it is on the Master. */
export function remarkedState(size: Size): ConsoleState {
  const kept = [
    { root: 0, what: 'owner', count: 1_204 },
    { root: 0, what: 'posix-acl', count: 1 },
  ];
  const status = scenario('web-shop', {
    unreadable: 2,
    specialFiles: 3,
    hosts: [master('web-01'), standby('web-02', { parked: 4, dropped: 2, keptAside: kept })],
  });
  return ticks(connected(fresh(size), 'web-01', [status]), 1);
}

export function synchronizingState(size: Size): ConsoleState {
  const status = scenario('media', { state: 'synchronizing', since: NOON - 42_000, sync: SYNCHRONIZING });
  return ticks(connected(fresh(size), 'web-01', [status]), 1);
}

/** The only host was lost a while ago: everything on screen is old. */
export function lostState(size: Size): ConsoleState {
  return ticks(lost(protectedState(size), 'web-01'), 43);
}

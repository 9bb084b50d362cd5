/** States of the console around switchovers. */
import { Fault } from '../../shared/faults.ts';
import type { HealthVerdict } from '../../shared/health.ts';
import type { SwitchoverPlan } from '../../shared/results.ts';
import type { AutomaticStatus, RoleStatus } from '../../shared/role.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { ConsoleState } from '../../tui/state.ts';
import { event, master, NOON, scenario, standby } from './sample.ts';
import { after, connected, fresh, lost, press, type Size, ticks, type } from './states.ts';

const EPOCH = { number: 7, holder: 'ab12cd34'.repeat(8) };
const ROLES: RoleStatus = {
  role: 'active',
  epoch: EPOCH,
  gate: 'open',
  peer: { name: 'web-02', role: 'standby', epoch: EPOCH, ageMs: 800 },
};

export function withRoles(change: Partial<ScenarioStatus> = {}): ScenarioStatus {
  return scenario('web-shop', { roles: ROLES, ...change });
}

function planned(state: ConsoleState, plan: Partial<SwitchoverPlan> = {}): ConsoleState {
  return answer(state, 'switch-plan', { ...PLAN, ...plan });
}

export function answer(
  state: ConsoleState,
  kind: 'switch-plan' | 'switch' | 'differences',
  result: unknown,
): ConsoleState {
  const outcome =
    result instanceof Fault ? ({ ok: false, fault: result.toDocument() } as const) : ({ ok: true, result } as const);
  const purpose = { kind, scenarioId: 'id-web-shop' } as const;
  return after(state, { type: 'reply', host: 'web-01', purpose, outcome, at: state.now });
}

/** The dry run has answered. */
export function switchoverAsked(size: Size, plan: Partial<SwitchoverPlan> = {}): ConsoleState {
  return planned(press(bothHosts(size), 's'), plan);
}

export function switchoverQuestion(size: Size): ConsoleState {
  return type(switchoverAsked(size), 'web-');
}

export function switchoverRefused(size: Size): ConsoleState {
  return switchoverAsked(size, {
    possible: false,
    refusal: 'it is synchronizing: all data has to be synchronized first',
  });
}

const SILENT: Partial<ScenarioStatus> = {
  reportedBy: 'web-02',
  hosts: [
    { ...master('web-01'), health: 'down', lagKnown: false },
    { ...standby('web-02'), lagKnown: false },
  ],
  roles: {
    role: 'standby',
    epoch: EPOCH,
    gate: 'closed',
    peer: { name: 'web-01', role: 'active', epoch: EPOCH, ageMs: 94_000 },
  },
};

/** Only the standby is connected, and has not heard the active host for a while. */
export function forcedQuestion(size: Size): ConsoleState {
  const asked = press(connected(fresh(size, ['web-02']), 'web-02', [withRoles(SILENT)]), 's');
  const loss = { lagMs: 1_800, exposureMs: 1_200, exposureBytes: 48_000, known: false };
  return planned(asked, { loss, findings: [] });
}

/** The same with a script that turns hosts off. */
export function fencedQuestion(size: Size): ConsoleState {
  const roles = { ...SILENT.roles!, automatic: { ...POSSIBLE, right: 'fencing' as const } };
  const asked = press(connected(fresh(size, ['web-02']), 'web-02', [withRoles({ ...SILENT, roles })]), 's');
  return planned(asked, { loss: { lagMs: 0, exposureMs: 0, exposureBytes: 0, known: false }, findings: [] });
}

/** Both hosts tell what they know; the standby watches. */
export function bothHosts(
  size: Size,
  change: Partial<ScenarioStatus> = {},
  watched: Partial<HealthVerdict> = {},
): ConsoleState {
  const state = connected(fresh(size, ['web-01', 'web-02']), 'web-01', [withRoles({ ...ARBITRATED, ...change })]);
  return connected(state, 'web-02', [
    withRoles({ ...STANDBY, hosts: watchedHosts(watched), ...change, reportedBy: 'web-02', roles: STANDBY.roles! }),
  ]);
}

const POSSIBLE: AutomaticStatus = { possible: true, reasons: [], right: 'witness', by: 'web-02' };

const WITNESS = { kind: 'witness', reachable: true, ageMs: 400 } as const;
const ARBITRATED: Partial<ScenarioStatus> = {
  roles: { ...ROLES, rightForMs: 8_200, arbiter: WITNESS, automatic: { ...POSSIBLE, ageMs: 900 } },
};
const STANDBY: Partial<ScenarioStatus> = {
  reportedBy: 'web-02',
  roles: {
    role: 'standby',
    epoch: EPOCH,
    gate: 'closed',
    peer: { name: 'web-01', role: 'active', epoch: EPOCH, ageMs: 1_100 },
    arbiter: WITNESS,
    automatic: POSSIBLE,
  },
};

const VERDICT: HealthVerdict = {
  state: 'alive',
  reason: 'all checks pass',
  since: NOON - 7_200_000,
  failedRounds: 0,
  watchedBy: 'web-02',
  rule: { heartbeatMs: 30_000, timeoutMs: 300_000 },
  checks: [
    { name: 'engine', kind: 'engine', state: 'passed', ageMs: 4_000, detail: 'answered in 3 ms', counts: true },
    { name: 'ping', kind: 'ping', state: 'passed', ageMs: 4_000, detail: '10.0.0.1 answered in 0.4 ms', counts: true },
    { name: 'service nginx', kind: 'service', state: 'passed', ageMs: 4_000, detail: 'runs', counts: true },
    {
      name: 'https://shop.example.net',
      kind: 'site',
      state: 'passed',
      ageMs: 4_000,
      detail: '200 in 12 ms',
      counts: true,
    },
    { name: 'disk', kind: 'disk', state: 'skipped', detail: 'not told by this system', counts: true },
    {
      name: 'reference 10.0.0.254',
      kind: 'reference',
      state: 'passed',
      ageMs: 21_000,
      detail: 'answered',
      counts: false,
    },
  ],
};

function watchedHosts(watched: Partial<HealthVerdict>): ScenarioStatus['hosts'] {
  return [{ ...master('web-01'), isAlive: { ...VERDICT, ...watched } }, standby('web-02')];
}

/** Everything is as it should be. */
export function availability(size: Size): ConsoleState {
  return press(bothHosts(size), '6');
}

const IMPOSSIBLE: AutomaticStatus = {
  possible: false,
  right: 'witness',
  by: 'web-02',
  heldForMs: 1_440_000,
  reasons: [
    { code: 'off', text: '"Perform Switchover Automatically" is off' },
    { code: 'stale', text: 'the copy on web-02 is outdated' },
    { code: 'hold-down', text: 'the last automatic switchover was not acknowledged' },
    { code: 'shadow', text: 'shadow mode is on' },
    { code: 'arbiter-silent', text: 'the witness does not answer web-02: connection refused' },
  ],
};

/** Nothing is: no arbiter that answers, shadow mode, checks that fail, an outdated copy. */
export function availabilityBad(size: Size): ConsoleState {
  const failing = VERDICT.checks.map((check) =>
    check.kind === 'site' || check.kind === 'engine'
      ? { ...check, state: 'failed' as const, detail: 'no answer within 10 s' }
      : check,
  );
  const verdict = {
    state: 'down',
    cause: 'peer',
    reason:
      'engine: no answer within 10 s; https://shop.example.net: no answer within 10 s (every round failed for 5 min)',
    since: NOON - 90_000,
    failedRounds: 13,
    checks: failing,
    shadow: true,
    wouldSwitch: { reason: 'every round failed for 5 min', at: NOON - 90_000 },
  } as const;
  const silent = { ...WITNESS, reachable: false, ageMs: 60_000, reason: 'connection refused' };
  const told = withRoles({
    ...SILENT,
    hosts: [
      { ...master('web-01'), health: 'down', lagKnown: false, isAlive: { ...VERDICT, ...verdict } },
      { ...standby('web-02'), lagKnown: false, synchronized: false },
    ],
    roles: { ...SILENT.roles!, arbiter: silent, unacknowledged: true, automatic: IMPOSSIBLE },
  });
  return press(connected(fresh(size, ['web-02']), 'web-02', [told]), '6');
}

/** The host that watches was lost a minute ago. */
export function availabilityOld(size: Size): ConsoleState {
  return ticks(lost(availability(size), 'web-02'), 64);
}

export function switching(size: Size): ConsoleState {
  const switchover = { id: 'x', step: 'release', side: 'from', right: 'planned' } as const;
  const problem = 'Redirect DNS failed: 10.0.0.53 answered REFUSED.';
  const status = withRoles({
    state: 'switching',
    active: 'web-02',
    roles: {
      ...ROLES,
      role: 'standby',
      gate: 'closed',
      peer: { name: 'web-02', role: 'active', epoch: { ...EPOCH, number: 8 }, ageMs: 120 },
      switchover: { ...switchover, problem },
    },
    problem,
  });
  return press(connected(fresh(size), 'web-01', [status]), '2');
}

const PLAN: SwitchoverPlan = {
  name: 'web-shop',
  from: 'web-01',
  to: 'web-02',
  possible: true,
  steps: [
    { step: 'prepare', title: 'Both hosts agree on the switchover', host: 'web-01, web-02', lines: [] },
    {
      step: 'release',
      title: 'The old active host gives up name and address',
      host: 'web-01',
      lines: ['ip address del 10.0.0.10/24 dev eth0'],
    },
  ],
  findings: [
    { severity: 'warning', code: 'DNS-TTL', host: 'web-02', text: 'the record lives 3600 s in caches', fix: '' },
  ],
  predictedMs: 240,
  loss: 'none',
};

export function dryRun(size: Size): ConsoleState {
  const asked = type(press(connected(fresh(size), 'web-01', [withRoles()]), ':'), 'dry');
  const opened = press(asked, 'enter');
  const purpose = { kind: 'roles', scenarioId: 'id-web-shop' } as const;
  return after(opened, { type: 'reply', host: 'web-01', purpose, outcome: { ok: true, result: PLAN }, at: NOON });
}

const STEPS = [
  [1, 'web-01', 0],
  [1, 'web-02', 6],
  [2, 'web-01', 14],
  [3, 'web-01', 190],
  [3, 'web-02', 196],
  [4, 'web-01', 240],
  [6, 'web-02', 260],
  [5, 'web-01', 262],
  [7, 'web-02', 340],
  [8, 'web-02', 610],
] as const;

/** Events of the first `steps` of them. */
export function stepEvents(state: ConsoleState, steps: number, id = 'x'): ConsoleState {
  const events = STEPS.slice(0, steps).map(([step, host, ms], index) =>
    event(100 + index, `Switchover, step ${step} of 8`, {
      code: 'SWT-004',
      host,
      at: NOON + ms,
      data: { step, title: 'as it is', switchover: id },
    }),
  );
  const batch = { scenarios: [], removedScenarios: [], events, eventsDropped: 0 };
  return after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: NOON + 700 });
}

/** Typed, asked, and on its way. */
export function switchProgress(size: Size): ConsoleState {
  const asked = press(type(switchoverAsked(size), 'web-shop'), 'enter');
  const begun = answer(asked, 'switch', { switchover: 'x', over: false, active: 'web-01', epoch: 7 });
  const switchover = {
    id: 'x',
    step: 'acquire',
    side: 'to',
    right: 'planned',
    problem: 'the address 10.0.0.10 is in use by 52:54:00:12:34:56',
  } as const;
  const status = withRoles({
    ...STANDBY,
    state: 'switching',
    roles: { ...STANDBY.roles!, role: 'active', switchover },
  });
  const batch = { scenarios: [status], removedScenarios: [], events: [], eventsDropped: 0 };
  return stepEvents(after(begun, { type: 'news', host: 'web-02', news: { type: 'push', batch }, at: NOON }), 9);
}

export function switchOver(size: Size): ConsoleState {
  const next = { epoch: 8, active: 'web-02', backward: true } as const;
  const roles = { ...ROLES, epoch: { ...EPOCH, number: 8 }, peer: { ...ROLES.peer!, name: 'web-01' } };
  const status = withRoles({ ...next, reportedBy: 'web-02', roles, hosts: [master('web-02'), standby('web-01')] });
  const old = withRoles({ ...next, roles: { ...STANDBY.roles!, peer: { ...ROLES.peer!, role: 'active' } } });
  const push = (state: ConsoleState, host: string, one: ScenarioStatus) => {
    const batch = { scenarios: [one], removedScenarios: [], events: [], eventsDropped: 0 };
    return after(state, { type: 'news', host, news: { type: 'push', batch }, at: NOON + 700 });
  };
  return push(push(stepEvents(switchProgress(size), 10), 'web-02', status), 'web-01', old);
}

/** Neither is active; both answer. */
export function recoverChoice(size: Size): ConsoleState {
  const waits = 'neither host is active: when none becomes so by itself, Recover Active Server settles which one is';
  const change = { running: false, state: 'stopped', stopReason: 'by-user' } as const;
  const first = withRoles({ ...change, roles: { ...ROLES, role: 'standby', gate: 'closed', waits } });
  const second = withRoles({
    ...change,
    reportedBy: 'web-02',
    roles: { ...STANDBY.roles!, peer: { ...STANDBY.roles!.peer!, role: 'standby' } },
  });
  const state = connected(connected(fresh(size, ['web-01', 'web-02']), 'web-01', [first]), 'web-02', [second]);
  return press(type(press(state, ':'), 'recover active'), 'enter');
}

export function recoverQuestion(size: Size): ConsoleState {
  return press(
    answer(press(recoverChoice(size), 'd'), 'differences', {
      identical: false,
      differences: [{}, {}, {}],
      truncated: false,
    }),
    'enter',
  );
}

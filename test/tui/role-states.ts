/** States of the console around switchovers. */

import type { SwitchoverPlan } from '../../shared/results.ts';
import type { RoleStatus } from '../../shared/role.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { ConsoleState } from '../../tui/state.ts';
import { master, NOON, scenario, standby } from './sample.ts';
import { after, connected, fresh, press, type Size, type } from './states.ts';

const EPOCH = { number: 7, holder: 'a'.repeat(64) };
const ROLES: RoleStatus = {
  role: 'active',
  epoch: EPOCH,
  gate: 'open',
  peer: { name: 'web-02', role: 'standby', epoch: EPOCH, ageMs: 800 },
};

export function withRoles(change: Partial<ScenarioStatus> = {}): ScenarioStatus {
  return scenario('web-shop', { roles: ROLES, ...change });
}

export function switchoverQuestion(size: Size): ConsoleState {
  return type(press(connected(fresh(size), 'web-01', [withRoles()]), 's'), 'web-');
}

/** Only the standby is connected. */
export function forcedQuestion(size: Size): ConsoleState {
  const status = withRoles({
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
  });
  return press(connected(fresh(size, ['web-02']), 'web-02', [status]), 's');
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

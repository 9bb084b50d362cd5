/** Manual recovery for the state the hosts are really in: each state has its own steps, and a state that mends itself has none. */
import test from 'ava';
import { guidanceOf } from '../../shared/guidance.ts';
import type { RoleStatus } from '../../shared/role.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { guidanceFindings, guidanceText } from '../../tui/cli/guidance-text.ts';
import { withVerdict } from '../../tui/live-state.ts';
import { master, NOON, scenario, standby } from '../tui/sample.ts';

const EPOCH = { number: 7, holder: 'a'.repeat(64) };
const told = (reportedBy: string, roles: Partial<RoleStatus>, more: Partial<ScenarioStatus> = {}): ScenarioStatus =>
  scenario('shop', { reportedBy, roles: { role: 'standby', epoch: EPOCH, gate: 'closed', ...roles }, ...more });
const text = (...reports: ScenarioStatus[]) => guidanceText(reports);

const active = told('web-01', { role: 'active', gate: 'open' });
const waiting = told('web-02', {});
const DOWN = {
  state: 'down',
  cause: 'peer',
  reason: 'engine: no answer',
  since: NOON,
  failedRounds: 4,
  checks: [],
  watchedBy: 'web-02',
} as const;
const watched = [{ ...master('web-01'), isAlive: DOWN }, standby('web-02')];

test('a pair that works needs no hand', (t) => {
  t.deepEqual(guidanceOf([active, waiting]), []);
  t.deepEqual(guidanceOf([scenario('shop')]), []);
  t.is(text(active, waiting), '');
});

test('a host that was active and hears nobody names the command for itself, whichever way the scenario goes', (t) => {
  const waits = 'it has to hear from web-02';
  t.regex(text(told('web-01', { role: 'active', waits })), /recover-active shop --make master --peer-is-fenced/);
  const hosts = [master('web-02'), standby('web-01')];
  const back = told('web-02', { role: 'active', waits }, { hosts, backward: true });
  t.regex(text(back), /recover-active shop --make replica --peer-is-fenced/);
});

test('a Master that is down and not replaced is told on its standby, unless it takes over by itself', (t) => {
  const peer = { name: 'web-01', role: 'active', epoch: EPOCH, ageMs: 90_000 } as const;
  const seen = told('web-02', { peer }, { hosts: watched });
  t.regex(text(seen), /web-01, which is active, is down/);
  t.regex(text(seen), /--peer-is-fenced/);
  const automatic = { possible: true, reasons: [], by: 'web-02' } as const;
  t.is(text(told('web-02', { peer, automatic }, { hosts: watched })), '');
  t.is(text(seen, active), '', 'it answers this side: only the standby cannot see it');
  const cut = [
    { ...master('web-01'), isAlive: { ...DOWN, state: 'unknown', cause: 'link' } as const },
    standby('web-02'),
  ];
  t.is(text(told('web-02', { peer }, { hosts: cut })), '', 'who is cut off calls nobody dead');
});

test('handed over and not taken up, neither active, a lost record: each says who is to do what', (t) => {
  const waits = 'it has handed over';
  const switchover = { id: 'x', step: 'commit', side: 'from', right: 'planned' } as const;
  t.regex(text(told('web-01', { waits, switchover })), /has handed over.*\n.*\n.*recover-active shop --make master/);
  const peer = { name: 'web-01', role: 'standby', epoch: EPOCH, ageMs: 500 } as const;
  t.regex(text(told('web-02', { peer })), /neither host is active/);
  t.regex(text(told('web-02', { role: 'fenced', epoch: { number: 0, holder: '' } })), /lost its role record/);
});

test('a step that does not get on is told by its redirection: address, name, record', (t) => {
  const stuck = { id: 'x', step: 'acquire', side: 'to', right: 'planned', problem: 'the address is in use' } as const;
  const shown = text(told('web-02', { role: 'active', switchover: stuck }));
  for (const part of [/does not get on: the address is in use/, /Move IP/, /Switch Computer Name/, /Redirect DNS/])
    t.regex(shown, part);
  t.regex(
    text(told('web-01', { switchover: { ...stuck, step: 'drain', side: 'from' } })),
    /given up by itself after 90 s/,
  );
});

test('an old Master that is back says what to look at before its data is replaced', (t) => {
  t.regex(text(told('web-01', { returned: true }, { active: 'web-02' })), /mainstay quarantine shop/);
  t.regex(text(told('web-01', { role: 'fenced' })), /is fenced: another host is active/);
});

test('doctor gives one finding a state and scenario, with the steps as its fix', (t) => {
  const [finding, ...more] = guidanceFindings([told('web-01', { role: 'active', waits: 'x' }), waiting]);
  t.like(finding, { severity: 'warning', code: 'ROLES' });
  t.regex(finding?.fix ?? '', /^1\. .* 2\. /);
  t.deepEqual(more, []);
});

test('the verdict of the host that watches is shown with the report of the other one, of the same epoch only', (t) => {
  const report = told(
    'web-02',
    {},
    { hosts: watched.map((host) => ({ ...host, health: 'down' })), problem: 'web-01 is down' },
  );
  const shown = withVerdict(active, [active, report]);
  t.like(shown.hosts[0], { health: 'down', isAlive: DOWN });
  t.is(shown.problem, 'web-01 is down');
  t.is(withVerdict(active, [active, { ...report, epoch: 6 }]), active);
});

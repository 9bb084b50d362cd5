/** Whether an automatic switchover would start if the active host died now, and why not (PROTOCOL.md, "Automatic switchover"). Pure. */
import { settingOf } from '../../config/catalogue.ts';
import type { HealthVerdict } from '../../shared/health.ts';
import type { AutomaticCode, AutomaticReason, AutomaticRight, AutomaticStatus } from '../../shared/role.ts';
import type { ScenarioDocument, ScenarioState } from '../../shared/scenario.ts';
import { formatDuration } from '../../shared/units.ts';
import type { RoleState } from '../role/state.ts';
import type { ArbiterHeard } from './arbiter-watch.ts';

export interface AutomaticFacts {
  readonly document: ScenarioDocument;
  /** The standby, which says this, and the host that it would replace. */
  readonly host: string;
  readonly other: string;
  readonly role: RoleState;
  /** Of the scenario on the standby. */
  readonly state: ScenarioState;
  /** How old the oldest change is that it has not received, ms, as the active host said last. */
  readonly behindMs: number;
  readonly verdict: HealthVerdict | undefined;
  /** The hold-down ends by itself in so many ms; undefined: only when it is acknowledged. */
  readonly heldForMs: number | undefined;
  readonly arbiter: ArbiterHeard | undefined;
  /** Why the fencing script cannot be run; undefined: it can. */
  readonly fencing: string | undefined;
}

/** What decides by itself that only one host is active; undefined: nothing does. */
export function automaticRight({ settings }: Pick<ScenarioDocument, 'settings'>): AutomaticRight | undefined {
  const arbiter = settingOf(settings, 'switchover.arbiter');
  if (arbiter === 'witness' || arbiter === 'etcd' || arbiter === 'fencing') return arbiter;
  return settingOf(settings, 'switchover.unsafeAuto') ? 'unsafe' : undefined;
}

/** Reasons that concern only the way that is taken when the active host is dead: an application that is dead on a live one goes another. */
const OF_THE_RIGHT: readonly AutomaticCode[] = ['no-right', 'arbiter-silent', 'fencing-unready', 'no-reference'];

export function automaticStatus(facts: AutomaticFacts): AutomaticStatus {
  const right = automaticRight(facts.document);
  const reasons = [...ofSettings(facts, right), ...ofRole(facts), ...ofCopy(facts), ...ofNetwork(facts, right)];
  const held = reasons.some(({ code }) => code === 'hold-down') ? facts.heldForMs : undefined;
  return {
    possible: reasons.length === 0,
    reasons,
    ...(right === undefined ? {} : { right }),
    ...(right === 'unsafe' ? { unsafe: true } : {}),
    ...(held === undefined ? {} : { heldForMs: Math.round(held) }),
    by: facts.host,
  };
}

/** What still stands against it when the active host is alive and hands over itself. */
export function withItsHelp({ reasons }: AutomaticStatus): readonly AutomaticReason[] {
  return reasons.filter(({ code }) => !OF_THE_RIGHT.includes(code));
}

/** What the reducer does not look at itself. */
export function besidesRole({ reasons }: AutomaticStatus): readonly AutomaticReason[] {
  return reasons.filter(({ code }) => code !== 'arbiter-silent' && code !== 'hold-down' && code !== 'switching');
}

/** The first host of the scenario says this when the standby does not. */
export function unheardStandby(host: string, standby: string, document: ScenarioDocument): AutomaticStatus {
  const right = automaticRight(document);
  const isOff = !settingOf(document.settings, 'switchover.automatic');
  const off: AutomaticReason[] = isOff ? [OFF] : [];
  const text = `${standby}, which would take over, was not heard: only it knows`;
  return {
    possible: false,
    reasons: [...off, { code: 'standby-unheard', text }],
    ...(right === undefined ? {} : { right }),
    ...(right === 'unsafe' ? { unsafe: true } : {}),
    by: host,
  };
}

const OFF: AutomaticReason = {
  code: 'off',
  text: 'property "Perform Switchover Automatically" is off: you are told when the active host is down, and decide',
};

function ofSettings({ document, verdict }: AutomaticFacts, right: AutomaticRight | undefined): AutomaticReason[] {
  const found: AutomaticReason[] = [];
  if (!settingOf(document.settings, 'switchover.automatic')) found.push(OFF);
  if (right === undefined) {
    const text =
      'nobody decides that the active host is really off: it takes a witness, etcd, a fencing script, or the unsafe way';
    found.push({ code: 'no-right', text });
  }
  if (verdict?.shadow) {
    found.push({ code: 'shadow', text: 'shadow mode is on: it is only told when it would switch over' });
  }
  return found;
}

function ofRole({ role, host, other, heldForMs }: AutomaticFacts): AutomaticReason[] {
  const { record } = role;
  const found: AutomaticReason[] = [];
  if (record.maxEpoch.number === 0)
    found.push({
      code: 'role-unsettled',
      text: `the role record of ${host} was lost: Recover Active Server settles it`,
    });
  else if (record.role === 'fenced')
    found.push({ code: 'diverged', text: `${host} was active: what only it has is looked at first` });
  else if (record.diverged) found.push({ code: 'diverged', text: `${host} has changes that ${other} lacks` });
  if (record.unacknowledged !== undefined) {
    const ends = heldForMs === undefined ? '' : `, or in ${formatDuration(Math.round(heldForMs))}`;
    const text = `hold-down after the automatic switchover to epoch ${record.unacknowledged}: it ends when you acknowledge it${ends}`;
    found.push({ code: 'hold-down', text });
  }
  if (record.switchover !== undefined) found.push({ code: 'switching', text: 'a switchover is under way' });
  return found;
}

function ofCopy({ document, role, state, host, behindMs }: AutomaticFacts): AutomaticReason[] {
  if (state === 'stopped' || state === 'suspended') {
    return [{ code: 'not-running', text: `the scenario is ${state} on ${host}` }];
  }
  if (state === 'synchronizing') {
    return [{ code: 'synchronizing', text: `the copy on ${host} is not whole yet: it is synchronizing` }];
  }
  if (!role.fit) return [{ code: 'stale', text: `the copy on ${host} is not whole, or not of one moment (${state})` }];
  const limitMs = settingOf(document.settings, 'switchover.maxLagMs');
  if (behindMs <= limitMs) return [];
  const behind = formatDuration(Math.round(behindMs));
  return [{ code: 'lag', text: `${host} is ${behind} behind, the lag limit is ${formatDuration(limitMs)}` }];
}

function ofNetwork(facts: AutomaticFacts, right: AutomaticRight | undefined): AutomaticReason[] {
  const { arbiter, document, fencing, host, verdict } = facts;
  const found: AutomaticReason[] = [];
  if (verdict?.cause === 'link') {
    found.push({ code: 'cut-off', text: `${host} is cut off: it reaches no reference address either` });
  }
  if ((right === 'witness' || right === 'etcd') && arbiter?.reachable === false) {
    found.push({ code: 'arbiter-silent', text: `the arbiter does not answer ${host}: ${arbiter.reason ?? 'silent'}` });
  }
  if (right === 'fencing' && fencing !== undefined) found.push({ code: 'fencing-unready', text: fencing });
  if (right === 'unsafe' && !hasReference(document, verdict)) {
    const text = 'the unsafe way needs a reference address that answers (property "Reference addresses")';
    found.push({ code: 'no-reference', text });
  }
  return found;
}

/** While the active host is alive they are not asked often: one that is waiting says nothing against it. */
function hasReference({ settings }: ScenarioDocument, verdict: HealthVerdict | undefined): boolean {
  if (settingOf(settings, 'isAlive.referenceAddresses').length === 0) return false;
  const asked = verdict?.checks.filter(({ kind }) => kind === 'reference') ?? [];
  const isDown = verdict?.state === 'down';
  return asked.some(({ state }) => state === 'passed' || (!isDown && state === 'waiting'));
}

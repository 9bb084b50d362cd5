/** Whether a switchover may start by itself now, and if not, why and what to do about it. Pure. */
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatDuration } from '../../shared/units.ts';
import { type HostReport, OLD_NEWS_MS } from '../select-roles.ts';

export interface AutomaticReason {
  readonly text: string;
  readonly fix: string;
}

/** What the properties of the scenario say; absent: they are not known here. */
export interface AutomaticSettings {
  readonly automatic: boolean;
  readonly arbiter: string;
}

/** Nothing stands in the way when the list is empty. `standby`: the report of the host that would take over. */
export function whyNotAutomatic(
  status: ScenarioStatus,
  standby: HostReport | undefined,
  settings: AutomaticSettings | undefined,
): readonly AutomaticReason[] {
  return [...bySettings(status, settings), ...byState(status), ...byStandby(status, standby)];
}

function bySettings({ name }: ScenarioStatus, settings: AutomaticSettings | undefined): AutomaticReason[] {
  if (settings === undefined) return [];
  const reasons: AutomaticReason[] = [];
  if (!settings.automatic) {
    const text = '"Perform Switchover Automatically" is off: you are told that the Master is down, and decide';
    reasons.push({ text, fix: `stop it, then: mainstay scenario set ${name} switchover.automatic=on` });
  }
  if (settings.arbiter === 'none') {
    const text = 'there is no arbiter: nobody could tell a host that is off from one that is only out of reach';
    reasons.push({ text, fix: `a third host: mainstay witness; then set switchover.arbiter=witness and its address` });
  }
  return reasons;
}

function byState({ running, roles, state }: ScenarioStatus): AutomaticReason[] {
  const reasons: AutomaticReason[] = [];
  if (roles === undefined) reasons.push({ text: 'it has not run yet, so no host has a role', fix: 'run it: r' });
  else if (!running) reasons.push({ text: `it does not run (${state})`, fix: 'run it: r' });
  if (roles?.switchover !== undefined)
    reasons.push({ text: 'a switchover is under way', fix: 'wait for its end; s shows each step' });
  return reasons;
}

function byStandby({ running }: ScenarioStatus, standby: HostReport | undefined): AutomaticReason[] {
  if (standby === undefined || !standby.live) {
    const text = 'the host that would take over is not connected to this console: what it knows is not known here';
    return [{ text, fix: 'see the hosts (4): why it is not connected' }];
  }
  if (!running) return [];
  const { name, status, ageMs } = standby;
  if (ageMs > OLD_NEWS_MS) {
    const text = `${name} has told nothing for ${formatDuration(ageMs)}: it is not known how it is now`;
    return [{ text, fix: 'see the hosts (4), and whether its engine is overloaded' }];
  }
  return [...byRole(name, status), ...byCopy(name, status), ...byHealth(name, status)];
}

function byRole(name: string, { roles }: ScenarioStatus): AutomaticReason[] {
  const reasons: AutomaticReason[] = [];
  if (roles === undefined) return reasons;
  if (roles.role !== 'standby') {
    reasons.push({
      text: `${name} is ${roles.role}, not standby`,
      fix: roles.waits ?? 'the guidance below says what to do',
    });
  }
  if (roles.unacknowledged === true) {
    const text = 'hold-down: the last automatic switchover was not acknowledged';
    reasons.push({ text, fix: 'see that all is well, then acknowledge it (:acknowledge switchover)' });
  }
  if (roles.arbiter?.reachable === false) {
    const text = `the arbiter does not answer ${name}: ${roles.arbiter.reason ?? 'no answer'}`;
    reasons.push({ text, fix: 'see whether the arbiter runs, and the network between' });
  }
  return reasons;
}

function byCopy(name: string, { hosts, state }: ScenarioStatus): AutomaticReason[] {
  const own = hosts.find((host) => host.name === name);
  if (own === undefined) return [];
  if (own.synchronized === false) {
    return [
      { text: `the copy on ${name} is outdated or was never whole`, fix: 'run it on the active host: it synchronizes' },
    ];
  }
  if (state === 'synchronizing') {
    return [{ text: `${name} is being synchronized`, fix: 'wait until it is protected' }];
  }
  if (own.replica?.held !== undefined) {
    return [
      { text: `${name} applies nothing: ${own.replica.held}`, fix: 'mend what holds it; the events say what to do' },
    ];
  }
  return [];
}

function byHealth(name: string, { hosts }: ScenarioStatus): AutomaticReason[] {
  const verdict = hosts.find(({ isAlive }) => isAlive !== undefined)?.isAlive;
  if (verdict === undefined) {
    const text = `${name} does not watch the active host: it does so once it has a whole copy`;
    return [{ text, fix: 'wait until it is protected' }];
  }
  const reasons: AutomaticReason[] = [];
  if (verdict.shadow === true)
    reasons.push({ text: 'shadow mode: it only says when it would switch over', fix: 'end it (:shadow mode)' });
  if (verdict.cause === 'link')
    reasons.push({ text: `${name} is cut off: it reaches nobody`, fix: `mend the network of ${name}` });
  if (verdict.cause === 'inconclusive') {
    const forMs = verdict.rule === undefined ? '' : ` (for ${formatDuration(verdict.rule.timeoutMs)})`;
    reasons.push({ text: `the checks contradict each other${forMs}`, fix: 'turn off a check that can never pass' });
  }
  return reasons;
}

/** Roles in words: a dry run, the step of a switchover, and what keeps a host from going on by itself. Pure. */
import type { SwitchoverPlan } from '../../shared/results.ts';
import { STEP_TITLES, SWITCH_STEPS } from '../../shared/role.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatBytes, formatDuration } from '../../shared/units.ts';
import { type Line, line, span } from './line.ts';
import { progressBar } from './progress.ts';
import { clean } from './text.ts';

/** Also what `mainstay switchover --dry-run` prints. */
export function planLines(plan: SwitchoverPlan): string[] {
  const took = plan.predictedMs === undefined ? 'unknown' : formatDuration(plan.predictedMs);
  return [
    `Switchover of "${clean(plan.name)}" from ${clean(plan.from)} to ${clean(plan.to)}`,
    ...plan.steps.flatMap(({ title, host, lines }, index) => [
      `${index + 1}. ${title} (${clean(host)})`,
      ...lines.map((text) => `     ${clean(text)}`),
    ]),
    ...plan.findings.map(({ severity, host, text }) => `${severity}: ${clean(host)}: ${clean(text)}`),
    `Users are without service for about: ${took}`,
    `Lost: ${lossText(plan)}`,
    plan.possible ? 'Nothing stands in its way.' : `It would be refused: ${clean(plan.refusal ?? '')}`,
  ];
}

function lossText({ loss }: SwitchoverPlan): string {
  if (loss === 'none') return 'nothing';
  if (!loss.known) return 'what the other host had not sent, which is not known here';
  return `up to ${formatDuration(loss.exposureMs)} of changes (${formatBytes(loss.exposureBytes)}) that were not received`;
}

/** For the overview: a switchover under way with its step, else nothing. What keeps it is the problem of the scenario. */
export function switchLines(status: ScenarioStatus, width: number): Line[] {
  const under = status.roles?.switchover;
  if (under === undefined) return [];
  const number = SWITCH_STEPS.indexOf(under.step) + 1;
  const bar = progressBar({ width: Math.min(60, width - 12), fraction: number / SWITCH_STEPS.length });
  return [
    [...line(span('Switching ', 'busy')), ...bar],
    line(`Step ${number} of ${SWITCH_STEPS.length}: ${STEP_TITLES[under.step]}`),
  ];
}

/** Who is active by whose word, and the client gate; undefined without roles. */
export function roleLine(status: ScenarioStatus): Line | undefined {
  const { roles } = status;
  if (roles === undefined) return undefined;
  const gate = roles.gate === 'none' ? '' : `, gate ${roles.gate}`;
  const peer = roles.peer;
  const heard =
    peer === undefined
      ? 'the other host was not heard yet'
      : `${clean(peer.name)} ${peer.role}, heard ${formatDuration(peer.ageMs)} ago`;
  const { arbiter } = roles;
  const silent = arbiter?.reachable === false ? span('; the arbiter does not answer', 'warning') : '';
  return line(
    `Active ${clean(status.active)}`,
    status.backward ? ' (backward)' : '',
    span(`   ${clean(status.reportedBy)} is ${roles.role}${gate}; ${heard}`, 'dim'),
    silent,
  );
}

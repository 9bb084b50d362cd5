/** Is Alive in `mainstay status`: the verdict, and each check with its age and what it found. */
import type { HealthCheck } from '../../shared/health.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatAge } from '../../shared/units.ts';
import { safe } from './text.ts';

const CAUSES = {
  peer: 'the host is down',
  application: 'the application is down',
  link: 'this host is cut off',
  inconclusive: 'inconclusive',
} as const;

export function healthLines({ hosts }: ScenarioStatus): string {
  return hosts
    .flatMap(({ name, isAlive }) => {
      if (isAlive === undefined) return [];
      const { cause, checks, reason, shadow, state, watchedBy, wouldSwitch } = isAlive;
      const verdict = cause === undefined ? state : `${state} (${CAUSES[cause]})`;
      return [
        `Is Alive: ${name} is ${verdict}, watched by ${watchedBy}: ${reason}`,
        ...checks.map((check) => `  ${checkText(check)}`),
        ...(shadow === true ? ['  shadow mode: nothing is switched over by itself'] : []),
        ...(wouldSwitch === undefined ? [] : [`  would have switched over, because ${wouldSwitch.reason}`]),
      ];
    })
    .map((line) => `  ${safe(line)}\n`)
    .join('');
}

function checkText({ ageMs, counts, detail, name, state }: HealthCheck): string {
  const age = ageMs === undefined ? '' : ` ${formatAge(ageMs)}`;
  return `${name}: ${state}${age}, ${detail}${counts ? '' : ' (does not count by itself)'}`;
}

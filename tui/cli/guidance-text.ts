/** Manual recovery for the state at hand: in `mainstay status` and `mainstay doctor`. */
import { guidanceOf } from '../../shared/guidance.ts';
import type { Finding } from '../../shared/results.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { safe } from './text.ts';

/** Empty when no hand is needed. */
export function guidanceText(reports: readonly ScenarioStatus[]): string {
  return guidanceOf(reports)
    .flatMap(({ state, steps }) => [
      `What to do now: ${state}.`,
      ...steps.map((step, index) => `  ${index + 1}. ${step}`),
    ])
    .map((line) => `  ${safe(line)}\n`)
    .join('');
}

/** One finding a state, for each scenario of these hosts. */
export function guidanceFindings(reports: readonly ScenarioStatus[]): readonly Finding[] {
  const ids = new Set(reports.map(({ id }) => id));
  return [...ids].flatMap((id) => {
    const own = reports.filter((report) => report.id === id);
    return guidanceOf(own).map(({ state, steps }) => ({
      severity: 'warning' as const,
      code: 'ROLES',
      host: '',
      text: `${own[0]?.name ?? ''}: ${state}`,
      fix: steps.map((step, index) => `${index + 1}. ${step}`).join(' '),
    }));
  });
}

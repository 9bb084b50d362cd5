/** Why a switchover can or cannot start by itself now, in `mainstay status`. */
import { adviceOf } from '../../shared/automatic-advice.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatAge, formatDuration } from '../../shared/units.ts';
import { safe } from './text.ts';

export function automaticText({ name, roles }: ScenarioStatus): string {
  const { automatic, fencing } = roles ?? {};
  if (automatic === undefined) return '';
  const { ageMs, by, heldForMs, possible, reasons, unsafe } = automatic;
  const told = ageMs === undefined ? by : `${by}, ${formatAge(ageMs)}`;
  const lines = [
    `Automatic switchover: ${possible ? 'possible' : 'not possible'} now (says ${told})`,
    ...reasons.map(({ code, text }) => `  ${text}; to do: ${adviceOf(code, name)}`),
    ...(heldForMs === undefined ? [] : [`  the hold-down ends by itself in ${formatDuration(heldForMs)}`]),
    ...(unsafe === true ? ['  UNSAFE: both hosts can become active by it'] : []),
    ...(fencing === undefined
      ? []
      : [`  fencing script ${fencing.script} against ${fencing.other}: ${fencing.state} ${fencing.text ?? ''}`]),
  ];
  return lines.map((line) => `  ${safe(line)}\n`).join('');
}

/** What a verification answered, in one shape; what has none of it is an error: never run on an answer nobody understood. */
import type { VerificationFinding } from '../state.ts';

type Loose = Readonly<Record<string, unknown>>;

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value);
}

function isRecord(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function findingOf(value: Loose, severity: unknown): VerificationFinding {
  const found = text(value.found);
  const expected = text(value.expected);
  const words = text(value.text ?? value.title ?? value.message);
  const detail = [found === '' ? '' : `found ${found}`, expected === '' ? '' : `expected ${expected}`].filter(Boolean);
  return {
    severity: severity === 'warning' || severity === 'info' ? severity : 'error',
    code: text(value.code ?? value.check),
    host: text(value.host ?? value.where),
    text: detail.length === 0 ? words : `${words === '' ? '' : `${words}: `}${detail.join(', ')}`,
    fix: text(value.fix ?? value.hint),
  };
}

export function findingsOf(result: unknown): readonly VerificationFinding[] {
  if (!isRecord(result)) return [unreadable()];
  const lists: readonly [unknown, unknown][] = [
    [result.findings, undefined],
    [result.errors, 'error'],
    [result.warnings, 'warning'],
  ];
  if (!lists.some(([list]) => Array.isArray(list))) return [unreadable()];
  const findings: VerificationFinding[] = [];
  for (const [list, severity] of lists) {
    if (!Array.isArray(list)) continue;
    for (const item of list) {
      findings.push(isRecord(item) ? findingOf(item, severity ?? item.severity) : unreadable());
    }
  }
  const order = { error: 0, warning: 1, info: 2 };
  return findings.sort((a, b) => order[a.severity] - order[b.severity]);
}

function unreadable(): VerificationFinding {
  return {
    severity: 'error',
    code: '',
    host: '',
    text: 'the host answered something this console does not understand',
    fix: 'Use a console of the same version as the host.',
  };
}

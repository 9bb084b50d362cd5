/** What a verification answered. What cannot be understood is an error: never run on an answer nobody understood. */
import type { Finding } from '../../shared/results.ts';

const ORDER = { error: 0, warning: 1, info: 2 } as const;
const UNREADABLE: Finding = {
  severity: 'error',
  code: '',
  host: '',
  text: 'the host answered something this console does not understand',
  fix: 'Use a console of the same version as the host.',
};

function isFinding(value: unknown): value is Finding {
  const finding = value as Partial<Finding> | null;
  return (
    typeof finding === 'object' && finding !== null && typeof finding.text === 'string' && finding.severity! in ORDER
  );
}

/** Errors first. */
export function findingsOf(result: unknown): readonly Finding[] {
  const { findings } = (result ?? {}) as { findings?: unknown };
  if (!Array.isArray(findings)) return [UNREADABLE];
  return findings
    .map((finding: unknown) => (isFinding(finding) ? finding : UNREADABLE))
    .sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

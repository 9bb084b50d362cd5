/** The Assured Recovery Report: whether a Replica could serve when it was tested. Pure. */
import type { RehearsalResult } from '../../shared/rehearsal.ts';
import type { AssuredRecoveryReport } from '../../shared/report.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';

export function assuredRecoveryReport(
  id: string,
  document: ScenarioDocument,
  roots: readonly string[],
  result: RehearsalResult,
): AssuredRecoveryReport {
  const { replica, passed, startedAt, finishedAt, trigger, position, checks, undone, inUse } = result;
  return {
    id,
    kind: 'assured-recovery',
    scenario: document.name,
    at: finishedAt,
    host: replica,
    ok: passed,
    master: document.master.name,
    startedAt,
    finishedAt,
    trigger,
    position,
    roots,
    checks,
    undone,
    inUse,
  };
}

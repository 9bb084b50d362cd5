/** Everything the checks look at, collected before: one Master, its Replicas, the document that joins them. */
import type { Finding } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { HostFacts } from './facts.ts';

export interface HostEvidence {
  readonly reference: HostReference;
  readonly facts: HostFacts;
  /** Its clock against the Master's, ms; positive: it is ahead. */
  readonly clockAheadMs: number;
  /** How exact that is: half the round trip. */
  readonly clockErrorMs: number;
}

export interface MissingHost {
  readonly reference: HostReference;
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

export interface Evidence {
  readonly document: ScenarioDocument;
  readonly master: HostEvidence;
  readonly replicas: readonly HostEvidence[];
  /** Replicas that gave no facts. */
  readonly missing: readonly MissingHost[];
}

/** One root pair of one Replica with the facts of both sides. */
export function rootPairs(evidence: Evidence, replica: HostEvidence) {
  return evidence.document.roots.map((root, index) => ({
    master: evidence.master.facts.paths[index]!,
    replica: replica.facts.paths[index]!,
    masterData: evidence.master.facts.datasets[index]!,
    replicaData: replica.facts.datasets[index]!,
    root,
  }));
}

export function finding(
  severity: Finding['severity'],
  code: string,
  host: string,
  parts: Omit<Finding, 'severity' | 'code' | 'host'>,
): Finding {
  return { severity, code, host, ...parts };
}

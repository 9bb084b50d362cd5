/** The tree of hosts of a scenario: the Master feeds Replicas. Pure. */
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';

/** The Replicas that `host` feeds itself; default: the Master. */
export function fedBy(document: ScenarioDocument, host: string = document.master.name): HostReference[] {
  return document.replicas.filter((replica) => same(replica.source ?? document.master.name, host));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

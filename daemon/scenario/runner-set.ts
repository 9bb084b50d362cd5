/** What the desks of a host know of its scenarios (service.ts holds them). */
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { Occupied } from '../verify/service.ts';
import type { MasterRunner } from './master-runner.ts';
import type { ReplicaRunner } from './replica-runner.ts';

export type Runner = MasterRunner | ReplicaRunner;

export interface RunnerSet {
  all(): Runner[];
  runner(id: string): Runner | undefined;
  named(name: string): Runner | undefined;
  /** Throws SCENARIO-NOT-FOUND. */
  find(name: string): Runner;
  /** Throws SCENARIO-NOT-FOUND, or SCENARIO-STATE when this host is a Replica of it. */
  onMaster(name: string): MasterRunner;
  /** Makes the runner of a scenario that is in the book. */
  adopt(id: string, side: 'master' | 'replica'): Runner;
  /** Forgets it here; the data stays. */
  drop(id: string): Promise<void>;
  /** Roots on this host of the running scenarios other than `id`. */
  occupied(id: string): Occupied[];
}

/** All Replicas, or the one asked for. */
export function replicasOf({ document }: MasterRunner, host: string | undefined): HostReference[] {
  const replicas = document.replicas.filter((replica) => host === undefined || sameName(replica.name, host));
  if (replicas.length > 0) return replicas;
  throw new Fault('USAGE', { reason: `The scenario "${document.name}" has no Replica "${host}".` });
}

export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

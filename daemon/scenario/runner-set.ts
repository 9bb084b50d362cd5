/** What the desks of a host know of its scenarios (service.ts holds them). */
import { Fault } from '../../shared/faults.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { Occupied } from '../verify/service.ts';
import type { MasterRunner } from './master-runner.ts';
import type { ReplicaRunner } from './replica-runner.ts';

export type Runner = MasterRunner | ReplicaRunner;

export interface RunnerSet {
  /** Without relays. */
  all(): Runner[];
  runner(id: string): Runner | undefined;
  named(name: string): Runner | undefined;
  /** Throws SCENARIO-NOT-FOUND. */
  find(name: string): Runner;
  /** Throws SCENARIO-NOT-FOUND, or SCENARIO-STATE when this host is a Replica of it. */
  onMaster(name: string): MasterRunner;
  /** Makes the runner of a scenario that is in the book. */
  adopt(id: string, side: 'master' | 'replica'): Runner;
  /** Forgets it here; the data stays, and with `keepFolder` what its engines remember. */
  drop(id: string, keepFolder?: boolean): Promise<void>;
  /** Takes away what feeds other Replicas from the Replica here. */
  forgetRelay(id: string): Promise<void>;
  /** Roots on this host of the running scenarios other than `id`, its relay and `besides`. */
  occupied(id: string, besides?: string): Occupied[];
}

/** The Replica asked for; throws `USAGE` when the scenario has none of that name. */
export function replicaNamed(document: ScenarioDocument, host: string): HostReference {
  const replica = document.replicas.find(({ name }) => sameName(name, host));
  if (replica !== undefined) return replica;
  throw new Fault('USAGE', { reason: `The scenario "${document.name}" has no Replica "${host}".` });
}

/** That one, or the only one; throws `USAGE`. */
export function chosenReplica(document: ScenarioDocument, replica: string | undefined): HostReference {
  if (replica !== undefined) return replicaNamed(document, replica);
  const [first, ...others] = document.replicas;
  if (first !== undefined && others.length === 0) return first;
  const names = document.replicas.map((one) => one.name).join(', ');
  throw new Fault('USAGE', { reason: `"${document.name}" has several Replicas; name one of ${names} by --replica.` });
}

export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

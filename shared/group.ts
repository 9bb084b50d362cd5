/** Groups of scenarios that are switched over together, one after the other. */
import type { ScenarioState } from './scenario.ts';

export interface GroupDocument {
  readonly name: string;
  /** Names, in the order in which they are switched over. */
  readonly scenarios: readonly string[];
  /** One that is not over by then has failed, ms. */
  readonly limitMs: number;
  /** Raised with every change; the newer one counts on every host. */
  readonly revision: number;
}

/** waiting: its turn has not come. already: it was where it has to be. not-begun: an earlier one failed. */
export type GroupMemberState = 'waiting' | 'switching' | 'done' | 'already' | 'failed' | 'not-begun';

export interface GroupRunMember {
  readonly scenario: string;
  /** The host that is to be active. */
  readonly to: string;
  readonly state: GroupMemberState;
  readonly tookMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** A switchover of a group, as the host that carries it out knows it. */
export interface GroupRun {
  /** interrupted: the engine that carried it out ended; the member under way goes on by itself, no other is begun. */
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  /** Wall clock. */
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly members: readonly GroupRunMember[];
}

export interface GroupStatus {
  readonly group: GroupDocument;
  /** The last one that this host carried out; absent: none. */
  readonly run?: GroupRun | undefined;
  /** As they are now, on this host; without `state` it does not know the scenario. */
  readonly members: readonly {
    readonly scenario: string;
    readonly state?: ScenarioState | undefined;
    readonly active?: string | undefined;
    readonly problem?: string | undefined;
  }[];
}

/** What the hosts of a world decide with: the real reducers, or one of them spoiled to see whether the checker notices. */
import { effectsOf, wordOf } from '../../daemon/role/effects.ts';
import { acceptsChanges, step } from '../../daemon/role/machine.ts';
import type { RoleRecord } from '../../daemon/role/record.ts';
import { newRole, startRole } from '../../daemon/role/state.ts';
import { lostRegister, startRegister, stepWitness } from '../../daemon/witness/machine.ts';

export interface Rules {
  readonly step: typeof step;
  readonly effectsOf: typeof effectsOf;
  readonly wordOf: typeof wordOf;
  readonly acceptsChanges: typeof acceptsChanges;
  readonly newRole: typeof newRole;
  readonly startRole: typeof startRole;
  readonly lostRegister: typeof lostRegister;
  readonly startRegister: typeof startRegister;
  readonly stepWitness: typeof stepWitness;
  /** What a host finds after a crash, of the record before and after a step. */
  readonly durable: (before: RoleRecord, after: RoleRecord) => RoleRecord;
  /** Draining, and comparing after having been fenced, end with a gate that is closed. */
  readonly mayDrain: (gateOpen: boolean) => boolean;
  /** Sealing ends with everything up to `seq`. */
  readonly maySeal: (has: number, seq: number) => boolean;
}

export const RULES: Rules = {
  step,
  effectsOf,
  wordOf,
  acceptsChanges,
  newRole,
  startRole,
  lostRegister,
  startRegister,
  stepWitness,
  durable: (_before, after) => after,
  mayDrain: (open) => !open,
  maySeal: (has, seq) => has >= seq,
};

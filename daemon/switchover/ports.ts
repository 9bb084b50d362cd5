/** What a switchover needs from the rest of the daemon. */

import type { Finding } from '../../shared/results.ts';
import type { Epoch, SwitchRight } from '../../shared/role.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { RootTree } from '../ports.ts';
import type { QuarantineStore } from '../quarantine/store.ts';
import type { BootMs, RoleEvent } from '../role/state.ts';
import type { ClientGate } from '../services.ts';
import type { RoleRecordStore } from '../store/role-record.ts';
import type { SystemServices } from './managed-services.ts';

/** How clients reach this host of one scenario. Every call can be made again after a crash. */
export interface ClientAccess {
  /** Undefined: nothing that leads clients here could be closed. */
  readonly gate: ClientGate | undefined;
  /** What stands in the way of a switchover; changes nothing. */
  findings(): Promise<Finding[]>;
  /** Every command and record, one a line. */
  describe(direction: 'acquire' | 'release'): string[];
  /** Run: what leads clients here becomes leased where this host has it; Stop: permanent again. */
  adopt(): Promise<void>;
  giveBack(active: boolean): Promise<void>;
  /** This host is about to acquire: begins to ask what takes time and changes nothing. */
  lookAhead(): Promise<void>;
  /** Steps 5 and 7; what operators should know although it worked. Throws what kept it from working. */
  release(switchId: string): Promise<readonly string[]>;
  /** `keep`: the other host is dead, so that what works is better than nothing. */
  acquire(switchId: string, partial: 'undo' | 'keep'): Promise<readonly string[]>;
  /** As the last act of an engine: milliseconds that the gate stays as it is although nobody renews it. */
  handOver(ms: number): Promise<void>;
}

/** Answers of a witness, with the boot clock of this host when the question was sent. */
export type ArbiterAnswer =
  | { readonly type: 'lease'; readonly epoch: Epoch; readonly sentAt: BootMs }
  | { readonly type: 'refused'; readonly epoch: Epoch }
  | { readonly type: 'silent'; readonly reason: string };

export interface Arbiter {
  /** `held`: since this host is active no lease of its own has run out. */
  renew(epoch: Epoch, held: boolean): Promise<ArbiterAnswer>;
  request(above: number): Promise<ArbiterAnswer>;
  transfer(to: Epoch): Promise<ArbiterAnswer>;
  enforce(epoch: Epoch): Promise<ArbiterAnswer>;
  /** Asks for nothing. Rejects when the arbiter does not answer. */
  look(): Promise<void>;
}

/** Where an arbiter is, before a scenario runs with it. */
export interface ArbiterPlace {
  readonly kind: 'witness' | 'etcd';
  /** `host:port` of the witness, or of each member of etcd. */
  readonly addresses: readonly string[];
}

/** What can be adapted of a host for switchovers; put together in main.ts, replaced by fakes in tests. */
export interface RolePorts {
  /** Random for each start of the daemon. */
  readonly boot: string;
  readonly quarantine: QuarantineStore;
  /** For reading; whoever asks closes it. */
  openTree(path: string): RootTree;
  readonly services: SystemServices;
  openRecord(scenarioId: string): RoleRecordStore;
  accessOf(document: ScenarioDocument): ClientAccess;
  /** `other`: device id of the other host. Undefined: the scenario has none. */
  arbiterOf(document: ScenarioDocument, other: string): Arbiter | undefined;
  /** The whole system; resolves when it has begun. Throws `SERVICE-FAILED`. */
  restartHost(): Promise<void>;
  /** Rejects with why the arbiter there cannot be asked from this host. */
  reachArbiter(place: ArbiterPlace): Promise<void>;
}

/** What is done in the steps of a switchover; each answers what has happened, and may be done again. */
export interface RoleSteps {
  drain(id: string): Promise<RoleEvent>;
  seal(id: string, seq: number): Promise<RoleEvent>;
  release(id: string): Promise<RoleEvent>;
  promote(id: string, right: SwitchRight): Promise<RoleEvent>;
  acquire(id: string): Promise<RoleEvent>;
  reverse(id: string, right: SwitchRight): Promise<RoleEvent>;
  compare(epoch: Epoch): Promise<RoleEvent>;
  quarantine(epoch: Epoch): Promise<RoleEvent>;
}

/** A host that no redirection leads clients to. */
export const NO_ACCESS: ClientAccess = {
  gate: undefined,
  findings: () => Promise.resolve([]),
  describe: () => [],
  adopt: () => Promise.resolve(),
  giveBack: () => Promise.resolve(),
  lookAhead: () => Promise.resolve(),
  release: () => Promise.resolve([]),
  acquire: () => Promise.resolve([]),
  handOver: () => Promise.resolve(),
};

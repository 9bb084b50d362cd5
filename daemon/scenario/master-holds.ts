/**
 * What the Replicas must not apply although they get it: everything while one is suspended, and everything from a mass
 * deletion on until the operator has looked at it. The brake is durable together with the changes it is about.
 */

import { Fault } from '../../shared/faults.ts';
import type { BrakeStatus } from '../../shared/status.ts';
import { MassDeletions } from '../capture/mass-deletions.ts';
import type { Clock } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { EngineCall } from './engine-protocol.ts';

export interface HoldPorts {
  readonly clock: Clock;
  readonly state: MasterState;
  readonly onEvent: (code: string, details: Readonly<Record<string, string | number>>) => void;
  /** The orders changed: every connected Replica has to be told before anything else is sent. */
  readonly onChanged: () => void;
}

export interface HoldOrder {
  readonly suspended: boolean;
  readonly afterSeq?: number;
}

const META = 'brake';

export class MasterHolds {
  private readonly ports: HoldPorts;
  private readonly suspended = new Set<string>();
  private readonly deletions: MassDeletions;
  brake: BrakeStatus | undefined;

  constructor(ports: HoldPorts, massDeletePercent: number) {
    this.ports = ports;
    this.deletions = new MassDeletions(massDeletePercent);
    const known = ports.state.meta(META);
    if (known !== undefined) this.brake = JSON.parse(known) as BrakeStatus;
  }

  orderFor(peer: string): HoldOrder {
    const suspended = this.suspended.has(peer);
    return this.brake === undefined ? { suspended } : { suspended, afterSeq: this.brake.seq };
  }

  get status(): { readonly brake?: BrakeStatus } {
    return this.brake === undefined ? {} : { brake: this.brake };
  }

  /** The answer of the call. */
  take(call: Extract<EngineCall, { name: 'suspend' | 'brake-limit' | 'brake-release' }>): boolean | undefined {
    switch (call.name) {
      case 'suspend':
        if (call.suspended) this.suspended.add(call.peer);
        else this.suspended.delete(call.peer);
        this.ports.onChanged();
        return undefined;
      case 'brake-limit':
        this.deletions.percent = call.percent;
        return undefined;
      case 'brake-release':
        return this.release();
    }
  }

  /** A comparison would carry out what the brake is there to hold. */
  refuseComparison(name: string): void {
    if (this.brake === undefined) return;
    throw new Fault('SCENARIO-STATE', { name, state: 'suspended', reason: 'the mass-change brake is on' });
  }

  /** Entries went from the index, in the transaction that is open now; before it the newest sequence was `seqBefore`. */
  noteRemoved(count: number, seqBefore: number): void {
    if (this.brake !== undefined) return;
    const { clock, state } = this.ports;
    const found = this.deletions.note(count, clock.bootMs(), () => state.countEntries());
    if (found === undefined) return;
    this.brake = { ...found, seq: seqBefore, at: clock.wallMs() };
    state.setMeta(META, JSON.stringify(this.brake));
    this.ports.onEvent('BRK-001', { ...found, seq: seqBefore });
    this.ports.onChanged();
  }

  /** False when it was not on. */
  private release(): boolean {
    const { brake } = this;
    if (brake === undefined) return false;
    this.ports.state.deleteMeta(META);
    this.brake = undefined;
    this.deletions.forget();
    this.ports.onEvent('BRK-002', { removed: brake.removed });
    this.ports.onChanged();
    return true;
  }
}

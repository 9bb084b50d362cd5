/**
 * What the Replicas must not apply although they get it: everything while one is suspended, and everything from a mass
 * change on until the operator has looked at it. The brake is durable together with the changes it is about. Its `seq` is
 * the last position before the wave, so it is where a rewind point belongs.
 */

import { Fault } from '../../shared/faults.ts';
import { type BrakeStatus, describeBrake } from '../../shared/status.ts';
import { type CaptureToll, MassChanges, WAVE_KINDS, type Wave } from '../capture/mass-changes.ts';
import type { Clock } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { EngineCall, EngineLimits } from './engine-protocol.ts';

export interface HoldPorts {
  readonly clock: Clock;
  readonly state: MasterState;
  readonly onEvent: (code: string, details: Readonly<Record<string, string | number>>) => void;
  /** Every Replica has what comes before this durably. A content is read when it is sent, so anything later may be of the wave. */
  readonly receivedEverywhere: () => number;
  /** Everything is captured as it happens; false: what was changed during a walk of everything comes at once. */
  readonly isSteady: () => boolean;
  /** The orders changed: every connected Replica has to be told before anything else is sent. */
  readonly onChanged: () => void;
}

export interface HoldOrder {
  readonly suspended: boolean;
  readonly afterSeq?: number;
}

const META = 'brake';
/** Kinds of waves that were let through and may still go on. */
const PASSING_META = 'brake-passing';

export class MasterHolds {
  private readonly ports: HoldPorts;
  private readonly suspended = new Set<string>();
  private readonly changes: MassChanges;
  private delayed: readonly string[];
  private passing: string | undefined;
  /** What the brake counts, so that a file counts once; since the start of the engine. */
  private readonly changed = new Set<number>();
  /** Entries from this id on came with what is held. */
  private firstNewId: number;
  brake: BrakeStatus | undefined;

  constructor(ports: HoldPorts, limits: EngineLimits) {
    this.ports = ports;
    this.delayed = limits.delayedReplicas ?? [];
    const { state, clock } = ports;
    const { massDeletePercent = 0, massChangePercent = 0, massMinimum } = limits;
    this.changes = new MassChanges(
      { massDeletePercent, massChangePercent, ...(massMinimum === undefined ? {} : { massMinimum }) },
      { entries: () => state.countEntries(), files: () => state.countFiles() },
    );
    state.firstYoungId = () => this.changes.firstYoungId(clock.bootMs());
    const known = state.meta(META);
    if (known !== undefined) this.brake = JSON.parse(known) as BrakeStatus;
    this.firstNewId = state.nextEntryId;
    this.passing = state.meta(PASSING_META);
    // Whatever of such a wave is found by the comparison after a start was let through as well.
    const kinds = this.passing?.split(',') ?? [];
    this.changes.letThrough(
      WAVE_KINDS.filter((kind) => kinds.includes(kind)),
      clock.bootMs(),
    );
  }

  orderFor(peer: string): HoldOrder {
    const suspended = this.suspended.has(peer);
    return this.brake === undefined ? { suspended } : { suspended, afterSeq: this.brake.seq };
  }

  /** It applies less, or later, than it could. */
  isHeldBack(peer: string): boolean {
    return this.brake !== undefined || this.suspended.has(peer) || this.delayed.includes(peer);
  }

  get status(): { readonly brake?: BrakeStatus } {
    return this.brake === undefined ? {} : { brake: this.brake };
  }

  /** The answer of the call. */
  take(call: Extract<EngineCall, { name: 'suspend' | 'limits' | 'brake-release' }>): boolean | undefined {
    if (call.name === 'brake-release') return this.release();
    if (call.name === 'limits') {
      this.changes.limits = call.limits;
      this.delayed = call.limits.delayedReplicas;
      return undefined;
    }
    if (call.suspended) this.suspended.add(call.peer);
    else this.suspended.delete(call.peer);
    this.ports.onChanged();
    return undefined;
  }

  /** A comparison carries out what the brake is there to hold: the operator has answered when it was he who asked for it. */
  permitComparison(name: string, asked: boolean): void {
    if (this.brake === undefined) return;
    if (asked) {
      this.release();
      return;
    }
    throw new Fault('SCENARIO-STATE', { name, state: 'suspended', reason: 'the mass-change brake is on' });
  }

  /** What the transaction that is open now does to the entries there were. */
  note(toll: CaptureToll): void {
    const changed = this.ports.isSteady() ? toll.changed : [];
    const wave = this.changes.note({ ...toll, changed }, this.ports.clock.bootMs());
    this.keepPassing();
    if (this.brake !== undefined) this.count(this.brake, toll);
    if (wave !== undefined && this.brake?.kinds.includes(wave.kind) !== true) this.hold(wave);
  }

  private keepPassing(): void {
    const { state } = this.ports;
    const passing = this.changes.passing.join(',') || undefined;
    if (passing === this.passing) return;
    this.passing = passing;
    if (passing === undefined) state.deleteMeta(PASSING_META);
    else state.setMeta(PASSING_META, passing);
  }

  /** The operator is shown all of what he would let through. */
  private count(brake: BrakeStatus, { removed, changed }: CaptureToll): void {
    const before = this.changed.size;
    for (const id of changed) if (id < this.firstNewId) this.changed.add(id);
    if (removed === 0 && this.changed.size === before) return;
    this.set({ ...brake, removed: brake.removed + removed, changed: brake.changed + this.changed.size - before });
  }

  private set(brake: BrakeStatus): void {
    this.brake = brake;
    this.ports.state.setMeta(META, JSON.stringify(brake));
  }

  private hold({ kind, removed, changed, entries, files, seq, firstNewId }: Wave): void {
    if (this.brake === undefined) {
      this.firstNewId = firstNewId;
      for (const id of changed) this.changed.add(id);
      this.set({
        kinds: [kind],
        removed,
        total: entries,
        changed: changed.length,
        files,
        seq: Math.min(seq, this.ports.receivedEverywhere()),
        at: this.ports.clock.wallMs(),
      });
    } else this.set({ ...this.brake, kinds: [...this.brake.kinds, kind] });
    this.ports.onEvent('BRK-001', {
      what: describeBrake({ ...this.brake!, kinds: [kind] }),
      removed: this.brake!.removed,
      changed: this.brake!.changed,
      seq: this.brake!.seq,
    });
    this.ports.onChanged();
  }

  /** False when it was not on. */
  private release(): boolean {
    const { brake } = this;
    if (brake === undefined) return false;
    const { state, clock } = this.ports;
    this.changes.letThrough(brake.kinds, clock.bootMs());
    state.transaction(() => {
      state.deleteMeta(META);
      this.keepPassing();
    });
    this.brake = undefined;
    this.changed.clear();
    this.ports.onEvent('BRK-002', { removed: brake.removed, changed: brake.changed });
    this.ports.onChanged();
    return true;
  }
}

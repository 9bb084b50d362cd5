/** Which Replicas the spool is kept for, how far each has it, and its limits. */
import type { FaultDetails } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { EngineLimits } from './engine-protocol.ts';

const TRIM_MS = 500;
/** What an intent takes in the database beside its paths, with its index entries (measured: 90–140 bytes). */
const INTENT_BYTES = 256;
const WARN_FRACTION = 0.8;
const PREFIX = 'peer:';

export class SpoolKeeper {
  private readonly state: MasterState;
  private readonly clock: Clock;
  private readonly limits: EngineLimits;
  private readonly onEvent: (code: string, details: FaultDetails) => void;
  private readonly received = new Map<string, number>();
  private keptAtMs = Number.NEGATIVE_INFINITY;
  private warned = false;

  constructor(
    state: MasterState,
    clock: Clock,
    limits: EngineLimits,
    onEvent: (code: string, details: FaultDetails) => void,
  ) {
    this.state = state;
    this.clock = clock;
    this.limits = limits;
    this.onEvent = onEvent;
    for (const key of state.metaKeys(PREFIX)) this.received.set(key.slice(PREFIX.length), Number(state.meta(key)));
  }

  /** Replicas that were synchronized and go on from a position. */
  knownPeers(): string[] {
    return [...this.received.keys()];
  }

  /** Nothing is kept for a Replica that was taken out of the scenario. */
  keepOnly(configured: readonly string[] | undefined): void {
    if (configured === undefined) return;
    for (const peer of this.knownPeers()) if (!configured.includes(peer)) this.forget(peer);
  }

  get isNeeded(): boolean {
    return this.received.size > 0;
  }

  receivedBy(peer: string): number | undefined {
    return this.received.get(peer);
  }

  know(peer: string, receivedSeq: number): void {
    this.received.set(peer, receivedSeq);
    this.state.setMeta(PREFIX + peer, String(receivedSeq));
  }

  forget(peer: string): void {
    this.received.delete(peer);
    this.state.deleteMeta(PREFIX + peer);
  }

  acknowledge(peer: string, receivedSeq: number): void {
    if (receivedSeq > (this.received.get(peer) ?? Number.POSITIVE_INFINITY)) this.received.set(peer, receivedSeq);
  }

  /** No Replica goes on from an earlier position. In the caller's transaction. */
  startOver(): void {
    for (const peer of this.knownPeers()) this.forget(peer);
    this.state.skipTo(this.state.seq + 1);
  }

  get usedBytes(): number {
    return (this.state.seq - this.state.trimmedSeq) * INTENT_BYTES;
  }

  /** Trims what every Replica has, from time to time. Returns Replicas that were given up because the spool is full. */
  keep(): string[] {
    const nowMs = this.clock.bootMs();
    if (nowMs - this.keptAtMs < TRIM_MS || this.received.size === 0) return [];
    this.keptAtMs = nowMs;
    const through = Math.min(...this.received.values());
    if (through > this.state.trimmedSeq) this.trim(through);
    return this.watch();
  }

  private trim(through: number): void {
    this.state.transaction(() => {
      for (const [peer, seq] of this.received) this.state.setMeta(PREFIX + peer, String(seq));
      this.state.trim(through);
    });
  }

  private watch(): string[] {
    const used = this.usedBytes;
    const limit = this.limits.spoolMaxBytes;
    if (used < limit * WARN_FRACTION) {
      this.warned = false;
      return [];
    }
    if (!this.warned) this.onEvent('SPL-080', { percent: Math.round((used * 100) / limit) });
    this.warned = true;
    if (used < limit) return [];
    this.onEvent('SPL-100', {});
    // The slowest Replicas are compared again later; the changes themselves are in the file system.
    const slowest = Math.min(...this.received.values());
    const given = this.knownPeers().filter((peer) => this.received.get(peer) === slowest);
    for (const peer of given) this.forget(peer);
    this.trim(this.received.size === 0 ? this.state.seq : Math.min(...this.received.values()));
    return given;
  }
}

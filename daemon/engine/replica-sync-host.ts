/** Runs one synchronization (or comparison) of the Replica in slices, frame after frame. */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import { FrameType } from '../../shared/protocol/frame.ts';
import type { SyncProgress } from '../../shared/status.ts';
import { HoldNotice } from '../apply/hold-notice.ts';
import type { Standby } from '../apply/standby.ts';
import type { KeptAside } from '../aside/kept-aside.ts';
import type { RootFilters } from '../capture/filter.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { DataFrameType } from '../link/session.ts';
import type { Clock } from '../ports.ts';
import type { BlockHashing } from '../sync/block-hashing.ts';
import { ReplicaSync, type SyncStart } from '../sync/replica.ts';
import { ReplicaDiff } from '../sync/replica-diff.ts';
import type { Work } from '../sync/work.ts';
import type { KeepDeleted } from './engine-protocol.ts';
import type { ReplicaLink } from './replica-link.ts';

const FIRST_HOLD_MS = 50;
const LONGEST_HOLD_MS = 2_000;

export interface SyncHostPorts {
  readonly standby: Standby;
  readonly link: ReplicaLink;
  readonly clock: Clock;
  readonly hasher: ContentHasher;
  readonly filters: RootFilters;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  readonly onDone: () => void;
  readonly keepDeleted: KeepDeleted | undefined;
  readonly aside: KeptAside | undefined;
}

export class ReplicaSyncHost {
  private readonly ports: SyncHostPorts;
  private readonly start: SyncStart;
  private readonly task: ReplicaSync | ReplicaDiff;
  private readonly startedAt: number;
  private current: Work | undefined;
  /** Bytes to report as consumed when the current work is done; undefined when it is not a frame. */
  private currentBytes: number | undefined;
  private hold: { untilMs: number; delayMs: number } | undefined;
  private readonly notice: HoldNotice;
  private receivedBytes = 0;
  /** The current work runs right now, or has thrown: it cannot be ended from outside. */
  private stepping = false;

  constructor(ports: SyncHostPorts, start: SyncStart) {
    this.ports = ports;
    this.start = start;
    this.startedAt = ports.clock.wallMs();
    this.notice = new HoldNotice(ports.clock, ports.onEvent);
    const { standby, link, hasher, clock, filters, onEvent, keepDeleted } = ports;
    const { writer, journal, parked } = standby;
    const common = {
      writer,
      hasher,
      filters,
      onEvent,
      // A comparison cannot tell what was deleted earlier from what a synchronization has left: neither is a difference.
      keepExtra: keepDeleted?.synchronization === true || (start.dryRun && keepDeleted?.replication === true),
      profile: writer.profile,
      sendNeeds: (directory: number, needs: Parameters<ReplicaLink['sendNeeds']>[2]) =>
        link.sendNeeds(start.syncId, directory, needs),
    };
    this.task = start.dryRun
      ? new ReplicaDiff({ ...common, sendDifferences: (found) => link.sendDifferences(start.syncId, found) }, start)
      : new ReplicaSync(
          {
            ...common,
            journal,
            parked,
            clock,
            flushSynchronized: () => standby.flushSynchronized(),
            sendBlockHashes: ({ directory, index }, first, hashes) =>
              link.sendBlockHashes({ syncId: start.syncId, directory, index, first, hashes }),
          },
          start,
        );
  }

  /** Nothing is transferred. */
  get comparing(): boolean {
    return this.start.dryRun;
  }

  /** A frame or the end is being worked on. */
  get busy(): boolean {
    return this.current !== undefined;
  }

  /** There is something to do, if only when nothing has arrived. */
  get working(): boolean {
    return this.busy || this.hashing?.hasWork === true;
  }

  private get hashing(): BlockHashing | undefined {
    return this.task instanceof ReplicaSync ? this.task.blocks.hashing : undefined;
  }

  /** Goes on with what can wait; false when there is nothing. */
  background(): boolean {
    const { hashing } = this;
    if (!hashing?.hasWork) return false;
    hashing.step();
    return true;
  }

  get resumeAtMs(): number | undefined {
    return this.hold?.untilMs;
  }

  get heldReason(): string | undefined {
    return this.notice.reason;
  }

  get progress(): SyncProgress {
    const { counts, comparedEntries } = this.task;
    return {
      phase: 'transferring',
      startedAt: this.startedAt,
      comparedEntries,
      sentFiles: counts.created + counts.updated,
      sentBytes: this.receivedBytes,
      neededBytes: this.receivedBytes,
      bytesPerSecond: 0,
    };
  }

  frame(type: DataFrameType, payload: Uint8Array): void {
    if (type === FrameType.syncDirectory) this.current = this.task.listing(payload);
    else if (type === FrameType.syncData) this.current = this.task.data(payload);
    else if (type === FrameType.syncContent && this.task instanceof ReplicaSync)
      this.current = this.task.content(payload);
    else throw new Fault('LINK-FRAME', { reason: `frame ${type} in a synchronization` });
    this.currentBytes = payload.length;
    if (type !== FrameType.syncDirectory) this.receivedBytes += payload.length;
  }

  finish(syncId: number): void {
    if (syncId === this.start.syncId) this.current = this.finishing();
  }

  /** One step; false when it has to wait. */
  resume(nowMs: number): boolean {
    if (this.hold !== undefined && nowMs < this.hold.untilMs) return false;
    this.stepping = true;
    const step = this.current?.next();
    this.stepping = false;
    if (step === undefined || step.done) {
      this.endHold();
      this.current = undefined;
      this.endFrame();
      return true;
    }
    if (step.value === undefined) {
      this.endHold();
      return true;
    }
    this.startHold(step.value, nowMs);
    return false;
  }

  cancel(): void {
    // What was begun in place is taken back; what was staged stays for the next time.
    if (!this.stepping) this.current?.return();
    this.current = undefined;
    this.task.cancel();
    this.endFrame();
  }

  private endFrame(): void {
    if (this.currentBytes === undefined) return;
    this.ports.link.consumed(this.currentBytes);
    this.ports.link.release();
    this.currentBytes = undefined;
  }

  private *finishing(): Work {
    const { standby, link, onDone } = this.ports;
    yield* this.task.finish();
    if (!this.start.dryRun) standby.finishSynchronization(this.start.base);
    onDone();
    const kept = this.ports.aside?.counts() ?? [];
    const keptAside = kept.length === 0 ? {} : { keptAside: kept };
    link.sendSyncDone({ kind: 'sync-done', syncId: this.start.syncId, ...this.task.counts, ...keptAside });
  }

  private startHold(fault: Fault, nowMs: number): void {
    const delayMs = Math.min(LONGEST_HOLD_MS, this.hold === undefined ? FIRST_HOLD_MS : this.hold.delayMs * 2);
    if (this.hold === undefined) this.ports.onEvent('APL-002', { reason: fault.message });
    this.hold = { untilMs: nowMs + delayMs, delayMs };
    this.notice.hold(fault);
  }

  private endHold(): void {
    if (this.hold !== undefined) this.ports.onEvent('APL-003', {});
    this.hold = undefined;
    this.notice.end();
  }
}

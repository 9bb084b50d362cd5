/** The Replica's end of one link session: what it says and when. */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import { FrameType } from '../../shared/protocol/frame.ts';
import { type BlockHashRun, type Need, writeBlockHashRun, writeNeeds } from '../../shared/protocol/sync-codec.ts';
import { type ControlMessage, LINK_PING_MS } from '../../shared/protocol/wire.ts';
import type { AppliedTally } from '../../shared/status.ts';
import { NoticeStream } from '../link/notice-stream.ts';
import { FrameWriter, LinkSession, type LinkSessionHandlers } from '../link/session.ts';
import type { Clock } from '../ports.ts';
import type { FoundDifference } from '../sync/replica-diff.ts';
import type { EngineNotice } from './engine-protocol.ts';

const TALLY_IDLE_MS = 100;

/** An acknowledgement without news wakes four threads. */
const ACK_AGAIN_MS = 3_000;

export type Acknowledgement = Omit<Extract<ControlMessage, { kind: 'ack' }>, 'kind' | 'consumedBytes'>;

export class ReplicaLink {
  readonly peer: string;
  private readonly clock: Clock;
  private readonly stream: NoticeStream;
  private readonly session: LinkSession;
  private readonly needs = new FrameWriter(16 * 1024);
  /** The Master's batches continue this Replica's history. */
  live = false;
  /** Hello was answered with welcome. */
  greeted = false;
  nextBatch = 1;
  private consumedBytes = 0;
  private lastAck = '';
  private lastAckMs = 0;
  private lastTally = '';
  private lastTallyMs = Number.NEGATIVE_INFINITY;

  constructor(peer: string, clock: Clock, notify: (notice: EngineNotice) => void, handlers: LinkSessionHandlers) {
    this.peer = peer;
    this.clock = clock;
    this.stream = new NoticeStream(peer, notify);
    this.session = new LinkSession(this.stream, clock, handlers);
  }

  receive(peer: string, bytes: Uint8Array): void {
    if (peer === this.peer) this.stream.onBytes(bytes);
  }

  streamClosed(peer: string, reason: string): void {
    if (peer === this.peer) this.stream.onClose(reason);
  }

  close(reason: string, fault?: Fault): void {
    if (fault !== undefined) this.stream.closeFault = fault.toDocument();
    this.session.close(reason, fault);
  }

  refuse(fault: Fault): void {
    this.session.sendControl({ kind: 'refuse', fault: fault.toDocument() });
    this.close(fault.message, fault);
  }

  welcome(message: Extract<ControlMessage, { kind: 'welcome' }>): void {
    if (this.greeted) throw new Fault('LINK-FRAME', { reason: 'hello twice' });
    this.greeted = true;
    this.session.acceptCompressed();
    this.session.sendControl({ ...message, compression: ['zstd'] });
  }

  /** Payload bytes of windowed frames that are done with: they open the Master's window. */
  consumed(bytes: number): void {
    this.consumedBytes += bytes;
  }

  /** The oldest frame that was kept is done with. */
  release(): void {
    this.session.release();
  }

  /** Without news; that this host lives is what pings and their answers are for. */
  private get ackDueMs(): number {
    return this.lastAckMs + ACK_AGAIN_MS;
  }

  sendAck(ack: Acknowledgement): void {
    this.lastAck = JSON.stringify([ack, this.consumedBytes]);
    this.lastAckMs = this.clock.bootMs();
    this.session.sendControl({ kind: 'ack', ...ack, consumedBytes: this.consumedBytes });
  }

  sendAckIfNews(ack: Acknowledgement): void {
    const due = this.clock.bootMs() >= this.ackDueMs;
    if (due || JSON.stringify([ack, this.consumedBytes]) !== this.lastAck) this.sendAck(ack);
  }

  /** At most once a second, or when there is nothing more to apply. */
  sendTallyIfNews(tally: AppliedTally, idle: boolean): void {
    const nowMs = this.clock.bootMs();
    if (nowMs - this.lastTallyMs < (idle ? TALLY_IDLE_MS : LINK_PING_MS)) return;
    const text = JSON.stringify(tally);
    if (text === this.lastTally) return;
    this.lastTally = text;
    this.lastTallyMs = nowMs;
    this.session.sendControl({ kind: 'tally', ...tally });
  }

  sendRepair(root: number, paths: string[]): void {
    this.session.sendControl({ kind: 'repair', root, paths });
  }

  sendEvent(code: string, details: FaultDetails): void {
    if (this.greeted) this.session.sendControl({ kind: 'event', code, details: { ...details } });
  }

  sendNeeds(syncId: number, directory: number, needs: readonly Need[]): void {
    writeNeeds(this.needs, syncId, directory, needs);
    this.session.sendFrame(FrameType.syncNeed, this.needs);
  }

  sendBlockHashes(run: BlockHashRun): void {
    writeBlockHashRun(this.needs, run);
    this.session.sendFrame(FrameType.syncBlocks, this.needs);
  }

  sendDifferences(syncId: number, differences: readonly FoundDifference[]): void {
    this.session.sendControl({ kind: 'sync-differences', syncId, differences: [...differences] });
  }

  sendSyncDone(message: Extract<ControlMessage, { kind: 'sync-done' }>): void {
    this.session.sendControl(message);
    // Where it stands now is news, even if it is where it stood before.
    this.lastAck = '';
  }
}

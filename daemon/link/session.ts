/**
 * One link session between two engines: frames over a LinkStream, validated control messages, the byte window, liveness.
 * Both sides use it. What the frames mean is the engines' business.
 *
 * - A bad frame, an invalid control message or a Fault thrown by a handler closes the session; `onClosed` gets the fault.
 * - The byte window is the sender's: data frames count from the moment they are sent until the other side reports them as
 *   consumed (`ack.consumedBytes`); the session reads that field itself. Control and need frames are not counted. A peer
 *   that sends beyond the window (it may overshoot by one frame) is cut off: it must not fill this host's memory.
 * - A ping goes out when nothing was sent for LINK_PING_MS; four silent intervals end the session.
 */
import { crc32 } from 'node:zlib';
import { Fault } from '../../shared/faults.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameType,
  MAX_FRAME_BYTES,
  writeFrameHeader,
} from '../../shared/protocol/frame.ts';
import {
  type ControlMessage,
  controlMessage,
  LINK_PING_MS,
  LINK_WINDOW_BYTES,
  MAX_CONTROL_BYTES,
} from '../../shared/protocol/wire.ts';
import type { Clock, LinkStream, Timer } from '../ports.ts';
import type { SendLimit } from './bandwidth.ts';
import { COMPRESSED_MARK, compressPayload, expandPayload } from './compression.ts';

export type DataFrameType = Exclude<FrameType, typeof FrameType.control>;

export interface LinkSessionHandlers {
  /** Every control message but ping and pong, after validation; `ack` too (the window was moved already). */
  onControl(message: ControlMessage): void;
  /**
   * The payload is valid during the call. True: it is kept, stays valid, and `release` must be called for it; frames are
   * released in the order they came in.
   */
  onFrame(type: DataFrameType, payload: Uint8Array): boolean;
  /** Called once. `fault` is set when this side ended the session because of it. */
  onClosed(reason: string, fault: Fault | undefined): void;
}

const SILENT_INTERVALS = 4;
const WINDOWED: ReadonlySet<number> = new Set([
  FrameType.batch,
  FrameType.syncDirectory,
  FrameType.syncData,
  FrameType.syncContent,
]);
const DATA_TYPES: ReadonlySet<number> = new Set([
  FrameType.batch,
  FrameType.syncDirectory,
  FrameType.syncNeed,
  FrameType.syncData,
  FrameType.syncBlocks,
  FrameType.syncContent,
]);

/** A writer whose first bytes are left free for the frame header, so that a frame is never copied again; for `sendFrame`. */
export class FrameWriter extends ByteWriter {
  constructor(initialBytes = 64 * 1024) {
    super(initialBytes);
    this.space(FRAME_HEADER_BYTES);
  }

  get payloadBytes(): number {
    return this.length - FRAME_HEADER_BYTES;
  }

  /** Drops what was written. */
  reset(): void {
    this.rewindTo(FRAME_HEADER_BYTES);
  }
}

export class LinkSession {
  private readonly stream: LinkStream;
  private readonly clock: Clock;
  private readonly handlers: LinkSessionHandlers;
  private readonly decoder = new FrameDecoder(crc32);
  private readonly encoder = new TextEncoder();
  private readonly decoderText = new TextDecoder('utf-8', { fatal: true });
  private readonly windowBytes: number;
  private readonly limit: SendLimit | undefined;
  private timer: Timer | undefined;
  private lastSentMs: number;
  private lastHeardMs: number;
  private lastTickMs: number;
  private silentTicks = 0;
  private ended = false;
  /** Payload bytes of windowed frames sent in this session. */
  sentBytes = 0;
  /** What the other side reported as consumed of them. */
  consumedBytes = 0;
  /** Payload bytes of windowed frames that arrived in this session (the receiver's counter; what is consumed is its decision). */
  arrivedBytes = 0;
  /** Of those, what the other side was told to be consumed. */
  private reportedBytes = 0;
  /** Frames kept by the handler, oldest first: bytes of each with everything that came after it and is done with. */
  private readonly kept: number[] = [];
  roundTripMs: number | undefined;
  /** The other host's wall clock against ours, exact to half a round trip; positive: it is ahead. */
  clockAheadMs: number | undefined;
  /** Bytes of data frames as they went out in this session, with their headers. */
  wireBytes = 0;
  private wantsCompression: (() => boolean) | undefined;
  private acceptsCompressed = false;

  constructor(
    stream: LinkStream,
    clock: Clock,
    handlers: LinkSessionHandlers,
    { windowBytes = LINK_WINDOW_BYTES, limit }: { readonly windowBytes?: number; readonly limit?: SendLimit } = {},
  ) {
    this.stream = stream;
    this.clock = clock;
    this.handlers = handlers;
    this.windowBytes = windowBytes;
    this.limit = limit;
    this.lastSentMs = clock.bootMs();
    this.lastHeardMs = this.lastSentMs;
    this.lastTickMs = this.lastSentMs;
    stream.onBytes = (bytes) => this.receive(bytes);
    stream.onClose = (reason) => this.end(reason, undefined);
    this.timer = clock.after(LINK_PING_MS, () => this.tick());
  }

  get closed(): boolean {
    return this.ended;
  }

  /** Bytes that may be sent now; a frame may overshoot once, so check `> 0` before building one. */
  get roomBytes(): number {
    const room = this.windowBytes - (this.sentBytes - this.consumedBytes);
    return this.limit === undefined ? room : Math.min(room, this.limit.roomBytes);
  }

  sendControl(message: ControlMessage): void {
    if (this.ended) return;
    if (message.kind === 'ack') this.reportedBytes = message.consumedBytes;
    const payload = this.encoder.encode(JSON.stringify(message));
    if (payload.length > MAX_CONTROL_BYTES)
      throw new Fault('INTERNAL', { reason: `control of ${payload.length} bytes` });
    this.stream.send(encodeFrame(FrameType.control, payload, crc32));
    this.lastSentMs = this.clock.bootMs();
  }

  /**
   * Sends what the writer holds as one frame and empties it. `head` replaces the first payload bytes, for counts known only
   * at the end. Returns the payload's size.
   */
  sendFrame(type: DataFrameType, writer: FrameWriter, head?: Uint8Array): number {
    const size = writer.payloadBytes;
    if (size > MAX_FRAME_BYTES) throw new Fault('INTERNAL', { reason: `frame of ${size} bytes` });
    const bytes = writer.written();
    if (!this.ended) {
      if (head !== undefined) bytes.set(head, FRAME_HEADER_BYTES);
      const sent = this.compressed(type, bytes) ?? bytes;
      if (sent === bytes) writeFrameHeader(bytes, type, bytes.subarray(FRAME_HEADER_BYTES), crc32);
      if (WINDOWED.has(type)) {
        // The window is about memory: what it expands to counts. The limit is about the line.
        this.sentBytes += size;
        this.limit?.take(sent.length);
      }
      this.wireBytes += sent.length;
      this.stream.send(sent);
      this.lastSentMs = this.clock.bootMs();
    }
    writer.reset();
    return size;
  }

  /** The other side understands compressed frames: they are sent as long as `wanted`. */
  compressWhen(wanted: () => boolean): void {
    this.wantsCompression = wanted;
  }

  /** This side has said that it understands compressed frames. */
  acceptCompressed(): void {
    this.acceptsCompressed = true;
  }

  private compressed(type: DataFrameType, bytes: Uint8Array): Uint8Array | undefined {
    if (this.wantsCompression?.() !== true || !WINDOWED.has(type)) return undefined;
    const payload = compressPayload(bytes.subarray(FRAME_HEADER_BYTES));
    if (payload === undefined) return undefined;
    const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
    frame.set(payload, FRAME_HEADER_BYTES);
    writeFrameHeader(frame, type | COMPRESSED_MARK, payload, crc32);
    return frame;
  }

  /** The oldest frame the handler kept is done with. */
  release(): void {
    const count = this.kept.shift();
    if (count !== undefined) this.stream.release?.(count);
  }

  private finished(count: number): void {
    const newest = this.kept.length - 1;
    if (newest >= 0) this.kept[newest]! += count;
    else this.stream.release?.(count);
  }

  /** Ends the session from this side; `fault` says why when it was not asked for. */
  close(reason: string, fault?: Fault): void {
    if (this.ended) return;
    this.end(reason, fault);
    this.stream.close();
  }

  private end(reason: string, fault: Fault | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.timer?.cancel();
    this.timer = undefined;
    this.handlers.onClosed(reason, fault);
  }

  private receive(bytes: Uint8Array): void {
    if (this.ended) return;
    this.lastHeardMs = this.clock.bootMs();
    this.silentTicks = 0;
    try {
      for (const frame of this.decoder.push(bytes)) {
        this.dispatch(frame.type, frame.payload);
        if (this.ended) return;
      }
    } catch (error) {
      const fault = Fault.from(error);
      this.close(fault.message, fault);
    }
  }

  private dispatch(type: number, payload: Uint8Array): void {
    const size = FRAME_HEADER_BYTES + payload.length;
    if (type === FrameType.control) {
      this.dispatchControl(payload);
      this.finished(size);
      return;
    }
    const plain = this.acceptsCompressed ? type & ~COMPRESSED_MARK : type;
    if (!DATA_TYPES.has(plain)) throw new Fault('LINK-FRAME', { reason: `frame type ${type}` });
    const expanded = plain === type ? payload : expandPayload(payload);
    if (WINDOWED.has(plain)) this.countArrived(expanded.length);
    if (this.handlers.onFrame(plain as DataFrameType, expanded)) this.kept.push(size);
    else this.finished(size);
  }

  private countArrived(bytes: number): void {
    this.arrivedBytes += bytes;
    const outstanding = this.arrivedBytes - this.reportedBytes;
    if (outstanding > this.windowBytes + MAX_FRAME_BYTES) {
      throw new Fault('LINK-FRAME', { reason: `${outstanding} bytes beyond the window of ${this.windowBytes}` });
    }
  }

  private dispatchControl(payload: Uint8Array): void {
    const message = this.parseControl(payload);
    if (message.kind === 'ping') {
      this.sendControl({ kind: 'pong', at: message.at, wallMs: this.clock.wallMs() });
      return;
    }
    if (message.kind === 'pong') {
      this.roundTripMs = Math.max(0, this.clock.bootMs() - message.at);
      this.clockAheadMs = message.wallMs + this.roundTripMs / 2 - this.clock.wallMs();
      return;
    }
    if (message.kind === 'ack') this.moveWindow(message.consumedBytes);
    this.handlers.onControl(message);
  }

  private moveWindow(consumedBytes: number): void {
    if (consumedBytes > this.sentBytes || consumedBytes < this.consumedBytes) {
      throw new Fault('LINK-FRAME', { reason: `consumed ${consumedBytes} of ${this.sentBytes} bytes` });
    }
    this.consumedBytes = consumedBytes;
  }

  private parseControl(payload: Uint8Array): ControlMessage {
    if (payload.length > MAX_CONTROL_BYTES) throw new Fault('LINK-FRAME', { reason: 'control message too long' });
    let value: unknown;
    try {
      value = JSON.parse(this.decoderText.decode(payload));
    } catch {
      throw new Fault('LINK-FRAME', { reason: 'control message is not JSON' });
    }
    const parsed = controlMessage.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new Fault('LINK-FRAME', { reason: `control message: ${issue?.path.join('.')} ${issue?.message}` });
    }
    return parsed.data;
  }

  private tick(): void {
    if (this.ended) return;
    const now = this.clock.bootMs();
    // A late tick means this thread was busy or the host was suspended: what arrived meanwhile is still to be read.
    const late = now - this.lastTickMs > 2 * LINK_PING_MS;
    this.lastTickMs = now;
    if (late) this.silentTicks = 0;
    else if (now - this.lastHeardMs >= LINK_PING_MS) this.silentTicks += 1;
    if (this.silentTicks >= SILENT_INTERVALS) {
      this.close(`no answer for ${Math.round((now - this.lastHeardMs) / 1000)} s`);
      return;
    }
    if (now - this.lastSentMs >= LINK_PING_MS || this.silentTicks > 0 || this.roundTripMs === undefined) {
      this.sendControl({ kind: 'ping', at: now });
    }
    this.timer = this.clock.after(LINK_PING_MS, () => this.tick());
  }
}

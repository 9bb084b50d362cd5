/** A TLS socket as the byte stream between two engines. */
import type { TLSSocket } from 'node:tls';
import type { Clock, LinkStream } from '../ports.ts';

/**
 * Bytes waiting in the socket above which the link is ended: the engines' window is far below, so this is a defect or a
 * stalled network, and ending is better than growing.
 */
const QUEUE_LIMIT_BYTES = 64 * 1024 * 1024;
/**
 * Pieces from this size on are written alone, smaller ones together: several in one go are copied into one new buffer by the
 * TLS layer before they are encrypted, which is dear for large pieces and right for small ones.
 */
const ALONE_BYTES = 32 * 1024;
/** Time for what was queued to go out after `close`. */
const LINGER_MS = 2_000;

interface Piece {
  readonly bytes: Uint8Array;
  readonly onSent: (() => void) | undefined;
}

export class SocketStream implements LinkStream {
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  private readonly socket: TLSSocket;
  private readonly clock: Clock;
  private reason = 'the other side closed it';
  private ended = false;
  private readonly queue: Piece[] = [];
  /** Of the queue and of the write under way. */
  private queuedBytes = 0;
  private writing = false;
  private closing = false;
  /** For whoever keeps the link; `onClose` belongs to the engine. */
  onEnded: () => void = () => {};

  constructor(socket: TLSSocket, clock: Clock) {
    this.socket = socket;
    this.clock = clock;
  }

  /** Starts the flow, after the owner has set its handlers. `head`: bytes that arrived before. */
  start(head: Uint8Array): void {
    const { socket } = this;
    socket.on('error', (error) => {
      this.reason = error.message;
    });
    socket.once('close', () => this.end());
    if (head.length > 0) this.onBytes(head);
    socket.on('data', (chunk: Buffer) => this.onBytes(chunk));
    // It may have ended before the handlers were there.
    if (socket.destroyed) this.end();
  }

  send(bytes: Uint8Array, onSent?: () => void): void {
    if (!this.socket.writable || this.closing) {
      onSent?.();
      return;
    }
    this.queue.push({ bytes: onSent === undefined ? bytes.slice() : bytes, onSent });
    this.queuedBytes += bytes.length;
    this.pump();
    if (this.queuedBytes > QUEUE_LIMIT_BYTES) {
      this.reason = `${this.queuedBytes} bytes are waiting; the other side does not read`;
      this.socket.destroy();
    }
  }

  /** Hands the socket its next write when it has done with the one before. */
  private pump(): void {
    if (this.writing || this.queue.length === 0) return;
    const pieces = this.nextWrite();
    this.writing = true;
    const done = (): void => {
      this.writing = false;
      for (const { bytes, onSent } of pieces) {
        this.queuedBytes -= bytes.length;
        onSent?.();
      }
      if (this.queue.length > 0) this.pump();
      else if (this.closing) this.socket.end();
    };
    if (pieces.length > 1) this.socket.cork();
    for (const [n, { bytes }] of pieces.entries()) {
      if (n < pieces.length - 1) this.socket.write(bytes);
      else this.socket.write(bytes, done);
    }
    if (pieces.length > 1) this.socket.uncork();
  }

  /** One large piece or as many small ones as there are. */
  private nextWrite(): Piece[] {
    let count = 1;
    let total = this.queue[0]!.bytes.length;
    for (; count < this.queue.length; count += 1) {
      total += this.queue[count]!.bytes.length;
      if (total >= ALONE_BYTES) break;
    }
    return this.queue.splice(0, count);
  }

  close(): void {
    if (this.socket.destroyed || this.closing) return;
    this.reason = 'closed by this host';
    this.closing = true;
    if (!this.writing) this.socket.end();
    const timer = this.clock.after(LINGER_MS, () => this.socket.destroy());
    this.socket.once('close', () => timer.cancel());
  }

  /** At once, without sending what is queued. */
  destroy(): void {
    this.reason = 'its rights ended';
    this.socket.destroy();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const { onSent } of this.queue.splice(0)) onSent?.();
    this.onEnded();
    this.onClose(this.reason);
  }
}

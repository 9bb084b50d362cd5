/** A TLS socket as the byte stream between two engines. */
import type { TLSSocket } from 'node:tls';
import type { Clock, LinkStream } from '../ports.ts';

/**
 * Bytes waiting in the socket above which the link is ended: the engines' window is far below, so this is a defect or a
 * stalled network, and ending is better than growing.
 */
const QUEUE_LIMIT_BYTES = 64 * 1024 * 1024;
/** Time for what was queued to go out after `close`. */
const LINGER_MS = 2_000;

export class SocketStream implements LinkStream {
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  private readonly socket: TLSSocket;
  private readonly clock: Clock;
  private reason = 'the other side closed it';
  private ended = false;
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
    if (!this.socket.writable) {
      onSent?.();
      return;
    }
    if (onSent === undefined) this.socket.write(bytes.slice());
    else this.socket.write(bytes, () => onSent());
    if (this.socket.writableLength > QUEUE_LIMIT_BYTES) {
      this.reason = `${this.socket.writableLength} bytes are waiting; the other side does not read`;
      this.socket.destroy();
    }
  }

  close(): void {
    if (this.socket.destroyed) return;
    this.reason = 'closed by this host';
    this.socket.end();
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
    this.onEnded();
    this.onClose(this.reason);
  }
}

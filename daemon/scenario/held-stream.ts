/** A stream whose engine is not there yet: keeps what arrives until it is released. */
import type { LinkStream } from '../ports.ts';

/** The other side sends its greeting and then waits: more than this is not a link of ours. */
const MAX_HELD_BYTES = 1024 * 1024;

export class HeldStream implements LinkStream {
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  readonly #stream: LinkStream;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #closed: string | undefined;
  #released = false;

  constructor(stream: LinkStream) {
    this.#stream = stream;
    stream.onBytes = (bytes) => this.#received(bytes);
    stream.onClose = (reason) => {
      this.#closed = reason;
      if (this.#released) this.onClose(reason);
    };
  }

  /** Passes on what was kept and everything after it; `onBytes` and `onClose` are set by now. */
  release(): void {
    this.#released = true;
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) this.onBytes(bytes);
    if (this.#closed !== undefined) this.onClose(this.#closed);
  }

  send(bytes: Uint8Array, onSent?: () => void): void {
    this.#stream.send(bytes, onSent);
  }

  close(): void {
    this.#stream.close();
  }

  #received(bytes: Uint8Array): void {
    if (this.#released) {
      this.onBytes(bytes);
      return;
    }
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#stream.close();
    else this.#held.push(bytes);
  }
}

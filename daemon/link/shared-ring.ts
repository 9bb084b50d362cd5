/**
 * Bytes of a link between the main thread (sockets) and an engine's thread, in memory both share: nothing is allocated,
 * transferred or collected for a frame. One writer, one reader; the reader uses the bytes in place and releases them in
 * order. What does not fit waits with the writer until the reader has made room.
 */
import { copyBytes } from './copy-bytes.ts';

/** Twice the link's window, so that a sender that keeps to the window never waits. A power of two. */
const RING_BYTES = 32 * 1024 * 1024;
/** More waiting than this means that the other end of the ring is stuck: growing on would not help. */
const WAITING_LIMIT_BYTES = 64 * 1024 * 1024;

export interface SharedRing {
  readonly data: SharedArrayBuffer;
  /** Words below. */
  readonly state: SharedArrayBuffer;
}

// Positions count all bytes ever and wrap at 2^32, which is a multiple of the ring's size.
const WRITTEN = 0;
const RELEASED = 1;
/** 1: a wake-up is on its way to the reader. */
const WOKEN = 2;
/** 1: the writer waits for room. */
const STARVED = 3;
const STATE_WORDS = 4;

export function createRing(sizeBytes: number = RING_BYTES): SharedRing {
  return { data: new SharedArrayBuffer(sizeBytes), state: new SharedArrayBuffer(4 * STATE_WORDS) };
}

export class RingWriter {
  private readonly memory: SharedArrayBuffer;
  private readonly bytes: Uint8Array;
  private readonly state: Int32Array;
  private readonly wake: () => void;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;

  /** `wake`: tells the reader's thread to read. */
  constructor(ring: SharedRing, wake: () => void) {
    this.memory = ring.data;
    this.bytes = new Uint8Array(ring.data);
    this.state = new Int32Array(ring.state);
    this.wake = wake;
  }

  /** Copies the bytes; `wakeReader` must follow soon. False: too many wait already; the link must end. */
  write(bytes: Uint8Array): boolean {
    const done = this.waiting.length > 0 ? 0 : this.put(bytes);
    if (done === bytes.length) return true;
    this.waitingBytes += bytes.length - done;
    if (this.waitingBytes > WAITING_LIMIT_BYTES) return false;
    this.waiting.push(bytes.slice(done));
    Atomics.store(this.state, STARVED, 1);
    // The reader may have released meanwhile without seeing that somebody waits.
    this.continue();
    return true;
  }

  /** The reader has made room. */
  continue(): void {
    let moved = 0;
    while (this.waiting.length > 0) {
      const first = this.waiting[0]!;
      const done = this.put(first);
      moved += done;
      if (done < first.length) {
        this.waiting[0] = first.subarray(done);
        Atomics.store(this.state, STARVED, 1);
        if (this.room === 0) break;
        continue;
      }
      this.waiting.shift();
    }
    this.waitingBytes -= moved;
    if (moved > 0) this.wakeReader();
  }

  private get room(): number {
    const used = (Atomics.load(this.state, WRITTEN) - Atomics.load(this.state, RELEASED)) >>> 0;
    return this.bytes.length - used;
  }

  /** As much as there is room for; the count. */
  private put(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room);
    const written = Atomics.load(this.state, WRITTEN);
    const at = (written >>> 0) % this.bytes.length;
    const head = Math.min(count, this.bytes.length - at);
    copyBytes(head === bytes.length ? bytes : bytes.subarray(0, head), this.bytes, at);
    if (count > head) copyBytes(bytes.subarray(head, count), this.bytes);
    Atomics.store(this.state, WRITTEN, (written + count) | 0);
    return count;
  }

  /**
   * Has the ring's memory released when nothing is in it; false while something is. Only the writer's thread may ask: nobody
   * else puts anything in.
   */
  releaseWhenEmpty(release: (memory: ArrayBufferLike) => void): boolean {
    if (this.waiting.length > 0 || this.room < this.bytes.length) return false;
    release(this.memory);
    return true;
  }

  /** Tells the reader that there is something, unless it is about to look anyway. */
  wakeReader(): void {
    if (Atomics.exchange(this.state, WOKEN, 1) === 0) this.wake();
  }
}

export class RingReader {
  private readonly bytes: Uint8Array;
  private readonly state: Int32Array;
  private readonly onRoom: () => void;
  private seen = 0;

  /** `onRoom`: tells the writer's thread that there is room again. */
  constructor(ring: SharedRing, onRoom: () => void) {
    this.bytes = new Uint8Array(ring.data);
    this.state = new Int32Array(ring.state);
    this.onRoom = onRoom;
  }

  /** What came since the last call, in pieces of at most `pieceBytes`, valid until released. */
  *read(pieceBytes: number): Generator<Uint8Array> {
    Atomics.store(this.state, WOKEN, 0);
    let left = (Atomics.load(this.state, WRITTEN) - this.seen) >>> 0;
    while (left > 0) {
      const at = (this.seen >>> 0) % this.bytes.length;
      const count = Math.min(left, pieceBytes, this.bytes.length - at);
      this.seen = (this.seen + count) | 0;
      left -= count;
      yield this.bytes.subarray(at, at + count);
    }
  }

  /** The oldest `count` bytes are done with. */
  release(count: number): void {
    Atomics.add(this.state, RELEASED, count);
    if (Atomics.exchange(this.state, STARVED, 0) === 1) this.onRoom();
  }
}

/**
 * A link between the main thread and an engine's thread over two shared rings, the same code on both sides. Messages only
 * wake the other side; the bytes stay where they are.
 */
import { Fault } from '../../shared/faults.ts';
import { createRing, RingReader, RingWriter, type SharedRing } from './shared-ring.ts';

export interface RingPair {
  readonly toEngine: SharedRing;
  readonly fromEngine: SharedRing;
}

/** What wakes the other thread: `link-wake` there is something to read, `link-room` there is room to write. */
export interface RingSignal {
  readonly type: 'link-wake' | 'link-room';
  readonly peer: string;
}

export function isRingSignal(message: { readonly type: string }): message is RingSignal {
  return message.type === 'link-wake' || message.type === 'link-room';
}

/** Why a link ends whose other thread does not read. */
export const STUCK = new Fault('INTERNAL', { reason: 'the bytes of a link wait for its reader' }).toDocument();

/** Pieces handed on: large enough to be cheap, small enough that several go through the socket at once. */
const PIECE_BYTES = 512 * 1024;

export function createRingPair(): RingPair {
  return { toEngine: createRing(), fromEngine: createRing() };
}

/**
 * So many bytes wake the reader at once; fewer wait for the end of the piece of work that writes them. A wake-up costs more
 * than encoding a whole directory, and on a busy host the reader takes the writer's processor.
 */
const PROMPT_BYTES = 128 * 1024;

/** A ring through which more than this went since its memory was last given back is worth it. */
const WORTH_BYTES = 1024 * 1024;

/** What gives back the memory of rings that are not in use: after a synchronization all 32 MiB have been. */
export interface SpareMemory {
  /** Runs it once, some seconds later. */
  later(run: () => void): void;
  release(memory: ArrayBufferLike): void;
}

class RingLink {
  readonly writer: RingWriter;
  readonly reader: RingReader;
  private unannounced = 0;
  /** Bytes since the ring's memory was given back. */
  private since = 0;
  private quietSince = 0;
  private wakes = false;

  constructor(outgoing: SharedRing, incoming: SharedRing, signal: (type: RingSignal['type']) => void) {
    this.writer = new RingWriter(outgoing, () => signal('link-wake'));
    this.reader = new RingReader(incoming, () => signal('link-room'));
  }

  write(bytes: Uint8Array): boolean {
    if (!this.writer.write(bytes)) return false;
    this.unannounced += bytes.length;
    this.since += bytes.length;
    if (this.unannounced >= PROMPT_BYTES) this.wake();
    else if (!this.wakes) {
      this.wakes = true;
      queueMicrotask(() => {
        this.wakes = false;
        this.wake();
      });
    }
    return true;
  }

  get worthReleasing(): boolean {
    return this.since > WORTH_BYTES;
  }

  /** True when it was given back; else it is in use and to be asked again. */
  release(release: SpareMemory['release']): boolean {
    const quiet = this.since === this.quietSince;
    this.quietSince = this.since;
    if (!quiet || !this.writer.releaseWhenEmpty(release)) return false;
    this.since = 0;
    this.quietSince = 0;
    return true;
  }

  wake(): void {
    if (this.unannounced === 0) return;
    this.unannounced = 0;
    this.writer.wakeReader();
  }
}

/** The links of one engine by peer, seen from one of the two threads. */
export class RingLinks {
  private readonly side: 'main' | 'engine';
  private readonly signal: (signal: RingSignal) => void;
  private readonly spare: SpareMemory | undefined;
  private releasing = false;
  private readonly links = new Map<string, RingLink>();

  constructor(side: 'main' | 'engine', signal: (signal: RingSignal) => void, spare?: SpareMemory) {
    this.side = side;
    this.signal = signal;
    this.spare = spare;
  }

  open(peer: string, { toEngine, fromEngine }: RingPair): void {
    const [outgoing, incoming] = this.side === 'main' ? [toEngine, fromEngine] : [fromEngine, toEngine];
    this.links.set(peer, new RingLink(outgoing, incoming, (type) => this.signal({ type, peer })));
  }

  close(peer: string): void {
    this.links.delete(peer);
  }

  /** False: the other thread or the network is stuck, the link must end. */
  write(peer: string, bytes: Uint8Array): boolean {
    const link = this.links.get(peer);
    if (link === undefined) return true;
    if (!this.releasing && link.worthReleasing) this.releaseLater();
    return link.write(bytes);
  }

  private releaseLater(): void {
    const { spare } = this;
    if (spare === undefined) return;
    this.releasing = true;
    spare.later(() => {
      this.releasing = false;
      for (const link of this.links.values()) {
        if (link.worthReleasing && !link.release((memory) => spare.release(memory)) && !this.releasing)
          this.releaseLater();
      }
    });
  }

  /** Before any other message to the other thread, which must not overtake the bytes. */
  announce(): void {
    for (const link of this.links.values()) link.wake();
  }

  release(peer: string, count: number): void {
    this.links.get(peer)?.reader.release(count);
  }

  /** `take` gets what has come, in order, with how to release it. */
  onSignal({ type, peer }: RingSignal, take: (bytes: Uint8Array, release: () => void) => void): void {
    const link = this.links.get(peer);
    if (link === undefined) return;
    if (type === 'link-room') link.writer.continue();
    else {
      const { reader } = link;
      for (const bytes of reader.read(PIECE_BYTES)) take(bytes, () => reader.release(bytes.length));
    }
  }
}

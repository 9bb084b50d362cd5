/** Messages between the main thread and a thread that serves several engines. */
import type { RingPair, RingSignal } from '../link/ring-link.ts';
import type { EngineNotice, EngineRequest } from './engine-protocol.ts';

/** What travels beside requests and notices: the shared memory of a link and its signals (link/ring-link.ts). */
export type WorkerRequest =
  | EngineRequest
  | RingSignal
  | { type: 'link-rings'; peer: string; rings: RingPair }
  /** Nobody wants to hear of this engine any more; `disposed` follows. */
  | { type: 'dispose' };
export type WorkerNotice =
  | Exclude<EngineNotice, { type: 'link-send' | 'link-release' }>
  | RingSignal
  | { type: 'disposed' };

/** Between the threads: which engine it is for or from. */
export interface Addressed<Message> {
  readonly engine: number;
  readonly message: Message;
}

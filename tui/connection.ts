/** What the console needs of a daemon. The Socket.IO client stands behind it; tests put a fake there. */
import type { CommandName } from '../shared/commands.ts';
import type { FaultDocument } from '../shared/faults.ts';
import type { PushBatch, Welcome } from '../shared/protocol/console.ts';
import type { Snapshot } from '../shared/status.ts';

/** A host of the profile, known before anything is connected. */
export interface ConsoleHost {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
}

export type ConnectionNews =
  | { readonly type: 'connecting' }
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'push'; readonly batch: PushBatch }
  | { readonly type: 'round-trip'; readonly ms: number }
  /** Lost or refused; it is tried again by the connection itself. */
  | { readonly type: 'down'; readonly fault: FaultDocument };

export interface HostConnection {
  readonly host: ConsoleHost;
  /** Starts the connection at the first subscription. Returns the end of the subscription. */
  subscribe(onNews: (news: ConnectionNews) => void): () => void;
  /** Rejects with a `Fault`; `LINK-UNREACHABLE` at once while it is down: nothing is queued behind the operator's back. */
  request(command: CommandName, args: unknown, options?: { readonly timeoutMs?: number }): Promise<unknown>;
  close(): void;
}

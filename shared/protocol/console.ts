/**
 * Socket.IO between a console (or the command line, or a peer's control connection) and a daemon.
 * Path `/socket.io`, websocket only. One request event with an acknowledgement, a few pushes.
 */
import type { SessionRole } from '../commands.ts';
import type { EventRecord } from '../events.ts';
import type { FaultDocument } from '../faults.ts';
import type { DaemonStatus, ScenarioStatus, Snapshot } from '../status.ts';
import type { RequestEnvelope } from './console-request.ts';

export const CONSOLE_PROTOCOL = 1;
/** Pushes are collected this long (measured: 20–50 ms costs 1.4 % of a core at 5,000 events/s against 6.7 % unbatched). */
export const PUSH_INTERVAL_MS = 50;
export const MAX_REQUEST_BYTES = 1024 * 1024;

export type Reply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly fault: FaultDocument };

export interface Welcome {
  readonly protocol: number;
  readonly role: SessionRole;
  readonly daemon: DaemonStatus;
}

/** A batch of what changed since the last push. */
export interface PushBatch {
  readonly daemon?: DaemonStatus;
  readonly scenarios: readonly ScenarioStatus[];
  readonly removedScenarios: readonly string[];
  readonly events: readonly EventRecord[];
  /** Events left out because there were too many in one interval; fetch them with `events.query`. */
  readonly eventsDropped: number;
}

export interface ServerToConsole {
  welcome: (welcome: Welcome) => void;
  snapshot: (snapshot: Snapshot) => void;
  push: (batch: PushBatch) => void;
}

export interface ConsoleToServer {
  request: (envelope: RequestEnvelope, answer: (reply: Reply) => void) => void;
  /** Starts snapshot and pushes (consoles); the command line does not ask for them. */
  subscribe: (answer: (reply: Reply) => void) => void;
}

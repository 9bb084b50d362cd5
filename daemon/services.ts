/**
 * What the services of the daemon's main thread know of each other: small interfaces, wired together in main.ts.
 */
import type { CommandArgs, CommandName, SessionRole } from '../shared/commands.ts';
import type { EventRecord, Severity } from '../shared/events.ts';
import type { FaultDetails } from '../shared/faults.ts';
import type { HostReference } from '../shared/scenario.ts';
import type { CapturedRoot, DaemonStatus, ScenarioStatus } from '../shared/status.ts';
import type { EngineNotice, EngineRequest } from './engine/engine-protocol.ts';
import type { LinkStream } from './ports.ts';

// ---------------------------------------------------------------- documents and events (store/)

/** One small JSON document, kept in memory, replaced on disk atomically and durably (store/documents.ts, lowdb). */
export interface DocumentStore<T> {
  readonly value: T;
  /** Resolves when the change is durable; changes are applied one after another. Throwing in `change` leaves all as it was. */
  update(change: (value: T) => void): Promise<void>;
}

export interface EventQuery {
  readonly scenario?: string;
  readonly since?: number;
  readonly after?: number;
  readonly severity?: Severity;
  readonly limit: number;
}

/** The durable event stream of this host (store/event-log.ts). `code` outside the catalogue is a defect. */
export interface EventLog {
  record(code: string, details?: FaultDetails, scenario?: string): EventRecord;
  query(query: EventQuery): EventRecord[];
  subscribe(onEvent: (event: EventRecord) => void): () => void;
}

// ---------------------------------------------------------------- network (link/, console/)

/** One open console, command line or peer connection. */
export interface Session {
  readonly role: SessionRole;
  /** Device id of the other side (SHA-256 of its public key, hex); `local` for the admin key of the data directory. */
  readonly deviceId: string;
  readonly deviceName: string;
  readonly address: string;
}

/** Arguments are already checked against the catalogue and the role. Throw `Fault` to refuse. */
export type CommandHandler<Name extends CommandName> = (
  args: CommandArgs<Name>,
  session: Session,
) => unknown | Promise<unknown>;
export type CommandHandlers = { readonly [Name in CommandName]?: CommandHandler<Name> };

/** Where the console service gets what it pushes. */
export interface StatusSource {
  scenarios(): readonly ScenarioStatus[];
  /** Called with the scenario id when it changed or was removed; the console service coalesces. */
  subscribe(onChange: (scenarioId: string) => void): () => void;
}

/** A request over the control connection to a paired host; throws `LINK-UNREACHABLE`, `ACCESS-*` or the fault it answered. */
export interface PeerControl {
  request<Name extends CommandName>(
    host: HostReference,
    command: Name,
    args: CommandArgs<Name>,
    timeoutMs?: number,
  ): Promise<unknown>;
  /** Pinned device id of a host reference, from the document or the paired devices (by name or address); `from`: see PinnedHost. */
  resolve(host: HostReference): { readonly deviceId: string; readonly address: string; readonly from?: string };
}

export interface KeptLink {
  /** Ends the connection and stops reconnecting. */
  stop(): void;
}

/** The host-to-host streams. Authentication is done before a stream is seen here. */
export interface LinkService {
  /**
   * Keeps a link to `host` for a scenario: dials, reconnects with back-off and jitter (0.2 s … 30 s) until stopped.
   * `onOpen` gets each new stream; `onDown` each failure with its reason.
   */
  keep(
    host: HostReference,
    scenarioId: string,
    onOpen: (stream: LinkStream) => void,
    onDown: (reason: string) => void,
  ): KeptLink;
  /** Incoming links: return a handler for a known scenario and device, or throw a Fault, which is sent as the refusal. */
  onIncoming: (scenarioId: string, deviceId: string) => (stream: LinkStream) => void;
}

// ---------------------------------------------------------------- engines (scenario/engine-host.ts) and capture (capture/host.ts)

export interface EngineHandle {
  post(request: EngineRequest): void;
  onNotice: (notice: EngineNotice) => void;
  /** Called when the thread ended without being asked. */
  onExit: (code: number) => void;
  /** Resolves when the thread is gone; `stop` should have been posted before. */
  terminate(): Promise<void>;
}

export interface CaptureReport {
  readonly method: string;
  readonly degraded: boolean;
  readonly reason?: string;
  readonly roots: readonly CapturedRoot[];
}

/** One capture thread for the host. Hints go from it to the engine's thread directly. */
export interface CaptureService {
  /** Starts watching `roots` for `engine`; resolves when every later change is sure to be reported. */
  watch(
    engine: EngineHandle,
    roots: readonly string[],
    /** A root is captured otherwise than before: its source failed, or a volume was mounted below it. */
    onChange?: (report: CaptureReport) => void,
  ): Promise<CaptureReport>;
  unwatch(engine: EngineHandle): Promise<void>;
  /** A watch will follow soon: starts what it needs. */
  prepare(): void;
}

export interface DaemonInformation {
  status(): DaemonStatus;
}

// ---------------------------------------------------------------- who reaches this host (redirect/gates.ts)

export interface GateReading {
  readonly state: 'open' | 'closed';
  /** When the kernel closes it by itself (boot clock); Infinity: never, because nothing is leased (yet). */
  readonly untilBootMs?: number;
}

/** Lets clients reach this host for a while; the kernel closes it when nobody arms it again. */
export interface ClientGate {
  /**
   * Open until `untilBootMs` (boot clock) at the latest. Closes, then throws `REDIRECT-FAILED` when it cannot be held to that.
   * A process that is paused right before giving the kernel its lease leaves at most that lease: give at most half of what counts.
   */
  arm(untilBootMs: number): Promise<void>;
  /** Closed when it resolves, as read back. */
  close(): Promise<void>;
  read(): Promise<GateReading>;
}

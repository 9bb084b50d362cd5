/** The streams between hosts: keeps outgoing links up, hands incoming ones to the scenario they are for. */
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { Verdict } from '../access/devices-model.ts';
import type { Identity } from '../access/identity.ts';
import { refuseUpgrade, type TlsPort } from '../console/tls-port.ts';
import type { Clock, LinkStream, Random, Timer } from '../ports.ts';
import type { EventLog, KeptLink, LinkService, PeerControl } from '../services.ts';
import { backoffMs, STABLE_MS } from './backoff.ts';
import { dialUpgrade } from './dial.ts';
import { SocketStream } from './socket-stream.ts';

const LINK_PATH = '/link/';
const LINK_UPGRADE = 'mainstay-link';
const SCENARIO_ID = /^[0-9a-f]{8,64}$/;

export interface LinkOptions {
  readonly port: TlsPort;
  readonly identity: Identity;
  readonly resolve: PeerControl['resolve'];
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventLog;
}

export class SocketLinkService implements LinkService {
  onIncoming: LinkService['onIncoming'] = () => {
    throw new Fault('LINK-REFUSED', { reason: 'this host is starting' });
  };
  private readonly options: LinkOptions;
  private readonly kept = new Set<DialedLink>();

  constructor(options: LinkOptions) {
    this.options = options;
    options.port.onUpgrade(LINK_PATH, (request, socket, head, peer) => {
      try {
        const open = this.accept(request.url ?? '', request.headers.upgrade, peer.verdict());
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${LINK_UPGRADE}\r\n\r\n`);
        socket.setTimeout(0);
        const stream = new SocketStream(socket, options.clock);
        open(stream);
        stream.start(head);
      } catch (error) {
        const fault = Fault.from(error);
        options.events.record('ACC-004', { what: 'a link', address: peer.address, reason: fault.message });
        refuseUpgrade(socket, fault);
      }
    });
  }

  keep(
    host: HostReference,
    scenarioId: string,
    onOpen: (stream: LinkStream) => void,
    onDown: (reason: string) => void,
  ): KeptLink {
    const link = new DialedLink(this.options, host, scenarioId, onOpen, onDown);
    this.kept.add(link);
    link.dial();
    return {
      stop: () => {
        this.kept.delete(link);
        link.stop();
      },
    };
  }

  /** Ends the outgoing links to a device whose rights ended; they are dialed again and then refused or resolved anew. */
  drop(deviceId: string): void {
    for (const link of this.kept) if (link.deviceId === deviceId) link.reset();
  }

  stop(): void {
    for (const link of [...this.kept]) link.stop();
    this.kept.clear();
  }

  private accept(url: string, upgrade: string | undefined, verdict: Verdict): (stream: LinkStream) => void {
    if (!verdict.known) throw verdict.fault;
    if (verdict.role !== 'peer') throw new Fault('ACCESS-DENIED', { role: verdict.role, command: 'link' });
    const scenarioId = url.slice(LINK_PATH.length);
    if (upgrade?.toLowerCase() !== LINK_UPGRADE || !SCENARIO_ID.test(scenarioId)) {
      throw new Fault('LINK-REFUSED', { reason: 'the upgrade is not valid' });
    }
    return this.onIncoming(scenarioId, verdict.deviceId);
  }
}

/** One outgoing link that is dialed again until it is stopped. */
class DialedLink {
  private readonly options: LinkOptions;
  private readonly host: HostReference;
  private readonly scenarioId: string;
  private readonly onOpen: (stream: LinkStream) => void;
  private readonly onDown: (reason: string) => void;
  private readonly aborted = new AbortController();
  private stream: SocketStream | undefined;
  private timer: Timer | undefined;
  private failures = 0;
  private stopped = false;
  /** Of the open or last attempt. */
  deviceId: string | undefined;

  constructor(
    options: LinkOptions,
    host: HostReference,
    scenarioId: string,
    onOpen: (stream: LinkStream) => void,
    onDown: (reason: string) => void,
  ) {
    this.options = options;
    this.host = host;
    this.scenarioId = scenarioId;
    this.onOpen = onOpen;
    this.onDown = onDown;
  }

  dial(): void {
    this.connect().catch((error: unknown) => {
      if (this.stopped) return;
      this.onDown(Fault.from(error).message);
      this.again();
    });
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    // An open stream ends after what was queued; only an attempt under way is cut off.
    if (this.stream === undefined) this.aborted.abort();
    else this.stream.close();
  }

  /** Cuts the open stream at once; it is dialed again. */
  reset(): void {
    this.stream?.destroy();
  }

  private async connect(): Promise<void> {
    const { clock, identity, resolve } = this.options;
    const path = `${LINK_PATH}${this.scenarioId}`;
    const pinned = resolve(this.host);
    this.deviceId = pinned.deviceId;
    const { socket, head } = await dialUpgrade(identity, pinned, path, LINK_UPGRADE, this.aborted.signal);
    if (this.stopped) {
      socket.destroy();
      return;
    }
    const openedAtMs = clock.bootMs();
    const stream = new SocketStream(socket, clock);
    this.stream = stream;
    stream.onEnded = () => {
      this.stream = undefined;
      if (clock.bootMs() - openedAtMs >= STABLE_MS) this.failures = 0;
      if (!this.stopped) this.again();
    };
    this.onOpen(stream);
    stream.start(head);
  }

  private again(): void {
    const delayMs = backoffMs(this.failures, this.options.random.fraction());
    this.failures += 1;
    this.timer = this.options.clock.after(delayMs, () => this.dial());
  }
}

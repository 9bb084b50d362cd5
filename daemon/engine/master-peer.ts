/** A Master's view of one Replica: its link session, how far it is, its synchronization. */
import type { MetadataProfile } from '../../shared/change.ts';
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import { FrameType } from '../../shared/protocol/frame.ts';
import { type ControlMessage, LINK_PROTOCOL, LINK_PROTOCOL_OLDEST } from '../../shared/protocol/wire.ts';
import type { LinkState } from '../../shared/status.ts';
import type { DigestOf } from '../capture/digest.ts';
import type { RootFilters } from '../capture/filter.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import { NoticeStream } from '../link/notice-stream.ts';
import { commonProfile, ownersOf, profileOf } from '../link/profile.ts';
import { LinkSession } from '../link/session.ts';
import type { Clock, RootTree } from '../ports.ts';
import { IntentSender } from '../spool/intent-sender.ts';
import { loadSentBlocks, type SentBlocks } from '../spool/sent-blocks.ts';
import type { MasterState } from '../store/master-state.ts';
import { isStoreError, storeFault } from '../store/sqlite-fault.ts';
import { MasterSync, type MasterSyncOptions } from '../sync/master.ts';
import { type Acknowledged, ageOfAgain, asideOf, nothingHeard, welcomed } from './acknowledged.ts';
import type { EngineConfig, EngineNotice, EnginePeerStatus } from './engine-protocol.ts';
import type { MasterCapture } from './master-capture.ts';
import type { HoldOrder } from './master-holds.ts';
import type { MasterSending } from './master-sending.ts';
import { RoundTrip } from './round-trip.ts';

export interface PeerPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly state: MasterState;
  readonly hasher: ContentHasher;
  readonly capture: MasterCapture;
  readonly filters: RootFilters;
  readonly digestOf: DigestOf;
  readonly config: EngineConfig;
  readonly sending: MasterSending;
  readonly notify: (notice: EngineNotice) => void;
  readonly captured: () => Position;
  /** What this Replica must not apply. */
  readonly holdOf: (peer: string) => HoldOrder;
  /** The index describes the roots: positions mean something. */
  readonly indexed: () => boolean;
  /** The peer's position, synchronization or session changed. */
  readonly onChange: (peer: MasterPeer) => void;
  /** The handshake is over. */
  readonly onReady: (peer: MasterPeer) => void;
  readonly onSyncWalked: (peer: MasterPeer) => void;
  readonly onSyncDone: (peer: MasterPeer, sync: MasterSync) => void;
  readonly onSessionEnded: (peer: MasterPeer) => void;
}

export class MasterPeer {
  readonly id: string;
  private readonly ports: PeerPorts;
  private stream: NoticeStream | undefined;
  private session: LinkSession | undefined;
  private sender: IntentSender | undefined;
  private ready = false;
  private token = 0;
  private profile: MetadataProfile;
  private readonly acknowledged: Acknowledged;
  private readonly sentBlocks: SentBlocks;
  private readonly roundTrip = new RoundTrip((code, details) => this.event(code, { ...details, peer: this.id }));
  sync: MasterSync | undefined;
  /** The Replica has usable data of this history. */
  synchronized = false;
  /** The Replica has said how it is since its last synchronization or welcome. */
  heard = false;
  /** Where the Replica is in this history, usable or not; undefined: in none. */
  heldSeq: number | undefined;
  /** Intents up to here may have reached the Replica, in whatever session. */
  everSentSeq: number;

  constructor(id: string, ports: PeerPorts, receivedSeq: number) {
    this.id = id;
    this.ports = ports;
    this.profile = profileOf(ports.trees, ports.config.attributeKinds);
    this.sentBlocks = loadSentBlocks(id, ports.state, ports.captured());
    this.everSentSeq = ports.state.seq;
    this.acknowledged = nothingHeard(receivedSeq);
  }

  get receivedSeq(): number {
    return this.acknowledged.receivedSeq;
  }

  get appliedSeq(): number {
    return this.acknowledged.appliedSeq;
  }

  /** Items set aside there that sending again did not help: `hasApplied` passes over them, they are not in its roots. */
  get stuck(): number {
    return this.acknowledged.stuck;
  }

  /** Everything set aside there, also what is being sent again. */
  get parked(): number {
    return this.acknowledged.parked;
  }

  /** Of what was set aside the operator has dropped so many since the last synchronization. */
  get dropped(): number {
    return this.acknowledged.dropped;
  }

  /** Apply waits there, for whatever reason. */
  get isHeld(): boolean {
    return this.acknowledged.held !== undefined;
  }

  /** The first of them. */
  get parkedPaths(): readonly string[] {
    return this.acknowledged.parkedPaths;
  }

  /** Everything up to there is in its roots, except for what is stuck. */
  hasApplied(seq: number): boolean {
    // What a Replica that began anew has set aside is not known before it says so.
    if (!this.synchronized || !this.heard) return false;
    return this.appliedSeq >= seq && this.acknowledged.parked === this.stuck;
  }

  get connected(): boolean {
    return this.ready;
  }

  // ------------------------------------------------------------- session

  open(): void {
    this.drop('a new link was opened');
    const { clock, config, trees, notify } = this.ports;
    const stream = new NoticeStream(this.id, notify);
    this.stream = stream;
    this.token = 0;
    this.session = new LinkSession(
      stream,
      clock,
      {
        onControl: (message) => this.onControl(message),
        onFrame: (type, payload) => {
          this.onFrame(type, payload);
          return false;
        },
        onClosed: (reason, fault) => this.onClosed(stream, reason, fault),
      },
      { limit: this.ports.sending.limitOf(this.id) },
    );
    this.session.sendControl({
      kind: 'hello',
      protocol: LINK_PROTOCOL,
      oldestProtocol: LINK_PROTOCOL_OLDEST,
      scenarioId: config.scenarioId,
      agreedFingerprint: config.agreedFingerprint,
      epoch: config.epoch,
      captured: this.ports.captured(),
      rootCount: trees.length,
      profile: profileOf(trees, config.attributeKinds),
      ...ownersOf(trees),
      caseSensitive: trees.every((tree) => tree.capabilities.caseSensitive),
    });
    this.ports.onChange(this);
  }

  private onFrame(type: number, payload: Uint8Array): void {
    if (type !== FrameType.syncNeed && type !== FrameType.syncBlocks) {
      throw new Fault('LINK-FRAME', { reason: `frame type ${type} from a Replica` });
    }
    if (this.sync === undefined) return;
    if (type === FrameType.syncNeed) this.sync.onNeeds(payload);
    else this.sync.onBlockHashes(payload);
    this.ports.onChange(this);
  }

  takeBytes(bytes: Uint8Array): void {
    this.stream?.onBytes(bytes);
  }

  /** The link is gone. */
  takeClose(reason: string): void {
    this.stream?.onClose(reason);
  }

  drop(reason: string, fault?: Fault): void {
    if (this.session === undefined || this.session.closed) return;
    if (this.stream !== undefined && fault !== undefined) this.stream.closeFault = fault.toDocument();
    this.session.close(reason, fault);
  }

  private onClosed(stream: NoticeStream, reason: string, fault: Fault | undefined): void {
    if (this.stream !== stream) return;
    const known = fault && storeFault(fault, this.ports.config).toDocument();
    if (known !== undefined) stream.closeFault = known;
    const wasReady = this.ready;
    this.ready = false;
    this.sender?.close();
    this.sender = undefined;
    this.sync?.close();
    this.session = undefined;
    this.stream = undefined;
    if (wasReady) this.event('LNK-002', { peer: this.id, reason });
    this.ports.onSessionEnded(this);
    if (fault?.kind === 'fatal') this.ports.notify({ type: 'failed', fault: known! });
  }

  private event(code: string, details: FaultDetails): void {
    this.ports.notify({ type: 'event', code, details });
  }

  // ------------------------------------------------------------- control messages

  private onControl(message: ControlMessage): void {
    if (this.sync?.onControl(message)) {
      if (this.sync.complete) this.finishSync(this.sync);
      this.ports.onChange(this);
      return;
    }
    switch (message.kind) {
      case 'welcome':
        this.onWelcome(message);
        return;
      case 'refuse':
        this.onRefuse(message);
        return;
      case 'ack':
        this.onAcknowledge(message);
        return;
      case 'tally':
        this.acknowledged.tally = { since: message.since, kinds: message.kinds, bytes: message.bytes };
        return;
      case 'repair':
        this.ports.capture.repair(message.root, message.paths);
        this.sentBlocks.repair(message.root, message.paths, this.ports.state);
        this.ports.onChange(this);
        return;
      case 'event':
        this.event(message.code, message.details);
        return;
      case 'sync-cancel':
        throw new Fault('LINK-REFUSED', { reason: message.reason });
      case 'sync-done':
      case 'sync-differences':
        return;
      default:
        throw new Fault('LINK-FRAME', { reason: `unexpected ${message.kind}` });
    }
  }

  private onRefuse({ fault }: Extract<ControlMessage, { kind: 'refuse' }>): void {
    this.event('LNK-003', { peer: this.id, reason: fault.text });
    const { code, text, hint } = fault;
    const known = Fault.fromDocument({ code: code as Fault['code'], text, hint, details: fault.details ?? {} });
    this.drop(text, known);
  }

  private onWelcome(welcome: Extract<ControlMessage, { kind: 'welcome' }>): void {
    if (this.ready) throw new Fault('LINK-FRAME', { reason: 'second welcome' });
    const { config, state, trees } = this.ports;
    if (welcome.protocol < LINK_PROTOCOL_OLDEST) {
      throw new Fault('LINK-VERSION', { ours: LINK_PROTOCOL, theirs: welcome.protocol });
    }
    if (welcome.epoch > config.epoch) throw new Fault('LINK-EPOCH', { ours: config.epoch, theirs: welcome.epoch });
    this.profile = commonProfile(profileOf(trees, config.attributeKinds), welcome.profile);
    const received = this.usable(welcome.received);
    const held = welcome.received ?? welcome.mending;
    this.heldSeq = held?.generation === this.ports.captured().generation ? held.seq : undefined;
    this.synchronized = received !== undefined;
    this.heard = false;
    if (received !== undefined) welcomed(this.acknowledged, received, welcome.applied?.seq, this.ports.clock.bootMs());
    if (welcome.compression?.includes('zstd')) this.session?.compressWhen(() => this.ports.sending.compresses);
    this.sentBlocks.keepUpTo(received ?? -1);
    this.ready = true;
    this.sendHold();
    this.sender = new IntentSender(
      this.session!,
      {
        trees,
        state,
        hasher: this.ports.hasher,
        wallMs: () => this.ports.clock.wallMs(),
        sent: this.ports.capture.sent,
        attributeKinds: this.profile.attributeKinds,
        blocks: this.sentBlocks,
        nextToken: () => this.nextToken(),
        onLookAgain: (root, path) => this.ports.capture.lookLater(root, path),
        onUnreadable: (root, path, fault) => this.ports.capture.cannotRead(root, path, fault),
        onSent: (intent, bytes) => this.ports.sending.files.note(this.id, intent, bytes),
      },
      received ?? 0,
    );
    this.event('LNK-001', { peer: this.id });
    this.ports.onReady(this);
  }

  /** Tells the Replica what it must not apply; before anything it is about. */
  sendHold(): void {
    if (!this.ready) return;
    const masterMs = this.ports.clock.wallMs();
    this.session?.sendControl({ kind: 'hold', ...this.ports.holdOf(this.id), masterMs });
  }

  /** A position of this history from which the spool leads on. */
  private usable(position: Position | undefined): number | undefined {
    const { state, captured, indexed } = this.ports;
    if (position === undefined || !indexed() || position.generation !== captured().generation) return undefined;
    return position.seq >= state.trimmedSeq && position.seq <= state.seq ? position.seq : undefined;
  }

  private onAcknowledge(ack: Extract<ControlMessage, { kind: 'ack' }>): void {
    const known = this.acknowledged;
    this.heard = true;
    known.spoolBytes = ack.spoolBytes;
    known.parked = ack.parked;
    known.stuck = ack.stuck ?? 0;
    known.parkedPaths = ack.parkedPaths ?? [];
    known.dropped = ack.dropped ?? 0;
    [known.keptAside, known.asidePercent] = [ack.keptAside, ack.asidePercent];
    known.held = ack.held;
    known.rehearsing = ack.rehearsing;
    known.atWallMs = this.ports.clock.wallMs();
    if (this.synchronized) {
      const newest = this.ports.state.seq;
      if (ack.receivedSeq > newest || ack.appliedSeq > ack.receivedSeq) {
        throw new Fault('LINK-FRAME', { reason: `acknowledged ${ack.receivedSeq} of ${newest}` });
      }
      known.receivedSeq = Math.max(known.receivedSeq, ack.receivedSeq);
      this.heldSeq = known.receivedSeq;
      known.appliedSeq = Math.max(known.appliedSeq, ack.appliedSeq);
    }
    this.ports.onChange(this);
  }

  /** What it has of large files outlives a restart. `usable`: it goes on from its position. */
  storeBlocks(usable: boolean): void {
    if (usable && this.synchronized) this.sentBlocks.store(this.receivedSeq);
    else if (!usable && this.sync === undefined) this.sentBlocks.clear();
  }

  private nextToken(): number {
    this.token += 1;
    return this.token;
  }

  // ------------------------------------------------------------- synchronization

  startSync(options: Omit<MasterSyncOptions, 'profile' | 'peer' | 'trusted'>): void {
    const { clock, trees, state, filters, digestOf, hasher, capture } = this.ports;
    this.sync?.close();
    const trusted = this.synchronized && options.ignoreSame && !options.dryRun;
    if (!options.dryRun) {
      this.sentBlocks.clear();
      this.synchronized = false;
      this.acknowledged.receivedSeq = options.base.seq;
      this.acknowledged.appliedSeq = options.base.seq;
      // Intents up to there are never sent to it: what they were about is left to the synchronization.
      this.everSentSeq = Math.max(this.everSentSeq, options.base.seq);
    }
    this.sync = new MasterSync(
      { ...options, peer: this.id, profile: this.profile, trusted },
      {
        session: this.session!,
        clock,
        trees,
        state,
        filters,
        digestOf,
        hasher,
        wallMs: () => clock.wallMs(),
        nextToken: () => this.nextToken(),
        onUnsettled: (root, one) => capture.trackers[root]!.noteUnsettled(one, clock.bootMs()),
        onDifferent: (root, path) => capture.rescanChildren(root, path),
        onLookAgain: (root, path) => capture.lookLater(root, path),
        onUnreadable: (root, path, fault) => capture.cannotRead(root, path, fault),
        onSent: (root, stat, blocks) => this.sentBlocks.note(root, stat, blocks, options.base.seq),
        onNotSent: (root, path, id) => capture.notSent(root, path, id),
        onNotListed: (root, path, id, fault) => capture.notListed(root, path, id, fault),
        special: capture.special,
        requireRoots: () => capture.requireRoots(),
        onWalked: () => this.ports.onSyncWalked(this),
      },
    );
  }

  private finishSync(sync: MasterSync): void {
    this.sync = undefined;
    sync.close();
    if (!sync.options.dryRun) {
      this.synchronized = true;
      this.heldSeq = sync.options.base.seq;
      this.heard = false;
      this.sender?.resumeAfter(sync.options.base.seq);
    }
    this.ports.onSyncDone(this, sync);
  }

  // ------------------------------------------------------------- work

  /** Sends what can be sent; true when there is more to do now. */
  pump(more: () => boolean): boolean {
    if (!this.ready || this.session === undefined) return false;
    try {
      // Changes come before a comparison, so that it holds nothing up; a synchronization comes before changes.
      const busy = this.sync?.options.dryRun === false ? false : this.pumpChanges(more);
      return this.sync?.pump(more) === true || busy;
    } catch (error) {
      // What the store could not write is no matter of this link: the engine ends and is started again.
      if (isStoreError(error)) throw error;
      const fault = Fault.from(error);
      this.drop(fault.message, fault);
      return false;
    }
  }

  private pumpChanges(more: () => boolean): boolean {
    if (!this.synchronized || this.sender === undefined) return false;
    const busy = this.sender.pump(more, this.ports.sending.limitSeq);
    this.everSentSeq = Math.max(this.everSentSeq, this.sender.sentSeq);
    return busy;
  }

  // ------------------------------------------------------------- figures

  get sentSeq(): number {
    return this.sender?.sentSeq ?? this.acknowledged.receivedSeq;
  }

  get sentChanges(): number {
    return this.sender?.sentChanges ?? 0;
  }

  /** In this session, with what a synchronization sent. */
  get wireBytes(): number {
    return this.session?.wireBytes ?? 0;
  }

  get sentBytes(): number {
    return this.sender?.sentBytes ?? 0;
  }

  private get linkState(): LinkState {
    if (this.session === undefined) return 'down';
    if (!this.ready) return 'handshaking';
    return this.synchronized && this.receivedSeq >= this.ports.state.seq ? 'live' : 'catching-up';
  }

  status(nowMs: number): EnginePeerStatus {
    const [known, { capture, state }] = [this.acknowledged, this.ports];
    // One that was not heard since the start of this engine is where it was then.
    const counts = this.synchronized || this.sync !== undefined || known.receivedSeq > 0;
    return {
      synchronized: this.synchronized,
      sentSeq: this.synchronized ? this.sentSeq : known.receivedSeq,
      receivedSeq: known.receivedSeq,
      appliedSeq: known.appliedSeq,
      lagMs: counts ? Math.max(capture.ageOf(known.appliedSeq, nowMs), ageOfAgain(known, nowMs)) : 0,
      exposureMs: counts ? capture.ageOf(known.receivedSeq, nowMs) : 0,
      exposureBytes: counts ? capture.bytesAfter(known.receivedSeq) : 0,
      pendingChanges: counts ? Math.max(0, state.seq - known.appliedSeq) + capture.pendingCount : 0,
      link: this.linkState,
      ...this.roundTrip.shown(this.session, nowMs),
      spoolBytes: known.spoolBytes,
      parked: known.parked,
      ...(known.tally === undefined ? {} : { tally: known.tally }),
      ...(known.dropped === 0 ? {} : { dropped: known.dropped }),
      ...asideOf(known),
      ...(known.held === undefined ? {} : { held: known.held }),
      ...(known.rehearsing === undefined ? {} : { rehearsing: known.rehearsing }),
      ...(known.atWallMs === undefined ? {} : { lastAckAt: known.atWallMs }),
    };
  }
}

/** Hosts that run the real scenario service over fake engines, joined by fake connections, in virtual time. */

import type {
  EngineCall,
  EngineConfig,
  EngineNotice,
  EnginePeerStatus,
  EngineRequest,
  EngineStatus,
  SyncResult,
} from '../../daemon/engine/engine-protocol.ts';
import type { TailEntry, TailPage } from '../../daemon/engine/master-tail.ts';
import { type GroupBook, NO_GROUPS } from '../../daemon/group/book.ts';
import type { Clock, LinkStream } from '../../daemon/ports.ts';
import { RedirectionService } from '../../daemon/redirect/service.ts';
import type { ScriptRunner } from '../../daemon/rehearsal/scripts.ts';
import type { RehearsalViews } from '../../daemon/rehearsal/views.ts';
import { createReportDesk, type ReportStore } from '../../daemon/report/service.ts';
import { EMPTY_BOOK, type ScenarioBook } from '../../daemon/scenario/book.ts';
import type { ScenarioEnvironment } from '../../daemon/scenario/environment.ts';
import { createScenarioService, type ScenarioService } from '../../daemon/scenario/service.ts';
import type { DocumentStore, EngineHandle, LinkService, PeerControl, Session } from '../../daemon/services.ts';
import { type OpenEventLog, openEventLog } from '../../daemon/store/event-log.ts';
import { RoleRecordStore } from '../../daemon/store/role-record.ts';
import { type ClientAccess, NO_ACCESS, type RolePorts } from '../../daemon/switchover/ports.ts';
import type { DatasetFacts, HostInspector, PathFacts } from '../../daemon/verify/facts.ts';
import type { CommandArgs, CommandName } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { Report } from '../../shared/report.ts';
import type { ParkedAnswer } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { SeededRandom, SimulatedClock } from './clock.ts';
import { FakeProbes } from './health-probes.ts';
import { adoptionRecord, MemoryLan, type MemoryMachine } from './lan.ts';
import { MemoryQuarantine } from './quarantine.ts';
import { MemoryServices } from './services.ts';
import { MemoryStateFile } from './state-file.ts';

export const GENERATION = 'a'.repeat(32);

const STEP_MS = 500;

/** Lets promises and immediates run out. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** An engine without data path: answers as told and remembers what it was asked. */
export class FakeEngine implements EngineHandle {
  onNotice: (notice: EngineNotice) => void = () => {};
  onExit: (code: number) => void = () => {};
  config: EngineConfig | undefined;
  readonly calls: EngineCall[] = [];
  readonly open = new Set<string>();
  readonly received: Uint8Array[] = [];
  ended = false;
  nextSendAt: number | undefined;
  readonly #host: WorldHost;
  #pending = new Map<number, EngineCall>();

  constructor(host: WorldHost) {
    this.#host = host;
  }

  post(request: EngineRequest): void {
    if (this.ended) return;
    setImmediate(() => this.#handle(request));
  }

  async terminate(): Promise<void> {
    this.ended = true;
    await Promise.resolve();
  }

  crash(): void {
    this.ended = true;
    this.onExit(1);
  }

  event(code: string, details: Record<string, string> = {}): void {
    this.onNotice({ type: 'event', code, details });
  }

  reply(name: EngineCall['name'], result: unknown): void {
    for (const [id, call] of this.#pending) {
      if (call.name !== name) continue;
      this.#pending.delete(id);
      this.onNotice({ type: 'reply', id, result });
    }
  }

  fail(name: EngineCall['name'], fault: Fault): void {
    for (const [id, call] of this.#pending) {
      if (call.name !== name) continue;
      this.#pending.delete(id);
      if (name === 'synchronize') this.event('SYN-004', { reason: fault.message });
      this.onNotice({ type: 'reply', id, fault: fault.toDocument() });
    }
  }

  /** Reports the state of its links; a Replica counts as synchronized when its host says so. */
  report(change: Partial<EnginePeerStatus> = {}, own: Partial<EngineStatus> = {}): void {
    const peers: Record<string, EnginePeerStatus> = {};
    // Like the real one, a Replica's engine says nothing of its peers.
    for (const peer of this.#isMaster ? this.open : []) {
      const synchronized = this.#host.world.synchronized.has(peer);
      peers[peer] = { ...PEER, synchronized, link: synchronized ? 'live' : 'catching-up', ...change };
    }
    this.onNotice({
      type: 'status',
      status: {
        position: { generation: GENERATION, seq: 7 },
        ...(this.nextSendAt === undefined ? {} : { nextSendAt: this.nextSendAt }),
        phase: this.open.size > 0 ? 'live' : 'idle',
        peers,
        statistics: STATISTICS,
        spoolBytes: 0,
        parked: 0,
        ...own,
      },
    });
  }

  #handle(request: EngineRequest): void {
    if (this.ended) return;
    switch (request.type) {
      case 'start':
        this.#start(request.config);
        return;
      case 'link-open':
        this.#linkChanged('LNK-001', request.peer, '');
        return;
      case 'link-closed':
        this.#linkChanged('LNK-002', request.peer, request.reason);
        return;
      case 'link-bytes':
        this.received.push(request.bytes);
        return;
      case 'call':
        this.calls.push(request.call);
        this.#pending.set(request.id, request.call);
        if (this.#host.world.automatic || request.call.name === 'copy-state' || request.call.name === 'outdate')
          this.#answer(request.call);
        return;
      case 'stop':
        this.onNotice({ type: 'stopped' });
    }
  }

  #start(config: EngineConfig): void {
    this.config = config;
    if (this.#host.holdStart) return;
    const { startFault } = this.#host;
    if (startFault?.code === 'SPOOL-MISSING' && config.spool?.adopt === true) this.#host.startFault = undefined;
    const fault = this.#host.startFault;
    if (fault === undefined) {
      this.onNotice({ type: 'started', position: undefined });
      // Like the real one, it says at once how far its copy is.
      if (!this.#isMaster && this.#host.world.synchronized.has(this.#host.deviceId))
        this.report({}, { receivedSeq: 7 });
      this.#host.onEngineStarted();
    }
    if (fault !== undefined) this.onNotice({ type: 'failed', fault: fault.toDocument() });
  }

  #linkChanged(code: 'LNK-001' | 'LNK-002', peer: string, reason: string): void {
    if (code === 'LNK-001') this.open.add(peer);
    else this.open.delete(peer);
    // Like the real ones, only the Master's engine says so.
    if (this.#isMaster) this.event(code, { peer, reason });
    if (code === 'LNK-001') this.report();
  }

  get #isMaster(): boolean {
    return this.config?.role === 'master';
  }

  #answer(call: EngineCall): void {
    if (call.name === 'synchronize') {
      this.#host.world.synchronized.add(call.peer);
      this.event('SYN-001', { method: call.method });
      this.event('SYN-002');
      this.reply('synchronize', { ...SYNC_RESULT, peer: call.peer, method: call.method });
      this.event('SYN-003');
      this.report();
    } else if (call.name === 'barrier') {
      this.reply('barrier', { generation: GENERATION, seq: 7 });
    } else if (call.name === 'audit') {
      this.reply('audit', { entries: 3, differences: 0, tookMs: 1 });
    } else if (call.name === 'tail') {
      this.reply('tail', this.#host.tailPage());
    } else if (call.name === 'brake-release') {
      this.reply('brake-release', true);
    } else if (call.name === 'parked') {
      const { parked } = this.#host;
      this.reply('parked', { items: parked, dropped: 0 });
      if (call.action === 'drop') this.#host.parked = [];
    } else if (call.name === 'rehearse') {
      this.reply('rehearse', { still: call.on, position: { generation: GENERATION, seq: 7 } });
    } else if (call.name === 'release' || call.name === 'bandwidth') {
      this.reply(call.name, undefined);
    } else if (call.name === 'diff') {
      this.reply('diff', { identical: true, differences: [], truncated: false });
    } else if (call.name === 'finish') this.#finish();
    else this.#answerOfHistory(call);
  }

  #finish(): void {
    const { wholeCopy, parked } = this.#host;
    const at = { received: 7, applied: 7, parked: parked.length, dropped: 0, clean: wholeCopy };
    if (wholeCopy) this.reply('finish', { fit: true, position: { generation: GENERATION, seq: 7 }, ...at });
    else this.reply('finish', { fit: false, reason: 'a synchronization was not finished', ...at });
  }

  #answerOfHistory(call: EngineCall): void {
    if (call.name === 'rewind-plan') {
      if (this.#host.unknownPoints.has(call.point)) this.fail(call.name, new Fault('POINT-NOT-FOUND', call));
      else this.reply(call.name, { steps: 3, back: `rewind-${this.#host.rewinds.length}` });
    } else if (call.name === 'copy-state') {
      const { wholeCopy, parked } = this.#host;
      this.reply(call.name, {
        parked: parked.length,
        ...(wholeCopy ? { position: { generation: GENERATION, seq: 7 } } : {}),
      });
    } else if (call.name === 'rewind') {
      this.#host.rewinds.push(call.point);
      this.reply(call.name, { steps: 3, foreign: [], foreignCount: 0, undoPoint: '', tookMs: 5 });
    } else if (call.name === 'outdate') {
      this.#host.world.synchronized.delete(this.#host.deviceId);
      this.reply(call.name, { hasHistory: true });
    } else if (call.name === 'history-forget' || call.name === 'journal') this.reply(call.name, {});
  }
}

const STATISTICS = {
  synchronizedFiles: 0,
  synchronizedBytes: 0,
  replicatedChanges: 0,
  replicatedBytes: 0,
  bytesPerSecond: 0,
  changesPerSecond: 0,
};
const PEER: EnginePeerStatus = {
  sentSeq: 7,
  receivedSeq: 7,
  appliedSeq: 7,
  lagMs: 0,
  exposureMs: 0,
  exposureBytes: 0,
  pendingChanges: 0,
  link: 'live',
  spoolBytes: 0,
  parked: 0,
  synchronized: true,
};
export const SYNC_RESULT: SyncResult = {
  peer: '',
  startedAt: 1_000,
  finishedAt: 3_000,
  method: 'file',
  comparedEntries: 10,
  sentFiles: 2,
  sentBytes: 300,
  created: 2,
  updated: 0,
  removed: 1,
  metadataOnly: 0,
  identical: 8,
  parked: 0,
  files: [{ root: 0, path: 'index.html', bytes: 100 }],
  filesTruncated: false,
};

export class World {
  readonly clock = new SimulatedClock();
  readonly hosts = new Map<string, WorldHost>();
  readonly lan = new MemoryLan(this.clock);
  /** Replicas (device ids) whose data is usable. */
  readonly synchronized = new Set<string>();
  /** Engines answer calls by themselves. */
  automatic = true;

  host(name: string): WorldHost {
    const host = new WorldHost(this, name);
    this.hosts.set(name, host);
    return host;
  }

  byDevice(deviceId: string): WorldHost | undefined {
    return [...this.hosts.values()].find((host) => host.deviceId === deviceId);
  }

  /** In steps, so that what a timer began can go on before the next one. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await settle();
      this.clock.advance(Math.min(left, STEP_MS));
    }
    await settle();
  }
}

/** Views of the roots, which outlive the daemon like real mounts. */
class FakeViews implements RehearsalViews {
  readonly covered = new Map<string, readonly string[]>();
  refused: Fault | undefined;
  inUse: string[] = [];

  unavailable(): string | undefined {
    return undefined;
  }

  open(label: string, roots: readonly string[]): void {
    if (this.refused !== undefined) throw this.refused;
    this.covered.set(label, roots);
  }

  written(): { entries: number; bytes: number } {
    return { entries: 3, bytes: 300 };
  }

  close(label: string): { inUse: string[] } {
    this.covered.delete(label);
    return { inUse: this.inUse };
  }
}

export class WorldHost {
  readonly world: World;
  readonly name: string;
  readonly deviceId: string;
  reachable = true;
  /** Hosts whose pairing was revoked here: neither asks the other any more. */
  readonly revoked = new Set<string>();
  /** Hosts it knows by another name than their own. */
  readonly alias = new Map<string, string>();
  /** The next engines start only when told (`onNotice`). */
  holdStart = false;
  /** What the next engines answer instead of starting. */
  startFault: Fault | undefined;
  /** An engine of it has started, and said how far its copy is. */
  onEngineStarted: () => void = () => {};
  /** What its engines say is parked. */
  parked: ParkedAnswer['items'] = [];
  /** Points its engines set the roots back to, and those they say there are none of. */
  readonly rewinds: string[] = [];
  readonly unknownPoints = new Set<string>();
  /** Its last synchronization was finished. */
  wholeCopy = true;
  /** Its role records by scenario, over restarts. */
  readonly roleFiles = new Map<string, MemoryStateFile>();
  readonly quarantine = new MemoryQuarantine();
  readonly services = new MemoryServices();
  /** What its engine has behind any position. */
  tail: TailEntry[] | 'unrelated' = [];
  tailPage = (): TailPage => (this.tail === 'unrelated' ? { unrelated: true, entries: [] } : { entries: this.tail });
  /** What restarts the whole machine. */
  restartHost: RolePorts['restartHost'] = () => Promise.resolve();
  /** Its way to a witness. */
  arbiterOf: RolePorts['arbiterOf'] = () => undefined;
  reachArbiter: RolePorts['reachArbiter'] = async ({ addresses: [address = ''] }) => {
    await this.#peers().request({ name: address, address }, 'witness.look', {}, 5_000);
  };
  /** How clients reach it. */
  access: ClientAccess = NO_ACCESS;
  /** In the place of `access`. */
  accessOf: ((redirection: RedirectionService, document: ScenarioDocument) => ClientAccess) | undefined;
  /** Folders of scenarios that were removed. */
  readonly removedFolders: string[] = [];
  /** Told before and after each change of its book; what is true there kills it: nothing more of it happens. */
  diesAt: (when: 'before' | 'after') => boolean = () => false;
  readonly engines: FakeEngine[] = [];
  readonly paths = new Map<string, Partial<PathFacts>>();
  readonly datasets = new Map<string, Partial<DatasetFacts>>();
  /** For each count of a root, whether sizes were asked for. */
  readonly counted: boolean[] = [];
  machine: string;
  book: ScenarioBook = structuredClone(EMPTY_BOOK);
  groups: GroupBook = structuredClone(NO_GROUPS);
  readonly events: OpenEventLog;
  readonly reports: Report[] = [];
  readonly complaints: string[] = [];
  readonly views = new FakeViews();
  /** What it finds out of others, and of its own services and disk. */
  readonly probes = new FakeProbes();
  /** Its addresses, and what its engine owes for them. */
  readonly network: MemoryMachine;
  readonly adopted = adoptionRecord();
  /** What registered scripts do. */
  script: ScriptRunner['run'] = (name) => Promise.reject(new Fault('SCRIPT-NOT-FOUND', { name }));
  readonly scripts: ScriptRunner = { run: (...args) => this.script(...args), confirm: () => undefined };
  service: ScenarioService;
  readonly links: LinkService & { readonly streams: Set<FakeStream> };
  /** This host's connections to others are cut and not made again. */
  #kept = new Set<Kept>();
  #life = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.deviceId = Buffer.from(name).toString('hex').padEnd(64, '0');
    this.machine = name;
    this.network = world.lan.machine(name);
    this.events = openEventLog({ path: ':memory:', clock: world.clock, host: name });
    this.links = {
      streams: new Set(),
      keep: (host, scenarioId, onOpen, onDown) => {
        const kept = new Kept(this, host.deviceId ?? '', scenarioId, onOpen, onDown);
        this.#kept.add(kept);
        kept.dial();
        return { stop: () => kept.stop() };
      },
      onIncoming: () => {
        throw new Fault('LINK-REFUSED', { reason: 'no service' });
      },
    };
    this.service = createScenarioService(this.#environment());
  }

  get engine(): FakeEngine {
    return this.engines.at(-1)!;
  }

  get codes(): string[] {
    return this.events.query({ limit: 10_000 }).map((event) => event.code);
  }

  status(name = 'web'): ScenarioStatus {
    const status = this.service.status.scenarios().find((one) => one.name === name);
    if (status === undefined) throw new Error(`${this.name} has no scenario ${name}`);
    return status;
  }

  async command<Name extends CommandName>(name: Name, args: CommandArgs<Name>, session?: Session): Promise<unknown> {
    const handler = this.service.handlers[name];
    if (handler === undefined) throw new Error(`no handler for ${name}`);
    const own: Session = { role: 'super', deviceId: 'local', deviceName: 'test', address: '' };
    return await handler(args, session ?? own);
  }

  /** kill -9 and start again: everything but the book is gone; `between` happens while it is down. */
  async restart(between: () => void = () => {}): Promise<void> {
    for (const kept of this.#kept) kept.stop();
    this.#kept.clear();
    for (const stream of [...this.links.streams]) stream.close();
    for (const engine of this.engines) engine.ended = true;
    this.#life += 1;
    for (const died of this.#waiting.splice(0)) died();
    await settle();
    between();
    this.service = createScenarioService(this.#environment());
    this.service.start();
    await settle();
  }

  /** Rejects when this host is killed. */
  death(asker: string): Promise<never> {
    return new Promise((_resolve, reject) => {
      const fault = new Fault('LINK-UNREACHABLE', { host: this.name, reason: `closed (${asker})` });
      this.#waiting.push(() => reject(fault));
    });
  }

  #named(name: string): WorldHost | undefined {
    return this.world.hosts.get(this.alias.get(name) ?? name);
  }

  /** Its pairing with `name` ends here: open streams between both too. */
  revoke(name: string): void {
    this.revoked.add(name);
    this.cutLinks();
  }

  cutLinks(): void {
    for (const stream of [...this.links.streams]) stream.close();
  }

  #environment(): ScenarioEnvironment {
    const random = new SeededRandom(Buffer.from(this.name).reduce((sum, byte) => sum + byte, 0) + 1_000 * this.#life);
    const store: ReportStore = {
      save: (report) => this.reports.push(report),
      list: () => [...this.reports].reverse(),
      load: (id) => this.reports.find((report) => report.id === id),
    };
    const redirection = new RedirectionService({
      host: { name: this.name, deviceId: this.deviceId },
      ports: { ...this.network.ports(this.adopted, this.events), scripts: this.scripts },
      documentOf: (id) => this.book.scenarios.find(({ document }) => document.id === id)?.document,
      gateMs: () => 30_000,
    });
    return {
      clock: this.#clockOfThisLife(),
      random,
      host: {
        name: this.name,
        deviceId: this.deviceId,
        version: '0.1.0',
        address: () => `${this.name}:25000`,
        directory: '/data',
      },
      book: this.#documents(),
      folders: { open: (id) => `/data/scenarios/${id}`, remove: (id) => this.#removeFolder(id) },
      events: this.events,
      peers: this.#peers(),
      links: this.links,
      capture: {
        watch: () => Promise.resolve({ method: 'memory', degraded: false, roots: [] }),
        unwatch: () => Promise.resolve(),
        prepare: () => {},
      },
      inspector: this.#inspector(),
      reports: createReportDesk(store, this.events, random),
      spawnEngine: () => {
        const engine = new FakeEngine(this);
        this.engines.push(engine);
        return engine;
      },
      views: this.views,
      scripts: this.scripts,
      groups: this.#groupDocuments(),
      redirection,
      roles: {
        boot: `${this.name}-${this.#life}`,
        quarantine: this.quarantine,
        services: this.services,
        restartHost: () => this.restartHost(),
        openTree: (path) => {
          throw new Fault('FS-NOT-FOUND', { path });
        },
        openRecord: (id) => this.#roleRecord(id),
        accessOf: (document) => this.accessOf?.(redirection, document) ?? this.access,
        arbiterOf: (document, other) => this.arbiterOf(document, other),
        reachArbiter: (place) => this.reachArbiter(place),
      },
      probes: this.probes,
      discover: () => [],
      complain: (text) => this.complaints.push(text),
    };
  }

  #removeFolder(id: string): void {
    this.removedFolders.push(id);
    this.roleFiles.delete(id);
  }

  #roleRecord(id: string): RoleRecordStore {
    const file = this.roleFiles.get(id) ?? new MemoryStateFile();
    this.roleFiles.set(id, file);
    return new RoleRecordStore(file, `/data/scenarios/${id}/role`);
  }

  /** Timers of a killed process never fire. */
  #clockOfThisLife(): Clock {
    const { clock } = this.world;
    this.#life += 1;
    const life = this.#life;
    return {
      wallMs: () => clock.wallMs(),
      bootMs: () => clock.bootMs(),
      after: (delayMs, run) => clock.after(delayMs, () => life === this.#life && run()),
    };
  }

  #groupDocuments(): DocumentStore<GroupBook> {
    const host = this;
    return {
      get value() {
        return host.groups;
      },
      update: async (change) => {
        if (host.diesAt('before')) await never();
        const next = structuredClone(host.groups);
        change(next);
        host.groups = next;
      },
    };
  }

  #documents(): DocumentStore<ScenarioBook> {
    const host = this;
    let queue: Promise<void> = Promise.resolve();
    return {
      get value() {
        return host.book;
      },
      update: (change) => {
        const done = queue.then(async () => {
          if (host.diesAt('before')) await never();
          const next = structuredClone(host.book);
          change(next);
          host.book = next;
          if (host.diesAt('after')) await never();
        });
        queue = done.catch(() => undefined);
        return done;
      },
    };
  }

  #peers(): PeerControl {
    return {
      resolve: (host) => {
        const other = this.#named(host.name);
        if (other === undefined) throw new Fault('ACCESS-UNKNOWN-DEVICE');
        if (this.revoked.has(other.name)) throw new Fault('ACCESS-REVOKED');
        return { deviceId: other.deviceId, address: host.address };
      },
      request: async (host, command, args) => {
        const other = this.#named(host.name);
        if (other !== undefined && (this.revoked.has(other.name) || other.revoked.has(this.name))) {
          throw new Fault('ACCESS-REVOKED');
        }
        if (other === undefined || !other.reachable || !this.reachable) {
          throw new Fault('LINK-UNREACHABLE', { host: host.name, reason: 'connection refused' });
        }
        const session: Session = { role: 'peer', deviceId: this.deviceId, deviceName: this.name, address: '' };
        // Through JSON as over the wire.
        const asked = other.command(command, JSON.parse(JSON.stringify(args)) as never, session);
        const answer = await Promise.race([asked, other.death(this.name)]);
        return JSON.parse(JSON.stringify(answer)) as unknown;
      },
    };
  }

  #inspector(): HostInspector {
    return {
      machine: () => Promise.resolve({ machine: this.machine, platform: 'Linux 6', addresses: [] }),
      path: (path) =>
        Promise.resolve({
          path,
          type: 'directory' as const,
          realPath: path,
          readable: true,
          writable: true,
          volume: '1',
          freeBytes: 1e12,
          totalBytes: 2e12,
          caseSensitive: true,
          mounts: [],
          ...this.paths.get(path),
        }),
      dataset: (path, _limitMs, sizes) => {
        this.counted.push(sizes);
        return Promise.resolve({
          entries: 10,
          ...(sizes ? { bytes: 1_000 } : {}),
          complete: true,
          collisions: [],
          unreadable: [],
          ...this.datasets.get(path),
        });
      },
    };
  }
}

/** A killed process goes on with nothing. */
function never(): Promise<void> {
  return new Promise(() => {});
}

/** Dials, and dials again every second until stopped. */
class Kept {
  #stopped = false;
  #stream: FakeStream | undefined;
  readonly #from: WorldHost;
  readonly #to: string;
  readonly #scenarioId: string;
  readonly #onOpen: (stream: LinkStream) => void;
  readonly #onDown: (reason: string) => void;

  constructor(
    from: WorldHost,
    to: string,
    scenarioId: string,
    onOpen: (stream: LinkStream) => void,
    onDown: (reason: string) => void,
  ) {
    this.#from = from;
    this.#to = to;
    this.#scenarioId = scenarioId;
    this.#onOpen = onOpen;
    this.#onDown = onDown;
  }

  dial(): void {
    if (this.#stopped) return;
    const other = this.#from.world.byDevice(this.#to);
    const [near, far] = FakeStream.pair();
    try {
      if (other === undefined || !other.reachable) throw new Fault('LINK-UNREACHABLE', { host: '', reason: 'refused' });
      if (this.#from.revoked.has(other.name) || other.revoked.has(this.#from.name)) throw new Fault('ACCESS-REVOKED');
      other.links.onIncoming(this.#scenarioId, this.#from.deviceId)(far);
    } catch (error) {
      this.#later(Fault.from(error).message);
      return;
    }
    for (const [host, stream] of [
      [this.#from, near],
      [other, far],
    ] as const) {
      host.links.streams.add(stream);
      stream.onGone = () => host.links.streams.delete(stream);
    }
    this.#stream = near;
    near.onEnded = (reason) => this.#later(reason);
    this.#onOpen(near);
  }

  stop(): void {
    this.#stopped = true;
    this.#stream?.close();
  }

  #later(reason: string): void {
    if (this.#stopped) return;
    this.#onDown(reason);
    this.#from.world.clock.after(1_000, () => this.dial());
  }
}

export class FakeStream implements LinkStream {
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  onGone: () => void = () => {};
  onEnded: (reason: string) => void = () => {};
  #other: FakeStream | undefined;
  #closed = false;

  static pair(): [FakeStream, FakeStream] {
    const [a, b] = [new FakeStream(), new FakeStream()];
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  send(bytes: Uint8Array): void {
    this.#other?.onBytes(bytes);
  }

  close(): void {
    this.#end('closed here');
    const other = this.#other;
    if (other !== undefined) other.#end('closed by the other side');
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onGone();
    this.onClose(reason);
    this.onEnded(reason);
  }
}

/**
 * The composition root of the daemon: locks the data directory, puts the services together, prints `ready`, and on a signal
 * drains and stops. The only file of the main thread that knows the platform's adapters.
 */
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAddress, type RunFile } from '../shared/protocol/pairing.ts';
import type { DaemonStatus } from '../shared/status.ts';
import { createDiscoverHandler, discoverSites } from './application/service.ts';
import { createCaptureService, type StoppableCapture } from './capture/host.ts';
import { diagnose } from './doctor.ts';
import { type DaemonOptions, type HostSettings, loadHostSettings } from './host-settings.ts';
import { LoopDelay } from './loop-delay.ts';
import { type Network, openNetwork } from './network.ts';
import { openConfigurationFiles } from './platform/node/configuration-files.ts';
import { createHostInspector } from './platform/node/host-inspector.ts';
import { loadPageRelease } from './platform/node/memory.ts';
import { loadPlatform, loadProbes, loadRedirection, type Platform } from './platform/select.ts';
import { WAKEUP } from './platform/wakeup.ts';
import type { StateFile } from './ports.ts';
import type { AdoptionDocument } from './redirect/move-ip.ts';
import { adoptionDocument, NO_ADOPTION, RedirectionService } from './redirect/service.ts';
import { ReplicationLedger } from './report/ledger.ts';
import { createReportDesk } from './report/service.ts';
import { EMPTY_BOOK, type ScenarioBook, scenarioBook } from './scenario/book.ts';
import { EnginePool } from './scenario/engine-host.ts';
import type { ScenarioEnvironment } from './scenario/environment.ts';
import { createScenarioService, type ScenarioService } from './scenario/service.ts';
import type { CommandHandlers, DaemonInformation, DocumentStore, StatusSource } from './services.ts';
import { type DataLock, lockDataDirectory } from './store/data-lock.ts';
import { openDocument } from './store/documents.ts';
import { makePrivateDirectory, modeOf, readTextIfPresent, removeFile, replaceFileSync } from './store/durable-file.ts';
import { type OpenEventLog, openEventLog } from './store/event-log.ts';
import { openGroups } from './store/groups.ts';
import { type LogFile, openLogFile } from './store/log-file.ts';
import { openReplicationLedger } from './store/replication-ledger.ts';
import { openReportFolder } from './store/report-files.ts';
import { openScenarioFolders } from './store/scenario-folders.ts';
import { createRolePorts } from './switchover/compose.ts';
import { gateMsOf } from './switchover/role-parts.ts';
import { WitnessService } from './witness/service.ts';

/** Engines that have not drained by then are left to recover at the next start. */
const DRAIN_LIMIT_MS = 8_000;
/** After a burst of bytes between hosts, until the memory they passed through is given back. */
const SPARE_MEMORY_MS = 5_000;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Runs the engine in the foreground until a signal; resolves with the exit code. Throws the fault that kept it from starting. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const daemon = await startDaemon(options);
  const stopped = new Promise<void>((done, failed) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        // Asked twice: whoever asks does not want to wait for the drain.
        if (asked) process.exit(1);
        asked = true;
        daemon.stop().then(done, failed);
      });
    }
  });
  process.stdout.write(`ready ${daemon.address} ${daemon.deviceId}\n`);
  await stopped;
  return 0;
}

interface RunningDaemon {
  readonly address: string;
  readonly deviceId: string;
  /** Drains, makes everything durable, frees the data directory. */
  stop(): Promise<void>;
}

async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const settings = loadHostSettings(options, readTextIfPresent);
  const data = resolve(options.data);
  const lock = lockDataDirectory(data, process.pid);
  const logFile = openLogFile(join(data, 'logs', 'daemon.log'), settings.logLevel);
  process.on('uncaughtExceptionMonitor', (error) => logFile.logger.fatal({ error: error.stack }, 'defect'));
  try {
    return await compose({ data, settings, lock, logFile, version: ownVersion() });
  } catch (error) {
    logFile.logger.error({ error: String(error) }, 'cannot start');
    logFile.close();
    lock.release();
    throw error;
  }
}

interface Ground {
  readonly data: string;
  readonly settings: HostSettings;
  readonly lock: DataLock;
  readonly logFile: LogFile;
  readonly version: string;
}

/** Everything that was opened, in the order of need. */
interface Parts extends Ground {
  readonly platform: Platform;
  readonly events: OpenEventLog;
  readonly capture: StoppableCapture;
  readonly loopDelay: LoopDelay;
  readonly network: Network;
  readonly startedAt: number;
  /** `Linux 6.1.0`, `Windows_NT 10.0`. */
  readonly systemName: string;
}

async function compose(ground: Ground): Promise<RunningDaemon> {
  const parts = await openParts(ground);
  try {
    return await serve(parts);
  } catch (error) {
    await closeParts(parts);
    throw error;
  }
}

async function openParts(ground: Ground): Promise<Parts> {
  const { data, lock, logFile, settings } = ground;
  const { logger } = logFile;
  const platform = await loadPlatform();
  const { clock, random } = platform;
  const { name } = settings;
  const events = openEventLog({ path: join(data, 'events.sqlite'), clock, host: name });
  events.subscribe((event) =>
    logger.info({ code: event.code, scenario: event.scenario, data: event.data }, event.text),
  );
  if (lock.uncleanBefore) events.record('HST-003');
  const log = (what: string, details: Readonly<Record<string, unknown>>) => logger.debug(details, what);
  const complain = (what: string, details: Readonly<Record<string, unknown>>) => logger.error(details, what);
  const network = await openNetwork({ data, name, clock, random, events, log, complain, outsideHost, ownAddresses });
  return {
    ...ground,
    platform,
    events,
    network,
    capture: createCaptureService(WAKEUP),
    loopDelay: new LoopDelay(clock),
    startedAt: clock.wallMs(),
    systemName: (await createHostInspector().machine()).platform,
  };
}

/** Closes what `openParts` opened, in the opposite order. */
async function closeParts({ events, loopDelay, network }: Parts): Promise<void> {
  await network.close();
  loopDelay.stop();
  events.close();
}

async function serve(parts: Parts): Promise<RunningDaemon> {
  const { data, events, logFile, network, settings, version } = parts;
  const book = await openBook(parts);
  const redirection = await openRedirection(parts, book);
  const scenarios = await composeScenarios(parts, book, redirection);
  const daemon = informationOf(parts);
  await network.listen({
    listen: settings.listen,
    ...rememberedPort(data),
    handlers: { ...scenarios.handlers, ...hostHandlers(parts, daemon, scenarios.status, redirection) },
    status: scenarios.status,
    daemon,
  });
  rememberPort(data, network.address());
  const runFile: RunFile = { address: network.ownAddress(), deviceId: network.deviceId, pid: process.pid };
  replaceFileSync(join(data, 'run.json'), `${JSON.stringify(runFile)}\n`);
  events.record('HST-001', { version });
  logFile.logger.info({ address: network.address(), deviceId: network.deviceId, version }, 'ready');
  await redirection.restore();
  scenarios.start();
  return {
    address: network.address(),
    deviceId: network.deviceId,
    stop: () => stop(parts, scenarios).finally(() => redirection.close()),
  };
}

async function composeScenarios(
  parts: Parts,
  book: DocumentStore<ScenarioBook>,
  redirection: RedirectionService,
): Promise<ScenarioService & { readonly handlers: CommandHandlers }> {
  const { capture, data, events, logFile, loopDelay, network, platform, settings, version } = parts;
  const { clock, random } = platform;
  const reportFiles = openReportFolder({
    ...settings.reports,
    folder: resolve(data, settings.reports.directory),
    fallback: join(data, 'reports'),
    clock,
    onUnusable: (details) => events.record('RPT-002', details),
  });
  const reports = createReportDesk(reportFiles, events, random);
  const later = (run: () => void) => void setTimeout(run, SPARE_MEMORY_MS).unref();
  const engines = new EnginePool(clock, {
    spare: { later, release: loadPageRelease() },
    onWork: () => loopDelay.noteWork(),
  });
  const damaged = (path: string, reason: string) => events.record('HST-005', { path, reason });
  const complain = (text: string) => logFile.logger.error({}, text);
  const folders = openScenarioFolders(data);
  const scenarios = createScenarioService({
    clock,
    random,
    host: { name: settings.name, deviceId: network.deviceId, version, address: network.address, directory: data },
    book,
    folders,
    events,
    peers: network.peers,
    links: network.links,
    capture,
    inspector: createHostInspector(),
    reports,
    views: platform.views,
    scripts: platform.openScripts(join(data, 'scripts')),
    redirection,
    groups: await openGroups(data, damaged),
    roles: createRolePorts({
      ...platform,
      data,
      deviceId: network.deviceId,
      folders,
      redirection,
      peers: network.peers,
    }),
    ...(await watchingParts(platform)),
    spawnEngine: () => engines.spawn(),
    complain,
  });
  const witness = new WitnessService({ clock, openFile: openRegisters(data, platform) });
  const ledger = new ReplicationLedger({
    clock,
    store: openReplicationLedger(join(data, 'replication.sqlite'), damaged),
    events,
    status: scenarios.status,
    documentOf: (id) => book.value.scenarios.find(({ document }) => document.id === id)?.document,
    newId: (at) => reports.newId('replication', at),
    publish: (report) => reports.publish(report),
    complain,
  });
  reports.ledger = ledger;
  return {
    handlers: {
      ...scenarios.handlers,
      ...witness.handlers(),
      ...reports.handlers,
      ...createDiscoverHandler(openConfigurationFiles()),
    },
    status: scenarios.status,
    start: () => {
      ledger.start();
      scenarios.start();
      engines.keepOneReady();
    },
    shutdown: async () => {
      const noneReady = engines.keepNoneReady();
      ledger.pause();
      // Engines that end tell of their last changes.
      await scenarios.shutdown();
      ledger.close();
      await noneReady;
    },
  };
}

/** For Is Alive. */
async function watchingParts({
  clock,
  random,
  services,
}: Platform): Promise<Pick<ScenarioEnvironment, 'probes' | 'discover'>> {
  return {
    probes: await loadProbes(clock, random, services),
    discover: (type) => discoverSites(openConfigurationFiles(), type),
  };
}

function openBook({ data, events }: Parts): Promise<DocumentStore<ScenarioBook>> {
  return openDocument<ScenarioBook>({
    path: join(data, 'scenarios.json'),
    schema: scenarioBook,
    initial: EMPTY_BOOK,
    onDamaged: ({ details }) => events.record('HST-005', { path: details.path ?? '', reason: details.reason ?? '' }),
  });
}

async function openRedirection(
  { data, events, network, platform, settings }: Parts,
  book: DocumentStore<ScenarioBook>,
): Promise<RedirectionService> {
  const system = await loadRedirection(join(data, 'keys'), join(data, 'tickets'));
  const adoption = await openDocument<AdoptionDocument>({
    path: join(data, 'adopted.json'),
    schema: adoptionDocument,
    initial: NO_ADOPTION,
    onDamaged: ({ details }) => events.record('HST-005', { path: details.path ?? '', reason: details.reason ?? '' }),
  });
  const scripts = platform.openScripts(join(data, 'scripts'));
  const { clock, random } = platform;
  return new RedirectionService({
    host: { name: settings.name, deviceId: network.deviceId },
    ports: { ...system, adoption, clock, events, random, scripts, hostServers: () => system.exchange.servers() },
    documentOf: (id) => book.value.scenarios.find(({ document }) => document.id === id)?.document,
    gateMs: gateMsOf,
  });
}

/** `DATA/witness/<scenario>`: this host as the witness of others. */
function openRegisters(data: string, { openStateFile }: Platform): (scenarioId: string) => StateFile {
  const folder = join(data, 'witness');
  return (scenarioId) => {
    makePrivateDirectory(folder);
    return openStateFile(join(folder, scenarioId));
  };
}

function informationOf({
  loopDelay,
  network,
  platform,
  settings,
  startedAt,
  systemName,
  version,
}: Parts): DaemonInformation {
  const status = (): DaemonStatus => ({
    name: settings.name,
    deviceId: network.deviceId,
    version,
    platform: systemName,
    startedAt,
    address: network.address(),
    at: platform.clock.wallMs(),
    loopDelayMs: loopDelay.p99Ms,
  });
  return { status };
}

function hostHandlers(
  parts: Parts,
  daemon: DaemonInformation,
  status: StatusSource,
  redirection: RedirectionService,
): CommandHandlers {
  const { events } = parts;
  return {
    'daemon.info': () => daemon.status(),
    'daemon.doctor': async () => ({
      findings: [...(await examine(parts, status)), ...(await redirection.doctor())],
    }),
    'daemon.leave': async () => ({ findings: await redirection.leave() }),
    'events.query': ({ after, limit, scenario, severity, since }) => ({
      events: events.query({
        limit,
        ...(after === undefined ? {} : { after }),
        ...(scenario === undefined ? {} : { scenario }),
        ...(severity === undefined ? {} : { severity }),
        ...(since === undefined ? {} : { since }),
      }),
    }),
  };
}

async function examine({ data, lock, loopDelay, network, settings, systemName }: Parts, status: StatusSource) {
  const facts = await createHostInspector().path(data);
  // Windows keeps its access lists elsewhere: the mode means nothing there.
  const mode = systemName.startsWith('Windows') ? undefined : modeOf(data);
  const { host } = parseAddress(network.address());
  return diagnose({
    host: settings.name,
    nodeVersion: process.version,
    data: {
      path: data,
      writable: facts.writable,
      ...(facts.freeBytes === undefined ? {} : { freeBytes: facts.freeBytes }),
      ...(mode === undefined ? {} : { mode }),
    },
    address: network.address(),
    loopbackOnly: host === '::1' || host === 'localhost' || host.startsWith('127.'),
    loopDelayMs: loopDelay.p99Ms,
    auditBrokenAt: network.auditBrokenAt,
    uncleanBefore: lock.uncleanBefore,
    degraded: status.scenarios().flatMap(({ name, capture }) => {
      return capture?.degraded ? [{ scenario: name, reason: capture.reason ?? capture.method }] : [];
    }),
    peers: await network.checkPeers(),
  });
}

async function stop(parts: Parts, scenarios: ScenarioService): Promise<void> {
  const { capture, data, events, lock, logFile, platform } = parts;
  logFile.logger.info({}, 'stopping');
  await new Promise<void>((done, failed) => {
    const late = platform.clock.after(DRAIN_LIMIT_MS, () => {
      logFile.logger.warn({}, 'engines did not drain in time; they recover at the next start');
      done();
    });
    scenarios
      .shutdown()
      .then(() => capture.stop())
      .then(done, failed)
      .finally(() => late.cancel());
  });
  events.record('HST-002');
  await closeParts(parts);
  removeFile(join(data, 'run.json'));
  logFile.close();
  lock.release();
}

/** An address of this host that others can reach, for when it listens on all of them. */
function outsideHost(): string {
  return interfaceAddresses().find((one) => !one.internal && one.family === 'IPv4')?.address ?? hostname();
}

function ownAddresses(): string[] {
  return interfaceAddresses().map(({ address }) => address);
}

function interfaceAddresses(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
}

const LAST_PORT = 'last-port';

function rememberedPort(data: string): { readonly preferredPort?: number } {
  const port = Number(readTextIfPresent(join(data, LAST_PORT))?.trim());
  return Number.isInteger(port) && port > 0 && port <= 65_535 ? { preferredPort: port } : {};
}

function rememberPort(data: string, address: string): void {
  replaceFileSync(join(data, LAST_PORT), `${parseAddress(address).port}\n`);
}

function ownVersion(): string {
  const text = readTextIfPresent(fileURLToPath(new URL('../../package.json', import.meta.url)));
  return (JSON.parse(text ?? '{"version":"unknown"}') as { version: string }).version;
}

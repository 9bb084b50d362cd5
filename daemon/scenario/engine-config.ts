/** What an engine is told about its scenario. Pure. */
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { settingOf } from '../../config/catalogue.ts';
import { agreedFingerprint } from '../../config/fingerprint.ts';
import { ALL_KINDS, type AttributeKinds, kindBit } from '../../shared/attributes.ts';
import type { HostReference, RootPair, RootRules, ScenarioDocument, SettingValues } from '../../shared/scenario.ts';
import type { EngineConfig, KeepDeleted, LiveLimits } from '../engine/engine-protocol.ts';
import type { BandwidthPolicy } from '../link/bandwidth.ts';
import { masterRoots, replicaRoots, type StoredScenario } from './book.ts';
import { fedBy } from './cascade.ts';
import type { OwnHost, ScenarioEnvironment } from './environment.ts';

export interface EngineConfigInput {
  readonly document: ScenarioDocument;
  readonly role: 'master' | 'replica';
  /** The reference of the host the engine runs on: its own properties count. */
  readonly self: HostReference;
  readonly directory: string;
  readonly host: Pick<OwnHost, 'directory' | 'deviceId'>;
  readonly epoch: number;
  /** Master: of the scenario in which its roots are a Replica's, when that is another one. */
  readonly asideDirectory?: string;
  readonly asideShared?: true;
}

/** Below the data directory of the host unless absolute (of either system, so that one of the other is refused, not made). */
export function spoolDirectory(dataDirectory: string, settings: SettingValues | undefined): string {
  const chosen = settingOf(settings, 'spool.directory');
  return isAbsolute(chosen) || /^[A-Za-z]:/.test(chosen) ? chosen : join(dataDirectory, chosen);
}

/** Two engines on one machine may share the directory, so the host is part of the name. */
function spoolOf({ document, role, self, host }: EngineConfigInput): NonNullable<EngineConfig['spool']> {
  return {
    directory: spoolDirectory(host.directory, self.settings),
    name: `${document.id}.${role}.${host.deviceId.slice(0, 16)}`,
  };
}

/** Access lists of every system are replicated when the operator wants them, all else always. */
function replicatedKinds(acl: boolean): AttributeKinds {
  return acl ? ALL_KINDS : ALL_KINDS & ~kindBit('posix-acl') & ~kindBit('nt-security');
}

/** Which places of a root are replicated, where the scenario says so for it alone. */
function rulesOfRoot(root: RootPair | undefined): RootRules {
  const { master: _master, replica: _replica, ...rules } = root ?? { master: '' };
  return rules;
}

export function engineConfig(input: EngineConfigInput): EngineConfig {
  const { document, role, self } = input;
  const roots = role === 'master' ? masterRoots(document) : replicaRoots(document, self);
  return {
    scenarioId: document.id,
    scenarioName: document.name,
    role,
    roots: roots.map((path, index) => ({ path, ...rulesOfRoot(document.roots[index]) })),
    directory: input.directory,
    spool: spoolOf(input),
    ...(input.asideDirectory === undefined ? {} : { asideDirectory: input.asideDirectory }),
    ...(input.asideShared === undefined ? {} : { asideShared: input.asideShared }),
    ...(role === 'replica' && fedBy(document, self.name).length > 0 ? { feeds: true } : {}),
    exclude: document.exclude,
    fileFilter: settingOf(document.settings, 'roots.fileFilter'),
    attributeKinds: replicatedKinds(settingOf(document.settings, 'replication.acl')),
    ...(role === 'master' ? { replicas: fedBy(document).flatMap(({ deviceId }) => deviceId ?? []) } : {}),
    agreedFingerprint: agreedFingerprint(document, (text) => createHash('sha256').update(text).digest('hex')),
    epoch: input.epoch,
    ...(role === 'master' ? sendingOf(document) : { keepDeleted: keepDeletedOf(document), ...historyOf(self) }),
    limits: {
      spoolMaxBytes: settingOf(self.settings, 'spool.maxBytes'),
      spoolMinFreeBytes: settingOf(self.settings, 'spool.minFreeBytes'),
      syncWindowBytes: settingOf(document.master.settings, 'synchronization.windowBytes'),
      ...(role === 'master'
        ? {
            ...liveLimits(document),
            auditPeriodMs: settingOf(document.settings, 'replication.auditPeriodMs'),
          }
        : {
            applyDelayMs: settingOf(self.settings, 'recovery.delayMs'),
            asideMaxBytes: settingOf(self.settings, 'aside.maxBytes'),
          }),
    },
  };
}

/** Of the Master's engine on this host. */
export function masterConfig(
  { folders, host }: Pick<ScenarioEnvironment, 'folders' | 'host'>,
  { document, run, relayOf }: StoredScenario,
): EngineConfig {
  const directory = folders.open(document.id);
  const { recoveryOf } = document;
  // Its roots are those of a Replica here, whose engine keeps aside what their volume cannot hold.
  const relay = relayOf === undefined ? {} : { asideDirectory: folders.open(relayOf), asideShared: true as const };
  const aside = recoveryOf === undefined ? relay : { asideDirectory: folders.open(recoveryOf) };
  return engineConfig({ document, role: 'master', self: document.master, directory, host, epoch: run.epoch, ...aside });
}

/** The operator runs the scenario: what is there now is what he wants. */
export function adopting(config: EngineConfig): EngineConfig {
  const { role, spool } = config;
  return {
    ...config,
    ...(role === 'replica' ? { adoptRoots: true } : {}),
    ...(spool === undefined ? {} : { spool: { ...spool, adopt: true } }),
  };
}

export function liveLimits(document: ScenarioDocument): LiveLimits {
  const { settings } = document;
  const delayed = fedBy(document).filter((host) => settingOf(host.settings ?? {}, 'recovery.delayMs') > 0);
  return {
    delayedReplicas: delayed.flatMap(({ deviceId }) => deviceId ?? []),
    massDeletePercent: settingOf(settings, 'replication.massDeletePercent'),
    massChangePercent: settingOf(settings, 'replication.massChangePercent'),
    massMinimum: settingOf(settings, 'replication.massMinimum'),
    continuousVerification: settingOf(settings, 'replication.continuousVerification'),
  };
}

export function bandwidthOf({ settings }: ScenarioDocument): BandwidthPolicy {
  return {
    bytesPerSecond: settingOf(settings, 'link.bandwidthBytesPerSecond'),
    grid: settingOf(settings, 'link.bandwidthGrid'),
    compression: settingOf(settings, 'link.compression'),
  };
}

function historyOf({ settings }: HostReference): Pick<EngineConfig, 'history'> {
  if (!settingOf(settings, 'recovery.dataRewind')) return {};
  const retentionMs = settingOf(settings, 'recovery.retentionMs');
  const maxBytes = settingOf(settings, 'recovery.maxDiskBytes');
  const minFreeBytes = settingOf(settings, 'recovery.minFreeBytes');
  const whenFull = settingOf(settings, 'recovery.whenFull') === 'hold' ? 'hold' : 'gap';
  const selfCheckMs = settingOf(settings, 'recovery.selfCheckMs');
  return { history: { retentionMs, maxBytes, minFreeBytes, whenFull, selfCheckMs } };
}

function keepDeletedOf({ settings }: ScenarioDocument): KeepDeleted {
  return {
    synchronization: settingOf(settings, 'replication.keepDeletedDuringSynchronization'),
    replication: settingOf(settings, 'replication.keepDeletedDuringReplication'),
  };
}

function sendingOf(document: ScenarioDocument): Pick<EngineConfig, 'bandwidth' | 'schedule'> {
  const bandwidth = bandwidthOf(document);
  const { settings } = document;
  const mode = settingOf(settings, 'replication.mode');
  if (mode !== 'scheduled' && mode !== 'periodic') return { bandwidth };
  const schedule = {
    mode,
    grid: settingOf(settings, 'replication.scheduleGrid'),
    periodMs: settingOf(settings, 'replication.periodMs'),
    excludedDates: settingOf(settings, 'replication.excludedDates'),
  } as const;
  return { bandwidth, schedule };
}

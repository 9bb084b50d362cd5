/** The temporary Recovery scenario: the roles reversed, the selected Replica as its Master (guide: "Recovering Data"). Pure. */
import type { RestoreMethod } from '../../shared/rewind.ts';
import type { HostReference, ScenarioDocument, SettingValues } from '../../shared/scenario.ts';
import { replicaRoots } from '../scenario/book.ts';

const NAME_LIMIT = 100;

/** What makes it a copy of everything, at once: nobody but the restore writes while it runs. */
const RECOVERY_SETTINGS: SettingValues = {
  'replication.mode': 'online',
  'replication.massDeletePercent': 0,
  'replication.massChangePercent': 0,
  'replication.continuousVerification': false,
  'replication.preventAutomaticResync': false,
  // All data on the Master is replaced, also what only the Master has; `undo` gives it back.
  'replication.keepDeletedDuringSynchronization': false,
  'replication.keepDeletedDuringReplication': false,
};

/** The Master's old data is kept whole until it is no longer wanted. */
const KEEP_EVERYTHING: SettingValues = {
  'recovery.dataRewind': true,
  'recovery.retentionMs': Number.MAX_SAFE_INTEGER,
  'recovery.maxDiskBytes': Number.MAX_SAFE_INTEGER,
  'recovery.minFreeBytes': 0,
};

export function recoveryName(name: string): string {
  return `Recovery scenario of ${name}`.slice(0, NAME_LIMIT);
}

export function recoveryDocument(document: ScenarioDocument, replica: HostReference, id: string): ScenarioDocument {
  const roots = replicaRoots(document, replica);
  const { 'replication.scheduleGrid': _, ...settings } = document.settings;
  return {
    id,
    recoveryOf: document.id,
    name: recoveryName(document.name),
    ...(document.group === undefined ? {} : { group: document.group }),
    serverType: document.serverType,
    solution: document.solution,
    master: bareHost(replica),
    replicas: [{ ...bareHost(document.master), settings: { ...document.master.settings, ...KEEP_EVERYTHING } }],
    roots: document.roots.map(({ master, replica: _replica, ...rules }, index) => ({
      ...rules,
      master: roots[index] ?? master,
      replica: master,
    })),
    exclude: document.exclude,
    settings: { ...settings, ...RECOVERY_SETTINGS },
    revision: 1,
  };
}

/** Without what only has a meaning for it as a Replica. */
function bareHost({ name, address, deviceId, settings }: HostReference): HostReference {
  const kept = Object.entries(settings ?? {}).filter(([key]) => !key.startsWith('recovery.'));
  return {
    name,
    address,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(kept.length === 0 ? {} : { settings: Object.fromEntries(kept) }),
  };
}

export function rewinds(method: RestoreMethod): boolean {
  return method !== 'master';
}

/** Whether the data goes to the Master. */
export function goesBack(method: RestoreMethod): boolean {
  return method !== 'rewind-replica';
}

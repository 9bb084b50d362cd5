/** Puts the ports of roles together from what the daemon has. */
import { join } from 'node:path';
import { settingOf } from '../../config/catalogue.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { Clock, Random, RootTree, StateFile } from '../ports.ts';
import { QuarantineKeeper } from '../quarantine/keeper.ts';
import type { RedirectionService } from '../redirect/service.ts';
import type { ScenarioFolders } from '../scenario/environment.ts';
import type { PeerControl } from '../services.ts';
import { QuarantineDisk } from '../store/quarantine-disk.ts';
import { RoleRecordStore } from '../store/role-record.ts';
import { WitnessArbiter } from '../witness/arbiter.ts';
import type { SystemServices } from './managed-services.ts';
import type { Arbiter, RolePorts } from './ports.ts';
import { leaseOf } from './role-parts.ts';

export interface RoleGround {
  readonly data: string;
  readonly deviceId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly services: SystemServices;
  readonly folders: ScenarioFolders;
  readonly redirection: RedirectionService;
  readonly peers: PeerControl;
  openStateFile(path: string): StateFile;
  openTree(path: string): RootTree;
}

export function createRolePorts(ground: RoleGround): RolePorts {
  return {
    boot: Buffer.from(ground.random.bytes(12)).toString('hex'),
    quarantine: new QuarantineKeeper({
      files: new QuarantineDisk(ground.data),
      openTree: (path) => ground.openTree(path),
    }),
    services: ground.services,
    openRecord: (id) => {
      const path = join(ground.folders.open(id), 'role');
      return new RoleRecordStore(ground.openStateFile(path), path);
    },
    accessOf: (document) => ground.redirection.desk(document),
    arbiterOf: (document, other) => arbiterOf(ground, document, other),
  };
}

function arbiterOf(
  { deviceId, peers, clock }: RoleGround,
  document: ScenarioDocument,
  other: string,
): Arbiter | undefined {
  const { settings } = document;
  const [address] = settingOf(settings, 'switchover.arbiterAddress');
  if (settingOf(settings, 'switchover.arbiter') !== 'witness' || address === undefined) return undefined;
  const witness = { address, scenarioId: document.id, self: deviceId, other, ...leaseOf(document) };
  return new WitnessArbiter(witness, peers, clock);
}

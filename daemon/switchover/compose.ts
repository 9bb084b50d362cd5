/** Puts the ports of roles together from what the daemon has. */
import { join } from 'node:path';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { Clock, Random, RootTree, StateFile } from '../ports.ts';
import { QuarantineKeeper } from '../quarantine/keeper.ts';
import type { RedirectionService } from '../redirect/service.ts';
import type { ScenarioFolders } from '../scenario/environment.ts';
import type { PeerControl } from '../services.ts';
import { QuarantineDisk } from '../store/quarantine-disk.ts';
import { RoleRecordStore } from '../store/role-record.ts';
import { type WitnessAddress, WitnessArbiter } from '../witness/arbiter.ts';
import { ETCD_PREFIX, EtcdArbiter } from '../witness/etcd-arbiter.ts';
import { EtcdGateway, type EtcdTransport } from '../witness/etcd-gateway.ts';
import type { SystemServices } from './managed-services.ts';
import type { Arbiter, RolePorts } from './ports.ts';
import { arbiterPlaceOf, leaseOf } from './role-parts.ts';

/** Limit of a look at an arbiter before a scenario runs. */
const LOOK_MS = 5_000;
/** No key was ever written then: the comparison fails. */
const NEVER_WRITTEN = 2n ** 62n;

export interface RoleGround {
  readonly data: string;
  readonly deviceId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly services: SystemServices;
  restartHost(): Promise<void>;
  readonly folders: ScenarioFolders;
  readonly redirection: RedirectionService;
  readonly peers: PeerControl;
  openStateFile(path: string): StateFile;
  /** PEM texts; without `ca` the authorities of the system count. */
  openPoster(tls: { ca?: string; cert?: string; key?: string }): EtcdTransport;
  /** A small file that only the engine may read, in the folder `keys` of the data directory; undefined: there is none. */
  readSecret(folder: string, name: string): string | undefined;
  openTree(path: string): RootTree;
}

export function createRolePorts(ground: RoleGround): RolePorts {
  const etcd = new EtcdArbiters(ground);
  return {
    boot: Buffer.from(ground.random.bytes(12)).toString('hex'),
    quarantine: new QuarantineKeeper({
      files: new QuarantineDisk(ground.data),
      openTree: (path) => ground.openTree(path),
    }),
    openTree: (path) => ground.openTree(path),
    services: ground.services,
    restartHost: () => ground.restartHost(),
    openRecord: (id) => {
      const path = join(ground.folders.open(id), 'role');
      return new RoleRecordStore(ground.openStateFile(path), path);
    },
    accessOf: (document) => ground.redirection.desk(document),
    arbiterOf: (document, other) => arbiterOf(ground, etcd, document, other),
    reachArbiter: async ({ kind, addresses }) => {
      const [address = ''] = addresses;
      if (kind === 'etcd') await etcd.reach(addresses);
      else await ground.peers.request({ name: address, address }, 'witness.look', {}, LOOK_MS);
    },
  };
}

function arbiterOf(
  { deviceId, peers, clock }: RoleGround,
  etcd: EtcdArbiters,
  document: ScenarioDocument,
  other: string,
): Arbiter | undefined {
  const place = arbiterPlaceOf(document);
  const [address] = place?.addresses ?? [];
  if (place === undefined || address === undefined) return undefined;
  const hosts = { scenarioId: document.id, self: deviceId, other, ...leaseOf(document) };
  return place.kind === 'etcd'
    ? etcd.find(hosts, place.addresses)
    : new WitnessArbiter({ ...hosts, address }, peers, clock);
}

/** One arbiter a scenario, kept: it knows since when the holder has not renewed. */
class EtcdArbiters {
  readonly #ground: RoleGround;
  readonly #kept = new Map<string, { readonly made: string; readonly arbiter: EtcdArbiter }>();

  constructor(ground: RoleGround) {
    this.#ground = ground;
  }

  find(hosts: Omit<WitnessAddress, 'address'>, members: readonly string[]): Arbiter {
    const made = JSON.stringify([hosts, members]);
    const kept = this.#kept.get(hosts.scenarioId);
    if (kept?.made === made) return kept.arbiter;
    const arbiter = new EtcdArbiter(hosts, this.#gateway(members), this.#ground.clock);
    this.#kept.set(hosts.scenarioId, { made, arbiter });
    return arbiter;
  }

  /** Whether this host may write there, without writing. */
  async reach(members: readonly string[]): Promise<void> {
    const gateway = this.#gateway(members);
    try {
      await gateway.replace(`${ETCD_PREFIX}verification`, NEVER_WRITTEN, '', this.#ground.clock.bootMs() + LOOK_MS);
    } finally {
      gateway.close();
    }
  }

  #gateway(members: readonly string[]): EtcdGateway {
    const { data, clock } = this.#ground;
    const secret = (name: string) => this.#ground.readSecret(join(data, 'keys'), name);
    const given = <Name extends string>(name: Name, file: string) => {
      const text = secret(file);
      return text === undefined ? {} : ({ [name]: text } as { readonly [key in Name]: string });
    };
    return new EtcdGateway({
      members,
      clock,
      user: () => secret('etcd-user'),
      connect: () =>
        this.#ground.openPoster({
          ...given('ca', 'etcd-ca.pem'),
          ...given('cert', 'etcd-client.pem'),
          ...given('key', 'etcd-client.key'),
        }),
    });
  }
}

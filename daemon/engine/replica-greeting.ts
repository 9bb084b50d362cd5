/** How a Replica answers a Master's hello. */
import { Fault } from '../../shared/faults.ts';
import { mapOwners } from '../../shared/owners.ts';
import { type ControlMessage, LINK_PROTOCOL, LINK_PROTOCOL_OLDEST } from '../../shared/protocol/wire.ts';
import type { Standby } from '../apply/standby.ts';
import { commonProfile, profileOf } from '../link/profile.ts';
import type { RootTree } from '../ports.ts';
import type { EngineConfig } from './engine-protocol.ts';
import type { ReplicaLink } from './replica-link.ts';

type Hello = Extract<ControlMessage, { kind: 'hello' }>;

/** Welcomes the Master, or refuses it and closes the link. */
export function greet(
  hello: Hello,
  config: EngineConfig,
  trees: readonly RootTree[],
  standby: Standby,
  link: ReplicaLink,
): void {
  const refusal = refusalOf(hello, config, trees.length, standby.epoch);
  if (refusal !== undefined) {
    link.refuse(refusal);
    return;
  }
  standby.raiseEpoch(hello.epoch);
  const own = profileOf(trees, config.attributeKinds);
  const names = trees[0]?.owners?.();
  standby.knowOwners(hello.owners && names && mapOwners(hello.owners, names));
  standby.takeProfile(commonProfile(own, hello.profile));
  const { received, applied, mending } = standby;
  link.welcome({
    kind: 'welcome',
    protocol: Math.min(LINK_PROTOCOL, hello.protocol),
    epoch: standby.epoch,
    ...(received === undefined ? {} : { received }),
    ...(applied === undefined ? {} : { applied }),
    ...(mending === undefined ? {} : { mending }),
    profile: own,
    caseSensitive: trees.every((tree) => tree.capabilities.caseSensitive),
  });
  const { captured } = hello;
  link.live = received !== undefined && received.generation === captured.generation && received.seq <= captured.seq;
}

function refusalOf(hello: Hello, config: EngineConfig, rootCount: number, epoch: number): Fault | undefined {
  if (hello.oldestProtocol > LINK_PROTOCOL || hello.protocol < LINK_PROTOCOL_OLDEST) {
    return new Fault('LINK-VERSION', { ours: LINK_PROTOCOL, theirs: hello.protocol });
  }
  if (hello.scenarioId !== config.scenarioId) return new Fault('LINK-REFUSED', { reason: 'another scenario' });
  if (hello.epoch < epoch) return new Fault('LINK-EPOCH', { ours: hello.epoch, theirs: epoch });
  const agreed = hello.agreedFingerprint === config.agreedFingerprint;
  return agreed && hello.rootCount === rootCount ? undefined : new Fault('LINK-SETTINGS');
}

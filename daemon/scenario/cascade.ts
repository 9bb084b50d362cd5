/**
 * The tree of hosts of a scenario (docs/decisions/0030): the Master feeds Replicas, a Replica can feed further ones. A Replica
 * that feeds others is the Master of a *relay*: a scenario of its own over its Replica roots, derived here. Pure.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import type { HostReference, ScenarioDocument, ScenarioOrigin } from '../../shared/scenario.ts';
import { replicaRoots } from './book.ts';

/** The Replicas that `host` feeds itself; default: the Master. */
export function fedBy(document: ScenarioDocument, host: string = document.master.name): HostReference[] {
  return document.replicas.filter((replica) => same(replica.source ?? document.master.name, host));
}

/** Against the Replicas `before`: whom the Master does not feed any more, and whether it still feeds the same ones. */
export function fedSince(
  document: ScenarioDocument,
  before: readonly HostReference[],
): { readonly gone: HostReference[]; readonly same: boolean } {
  const [old, now] = [fedBy({ ...document, replicas: before }), fedBy(document)];
  const isIn = (hosts: readonly HostReference[]) => (one: HostReference) =>
    hosts.some(({ name, deviceId }) => (deviceId ?? name) === (one.deviceId ?? one.name) || same(name, one.name));
  const gone = old.filter((one) => !isIn(now)(one));
  return { gone, same: gone.length === 0 && now.every(isIn(old)) && before.length === document.replicas.length };
}

/** The Replicas that get their data through `host`, at whatever distance. */
export function below(document: ScenarioDocument, host: string): HostReference[] {
  return fedBy(document, host).flatMap((replica) => [replica, ...below(document, replica.name)]);
}

/** Replicas of the Master that feed others. */
export function feeders(document: ScenarioDocument): HostReference[] {
  return fedBy(document).filter((replica) => fedBy(document, replica.name).length > 0);
}

/** The Replica of the Master through which `host` is reached: itself when the Master feeds it. */
export function routeTo(document: ScenarioDocument, host: string): HostReference | undefined {
  return fedBy(document).find(
    (replica) => same(replica.name, host) || below(document, replica.name).some((one) => same(one.name, host)),
  );
}

/** What the Replica `self` runs for the ones it feeds; undefined when it feeds none. */
export function relayDocument(document: ScenarioDocument, self: HostReference): ScenarioDocument | undefined {
  const replicas = below(document, self.name);
  if (replicas.length === 0) return undefined;
  const roots = replicaRoots(document, self);
  const { source: _source, roots: _roots, ...master } = self;
  return {
    ...document,
    id: relayId(document.id, self),
    origin: originOf(document),
    master,
    replicas: replicas.map((replica) => {
      const { source, ...host } = replica;
      const own = { ...host, roots: replicaRoots(document, replica) };
      return source === undefined || same(source, self.name) ? own : { ...own, source };
    }),
    roots: document.roots.map(({ replica: _replica, ...root }, index) => ({
      ...root,
      master: roots[index] ?? root.master,
    })),
  };
}

/** The scenario itself, or the one it is a relay of; its hosts are those the data has passed when it comes to its Replicas. */
export function originOf(document: ScenarioDocument): ScenarioOrigin {
  const { id, revision, origin } = document;
  const hosts = [...hostsBefore(document), identityOf(document.master)];
  return { scenarioId: origin?.scenarioId ?? id, revision: origin?.revision ?? revision, hosts };
}

/** Throws `SCENARIO-CYCLE` when a Replica is a host the data has come through already; such a one may have another name there. */
export function refuseCycle(document: ScenarioDocument, replica: Pick<HostReference, 'name' | 'deviceId'>): void {
  const passed = originOf(document).hosts;
  if (replica.deviceId === undefined || !passed.some(({ deviceId }) => deviceId === replica.deviceId)) return;
  const way = [...passed.map(({ name }) => name), replica.name].join(' → ');
  throw new Fault('SCENARIO-CYCLE', { name: document.name, way });
}

function hostsBefore({ origin }: ScenarioDocument): ScenarioOrigin['hosts'] {
  return origin?.hosts ?? [];
}

function identityOf({ name, deviceId = '' }: HostReference): ScenarioOrigin['hosts'][number] {
  return { name, deviceId };
}

/** Every hop has its own generation and positions, so that it is a scenario of its own. */
function relayId(id: string, self: HostReference): string {
  return createHash('sha256').update(`${id}/${self.deviceId}`).digest('hex').slice(0, 32);
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

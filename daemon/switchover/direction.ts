/**
 * Which way a scenario goes. The document itself says it: after a switchover its Master is the host that took over, so that everything
 * that works on a scenario works on a backward one. Pure.
 */

import { settingOf } from '../../config/catalogue.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import { replicaRoots } from '../scenario/book.ts';

/** The Replica that takes over; undefined: the one that is named is none, or is fed by another Replica. */
export function standbyOf(document: ScenarioDocument): HostReference | undefined {
  const named = settingOf(document.settings, 'switchover.host').toLowerCase();
  const direct = document.replicas.filter(({ source }) => source === undefined);
  if (named === '' || document.backward) return direct[0];
  return direct.find(({ name }) => name.toLowerCase() === named);
}

/** The same scenario with `standby` as its Master and the Master as its first Replica. */
export function reversed(document: ScenarioDocument, standby: HostReference): ScenarioDocument {
  const { backward, ...same } = document;
  const roots = replicaRoots(document, standby);
  const { roots: _roots, source: _source, ...master } = standby;
  // Where others have their data is said for each of them: the default was the Master's place.
  const others = document.replicas
    .filter((replica) => replica !== standby)
    .map((replica) => ({ ...replica, roots: replicaRoots(document, replica) }));
  return {
    ...same,
    ...(backward ? {} : { backward: true }),
    master,
    replicas: [document.master, ...others],
    roots: document.roots.map(({ master: before, replica: _replica, ...rules }, index) => ({
      ...rules,
      master: roots[index] ?? before,
      replica: before,
    })),
    revision: document.revision + 1,
  };
}

/** The host that had name and addresses before the first switchover, and the one that takes them. */
export function originalHosts(document: ScenarioDocument): {
  master: HostReference;
  replica: HostReference | undefined;
} {
  const standby = standbyOf(document);
  if (!document.backward) return { master: document.master, replica: standby };
  return { master: standby ?? document.master, replica: document.master };
}

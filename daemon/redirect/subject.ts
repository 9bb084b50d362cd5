/** Who is who in a scenario for its redirection, whichever way the scenario goes now. Pure. */
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import { standbyOf } from '../switchover/direction.ts';

export interface Subject {
  /** Had the name and the addresses before the first switchover. */
  readonly master: HostReference;
  /** The switchover host. */
  readonly replica: HostReference;
  readonly here: 'master' | 'replica';
  /** The document has this host as its Master. */
  readonly isActive: boolean;
}

/** Undefined: no clients are led to the host of that device, whoever is active. */
export function subjectOf(document: ScenarioDocument, deviceId: string): Subject | undefined {
  const { solution, recoveryOf, origin, backward } = document;
  if (solution !== 'ha' || recoveryOf !== undefined || origin !== undefined) return undefined;
  const other = standbyOf(document);
  if (other === undefined) return undefined;
  const [master, replica] = backward ? [other, document.master] : [document.master, other];
  const isActive = document.master.deviceId === deviceId;
  if (master.deviceId === deviceId) return { master, replica, here: 'master', isActive };
  if (replica.deviceId === deviceId) return { master, replica, here: 'replica', isActive };
  return undefined;
}

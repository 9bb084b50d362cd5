/**
 * The application on the Master is stopped before its data is replaced and started after (guide: "stop the database services
 * on the Master host"). Interface only: until applications are managed by Mainstay (issue 6) nothing is stopped or started,
 * and the operator stops what writes in the roots himself.
 */
import type { ScenarioDocument } from '../../shared/scenario.ts';

export interface ApplicationHooks {
  /** Before the first byte on the Master is replaced; a fault here keeps the restore from touching it. */
  beforeRestore(document: ScenarioDocument): Promise<void>;
  /** The data is whole again: restored or undone. */
  afterRestore(document: ScenarioDocument): Promise<void>;
}

export const NO_APPLICATION: ApplicationHooks = {
  beforeRestore: () => Promise.resolve(),
  afterRestore: () => Promise.resolve(),
};

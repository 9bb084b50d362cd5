/** Where the engines of a scenario keep their state: `DATA/scenarios/<id>/`, readable by the engine's account only. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioFolders } from '../scenario/environment.ts';
import { removeSpools } from './spool-place.ts';

const SCENARIO_ID = /^[0-9a-f]{32}$/;

export function openScenarioFolders(dataDirectory: string): ScenarioFolders {
  const top = join(dataDirectory, 'scenarios');
  const folder = (id: string): string => {
    // The id can come from a peer and must never become another path.
    if (!SCENARIO_ID.test(id)) throw new Fault('PATH-ESCAPE', { path: id });
    return join(top, id);
  };
  return {
    open: (id) => {
      const path = folder(id);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      return path;
    },
    remove: (id) => {
      removeSpools(folder(id));
      rmSync(folder(id), { recursive: true, force: true });
    },
  };
}

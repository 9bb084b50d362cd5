/** What operators ask of the quarantines of this host. */
import { isAbsolute } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { CommandHandlers } from '../services.ts';
import type { QuarantineStore } from './store.ts';

/** `documentOf` throws `SCENARIO-NOT-FOUND`. */
export function quarantineHandler(
  store: QuarantineStore,
  documentOf: (name: string) => ScenarioDocument,
): CommandHandlers {
  return {
    'scenario.quarantine': async ({ name, id, from }) => {
      const scenarioId = documentOf(name).id;
      const quarantines = await store.list(scenarioId);
      return id === undefined ? { quarantines } : { quarantines, ...(await store.items(scenarioId, id, from)) };
    },
    'scenario.quarantineExtract': async ({ name, id, to, path }) => {
      if (!isAbsolute(to)) throw new Fault('USAGE', { reason: `"${to}" is not an absolute path` });
      const document = documentOf(name);
      const inside = document.roots.some(({ master, replica }) => [master, replica].some((root) => isBelow(to, root)));
      if (inside) throw new Fault('USAGE', { reason: `"${to}" lies in a root of the scenario` });
      return { files: await store.extract(document.id, id, to, path) };
    },
    'scenario.quarantineDiscard': async ({ name, id }) => {
      await store.discard(documentOf(name).id, id);
      return {};
    },
  };
}

function isBelow(path: string, root: string | undefined): boolean {
  return root !== undefined && (path === root || path.startsWith(`${root}/`));
}

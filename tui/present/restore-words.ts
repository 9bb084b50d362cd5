/** Wording of the guide's Recovery Method page. */
import type { RestoreMethod } from '../../shared/rewind.ts';

export const METHOD_WORDS: Readonly<Record<RestoreMethod, string>> = {
  master: 'Replace all data on Master with the data on Replica',
  rewind: 'Rewind data, and synchronize it back to the Master',
  'rewind-replica': 'Rewind data, and leave it on the Replica only',
};

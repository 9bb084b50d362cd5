/** `groups.json` of a data directory. */
import { join } from 'node:path';
import { type GroupBook, groupBook, NO_GROUPS } from '../group/book.ts';
import type { DocumentStore } from '../services.ts';
import { openDocument } from './documents.ts';

/** `damaged`: it could not be read, was set aside, and begins empty. */
export function openGroups(
  data: string,
  damaged: (path: string, reason: string) => void,
): Promise<DocumentStore<GroupBook>> {
  const path = join(data, 'groups.json');
  return openDocument<GroupBook>({
    path,
    schema: groupBook,
    initial: NO_GROUPS,
    onDamaged: ({ details }) => damaged(path, String(details.reason ?? '')),
  });
}

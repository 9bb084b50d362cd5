/** Taking a file or folder out of a rewind point onto this computer: for the command line and the console. */
import type { CommandName } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, isWithin } from '../../shared/path.ts';
import type { ExtractContent, ExtractEntry, ExtractList } from '../../shared/preview.ts';
import { ExtractTarget } from './extract-target.ts';

/** Files up to this size come with the list. */
const INLINE_BYTES = 256 * 1024;
const PIECE_BYTES = 4 * 1024 * 1024;

/** Asks the daemon; rejects with its fault. */
export type Ask = (command: CommandName, args: unknown) => Promise<unknown>;

interface Source {
  readonly ask: Ask;
  readonly args: { readonly name: string; readonly point: string; readonly root: number; readonly replica?: string };
  readonly path: string;
}

export interface Extracted {
  files: number;
  bytes: number;
  /** Left as they were: complete already. */
  present: number;
  readonly lost: { readonly path: string; readonly reason: string }[];
}

/** Writes below `directory`; what is in the way is refused unless `overwrite`. Throws what the daemon and the system say. */
export async function takeOut(
  source: Source,
  directory: string,
  overwrite: boolean,
  onProgress: (progress: Extracted, path: string) => void,
): Promise<Extracted> {
  const target = new ExtractTarget(directory, overwrite);
  const progress: Extracted = { files: 0, bytes: 0, present: 0, lost: [] };
  try {
    await copy(source, target, progress, onProgress);
  } finally {
    target.end();
  }
  return progress;
}

async function copy(
  source: Source,
  target: ExtractTarget,
  progress: Extracted,
  onProgress: (progress: Extracted, path: string) => void,
): Promise<void> {
  const { ask, args, path } = source;
  for (let after: string | undefined; ; ) {
    const page = { ...args, path, limit: 2000, inlineBytes: INLINE_BYTES, ...(after === undefined ? {} : { after }) };
    const list = (await ask('scenario.extractList', page)) as ExtractList;
    for (const entry of list.entries) {
      // A host that says otherwise is broken or hostile.
      if (!isWithin(entry.path, path)) throw new Fault('PATH-ESCAPE', { path: entry.path });
      await take(source, target, progress, entry);
      onProgress(progress, entry.path);
    }
    if (list.next === undefined) break;
    after = list.next;
  }
}

/** Below the target it has the name of what was asked for. */
function placeOf(entry: ExtractEntry, path: string): string {
  return path === '' ? entry.path : baseName(path) + entry.path.slice(path.length);
}

async function take(source: Source, target: ExtractTarget, progress: Extracted, entry: ExtractEntry): Promise<void> {
  const place = placeOf(entry, source.path);
  if (entry.lost !== undefined || entry.type === 'other') {
    progress.lost.push({ path: entry.path, reason: entry.lost ?? 'it is neither a file nor a link' });
    return;
  }
  if (entry.type === 'directory') target.directory(place, entry);
  else if (entry.type === 'symlink') target.symlink(place, entry);
  else if (target.isDone(place, entry)) {
    progress.present += 1;
    return;
  } else await takeFile(source, target, progress, entry, place);
  progress.files += 1;
}

async function takeFile(
  { ask, args }: Source,
  target: ExtractTarget,
  progress: Extracted,
  entry: ExtractEntry,
  place: string,
): Promise<void> {
  const file = target.file(place, entry);
  try {
    if (entry.data !== undefined) {
      const bytes = Buffer.from(entry.data, 'base64');
      file.write(bytes, 0);
      progress.bytes += bytes.length;
    } else {
      for (let position: number | undefined = 0; position !== undefined; ) {
        const piece = { ...args, path: entry.path, position, length: PIECE_BYTES };
        const content = (await ask('scenario.extractRead', piece)) as ExtractContent;
        for (const one of content.pieces) {
          const bytes = Buffer.from(one.data, 'base64');
          file.write(bytes, one.position);
          progress.bytes += bytes.length;
        }
        position = content.next;
      }
    }
    file.commit();
  } finally {
    file.discard();
  }
}

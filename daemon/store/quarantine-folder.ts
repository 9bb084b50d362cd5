/**
 * Quarantines in `DATA/quarantine/<scenario>/<id>/`: `manifest.jsonl` (its head, then an item a line) and `content/<number>`. Made under
 * another name, flushed, then renamed: there is a whole one or none. Readable by the engine's account only.
 */
import { createHash } from 'node:crypto';
import { constants, createReadStream, type Stats } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, open, readdir, readFile, readlink, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { TailEntry } from '../engine/master-tail.ts';
import type { QuarantineStore } from '../quarantine/store.ts';
import { fileFault, syncDirectory } from './durable-file.ts';

const ID = /^[0-9]{8}T[0-9]{6}Z-e[0-9]{1,10}$/;
const SCENARIO = /^[0-9a-f]{32}$/;
const MANIFEST = 'manifest.jsonl';
const UNFINISHED = '.unfinished';

export class QuarantineFolder implements QuarantineStore {
  readonly #top: string;

  constructor(dataDirectory: string) {
    this.#top = join(dataDirectory, 'quarantine');
  }

  async keep(
    scenarioId: string,
    head: Omit<QuarantineHead, 'items' | 'bytes'>,
    entries: readonly TailEntry[],
    roots: readonly string[],
  ): Promise<QuarantineHead> {
    const folder = this.#folder(scenarioId, head.id);
    const known = (await this.list(scenarioId)).find(({ id }) => id === head.id);
    if (known !== undefined) return known;
    const making = `${folder}${UNFINISHED}`;
    try {
      await rm(making, { recursive: true, force: true });
      await mkdir(join(making, 'content'), { recursive: true, mode: 0o700 });
      const items: QuarantineItem[] = [];
      for (const entry of newest(entries)) items.push(await keepItem(making, roots, entry, items.length));
      const whole: QuarantineHead = { ...head, items: items.length, bytes: bytesOf(items) };
      await writeFlushed(join(making, MANIFEST), [whole, ...items].map((line) => `${JSON.stringify(line)}\n`).join(''));
      syncDirectory(join(making, 'content'));
      syncDirectory(making);
      await rename(making, folder);
      syncDirectory(dirname(folder));
      return whole;
    } catch (error) {
      await rm(making, { recursive: true, force: true }).catch(() => undefined);
      throw fileFault(error, folder);
    }
  }

  async list(scenarioId: string): Promise<readonly QuarantineHead[]> {
    const names = await readdir(this.#scenario(scenarioId)).catch(() => []);
    const heads: QuarantineHead[] = [];
    for (const id of names
      .filter((name) => ID.test(name))
      .sort()
      .reverse()) {
      heads.push((await this.#lines(scenarioId, id))[0] as unknown as QuarantineHead);
    }
    return heads;
  }

  async items(scenarioId: string, id: string): Promise<readonly QuarantineItem[]> {
    return (await this.#lines(scenarioId, id)).slice(1) as unknown as QuarantineItem[];
  }

  async extract(scenarioId: string, id: string, to: string, path: string | undefined): Promise<number> {
    const items = (await this.items(scenarioId, id)).filter(
      (item) =>
        item.content !== undefined && (path === undefined || item.path === path || item.path.startsWith(`${path}/`)),
    );
    const severalRoots = items.some(({ root }) => root !== items[0]?.root);
    try {
      await mkdir(to, { recursive: false, mode: 0o700 });
      for (const { root, path: name, content, mode, mtimeMs } of items) {
        const target = join(to, ...(severalRoots ? [`root ${root + 1}`] : []), ...name.split('/'));
        await mkdir(dirname(target), { recursive: true, mode: 0o700 });
        await copyFile(join(this.#folder(scenarioId, id), 'content', content!), target, constants.COPYFILE_EXCL);
        if (mode !== undefined) await chmod(target, mode & 0o777);
        if (mtimeMs !== undefined) await utimes(target, mtimeMs / 1_000, mtimeMs / 1_000);
      }
      return items.length;
    } catch (error) {
      throw fileFault(error, to);
    }
  }

  async discard(scenarioId: string, id: string): Promise<void> {
    await this.#lines(scenarioId, id);
    await rm(this.#folder(scenarioId, id), { recursive: true, force: true });
  }

  async #lines(scenarioId: string, id: string): Promise<Record<string, unknown>[]> {
    try {
      const text = await readFile(join(this.#folder(scenarioId, id), MANIFEST), 'utf8');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault('QUARANTINE-NOT-FOUND', { id }, error);
    }
  }

  #scenario(id: string): string {
    if (!SCENARIO.test(id)) throw new Fault('PATH-ESCAPE', { path: id });
    return join(this.#top, id);
  }

  #folder(scenarioId: string, id: string): string {
    if (!ID.test(id)) throw new Fault('QUARANTINE-NOT-FOUND', { id });
    return join(this.#scenario(scenarioId), id);
  }
}

/** The last word on each place, in the order in which they changed. */
function newest(entries: readonly TailEntry[]): TailEntry[] {
  const byPlace = new Map<string, TailEntry>();
  for (const entry of entries) {
    const key = `${entry.root} ${entry.path}`;
    byPlace.delete(key);
    byPlace.set(key, entry);
  }
  return [...byPlace.values()];
}

function bytesOf(items: readonly QuarantineItem[]): number {
  return items.reduce((sum, item) => sum + (item.content === undefined ? 0 : item.sizeBytes), 0);
}

async function keepItem(
  making: string,
  roots: readonly string[],
  entry: TailEntry,
  number: number,
): Promise<QuarantineItem> {
  const { root, path, kind, before } = entry;
  const told = { root, path, kind, ...(before === undefined ? {} : { before }) };
  const source = join(roots[root] ?? '', path);
  const stat = await statInside(roots[root] ?? '', path);
  if (stat === undefined) return { ...told, type: 'gone', sizeBytes: 0 };
  const { mode, uid, gid, mtimeMs } = stat;
  const metadata = { mode, uid, gid, mtimeMs };
  if (stat.isSymbolicLink()) {
    return { ...told, type: 'symlink', sizeBytes: 0, ...metadata, target: await readlink(source) };
  }
  if (!stat.isFile()) return { ...told, type: 'directory', sizeBytes: 0, ...metadata };
  const content = String(number);
  const target = join(making, 'content', content);
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, 0o600);
  const { sha256, bytes } = await hashed(target);
  await flush(target);
  return { ...told, type: 'file', sizeBytes: bytes, ...metadata, sha256, content };
}

/** Undefined: it is not there, or something above it is no directory of the root (a link is not followed). */
async function statInside(root: string, path: string): Promise<Stats | undefined> {
  const parts = path.split('/');
  for (let depth = 1; depth < parts.length; depth += 1) {
    const above = await lstatIfPresent(join(root, parts.slice(0, depth).join(sep)));
    if (above?.isDirectory() !== true) return undefined;
  }
  return await lstatIfPresent(join(root, path));
}

async function lstatIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function hashed(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

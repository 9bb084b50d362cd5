/** Quarantines in `DATA/quarantine`, readable by the engine's account only. Names of files are bytes, not text. */
import { createReadStream, statfsSync } from 'node:fs';
import { chmod, chown, lchown, lutimes, mkdir, open, readdir, rename, rm, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeName } from '../../shared/path.ts';
import type { QuarantineItem } from '../../shared/quarantine.ts';
import type { ExtractTarget, NewQuarantineFile, QuarantineFiles } from '../quarantine/files.ts';
import { fileFault, syncDirectory } from './durable-file.ts';

export class QuarantineDisk implements QuarantineFiles {
  readonly #data: string;
  readonly #top: string;

  constructor(dataDirectory: string) {
    this.#data = dataDirectory;
    this.#top = join(dataDirectory, 'quarantine');
  }

  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#data);
    return bavail * bsize;
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#top, folder));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fileFault(error, folder);
    }
  }

  async makeFolder(folder: string): Promise<void> {
    await told(folder, async () => {
      await mkdir(join(this.#top, folder), { recursive: true, mode: 0o700 });
      const above = folder.split('/');
      while (above.pop() !== undefined) syncDirectory(join(this.#top, ...above));
      syncDirectory(dirname(this.#top));
    });
  }

  async create(path: string): Promise<NewQuarantineFile> {
    return await told(path, async () => {
      const file = await open(join(this.#top, path), 'wx', 0o600);
      return {
        write: (bytes, position) => told(path, () => writeWhole(file, bytes, position)),
        truncate: (sizeBytes) => told(path, () => file.truncate(sizeBytes)),
        flush: () => told(path, () => file.sync()),
        close: () => told(path, () => file.close()),
      };
    });
  }

  async *read(path: string, position = 0): AsyncGenerator<Uint8Array, void> {
    try {
      yield* createReadStream(join(this.#top, path), {
        start: position,
        highWaterMark: 1024 * 1024,
      }) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw fileFault(error, path);
    }
  }

  rename(from: string, to: string): Promise<void> {
    return told(to, () => rename(join(this.#top, from), join(this.#top, to)));
  }

  remove(path: string): Promise<void> {
    return told(path, () => rm(join(this.#top, path), { recursive: true, force: true }));
  }

  flushFolder(folder: string): Promise<void> {
    return told(folder, () => Promise.resolve(syncDirectory(join(this.#top, folder))));
  }

  async openTarget(to: string): Promise<ExtractTarget> {
    await told(to, () => mkdir(to, { mode: 0o700 }));
    return new DiskTarget(to);
  }
}

interface Placed {
  readonly at: Buffer;
  readonly item: QuarantineItem;
}

/** Links come last: nothing is written through one. */
class DiskTarget implements ExtractTarget {
  readonly #to: string;
  readonly #directories: Placed[] = [];
  readonly #links: Placed[] = [];

  constructor(to: string) {
    this.#to = to;
  }

  async place(item: QuarantineItem, folder: string, content: AsyncIterable<Uint8Array> | undefined): Promise<void> {
    const names = [...(folder === '' ? [] : [folder]), ...item.path.split('/').filter((name) => name !== '')];
    const at = bytesOf(join(this.#to, ...names));
    const above = bytesOf(join(this.#to, ...names.slice(0, -1)));
    await told(item.path, async () => {
      await mkdir(item.type === 'directory' ? at : above, { recursive: true, mode: 0o700 });
      if (item.type === 'directory') this.#directories.push({ at, item });
      if (item.type === 'symlink') this.#links.push({ at, item });
      if (content !== undefined) await this.#file(at, item, content);
    });
  }

  async #file(at: Buffer, item: QuarantineItem, content: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await open(at, 'wx', 0o600);
    try {
      let position = 0;
      for await (const chunk of content) {
        await writeWhole(file, chunk, position);
        position += chunk.length;
      }
    } finally {
      await file.close();
    }
    await dress(at, item);
  }

  async #link({ at, item: { target = '', uid, gid, mtimeMs } }: Placed): Promise<void> {
    await symlink(bytesOf(target), at);
    if (uid !== undefined && gid !== undefined) await lchown(at, uid, gid).catch(() => undefined);
    if (mtimeMs !== undefined) await lutimes(at, mtimeMs / 1_000, mtimeMs / 1_000);
  }

  async finish(): Promise<void> {
    for (const link of this.#links) await told(link.item.path, () => this.#link(link));
    for (const { at, item } of this.#directories.reverse()) await told(item.path, () => dress(at, item));
  }

  async discard(): Promise<void> {
    await rm(this.#to, { recursive: true, force: true });
  }
}

function bytesOf(path: string): Buffer {
  return Buffer.from(encodeName(path));
}

/** The owner first: whoever changes it loses bits of the mode. Another account than root's cannot give files away. */
async function dress(at: Buffer, { mode, uid, gid, mtimeMs }: QuarantineItem): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(at, uid, gid).catch(() => undefined);
  // Nothing that is taken out of quarantine runs with more rights than whoever starts it.
  if (mode !== undefined) await chmod(at, mode & 0o777);
  if (mtimeMs !== undefined) await utimes(at, mtimeMs / 1_000, mtimeMs / 1_000);
}

async function writeWhole(
  file: {
    write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  },
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(error, path);
  }
}

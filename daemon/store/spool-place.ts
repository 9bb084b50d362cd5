/**
 * Where the spool of an engine lies: a directory of its own in the one the operator chose, and in the scenario's directory a
 * record of where that is. Whoever opens the spool settles it first: what lies elsewhere moves. Until the record names the new
 * place the old one counts, after that the new one, and each is whole while it counts: a crash at any step loses nothing.
 * A spool that the record names and that is not there (volume not mounted) is never replaced by an empty one unless the operator
 * runs the scenario: then everything is compared.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import { fileFault, readTextIfPresent, replaceFileSync, syncDirectory } from './durable-file.ts';

export interface SpoolPlace {
  /** What the operator chose, absolute. */
  readonly directory: string;
  /** Name of the spool in it; no other engine has one of that name. */
  readonly name: string;
  /** The operator runs the scenario: a spool that is gone is given up. */
  readonly adopt?: boolean;
}

export interface SpoolMoved {
  readonly from: string;
  readonly to: string;
}

export interface SettledSpool {
  readonly path: string;
  readonly moved?: SpoolMoved;
  /** It was not there any more; this one is new. */
  readonly lost?: string;
}

export interface SpoolWatch {
  /** Before each step that changes something on disk; what it throws ends the work there, like a crash. */
  readonly before?: (step: string) => void;
  /** Part of a copy is done. */
  readonly onProgress?: () => void;
}

interface PlaceRecord {
  readonly path: string;
  /** The same in the record and in the place: a directory of that name that is another spool is not taken for it. */
  readonly mark: string;
  /** A former place that may still have to be removed. */
  readonly leaving?: string;
}

const MARK_NAME = 'mark';
const COPY_BYTES = 4 * 1024 * 1024;
/** Left free by a copy. */
const ROOM_BYTES = 16 * 1024 * 1024;

export class SpoolPlaces {
  private readonly recordPath: string;
  private readonly roots: readonly string[];
  private readonly before: (step: string) => void;
  private readonly onProgress: () => void;

  /** `stateDirectory`: the scenario's; `roots`: where no spool may lie. */
  constructor(stateDirectory: string, role: 'master' | 'replica', roots: readonly string[], watch: SpoolWatch = {}) {
    this.recordPath = join(stateDirectory, recordName(role));
    this.roots = roots;
    this.before = watch.before ?? (() => {});
    this.onProgress = watch.onProgress ?? (() => {});
  }

  /** Throws `SPOOL-MISSING`, `SPOOL-UNUSABLE` or `FS-FULL`; the old place is then as it was. */
  async settle({ directory, name, adopt = false }: SpoolPlace): Promise<SettledSpool> {
    const top = this.prepareTop(directory);
    const path = join(top, name);
    const record = readRecord(this.recordPath);
    if (record === undefined) {
      this.create(path);
      return { path };
    }
    if (record.path === path && markOf(path) === record.mark) {
      this.finishLeaving(record);
      return { path };
    }
    if (record.path !== path && markOf(record.path) === record.mark) {
      await this.move(record, path);
      return { path, moved: { from: record.path, to: path } };
    }
    // Renamed there, and then the record could not be written any more.
    if (record.path !== path && markOf(path) === record.mark) {
      this.write({ path, mark: record.mark });
      return { path, moved: { from: record.path, to: path } };
    }
    if (!adopt) throw new Fault('SPOOL-MISSING', { path: record.path });
    this.create(path);
    return { path, lost: record.path };
  }

  /** The operator's directory, with links resolved: there, ours to write and outside the roots. */
  private prepareTop(directory: string): string {
    const unusable = (reason: string): Fault => new Fault('SPOOL-UNUSABLE', { path: directory, reason });
    if (!isAbsolute(directory)) throw unusable('it is not an absolute path on this system');
    try {
      makeWithParents(directory);
      const top = realpathSync(directory);
      const root = this.roots.find((one) => isInside(top, one));
      if (root !== undefined) throw unusable(`it lies in the root ${root}`);
      return top;
    } catch (error) {
      throw error instanceof Fault ? error : refusedBy(directory, error);
    }
  }

  private create(path: string): void {
    const mark = randomBytes(16).toString('hex');
    this.before('clear');
    // Without a record nobody knows whose state it belonged to.
    clear(path);
    this.before('make');
    makePlace(path);
    this.before('mark');
    replaceFileSync(join(path, MARK_NAME), mark);
    syncDirectory(dirname(path));
    this.write({ path, mark });
  }

  private async move(record: PlaceRecord, path: string): Promise<void> {
    this.before('clear');
    clear(path);
    this.before('rename');
    if (renamed(record.path, path)) {
      syncDirectory(dirname(path));
      syncDirectory(dirname(record.path));
      this.write({ path, mark: record.mark });
      return;
    }
    await this.copy(record, path);
    this.write({ path, mark: record.mark, leaving: record.path });
    this.finishLeaving(readRecord(this.recordPath)!);
  }

  private async copy(record: PlaceRecord, path: string): Promise<void> {
    const files = filesBelow(record.path);
    const bytes = files.reduce((sum, file) => sum + lstatSync(join(record.path, file)).size, 0);
    try {
      makePlace(path);
      if (freeBytes(path) < bytes + ROOM_BYTES) throw new Fault('FS-FULL', { path });
      for (const file of files) {
        if (file === MARK_NAME) continue;
        this.before(`copy ${file}`);
        makeWithParents(dirname(join(path, file)));
        await copyFile(join(record.path, file), join(path, file), this.onProgress);
      }
      for (const directory of new Set(files.map((file) => dirname(join(path, file))))) syncDirectory(directory);
      this.before('mark');
      // Last: a place with its mark is whole.
      replaceFileSync(join(path, MARK_NAME), record.mark);
      syncDirectory(dirname(path));
    } catch (error) {
      const fault = error instanceof Fault ? error : fileFault(error, path);
      // Room that a part of a copy takes is not there for the next try.
      if (fault.code === 'FS-FULL') clear(path);
      throw fault;
    }
  }

  private finishLeaving(record: PlaceRecord): void {
    if (record.leaving === undefined) return;
    this.before('remove');
    try {
      clear(record.leaving);
    } catch {
      // It is out of reach: the record remembers it for the next time.
      return;
    }
    this.write({ path: record.path, mark: record.mark });
  }

  private write(record: PlaceRecord): void {
    this.before('record');
    replaceFileSync(this.recordPath, JSON.stringify(record));
  }
}

/** Removes the spools of a scenario that goes for good; one that is out of reach stays. */
export function removeSpools(stateDirectory: string): void {
  for (const role of ['master', 'replica'] as const) {
    const record = readRecord(join(stateDirectory, recordName(role)));
    for (const path of [record?.path, record?.leaving]) {
      try {
        if (path !== undefined) clear(path);
      } catch {
        // Its volume is read-only or broken; nothing refers to it any more.
      }
    }
  }
}

function recordName(role: 'master' | 'replica'): string {
  return `${role}-spool.json`;
}

function readRecord(path: string): PlaceRecord | undefined {
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  try {
    const { path: place, mark, leaving } = JSON.parse(text) as Partial<Record<keyof PlaceRecord, unknown>>;
    if (typeof place === 'string' && typeof mark === 'string' && isAbsolute(place)) {
      return { path: place, mark, ...(typeof leaving === 'string' && isAbsolute(leaving) ? { leaving } : {}) };
    }
  } catch {
    // Told below, with the same words.
  }
  throw new Fault('STATE-DAMAGED', { path, reason: 'it is no record of a spool' });
}

/** Undefined when nothing of ours is there. A directory that others can write could hold anything. */
function markOf(path: string): string | undefined {
  try {
    const { mode, uid } = lstatSync(path);
    const isOurs = process.geteuid === undefined || (uid === process.geteuid() && (mode & 0o022) === 0);
    if (!lstatSync(path).isDirectory() || !isOurs) return undefined;
    return readTextIfPresent(join(path, MARK_NAME));
  } catch {
    return undefined;
  }
}

/** Not `mkdir` with `recursive`: that never ends where a file system without room for directories says ENOENT (/proc). */
function makeWithParents(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeWithParents(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function makePlace(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw refusedBy(dirname(path), error);
  }
}

/** Never through a link: what somebody else put there goes, not what it points to. */
function clear(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw refusedBy(dirname(path), error);
  }
}

function refusedBy(directory: string, error: unknown): Fault {
  const fault = fileFault(error, directory);
  if (fault.code === 'FS-FULL' || fault.code === 'SPOOL-UNUSABLE') return fault;
  const reason = error instanceof Error ? error.message : String(error);
  return new Fault('SPOOL-UNUSABLE', { path: directory, reason }, error);
}

/** False on another volume. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false;
    throw refusedBy(dirname(to), error);
  }
}

function isInside(path: string, root: string): boolean {
  const real = realOf(root);
  return path === real || path.startsWith(real.endsWith(sep) ? real : real + sep);
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // A root that is missing is told by whoever opens it.
    return path;
  }
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Durable when it resolves. */
async function copyFile(from: string, to: string, onProgress: () => void): Promise<void> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      await copyBytes(source, target, onProgress);
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyBytes(source: FileHandle, target: FileHandle, onProgress: () => void): Promise<void> {
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    for (let done = 0; done < bytesRead; ) {
      done += (await target.write(buffer, done, bytesRead - done, null)).bytesWritten;
    }
    onProgress();
  }
}

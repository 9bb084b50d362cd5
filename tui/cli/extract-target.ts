/**
 * Where files taken out of the past are written: below one directory and nowhere else, whatever the names say and whatever
 * somebody plants there meanwhile. On Linux every step is made from a handle of the directory (/proc/self/fd), which no
 * link can redirect; elsewhere each directory on the way is checked before it is used.
 *
 * A file appears whole: under a temporary name first, then renamed.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import { encodeName, parseRelativePath } from '../../shared/path.ts';
import type { ExtractEntry } from '../../shared/preview.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const HANDLES = '/proc/self/fd';
const TEMPORARY = '.mainstay-extract-';
/** Taken over only together with the owner: else they would give away the rights of whoever extracts. */
const SET_ID_BITS = 0o7000;
/** Times come as far as the system takes them. */
const SAME_TIME_MS = 1;
/** Smaller files are not worth a flush each. */
const FLUSHED_BYTES = 1024 * 1024;

interface OpenDirectory {
  readonly name: string;
  readonly entry: ExtractEntry | undefined;
  readonly handle: number | undefined;
  readonly path: string;
}

export interface TargetFile {
  write(bytes: Uint8Array, position: number): void;
  /** It has its content: becomes visible with what the entry says. */
  commit(): void;
  /** After a fault; nothing of it is left. */
  discard(): void;
}

export class ExtractTarget {
  private readonly overwrite: boolean;
  private readonly privileged: boolean;
  private readonly stack: OpenDirectory[] = [];
  /** Where the first name of a file with several names was put. */
  private readonly links = new Map<string, { readonly parts: readonly string[]; readonly inode: bigint }>();

  /** `directory` is made when it is missing. Throws `FS-*`. */
  constructor(directory: string, overwrite: boolean) {
    this.overwrite = overwrite;
    this.privileged = process.getuid?.() === 0;
    translating(directory, () => mkdirSync(directory, { recursive: true }));
    // The way to it may lead through links: the operator named it.
    const handle = translating(directory, () => openDirectory(directory, 0));
    this.stack.push({ name: '', entry: undefined, handle, path: directory });
  }

  /** Goes to the directory of `parts`, whose entries were added before; finishes those it leaves. */
  private enter(parts: readonly string[]): OpenDirectory {
    let depth = 0;
    while (depth < parts.length && this.stack[depth + 1]?.name === parts[depth]) depth += 1;
    while (this.stack.length > depth + 1) this.leave();
    for (const name of parts.slice(depth)) this.push(name, undefined);
    return this.stack.at(-1)!;
  }

  private push(name: string, entry: ExtractEntry | undefined): void {
    const parent = this.stack.at(-1)!;
    const path = `${parent.path}${sep}${name}`;
    const handle = translating(path, () => openDirectory(this.at(parent, name), O_NOFOLLOW));
    this.stack.push({ name, entry, handle, path });
  }

  /** A directory has its times when everything in it was made. */
  private leave(): void {
    const { entry, handle, path } = this.stack.pop()!;
    try {
      if (entry !== undefined && handle !== undefined) translating(path, () => this.finish(handle, entry));
    } finally {
      if (handle !== undefined) closeSync(handle);
    }
  }

  end(): void {
    while (this.stack.length > 0) this.leave();
  }

  /** A name in an open directory, for calls that follow no link at its end. */
  private at(parent: OpenDirectory, name: string): Buffer | string {
    if (parent.handle === undefined || !existsSync(HANDLES)) {
      refuseLink(parent.path);
      return join(parent.path, name);
    }
    return Buffer.concat([Buffer.from(`${HANDLES}/${parent.handle}/`), encodeName(name)]);
  }

  private place(path: string): { parent: OpenDirectory; name: string; at: Buffer | string; shown: string } {
    const parts = partsOf(path);
    const name = parts.at(-1)!;
    const parent = this.enter(parts.slice(0, -1));
    return { parent, name, at: this.at(parent, name), shown: join(parent.path, name) };
  }

  directory(path: string, entry: ExtractEntry): void {
    if (path === '') {
      this.stack[0] = { ...this.stack[0]!, entry };
      return;
    }
    const { at, name, shown } = this.place(path);
    const there = translating(shown, () => lstatSync(at, { throwIfNoEntry: false }));
    if (there !== undefined && !there.isDirectory()) this.remove(at, shown);
    if (there?.isDirectory() !== true) translating(shown, () => mkdirSync(at, { mode: 0o700 }));
    this.push(name, entry);
  }

  symlink(path: string, entry: ExtractEntry): void {
    const { parent, at, shown } = this.place(path);
    this.vacate(at, shown);
    const temporary = this.at(parent, temporaryName());
    translating(shown, () => {
      symlinkSync(Buffer.from(encodeName(entry.target ?? '')), temporary);
      lutimesSync(temporary, seconds(entry), seconds(entry));
      renameSync(temporary, at);
    });
  }

  /** True: it is there already as it should be (an extraction that was interrupted), or made as a further name. */
  isDone(path: string, entry: ExtractEntry): boolean {
    const { at, shown } = this.place(path);
    if (entry.link !== undefined && this.link(entry.link, path)) return true;
    const there = translating(shown, () => lstatSync(at, { throwIfNoEntry: false, bigint: true }));
    if (there === undefined) return false;
    const wanted = Number(BigInt(entry.mtimeNs) / 1000n) / 1000;
    const same = there.isFile() && Number(there.size) === entry.sizeBytes;
    if (!same || Math.abs(Number(there.mtimeNs / 1000n) / 1000 - wanted) > SAME_TIME_MS) {
      this.refuseExisting(shown);
      return false;
    }
    if (entry.link !== undefined) this.links.set(entry.link, { parts: partsOf(path), inode: there.ino });
    return true;
  }

  /** False: it has to become a file of its own. */
  private link(key: string, path: string): boolean {
    const first = this.links.get(key);
    if (first === undefined) return false;
    const { parent, at, shown } = this.place(path);
    const there = translating(shown, () => lstatSync(at, { throwIfNoEntry: false, bigint: true }));
    if (there?.ino === first.inode) return true;
    if (there !== undefined) this.vacate(at, shown);
    const temporary = this.at(parent, temporaryName());
    const handles: number[] = [];
    try {
      linkSync(this.reach(first.parts, handles), temporary);
      const { ino } = lstatSync(temporary, { bigint: true });
      if (ino === first.inode) renameSync(temporary, at);
      // Somebody put something else in its place meanwhile.
      else unlinkSync(temporary);
      return ino === first.inode;
    } catch {
      return false;
    } finally {
      for (const handle of handles) closeSync(handle);
    }
  }

  /** Of a place that was left; follows no link. */
  private reach(parts: readonly string[], handles: number[]): Buffer | string {
    const top = this.stack[0]!;
    let parent = top;
    for (const name of parts.slice(0, -1)) {
      const handle = openDirectory(this.at(parent, name), O_NOFOLLOW);
      if (handle !== undefined) handles.push(handle);
      parent = { name, entry: undefined, handle, path: join(parent.path, name) };
    }
    return this.at(parent, parts.at(-1)!);
  }

  file(path: string, entry: ExtractEntry): TargetFile {
    const { parent, at, shown } = this.place(path);
    const temporary = this.at(parent, temporaryName());
    const handle = translating(shown, () => openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    let open = true;
    const discard = () => {
      if (!open) return;
      open = false;
      closeSync(handle);
      rmSync(asPath(temporary), { force: true });
    };
    return {
      write: (bytes, position) =>
        translating(shown, () => {
          for (let done = 0; done < bytes.length; ) {
            done += writeSync(handle, bytes, done, bytes.length - done, position + done);
          }
        }),
      commit: () => {
        try {
          translating(shown, () => ftruncateSync(handle, entry.sizeBytes));
          translating(shown, () => this.finish(handle, entry));
          if (entry.sizeBytes >= FLUSHED_BYTES) translating(shown, () => fsyncSync(handle));
          const { ino: inode } = lstatSync(temporary, { bigint: true });
          this.vacate(at, shown);
          translating(shown, () => renameSync(temporary, at));
          if (entry.link !== undefined) this.links.set(entry.link, { parts: partsOf(path), inode });
          open = false;
          closeSync(handle);
        } finally {
          discard();
        }
      },
      discard,
    };
  }

  private finish(handle: number, entry: ExtractEntry): void {
    if (this.privileged) fchownSync(handle, entry.uid, entry.gid);
    if (entry.mode > 0) fchmodSync(handle, this.privileged ? entry.mode : entry.mode & ~SET_ID_BITS);
    futimesSync(handle, seconds(entry), seconds(entry));
  }

  /** What is in the way goes, if the operator said so. A rename replaces files by itself. */
  private vacate(at: Buffer | string, shown: string): void {
    const there = translating(shown, () => lstatSync(at, { throwIfNoEntry: false }));
    if (there === undefined) return;
    this.refuseExisting(shown);
    if (there.isDirectory()) this.remove(at, shown);
  }

  private refuseExisting(shown: string): void {
    if (!this.overwrite) throw new Fault('EXTRACT-EXISTS', { path: shown });
  }

  private remove(at: Buffer | string, shown: string): void {
    this.refuseExisting(shown);
    // Follows no link: what is below one is not touched.
    translating(shown, () => rmSync(asPath(at), { recursive: true }));
  }
}

/** `rm` takes no bytes: a name that is no text goes as it is shown to it. */
function asPath(at: Buffer | string): string {
  return typeof at === 'string' ? at : at.toString();
}

/** Names of the host that sent them: no way up, nothing absolute, no separator of this system. */
function partsOf(path: string): string[] {
  const parts = parseRelativePath(path).split('/');
  if (sep === '\\' && parts.some((part) => /[\\:]/.test(part))) throw new Fault('PATH-ESCAPE', { path });
  return parts;
}

function openDirectory(path: Buffer | string, flags: number): number | undefined {
  return sep === '\\' ? undefined : openSync(path, O_RDONLY | O_DIRECTORY | flags);
}

function refuseLink(path: string): void {
  if (lstatSync(path).isSymbolicLink()) throw new Fault('PATH-SYMLINK', { path });
}

let temporaries = 0;

function temporaryName(): string {
  temporaries += 1;
  return `${TEMPORARY}${process.pid}-${temporaries}`;
}

function seconds({ mtimeNs }: ExtractEntry): number {
  return Number(BigInt(mtimeNs) / 1000n) / 1e6;
}

const FAULTS_BY_ERROR: Readonly<Record<string, 'FS-DENIED' | 'FS-FULL' | 'FS-NOT-FOUND' | 'PATH-SYMLINK'>> = {
  EACCES: 'FS-DENIED',
  EPERM: 'FS-DENIED',
  EROFS: 'FS-DENIED',
  ENOSPC: 'FS-FULL',
  EDQUOT: 'FS-FULL',
  ENOENT: 'FS-NOT-FOUND',
  ELOOP: 'PATH-SYMLINK',
  ENOTDIR: 'PATH-SYMLINK',
};

function translating<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new Fault(FAULTS_BY_ERROR[code] ?? 'FS-IO', { path, reason: code }, error);
  }
}

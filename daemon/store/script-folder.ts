/** `DATA/scripts/`: programs an administrator of this host registered (run by platform/node/registered-scripts.ts). */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import { fileFault, makePrivateDirectory, readTextIfPresent, replaceFileSync, syncDirectory } from './durable-file.ts';

const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const BEING_COPIED = '.copying';
/** What was registered, as `sha256sum` writes it: the engine runs nothing else (platform/node/registered-scripts.ts). */
const HASHES = '.sha256';

export interface RegisteredScript {
  readonly name: string;
  readonly bytes: number;
  /** Of what was registered; absent: it was put there by other means, and is not run. */
  readonly sha256?: string;
  /** It is not what was registered any more, and is not run. */
  readonly changed?: true;
}

export class ScriptFolder {
  readonly #folder: string;

  constructor(dataDirectory: string) {
    this.#folder = join(dataDirectory, 'scripts');
  }

  /** Replaces one of the same name at once. Throws `FS-NOT-FOUND`, or `USAGE` for what cannot be registered. */
  register(file: string, as: string | undefined): RegisteredScript {
    const name = as ?? basename(file);
    if (!NAME.test(name) || OWN.includes(name)) {
      throw new Fault('USAGE', { reason: `"${name}" is no name of a script: letters, digits, ".", "_" and "-"` });
    }
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) throw new Fault('FS-NOT-FOUND', { path: file });
    if (!stat.isFile()) throw new Fault('USAGE', { reason: `${file} is not a file` });
    makePrivateDirectory(this.#folder);
    const copy = join(this.#folder, BEING_COPIED);
    try {
      rmSync(copy, { force: true });
      copyFileSync(file, copy);
      chmodSync(copy, 0o700);
      const sha256 = hashOf(copy);
      // Between the two it is refused, never run unseen.
      replaceFileSync(join(this.#folder, HASHES), linesOf(this.#hashes().set(name, sha256)));
      renameSync(copy, join(this.#folder, name));
      syncDirectory(this.#folder);
      return { name, bytes: stat.size, sha256 };
    } catch (error) {
      throw fileFault(error, copy);
    }
  }

  list(): RegisteredScript[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      // Nothing was ever registered.
      return [];
    }
    const hashes = this.#hashes();
    return names
      .filter((name) => NAME.test(name) && !OWN.includes(name))
      .sort()
      .map((name) => {
        const path = join(this.#folder, name);
        const sha256 = hashes.get(name);
        const bytes = lstatSync(path).size;
        if (sha256 === undefined) return { name, bytes };
        return { name, bytes, sha256, ...(hashOf(path) === sha256 ? {} : { changed: true }) };
      });
  }

  #hashes(): Map<string, string> {
    const text = readTextIfPresent(join(this.#folder, HASHES)) ?? '';
    return new Map(
      text.split('\n').flatMap((line) => {
        const [hash, name] = line.split('  ');
        return hash === undefined || name === undefined ? [] : [[name, hash] as const];
      }),
    );
  }

  /** Throws `SCRIPT-NOT-FOUND`. */
  remove(name: string): void {
    if (!this.list().some((script) => script.name === name)) throw new Fault('SCRIPT-NOT-FOUND', { name });
    rmSync(join(this.#folder, name));
    const hashes = this.#hashes();
    hashes.delete(name);
    replaceFileSync(join(this.#folder, HASHES), linesOf(hashes));
  }
}

const OWN: readonly string[] = [BEING_COPIED, HASHES];

function linesOf(hashes: ReadonlyMap<string, string>): string {
  return [...hashes].map(([name, hash]) => `${hash}  ${name}\n`).join('');
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** `DATA/scripts/`: programs an administrator of this host registered (run by platform/node/registered-scripts.ts). */
import { chmodSync, copyFileSync, lstatSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import { fileFault, makePrivateDirectory, syncDirectory } from './durable-file.ts';

const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const BEING_COPIED = '.copying';

export interface RegisteredScript {
  readonly name: string;
  readonly bytes: number;
}

export class ScriptFolder {
  readonly #folder: string;

  constructor(dataDirectory: string) {
    this.#folder = join(dataDirectory, 'scripts');
  }

  /** Replaces one of the same name at once. Throws `FS-NOT-FOUND`, or `USAGE` for what cannot be registered. */
  register(file: string, as: string | undefined): RegisteredScript {
    const name = as ?? basename(file);
    if (!NAME.test(name) || name === BEING_COPIED) {
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
      renameSync(copy, join(this.#folder, name));
      syncDirectory(this.#folder);
    } catch (error) {
      throw fileFault(error, copy);
    }
    return { name, bytes: stat.size };
  }

  list(): RegisteredScript[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      // Nothing was ever registered.
      return [];
    }
    return names
      .filter((name) => NAME.test(name) && name !== BEING_COPIED)
      .sort()
      .map((name) => ({ name, bytes: lstatSync(join(this.#folder, name)).size }));
  }

  /** Throws `SCRIPT-NOT-FOUND`. */
  remove(name: string): void {
    if (!this.list().some((script) => script.name === name)) throw new Fault('SCRIPT-NOT-FOUND', { name });
    rmSync(join(this.#folder, name));
  }
}

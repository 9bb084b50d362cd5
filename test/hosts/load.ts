/** A seeded stream of changes of every kind below one root, colliding on purpose: the same names come again and again. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Contents } from '../bench/data-sets.ts';

const DIRECTORIES = 12;
const NAMES = 40;
const BATCH = 8;
const PAUSE_MS = 4;
/** Such a change is now impossible (name taken, gone, directory not empty); the next one is drawn. */
const EXPECTED_ERRORS = new Set(['ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EINVAL', 'ELOOP', 'EPERM']);

export class Load {
  changes = 0;
  private readonly root: string;
  private readonly contents: Contents;
  private readonly ending: Promise<void>;
  private stopping = false;

  constructor(root: string, seed: number) {
    this.root = root;
    this.contents = new Contents(seed);
    this.ending = this.run();
  }

  /** No change is made after it resolves. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.ending;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      for (let n = 0; n < BATCH; n += 1) this.step();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  private step(): void {
    try {
      this.change();
      this.changes += 1;
    } catch (error) {
      if (!EXPECTED_ERRORS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  private directory(): string {
    const n = this.contents.integer(DIRECTORIES);
    return join(this.root, ...(n % 3 === 0 ? [`d${n}`] : [`d${n % 3}`, `sub${n}`]));
  }

  private file(): string {
    return join(this.directory(), `f${this.contents.integer(NAMES)}`);
  }

  private write(): void {
    const directory = this.directory();
    mkdirSync(directory, { recursive: true });
    const sizeBytes = this.contents.integer(20) === 0 ? 400_000 : this.contents.integer(6_000);
    writeFileSync(join(directory, `f${this.contents.integer(NAMES)}`), this.contents.take(sizeBytes));
  }

  private change(): void {
    const kind = this.contents.integer(100);
    if (kind < 40) this.write();
    else if (kind < 55) appendFileSync(this.file(), this.contents.take(500));
    else if (kind < 68) renameSync(this.file(), this.file());
    else if (kind < 72) renameSync(this.directory(), this.directory());
    else if (kind < 86) rmSync(this.file());
    else if (kind < 88) rmSync(this.directory(), { recursive: true });
    else if (kind < 91) chmodSync(this.file(), 0o600 + this.contents.integer(0o100));
    else if (kind < 94)
      utimesSync(this.file(), this.contents.integer(2_000_000_000), this.contents.integer(2_000_000_000));
    else if (kind < 96) linkSync(this.file(), this.file());
    else if (kind < 98) symlinkSync(`target-${this.contents.integer(9)}`, this.file());
    else truncateSync(this.file(), this.contents.integer(3_000));
  }
}

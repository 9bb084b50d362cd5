/**
 * Small JSON documents (devices, scenarios, users): lowdb holds them in memory, our adapter replaces them durably
 * (lowdb's own renames without a flush, so a power cut could leave an empty file).
 */
import { readFile } from 'node:fs/promises';
import { type Adapter, Low } from 'lowdb';
import type { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { DocumentStore } from '../services.ts';
import { fileFault, replaceFile, setAside } from './durable-file.ts';

export interface DocumentOptions<T> {
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** Used when there is no file yet, and after a damaged one was set aside. */
  readonly initial: T;
  /** A damaged document is kept with the ending `.damaged` and told here (`STATE-DAMAGED`); it is never silently emptied. */
  readonly onDamaged: (fault: Fault) => void;
}

export async function openDocument<T>(options: DocumentOptions<T>): Promise<DocumentStore<T>> {
  const low = new Low<T>(new DurableJsonFile(options), structuredClone(options.initial));
  await low.read();
  return new LowDocument(low);
}

class DurableJsonFile<T> implements Adapter<T> {
  private readonly options: DocumentOptions<T>;

  constructor(options: DocumentOptions<T>) {
    this.options = options;
  }

  async read(): Promise<T | null> {
    const { path, schema, onDamaged } = this.options;
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw fileFault(error, path);
    }
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const reason = text.trim() === '' ? 'it is empty' : `${issue?.path.join('.') || 'document'}: ${issue?.message}`;
    setAside(path);
    onDamaged(new Fault('STATE-DAMAGED', { path, reason }));
    return null;
  }

  async write(data: T): Promise<void> {
    await replaceFile(this.options.path, `${JSON.stringify(data, undefined, 2)}\n`);
  }
}

class LowDocument<T> implements DocumentStore<T> {
  private readonly low: Low<T>;
  private durable: T;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(low: Low<T>) {
    this.low = low;
    this.durable = low.data;
  }

  get value(): T {
    return this.durable;
  }

  update(change: (value: T) => void): Promise<void> {
    const done = this.queue.then(() => this.apply(change));
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async apply(change: (value: T) => void): Promise<void> {
    const next = structuredClone(this.durable);
    change(next);
    this.low.data = next;
    try {
      await this.low.write();
    } catch (error) {
      this.low.data = this.durable;
      throw error;
    }
    this.durable = next;
  }
}

/** undefined for what is not JSON: the schema then refuses it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

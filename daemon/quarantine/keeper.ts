/**
 * Quarantines as folders `<scenario>/<id>/`: `head.json`, `items.jsonl` (an item a line) and `content/<number>`. Made under another
 * name, flushed, then renamed: there is a whole one or none, and what a crash left of one is removed before the next is made. What is in
 * the roots is only read.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import { isWithin } from '../../shared/path.ts';
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { TailEntry } from '../engine/master-tail.ts';
import type { RootTree } from '../ports.ts';
import type { ExtractTarget, NewQuarantineFile, QuarantineFiles } from './files.ts';
import { keepItem } from './keep-item.ts';
import type { NewQuarantine, QuarantinePiece, QuarantinePlace, QuarantineSearch, QuarantineStore } from './store.ts';

const ID = /^[0-9]{8}T[0-9]{6}Z-e[0-9]{1,10}$/;
const SCENARIO = /^[0-9a-f]{32}$/;
const HEAD = 'head.json';
const ITEMS = 'items.jsonl';
const CONTENT = 'content';
const UNFINISHED = '.unfinished';
const PAGE_ITEMS = 1_000;
/** Of a file that goes to the other host; a message holds 1 MiB. */
const PIECE_BYTES = 256 * 1024;

export interface QuarantineKeeperPorts {
  readonly files: QuarantineFiles;
  /** For reading; closed afterwards. */
  openTree(path: string): RootTree;
}

export class QuarantineKeeper implements QuarantineStore {
  readonly #files: QuarantineFiles;
  readonly #openTree: (path: string) => RootTree;
  #last: { readonly key: string; readonly item: QuarantineItem } | undefined;

  constructor({ files, openTree }: QuarantineKeeperPorts) {
    this.#files = files;
    this.#openTree = openTree;
  }

  async keep(
    scenarioId: string,
    head: NewQuarantine,
    pages: AsyncIterable<readonly TailEntry[]>,
    roots: readonly string[],
  ): Promise<QuarantineHead> {
    const scenario = scenarioFolder(scenarioId);
    await this.#sweep(scenario);
    const known = await this.list(scenarioId);
    const same = known.find((one) => isSame(one, head));
    if (same !== undefined) return same;
    const id = freeId(head, known);
    const making = `${scenario}/${id}${UNFINISHED}`;
    try {
      await this.#files.makeFolder(`${making}/${CONTENT}`);
      const whole = { id, ...head, ...(await this.#copy(making, pages, roots)) };
      const file = await this.#files.create(`${making}/${HEAD}`);
      await writeAll(file, Buffer.from(JSON.stringify(whole)));
      await this.#files.flushFolder(`${making}/${CONTENT}`);
      await this.#files.flushFolder(making);
      await this.#files.rename(making, `${scenario}/${id}`);
      await this.#files.flushFolder(scenario);
      return whole;
    } catch (error) {
      await this.#files.remove(making).catch(() => undefined);
      throw error;
    }
  }

  /** What a crash left of one that was being made or discarded. */
  async #sweep(scenario: string): Promise<void> {
    for (const name of await this.#files.list(scenario)) {
      if (name.endsWith(UNFINISHED)) await this.#files.remove(`${scenario}/${name}`);
    }
  }

  async #copy(making: string, pages: AsyncIterable<readonly TailEntry[]>, roots: readonly string[]) {
    const trees: RootTree[] = [];
    const manifest = await this.#files.create(`${making}/${ITEMS}`);
    try {
      for (const path of roots) trees.push(this.#openTree(path));
      const keeping = { files: this.#files, trees, folder: `${making}/${CONTENT}`, linked: new Map() };
      let position = 0;
      let items = 0;
      let bytes = 0;
      for await (const entries of pages) {
        const lines: string[] = [];
        for (const entry of entries) {
          const item = await keepItem(keeping, entry, items);
          lines.push(`${JSON.stringify(item)}\n`);
          items += 1;
          if (item.content !== undefined && item.sameAs === undefined) bytes += item.sizeBytes;
        }
        const text = Buffer.from(lines.join(''));
        await manifest.write(text, position);
        position += text.length;
      }
      await manifest.flush();
      return { items, bytes };
    } finally {
      await manifest.close();
      for (const tree of trees) tree.close();
    }
  }

  async list(scenarioId: string): Promise<readonly QuarantineHead[]> {
    const scenario = scenarioFolder(scenarioId);
    const names = (await this.#files.list(scenario)).filter((name) => ID.test(name)).sort();
    const heads: QuarantineHead[] = [];
    for (const id of names.reverse()) heads.push(await this.#head(scenario, id));
    return heads;
  }

  /** One that cannot be read is shown, with nothing in it: it must not hide the others. */
  async #head(scenario: string, id: string): Promise<QuarantineHead> {
    try {
      return JSON.parse(await textOf(this.#files.read(`${scenario}/${id}/${HEAD}`))) as QuarantineHead;
    } catch {
      const unknown = { scenario: '', host: '', at: 0, epoch: 0, generation: '', after: 0, through: 0 };
      return { id, ...unknown, items: 0, bytes: 0 };
    }
  }

  async scenarios(): Promise<readonly string[]> {
    return (await this.#files.list('')).filter((name) => SCENARIO.test(name)).sort();
  }

  async items(scenarioId: string, id: string, { from = 0, filter = '', limit }: QuarantineSearch = {}) {
    const wanted = filter.toLowerCase();
    const items: QuarantineItem[] = [];
    let number = 0;
    for await (const item of this.#manifest(scenarioId, id)) {
      if (number >= from && item.path.toLowerCase().includes(wanted)) {
        if (items.length === (limit ?? PAGE_ITEMS)) return { items, next: number };
        items.push(item);
      }
      number += 1;
    }
    return { items };
  }

  async look(scenarioId: string, id: string, place: QuarantinePlace, limitBytes: number) {
    const item = await this.#item(scenarioId, id, place);
    if (item.content === undefined || item.sizeBytes > limitBytes) return { item };
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#files.read(`${scenarioId}/${id}/${CONTENT}/${item.content}`)) chunks.push(chunk);
    return { item, content: Buffer.concat(chunks) };
  }

  async piece(scenarioId: string, id: string, place: QuarantinePlace, position: number): Promise<QuarantinePiece> {
    const item = await this.#item(scenarioId, id, place);
    const wanted = Math.max(0, Math.min(PIECE_BYTES, item.sizeBytes - position));
    const bytes = Buffer.alloc(item.content === undefined ? 0 : wanted);
    let filled = 0;
    if (bytes.length > 0) {
      for await (const chunk of this.#files.read(`${scenarioId}/${id}/${CONTENT}/${item.content}`, position)) {
        filled += Buffer.from(chunk).copy(bytes, filled);
        if (filled === bytes.length) break;
      }
    }
    if (filled < bytes.length) throw new Fault('QUARANTINE-DAMAGED', { id, path: place.path });
    const next = position + filled;
    return { item, bytes, ...(filled > 0 && next < item.sizeBytes ? { next } : {}) };
  }

  /** The one that was asked for last is remembered: a large file comes in many pieces, a manifest may be long. */
  async #item(scenarioId: string, id: string, { root, path }: QuarantinePlace): Promise<QuarantineItem> {
    const key = `${scenarioId}/${id}/${root}/${path}`;
    if (this.#last?.key === key && (await this.#existing(scenarioId, id)) !== '') return this.#last.item;
    for await (const item of this.#manifest(scenarioId, id)) {
      if (item.root !== root || item.path !== path) continue;
      this.#last = { key, item };
      return item;
    }
    throw new Fault('FS-NOT-FOUND', { path });
  }

  async *#manifest(scenarioId: string, id: string): AsyncGenerator<QuarantineItem, void> {
    const folder = await this.#existing(scenarioId, id);
    for await (const line of linesOf(this.#files.read(`${folder}/${ITEMS}`))) {
      try {
        yield JSON.parse(line) as QuarantineItem;
      } catch (error) {
        throw new Fault('QUARANTINE-DAMAGED', { id, path: ITEMS }, error);
      }
    }
  }

  async #existing(scenarioId: string, id: string): Promise<string> {
    const scenario = scenarioFolder(scenarioId);
    if (!ID.test(id) || !(await this.#files.list(scenario)).includes(id)) {
      throw new Fault('QUARANTINE-NOT-FOUND', { id });
    }
    return `${scenario}/${id}`;
  }

  async extract(scenarioId: string, id: string, to: string, path: string | undefined): Promise<number> {
    const folder = await this.#existing(scenarioId, id);
    const target = await this.#files.openTarget(to);
    try {
      const several = await this.#hasSeveralRoots(scenarioId, id);
      let files = 0;
      for await (const item of this.#manifest(scenarioId, id)) {
        if (item.type === 'gone' || (path !== undefined && !isWithin(item.path, path))) continue;
        if (await this.#place(target, item, { folder, id, below: several ? `root ${item.root + 1}` : '' })) files += 1;
      }
      await target.finish();
      return files;
    } catch (error) {
      await target.discard().catch(() => undefined);
      throw error;
    }
  }

  async #hasSeveralRoots(scenarioId: string, id: string): Promise<boolean> {
    const roots = new Set<number>();
    for await (const { root } of this.#manifest(scenarioId, id)) {
      roots.add(root);
      if (roots.size > 1) return true;
    }
    return false;
  }

  /** True: a file. Its content is what it was when it was kept, or `QUARANTINE-DAMAGED`. */
  async #place(
    target: ExtractTarget,
    item: QuarantineItem,
    { folder, id, below }: { readonly folder: string; readonly id: string; readonly below: string },
  ): Promise<boolean> {
    if (item.content === undefined) {
      await target.place(item, below, undefined);
      return false;
    }
    const hash = createHash('sha256');
    await target.place(item, below, hashing(this.#files.read(`${folder}/${CONTENT}/${item.content}`), hash));
    if (hash.digest('hex') !== item.sha256) throw new Fault('QUARANTINE-DAMAGED', { id, path: item.path });
    return true;
  }

  async discard(scenarioId: string, id: string): Promise<void> {
    const folder = await this.#existing(scenarioId, id);
    await this.#files.remove(`${folder}${UNFINISHED}`);
    // First its name: half of one must not look whole.
    await this.#files.rename(folder, `${folder}${UNFINISHED}`);
    await this.#files.flushFolder(scenarioFolder(scenarioId));
    await this.#files.remove(`${folder}${UNFINISHED}`);
  }
}

function scenarioFolder(id: string): string {
  if (!SCENARIO.test(id)) throw new Fault('PATH-ESCAPE', { path: id });
  return id;
}

/** The same end of the same history: a crash came after it was kept, before that was remembered. */
function isSame(known: QuarantineHead, { epoch, generation, after, through }: NewQuarantine): boolean {
  return known.epoch === epoch && known.generation === generation && known.after === after && known.through === through;
}

/** Nobody else has it: two in one second have different moments. */
function freeId({ at, epoch }: NewQuarantine, known: readonly QuarantineHead[]): string {
  for (let moment = at; ; moment += 1_000) {
    const text = new Date(moment).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
    const id = `${text}Z-e${epoch}`;
    if (!known.some((one) => one.id === id)) return id;
  }
}

async function writeAll(file: NewQuarantineFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.write(bytes, 0);
    await file.flush();
  } finally {
    await file.close();
  }
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString('utf8');
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

async function* hashing(
  chunks: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** What operators ask of the quarantines of this host. A deleted scenario does not take its own with it. */
import { isAbsolute } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import { parseRelativePath } from '../../shared/path.ts';
import type { PreviewSide } from '../../shared/preview.ts';
import type { KeptState, QuarantineHead, QuarantineItem, QuarantineNow } from '../../shared/quarantine.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { RootTree } from '../ports.ts';
import { sameName } from '../scenario/runner-set.ts';
import type { CommandHandlers } from '../services.ts';
import { BUDGET_BYTES, compareSides, keptSide, presentSide, TEXT_BYTES } from './compare.ts';
import { putBack } from './put-back.ts';
import type { QuarantinePiece, QuarantinePlace, QuarantineStore } from './store.ts';

/** One question of the other host, and its answer, are one message. */
const COMPARED_ITEMS = 200;

export interface QuarantineSurroundings {
  /** Scenarios of this host, with the paths of their roots here. */
  scenarios(): readonly { readonly document: ScenarioDocument; readonly roots: readonly string[] }[];
  /** For reading; closed afterwards. */
  openTree(path: string): RootTree;
  readonly self: string;
  /** Undefined: it has none. */
  otherHost(scenarioId: string): string | undefined;
  /** What the other host has under these names; throws when it does not answer. */
  askOther(
    scenarioId: string,
    places: readonly LookedAtPlace[],
    text: boolean,
  ): Promise<readonly (PreviewSide | undefined)[]>;
  /** Lets the other work of this thread go on. */
  rest(): Promise<void>;
  /** Users are on this host. */
  isActive(scenarioId: string): boolean;
  /** A piece of what the other host has in quarantine. */
  readOther(scenarioId: string, id: string, place: QuarantinePlace, position: number): Promise<QuarantinePiece>;
  /** Wall clock and epoch of now. */
  moment(scenarioId: string): { readonly at: number; readonly epoch: number };
  /** `kept`: where what was there is now; undefined: nothing was. */
  putBack(
    scenario: string,
    told: { readonly path: string; readonly id: string; readonly kept: string | undefined },
  ): void;
}

export interface LookedAtPlace extends QuarantinePlace {
  readonly sizeBytes?: number | undefined;
}

export class QuarantineDesk {
  readonly #store: QuarantineStore;
  readonly #around: QuarantineSurroundings;

  constructor(store: QuarantineStore, around: QuarantineSurroundings) {
    this.#store = store;
    this.#around = around;
  }

  handlers(): CommandHandlers {
    return {
      'scenario.quarantine': async ({ name, id, compare, ...page }) => {
        const quarantines = await this.#list(name);
        if (id === undefined) return { quarantines };
        const folder = await this.#folderOf(name, id);
        const limit = compare === true ? Math.min(page.limit ?? COMPARED_ITEMS, COMPARED_ITEMS) : page.limit;
        const found = await this.#store.items(folder, id, { ...page, limit });
        if (compare !== true) return { quarantines, ...found };
        return { quarantines, ...found, states: await this.#states(folder, found.items) };
      },
      'scenario.quarantineFile': async ({ name, id, root, path }) =>
        await this.#compare(await this.#folderOf(name, id), id, { root, path: parseRelativePath(path) }),
      'scenario.quarantineReturn': async ({ name, id, root, path }) =>
        await this.#putBack(name, id, { root, path: parseRelativePath(path) }),
      'scenario.quarantineExtract': async ({ name, id, to, path }) => {
        if (!isAbsolute(to)) throw new Fault('USAGE', { reason: `"${to}" is not an absolute path` });
        this.#refuseInRoot(to);
        return { files: await this.#store.extract(await this.#folderOf(name, id), id, to, path) };
      },
      'scenario.quarantineDiscard': async ({ name, id }) => {
        await this.#store.discard(await this.#folderOf(name, id), id);
        return {};
      },
    };
  }

  /** Of the scenario of that name, and of others that had it and are gone. Throws `SCENARIO-NOT-FOUND`. */
  async #list(name: string | undefined): Promise<readonly QuarantineHead[]> {
    const known = this.#around.scenarios();
    const own = known.find(({ document }) => name !== undefined && sameName(document.name, name));
    const found: QuarantineHead[] = [];
    for (const id of await this.#store.scenarios()) {
      const isDeleted = !known.some(({ document }) => document.id === id);
      if (name !== undefined && !isDeleted && id !== own?.document.id) continue;
      const heads = await this.#store.list(id);
      const wanted = isDeleted && name !== undefined ? heads.filter(({ scenario }) => sameName(scenario, name)) : heads;
      found.push(...wanted.map((head) => (isDeleted ? { ...head, deleted: true as const } : head)));
    }
    if (name !== undefined && own === undefined && found.length === 0) throw new Fault('SCENARIO-NOT-FOUND', { name });
    return found.sort((a, b) => b.at - a.at);
  }

  /** Whose folder holds it: of two with one id the one of the scenario that is there. */
  async #folderOf(name: string | undefined, id: string): Promise<string> {
    const known = this.#around.scenarios();
    const own = known.find(({ document }) => name !== undefined && sameName(document.name, name))?.document.id;
    const folders = await this.#store.scenarios();
    const order = own === undefined ? folders : [own, ...folders.filter((folder) => folder !== own)];
    for (const folder of order) {
      const head = (await this.#store.list(folder)).find((one) => one.id === id);
      if (head === undefined) continue;
      const isDeleted = !known.some(({ document }) => document.id === folder);
      if (folder === own || name === undefined || (isDeleted && sameName(head.scenario, name))) return folder;
    }
    throw new Fault('QUARANTINE-NOT-FOUND', { id });
  }

  /** Nothing is put among what is replicated. */
  #refuseInRoot(to: string): void {
    const root = this.#around
      .scenarios()
      .flatMap(({ document, roots }) => [
        ...roots,
        ...document.roots.flatMap(({ master, replica }) => [master, replica]),
      ])
      .find((path) => path !== undefined && (to === path || to.startsWith(`${path}/`)));
    if (root !== undefined) throw new Fault('USAGE', { reason: `"${to}" lies in a root of a scenario` });
  }

  // ---------------------------------------------------------------- one file

  /** On the active host: what the old one had of this file is what users have from now on. */
  async #putBack(name: string, id: string, place: QuarantinePlace) {
    const { scenarios, isActive, readOther, openTree, self, moment, putBack: told } = this.#around;
    const found = scenarios().find(({ document }) => sameName(document.name, name));
    if (found === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name });
    const { document, roots } = found;
    const top = roots[place.root];
    if (!isActive(document.id)) throw new Fault('USAGE', { reason: `${self} is not active: ask the host that is` });
    if (top === undefined) throw new Fault('PATH-ESCAPE', { path: place.path });
    const isHere = (await this.#store.list(document.id)).some((head) => head.id === id);
    const tree = openTree(top);
    try {
      const kept = await putBack({
        store: this.#store,
        scenarioId: document.id,
        roots,
        tree,
        head: { scenario: document.name, host: self, ...moment(document.id) },
        quarantineId: id,
        place,
        read: async (position) =>
          isHere
            ? await this.#store.piece(document.id, id, place, position)
            : await readOther(document.id, id, place, position),
      });
      told(document.name, { path: place.path, id, kept });
      return { host: self, ...(kept === undefined ? {} : { kept }) };
    } finally {
      tree.close();
    }
  }

  /** For the host that is active. */
  async pieceOf(scenarioId: string, id: string, { root, path }: QuarantinePlace, position: number) {
    const { bytes, ...piece } = await this.#store.piece(
      scenarioId,
      id,
      { root, path: parseRelativePath(path) },
      position,
    );
    return { ...piece, data: Buffer.from(bytes).toString('base64') };
  }

  /** Against the host that users are on. */
  async #states(folder: string, items: readonly QuarantineItem[]): Promise<readonly KeptState[]> {
    if (!this.#isKnown(folder)) return items.map(() => 'unknown' as const);
    try {
      const sides = this.#around.isActive(folder)
        ? await this.sidesOf(folder, items, false)
        : await this.#around.askOther(
            folder,
            items.map(({ root, path, sizeBytes }) => ({ root, path, sizeBytes })),
            false,
          );
      return items.map((item, index) => compareSides(keptSide(item, undefined), sides[index]));
    } catch {
      return items.map(() => 'unknown' as const);
    }
  }

  #isKnown(folder: string): boolean {
    return this.#around.scenarios().some(({ document }) => document.id === folder);
  }

  async #compare(folder: string, id: string, place: QuarantinePlace) {
    const { item, content } = await this.#store.look(folder, id, place, TEXT_BYTES);
    const kept = keptSide(item, content);
    const sides = this.#isKnown(folder)
      ? await Promise.all([this.#nowHere(folder, place, kept), this.#nowThere(folder, place, kept)])
      : [];
    const now = sides.filter((side) => side !== undefined);
    // What users have comes first.
    if (!this.#around.isActive(folder)) now.reverse();
    return { item, ...(kept === undefined ? {} : { kept }), now };
  }

  async #nowHere(folder: string, place: QuarantinePlace, kept: PreviewSide | undefined): Promise<QuarantineNow> {
    return await toldOf(this.#around.self, kept, async () => (await this.sidesOf(folder, [place], true))[0]);
  }

  async #nowThere(folder: string, place: QuarantinePlace, kept: PreviewSide | undefined) {
    const host = this.#around.otherHost(folder);
    if (host === undefined) return undefined;
    return await toldOf(host, kept, async () => (await this.#around.askOther(folder, [place], true))[0]);
  }

  /** What this host has in its roots; for the other host too. */
  async sidesOf(scenarioId: string, places: readonly LookedAtPlace[], text: boolean) {
    const roots = this.#around.scenarios().find(({ document }) => document.id === scenarioId)?.roots;
    const trees = new Map<number, RootTree>();
    const how = { text, budgetBytes: BUDGET_BYTES, rest: () => this.#around.rest() };
    const sides: (PreviewSide | undefined)[] = [];
    try {
      for (const { root, path, sizeBytes } of places) {
        const top = roots?.[root];
        if (top === undefined) throw new Fault('PATH-ESCAPE', { path });
        const tree = trees.get(root) ?? this.#around.openTree(top);
        trees.set(root, tree);
        sides.push(await presentSide(tree, { path: parseRelativePath(path), sizeBytes }, how));
      }
      return sides;
    } finally {
      for (const tree of trees.values()) tree.close();
    }
  }
}

const TOO_LARGE = 'of the same size, and too large to be read for this: extract it and compare it there';

async function toldOf(
  host: string,
  kept: PreviewSide | undefined,
  look: () => Promise<PreviewSide | undefined>,
): Promise<QuarantineNow> {
  try {
    const side = await look();
    const state = compareSides(kept, side);
    const unknown = state === 'unknown' ? { unknown: TOO_LARGE } : {};
    return { host, same: state === 'same', ...(side === undefined ? {} : { side }), ...unknown };
  } catch (error) {
    return { host, same: false, unknown: Fault.from(error).message };
  }
}

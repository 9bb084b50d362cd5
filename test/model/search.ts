/** Breadth-first search over everything that can happen in a world; each state is visited once. */
import { type Model, NAMES, type Next, type World } from './world.ts';

export interface Found {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  /** The whole space was visited. */
  readonly complete: boolean;
  readonly violation?: { readonly what: string; readonly path: readonly string[] };
}

/** Which states were seen: 64 bits of each. Two different states in one of 5 M with the same are as likely as 1 in 10^6. */
class Seen {
  private readonly low: Uint32Array;
  private readonly high: Uint32Array;
  private readonly mask: number;
  count = 0;

  constructor(bits: number) {
    this.low = new Uint32Array(2 ** bits);
    this.high = new Uint32Array(2 ** bits);
    this.mask = 2 ** bits - 1;
  }

  /** False when it was there. */
  add(text: string): boolean {
    let a = 0x811c9dc5;
    let b = 0x9747b28c;
    for (let n = 0; n < text.length; n += 1) {
      const code = text.charCodeAt(n);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul((b << 5) ^ (b >>> 27) ^ code, 0x5bd1e995);
    }
    a = Math.imul(a ^ (a >>> 15), 0x85ebca6b) >>> 0;
    b = (Math.imul(b ^ (b >>> 13), 0xc2b2ae35) | 1) >>> 0;
    let at = (a ^ (b >>> 7)) & this.mask;
    while (this.high[at] !== 0) {
      if (this.low[at] === a && this.high[at] === b) return false;
      at = (at + 1) & this.mask;
    }
    this.low[at] = a;
    this.high[at] = b;
    this.count += 1;
    return true;
  }
}

interface Trail {
  readonly what: string;
  readonly before: Trail | undefined;
}

interface Open {
  readonly world: World;
  readonly trail: Trail | undefined;
}

function pathOf(trail: Trail | undefined): string[] {
  const path: string[] = [];
  for (let one = trail; one !== undefined; one = one.before) path.push(one.what);
  return path.reverse();
}

/** What is broken in a state, or undefined. */
export function violated(model: Model, world: World): string | undefined {
  if (world.broken !== undefined) return world.broken;
  const { A, B } = world.hosts;
  if (NAMES.every((name) => model.isOpen(world, name))) return 'INV-1: both gates are open';
  const kept = A.tree + B.tree + A.quarantine + B.quarantine;
  for (const change of world.written) if (!kept.includes(change)) return `INV-2: "${change}" is nowhere`;
  return undefined;
}

class Search {
  readonly model: Model;
  readonly seen: Seen;
  transitions = 0;
  violation: Found['violation'];

  constructor(model: Model, tableBits: number) {
    this.model = model;
    this.seen = new Seen(tableBits);
  }

  /** What follows on one world and was not seen yet; ends early at a violation. */
  follow({ world, trail }: Open, following: Open[]): void {
    for (const next of this.model.next(world)) {
      this.transitions += 1;
      const what = violated(this.model, next.world);
      if (what !== undefined) {
        this.violation = { what, path: pathOf({ what: next.what, before: trail }) };
        return;
      }
      if (this.seen.add(this.model.key(next.world))) following.push(opened(next, trail));
    }
  }
}

/** At most about `most` states; `tableBits`: room for 2^tableBits of them. */
export function search(model: Model, most: number, tableBits = 24): Found {
  const run = new Search(model, tableBits);
  const first = model.first();
  run.seen.add(model.key(first));
  let layer: Open[] = [{ world: first, trail: undefined }];
  let depth = 0;
  const over = (): boolean => run.violation !== undefined || run.seen.count >= most;
  while (layer.length > 0 && !over()) {
    const following: Open[] = [];
    for (const open of layer) {
      run.follow(open, following);
      if (over()) break;
    }
    layer = following;
    depth += 1;
  }
  const found = { states: run.seen.count, transitions: run.transitions, depth };
  if (run.violation !== undefined) return { ...found, complete: false, violation: run.violation };
  return { ...found, complete: layer.length === 0 };
}

function opened({ what, world }: Next, before: Trail | undefined): Open {
  return { world, trail: { what, before } };
}

/** Somebody on a Replica puts a link where a directory was, and the directory back later. */
import type { SeededRandom } from '../memory/clock.ts';
import type { DirectoryNode, MemoryNode } from '../memory/volume.ts';
import type { SimulatedHost } from './hosts.ts';

interface Planted {
  readonly path: string;
  readonly link: MemoryNode;
  readonly aside: MemoryNode;
}

export class Tampering {
  private readonly host: SimulatedHost;
  private planted: Planted | undefined;

  constructor(host: SimulatedHost) {
    this.host = host;
  }

  /** Where; undefined: there is no directory, or one is planted already. */
  plant(random: SeededRandom): string | undefined {
    if (this.planted !== undefined || this.host.isUnmounted) return undefined;
    const { tree, volume } = this.host;
    const directories = tree.scan('').filter((entry) => entry.type === 'directory');
    if (directories.length === 0) return undefined;
    const path = random.pick(directories).name;
    const place = tree.place(path);
    const aside = volume.detach(place.parent, place.name);
    const link = volume.createSymlink('/outside');
    volume.attach(place.parent, place.name, link);
    this.planted = { path, link, aside };
    return path;
  }

  /** Where; undefined: the link does not lie there any more. */
  takeAway(): string | undefined {
    const { planted } = this;
    this.planted = undefined;
    if (planted === undefined) return undefined;
    const parent = this.holderOf(planted);
    if (parent === undefined) return undefined;
    const { volume } = this.host;
    const name = [...parent.entries].find(([, node]) => node === planted.link)![0];
    volume.detach(parent, name);
    volume.attach(parent, name, planted.aside);
    return planted.path;
  }

  /** The directory the planted link still lies in, if it does. */
  private holderOf({ link }: Planted): DirectoryNode | undefined {
    const pending: DirectoryNode[] = [this.host.tree.root];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const node of at.entries.values()) {
        if (node === link) return at;
        if (node.type === 'directory') pending.push(node);
      }
    }
    return undefined;
  }
}

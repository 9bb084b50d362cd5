/** Whether a Replica has what the Master has: an oracle that knows nothing of the engines. */
import type { RootTree } from '../../daemon/ports.ts';
import { isWithin, type RelativePath } from '../../shared/path.ts';
import type { MemoryTree } from '../memory/tree.ts';
import { describeTree } from '../memory/user.ts';
import type { WorldSettings } from './settings.ts';

/** A host's root: as it lies on the volume, and with what is kept aside of it. */
interface Judged {
  readonly tree: MemoryTree;
  readonly whole: RootTree;
}

export class Judge {
  private readonly settings: WorldSettings;

  constructor(settings: WorldSettings) {
    this.settings = settings;
  }

  /**
   * By path, what differs. `all`: also of what has a name that a Replica refuses.
   */
  differences(master: Judged, replica: Judged, all: boolean): Map<string, string> {
    const wanted = this.view(master, all);
    const found = this.view(replica, all);
    // Under the name of a pipe a Replica may keep what it has.
    const special = [...wanted].filter(([, text]) => text.startsWith('other ')).map(([path]) => path);
    const differing = new Map<string, string>();
    for (const path of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(path) === found.get(path) || special.some((one) => isWithin(path, one))) continue;
      const text = `${shorten(found.get(path))} instead of ${shorten(wanted.get(path))}`;
      differing.set(path, `${path || '(root)'}: ${text}`);
    }
    return differing;
  }

  private isRefused(path: RelativePath): boolean {
    return this.settings.refusedName !== undefined && path.split('/').includes(this.settings.refusedName);
  }

  private view({ tree, whole }: Judged, all: boolean): Map<string, string> {
    return describeTree(tree, (path) => !all && this.isRefused(path), whole);
  }
}

function shorten(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  const printable = text.replace(/[^ -~]/g, '.');
  return printable.length > 80 ? `${printable.slice(0, 80)}…` : printable;
}

/** What a comparison says beside differences. */
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { Remark } from '../../shared/remarks.ts';
import type { ReplicaStatus } from '../../shared/status.ts';
import type { WalkedDirectory } from './master-walk.ts';

const EXAMPLES = 5;

export class ComparisonRemarks {
  /** Sockets, pipes and devices by root. */
  private readonly special = new Map<number, { count: number; readonly paths: RelativePath[] }>();

  note({ root, path, entries }: Pick<WalkedDirectory, 'root' | 'path' | 'entries'>): void {
    for (const { name, type } of entries) {
      if (type !== 'other') continue;
      const found = this.special.get(root) ?? { count: 0, paths: [] };
      this.special.set(root, found);
      found.count += 1;
      if (found.paths.length < EXAMPLES) found.paths.push(joinPath(path, name));
    }
  }

  /** `keptAside`: as the Replica says. */
  result(keptAside: ReplicaStatus['keptAside'] = []): { readonly remarks?: readonly Remark[] } {
    const special = [...this.special].map(([root, found]): Remark => ({ kind: 'special-files', root, ...found }));
    const aside = keptAside.map((one): Remark => ({ kind: 'kept-aside', ...one, paths: [] }));
    const remarks = [...special, ...aside];
    return remarks.length === 0 ? {} : { remarks };
  }
}

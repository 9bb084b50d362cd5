/**
 * A root on a volume like FAT: names are the same in any case, some characters are not allowed in them, times have two seconds,
 * and there are no links, modes, owners or attributes. What it refuses it refuses with the faults of the real one (vfat of Linux).
 */
import type { Metadata, StagedFile } from '../../daemon/ports.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, joinPath, type RelativePath } from '../../shared/path.ts';
import type { SimulatedClock } from './clock.ts';
import { MemoryTree, type Place } from './tree.ts';
import { MemoryVolume } from './volume.ts';

const RESERVED = /[\u0000-\u001f"*:<>?\\|]/;
const TWO_SECONDS_NS = 2_000_000_000n;

class FatVolume extends MemoryVolume {
  override setMetadata(...[node, metadata]: Parameters<MemoryVolume['setMetadata']>): void {
    const { mtimeNs } = metadata;
    const held = mtimeNs === undefined ? {} : { mtimeNs: mtimeNs - (mtimeNs % TWO_SECONDS_NS) };
    super.setMetadata(node, { ...metadata, ...held });
  }
}

export class FatTree extends MemoryTree {
  constructor(clock: SimulatedClock, path = '/replica') {
    super({
      volume: new FatVolume(clock),
      path,
      capabilities: {
        posixModes: false,
        owners: false,
        attributeKinds: 0,
        caseSensitive: false,
        symlinks: false,
        hardLinks: false,
        timeGranularityNs: Number(TWO_SECONDS_NS),
      },
    });
  }

  /** The kernel finds no such name (ENOENT) and makes none (EINVAL). */
  private refuseReserved(path: RelativePath): void {
    if (RESERVED.test(baseName(path))) throw new Fault('FS-UNSUPPORTED', { what: 'EINVAL', path });
  }

  override makeDirectory(path: RelativePath, metadata: Metadata): void {
    this.refuseReserved(path);
    super.makeDirectory(path, metadata);
  }

  override rename(from: RelativePath, to: RelativePath): void {
    this.refuseReserved(to);
    super.rename(from, to);
  }

  override stage(keepName?: string): StagedFile {
    const staged = super.stage(keepName);
    const commit = (path: RelativePath) => {
      this.refuseReserved(path);
      staged.commit(path);
    };
    return { ...staged, commit };
  }

  override makeSymlink(path: RelativePath, _target: string, _metadata: Metadata): void {
    this.beforeOperation('make', path);
    throw new Fault('FS-DENIED', { path });
  }

  override makeLink(_existing: RelativePath, path: RelativePath): void {
    this.beforeOperation('make', path);
    throw new Fault('FS-DENIED', { path });
  }

  /** Whatever case it is asked in. */
  override place(path: RelativePath): Place {
    let at = '' as RelativePath;
    for (const name of path === '' ? [] : path.split('/')) {
      const { node } = super.place(at);
      const names = node?.type === 'directory' ? [...node.entries.keys()] : [];
      const there = names.find((one) => one.toLowerCase() === name.toLowerCase());
      at = joinPath(at, there ?? name);
    }
    return super.place(at);
  }
}

/** The disk of a quarantine in memory: what was not flushed may be gone after a power cut. */
import type { NewQuarantineFile, QuarantineFiles } from '../../daemon/quarantine/files.ts';
import { Fault } from '../../shared/faults.ts';
import type { DirectoryNode, FileNode, MemoryNode, MemoryVolume } from './volume.ts';

export class MemoryQuarantineFiles implements QuarantineFiles {
  readonly volume: MemoryVolume;
  readonly #top: DirectoryNode;
  /** What it throws is what the caller gets; nothing was done then. */
  beforeOperation: (operation: string, path: string) => void = () => {};

  constructor(volume: MemoryVolume) {
    this.volume = volume;
    this.#top = volume.createTop();
  }

  freeBytes = () => this.volume.totalBytes - this.volume.usedBytes;

  list(folder: string): Promise<readonly string[]> {
    const node = this.#find(folder);
    return Promise.resolve(node?.type === 'directory' ? [...node.entries.keys()] : []);
  }

  async makeFolder(folder: string): Promise<void> {
    this.beforeOperation('make', folder);
    let at = this.#top;
    for (const name of folder.split('/')) {
      const node = at.entries.get(name) ?? this.volume.createDirectory();
      if (!at.entries.has(name)) this.volume.attach(at, name, node);
      if (node.type !== 'directory') throw new Fault('FS-EXISTS', { path: folder });
      at = node;
    }
  }

  async create(path: string): Promise<NewQuarantineFile> {
    this.beforeOperation('create', path);
    const { parent, name } = this.#place(path);
    if (parent.entries.has(name)) throw new Fault('FS-EXISTS', { path });
    const node: FileNode = this.volume.createFile();
    this.volume.attach(parent, name, node);
    return {
      write: async (bytes, position) => {
        this.beforeOperation('write', path);
        this.volume.writeAt(node, Uint8Array.from(bytes), position);
      },
      truncate: async (sizeBytes) => {
        this.beforeOperation('truncate', path);
        const content = new Uint8Array(sizeBytes);
        content.set(node.content.subarray(0, sizeBytes));
        this.volume.setContent(node, content);
      },
      flush: async () => {
        this.beforeOperation('flush', path);
        this.volume.flushContent(node);
      },
      close: async () => {},
    };
  }

  async *read(path: string, position = 0): AsyncGenerator<Uint8Array, void> {
    const node = this.#find(path);
    if (node?.type !== 'file') throw new Fault('FS-NOT-FOUND', { path });
    for (let at = position; at < node.content.length; at += 1_000) yield node.content.slice(at, at + 1_000);
  }

  async rename(from: string, to: string): Promise<void> {
    this.beforeOperation('rename', from);
    const source = this.#place(from);
    const target = this.#place(to);
    this.volume.atomically(() => {
      const node = this.volume.detach(source.parent, source.name);
      this.volume.attach(target.parent, target.name, node);
    });
  }

  async remove(path: string): Promise<void> {
    this.beforeOperation('remove', path);
    if (this.#find(path) === undefined) return;
    const { parent, name } = this.#place(path);
    this.volume.release(this.volume.detach(parent, name));
  }

  async flushFolder(folder: string): Promise<void> {
    this.beforeOperation('flush-folder', folder);
    this.volume.flushNames();
  }

  openTarget(): Promise<never> {
    return Promise.reject(new Fault('INTERNAL', { reason: 'nothing is extracted in memory' }));
  }

  #find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#top;
    if (path === '') return node;
    for (const name of path.split('/')) node = node?.type === 'directory' ? node.entries.get(name) : undefined;
    return node;
  }

  #place(path: string): { readonly parent: DirectoryNode; readonly name: string } {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? this.#top : this.#find(path.slice(0, slash));
    if (parent?.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path });
    return { parent, name: path.slice(slash + 1) };
  }
}

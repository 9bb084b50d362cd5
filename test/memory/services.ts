/** Services that are only remembered. */
import type { SystemServices } from '../../daemon/switchover/managed-services.ts';
import { Fault } from '../../shared/faults.ts';

export class MemoryServices implements SystemServices {
  readonly running = new Set<string>();
  /** What was done, in its order. */
  readonly done: string[] = [];
  /** Services that neither start nor stop. */
  readonly stuck = new Set<string>();

  /** Services this host has nothing of. */
  readonly unknown = new Set(['smbd', 'smb', 'ksmbd', 'nfs-server']);

  state(name: string): Promise<'running' | 'stopped' | 'unknown'> {
    if (this.unknown.has(name)) return Promise.resolve('unknown');
    return Promise.resolve(this.running.has(name) ? 'running' : 'stopped');
  }

  start(name: string): Promise<void> {
    return this.#change(name, 'start', () => this.running.add(name));
  }

  stop(name: string): Promise<void> {
    return this.#change(name, 'stop', () => this.running.delete(name));
  }

  #change(name: string, what: string, change: () => unknown): Promise<void> {
    if (this.stuck.has(name)) return Promise.reject(new Fault('SERVICE-FAILED', { name, reason: 'it is stuck' }));
    this.done.push(`${what} ${name}`);
    change();
    return Promise.resolve();
  }
}

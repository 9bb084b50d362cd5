/** Quarantines that are only remembered. */
import type { TailEntry } from '../../daemon/engine/master-tail.ts';
import type { NewQuarantine, QuarantineStore } from '../../daemon/quarantine/store.ts';
import { Fault } from '../../shared/faults.ts';
import type { QuarantineHead } from '../../shared/quarantine.ts';

export class MemoryQuarantine implements QuarantineStore {
  readonly kept: { readonly head: QuarantineHead; readonly entries: readonly TailEntry[] }[] = [];

  /** What keeps it from keeping anything. */
  fault: Fault | undefined;

  async keep(_scenarioId: string, head: NewQuarantine, pages: AsyncIterable<readonly TailEntry[]>) {
    if (this.fault !== undefined) throw this.fault;
    const same = this.kept.find((one) => one.head.epoch === head.epoch && one.head.through === head.through);
    if (same !== undefined) return same.head;
    const entries: TailEntry[] = [];
    for await (const page of pages) entries.push(...page);
    const whole = { id: `quarantine ${this.kept.length + 1}`, ...head, items: entries.length, bytes: 0 };
    this.kept.push({ head: whole, entries });
    return whole;
  }

  scenarios() {
    return Promise.resolve([]);
  }

  piece(): Promise<never> {
    return this.look();
  }

  look(): Promise<never> {
    return Promise.reject(new Fault('INTERNAL', { reason: 'nothing is looked at in memory' }));
  }

  list() {
    return Promise.resolve(this.kept.map(({ head }) => head));
  }

  items() {
    return Promise.resolve({ items: [] });
  }

  extract() {
    return Promise.resolve(0);
  }

  discard() {
    return Promise.resolve();
  }
}

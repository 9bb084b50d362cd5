/** Quarantines that are only remembered. */
import type { TailEntry } from '../../daemon/engine/master-tail.ts';
import type { QuarantineStore } from '../../daemon/quarantine/store.ts';
import type { QuarantineHead } from '../../shared/quarantine.ts';

export class MemoryQuarantine implements QuarantineStore {
  readonly kept: { readonly head: QuarantineHead; readonly entries: readonly TailEntry[] }[] = [];

  keep(_scenarioId: string, head: Omit<QuarantineHead, 'items' | 'bytes'>, entries: readonly TailEntry[]) {
    const whole = { ...head, items: entries.length, bytes: 0 };
    this.kept.push({ head: whole, entries });
    return Promise.resolve(whole);
  }

  list() {
    return Promise.resolve(this.kept.map(({ head }) => head));
  }

  items() {
    return Promise.resolve([]);
  }

  extract() {
    return Promise.resolve(0);
  }

  discard() {
    return Promise.resolve();
  }
}

/** What discovery noticed besides sites: collected while reading, each kind at a place only once. */
import type { Discovery } from '../../shared/results.ts';

export type DiscoveryFinding = Discovery['findings'][number];

/** A file with thousands of faults says the same thousands of times. */
const MAX_FINDINGS = 1_000;

export class Findings {
  readonly list: DiscoveryFinding[] = [];
  readonly #seen = new Set<string>();

  add(severity: DiscoveryFinding['severity'], code: string, where: string, text: string, fix: string): void {
    const key = `${code}\n${where}`;
    if (this.#seen.has(key) || this.list.length >= MAX_FINDINGS) return;
    this.#seen.add(key);
    this.list.push({ severity, code, where, text, fix });
  }
}

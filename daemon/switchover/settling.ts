/**
 * Recover Active Server while both hosts answer and neither is active. Nobody states that the other one is off, so the other one has to
 * agree: it yields for a while, in which it makes itself active by nobody's word. Two operators who want it on both hosts at once are
 * both refused.
 */
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { type Part, type RoleParts, refused } from './role-parts.ts';

const PEER_MS = 5_000;
/** Longer than the answer may take: by then the new epoch is heard, or nothing became of it. */
const YIELD_MS = 30_000;

export class Settling {
  readonly #parts: RoleParts;
  /** Scenarios that this host is about to be made active in. */
  readonly #wanted = new Set<string>();
  /** Boot clock until when it leaves one to the other host. */
  readonly #yielded = new Map<string, number>();

  constructor(parts: RoleParts) {
    this.#parts = parts;
  }

  /** `force` is told whether the other host agreed; it decides at once, while that holds. */
  async settle<Result>(part: Part, document: ScenarioDocument, force: (agreed: boolean) => Result): Promise<Result> {
    const { id } = document;
    const other = this.#parts.nameOf(document, part.other);
    if (this.#now() < (this.#yielded.get(id) ?? 0))
      throw refused(document, `${other} is being made active right now; look at it first`);
    if (this.#wanted.has(id)) throw refused(document, 'it is being made active already');
    this.#wanted.add(id);
    try {
      return force(await this.#agrees(document));
    } finally {
      this.#wanted.delete(id);
    }
  }

  async #agrees(document: ScenarioDocument): Promise<boolean> {
    const other = this.#parts.otherOf(document);
    if (other === undefined) return false;
    try {
      const answer = await this.#parts.environment.peers.request(
        other,
        'peer.yield',
        { scenarioId: document.id },
        PEER_MS,
      );
      return (answer as { yields?: unknown }).yields === true;
    } catch {
      // It does not answer: then it takes the statement that it is off, as ever.
      return false;
    }
  }

  yieldTo({ host }: Part, scenarioId: string): { readonly yields: boolean } {
    if (host.record.role === 'active' || this.#wanted.has(scenarioId)) return { yields: false };
    this.#yielded.set(scenarioId, this.#now() + YIELD_MS);
    return { yields: true };
  }

  #now(): number {
    return this.#parts.environment.clock.bootMs();
  }
}

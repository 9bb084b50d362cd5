/**
 * What was applied, by kind, since this Replica has state of the scenario. The tally is saved with the checkpoint it belongs
 * to and goes back with it after a crash, so a change that is applied again is counted once.
 */
import type { AppliedTally } from '../../shared/status.ts';

export class ApplyTally {
  private readonly since: number;
  private readonly kinds: Record<string, number>;
  private bytes: number;

  constructor(saved: AppliedTally | undefined, nowWallMs: number) {
    this.since = saved?.since ?? nowWallMs;
    this.kinds = { ...saved?.kinds };
    this.bytes = saved?.bytes ?? 0;
  }

  /** `bytes`: content that came with it. */
  add(kind: string, bytes: number): void {
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
    this.bytes += bytes;
  }

  get now(): AppliedTally {
    return { since: this.since, kinds: { ...this.kinds }, bytes: this.bytes };
  }
}

/**
 * A Replica that is about to take over: everything that was received is applied, whatever else would hold it back, flushed, and
 * recorded, so that what is answered is what the roots hold. No link is taken from then on.
 */
import type { Standby } from '../apply/standby.ts';
import type { Clock } from '../ports.ts';
import type { FinishAnswer } from './engine-protocol.ts';

/** What keeps apply from going on may pass by itself; whoever waits for longer wants to know what it is. */
const HELD_MS = 20_000;

export class Finishing {
  private readonly clock: Clock;
  private readonly answer: (id: number, answer: FinishAnswer) => void;
  private waiting: number[] = [];
  private on = false;
  private heldSinceMs: number | undefined;

  constructor(clock: Clock, answer: (id: number, answer: FinishAnswer) => void) {
    this.clock = clock;
    this.answer = answer;
  }

  /** It was asked for once: this host receives nothing more. */
  get isOn(): boolean {
    return this.on;
  }

  begin(id: number, standby: Standby): void {
    this.on = true;
    standby.gate.finishing = true;
    this.heldSinceMs = undefined;
    this.waiting.push(id);
  }

  /** Between two slices of work. `held`: why apply or a checkpoint waits. Throws what a checkpoint throws. */
  step(standby: Standby, held: string | undefined): void {
    if (this.waiting.length === 0) return;
    const unfit = whyUnfit(standby) ?? this.heldFor(held);
    if (unfit !== undefined) this.tell(standby, unfit);
    else if (held === undefined && !standby.backlog && standby.checkpoint()) this.tell(standby, undefined);
  }

  /** When it has to be asked again although nothing happens (`Clock.bootMs`). */
  get dueMs(): number | undefined {
    return this.waiting.length > 0 && this.heldSinceMs !== undefined ? this.heldSinceMs + HELD_MS : undefined;
  }

  private heldFor(held: string | undefined): string | undefined {
    const nowMs = this.clock.bootMs();
    this.heldSinceMs = held === undefined ? undefined : (this.heldSinceMs ?? nowMs);
    return this.heldSinceMs !== undefined && nowMs - this.heldSinceMs >= HELD_MS ? held : undefined;
  }

  private tell(standby: Standby, reason: string | undefined): void {
    const { received, applied, parked, suspect } = standby;
    const left = parked.list().length;
    const answer: FinishAnswer = {
      fit: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      ...(applied === undefined ? {} : { position: applied }),
      received: received?.seq ?? 0,
      applied: applied?.seq ?? 0,
      parked: left,
      dropped: parked.dropped,
      clean: reason === undefined && left === 0 && parked.dropped === 0 && !suspect,
    };
    for (const id of this.waiting.splice(0)) this.answer(id, answer);
  }
}

/** Roots that are no state of any history must not be given to users; undefined: they are one. */
function whyUnfit({ applied, mending, gate }: Standby): string | undefined {
  if (gate.rehearsing) return 'its copy is being tested (Assured Recovery)';
  if (applied !== undefined) return undefined;
  return mending === undefined
    ? 'its copy is not whole: a synchronization was not finished, or none was begun'
    : 'its copy is not whole: comparing what its Master could not keep for it was not finished';
}

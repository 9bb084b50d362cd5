/** Whether the arbiter of a scenario answers this host: by what is asked of it anyway, else by a look now and then. */
import { Fault } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { Arbiter, ArbiterAnswer } from './ports.ts';

/** A question that is lost is no news; silence this long is. */
const SILENT_MS = 5_000;
const LEAST_LOOK_MS = 500;
const MOST_LOOK_MS = 5_000;

export interface ArbiterHeard {
  readonly reachable: boolean;
  /** Since the last answer, ms; absent: there was none since this host started. */
  readonly ageMs?: number;
  readonly reason?: string;
}

export class ArbiterWatch {
  readonly #clock: Clock;
  readonly #find: () => Arbiter | undefined;
  readonly #told: (reason: string | undefined) => void;
  #heardAt: number | undefined;
  #silentSince: number | undefined;
  #reason: string | undefined;
  #isTold = false;
  #looking = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** `told`: it did not answer for 5 s, with the reason; or it answers again. */
  constructor(clock: Clock, find: () => Arbiter | undefined, told: (reason: string | undefined) => void) {
    this.#clock = clock;
    this.#find = find;
    this.#told = told;
  }

  /** The arbiter, listened to. */
  ofHost(): Arbiter | undefined {
    const arbiter = this.#find();
    if (arbiter === undefined) return undefined;
    return {
      renew: (epoch, held) => this.#heard(arbiter.renew(epoch, held)),
      request: (above) => this.#heard(arbiter.request(above)),
      transfer: (to) => this.#heard(arbiter.transfer(to)),
      enforce: (epoch) => this.#heard(arbiter.enforce(epoch)),
      look: () => arbiter.look(),
    };
  }

  /** At every tick of the role. */
  look(leaseMs: number): void {
    const everyMs = Math.min(MOST_LOOK_MS, Math.max(LEAST_LOOK_MS, leaseMs / 4));
    if (this.#looking || this.#clock.bootMs() < this.#askedAt + everyMs) return;
    const arbiter = this.#find();
    if (arbiter === undefined) return;
    this.#looking = true;
    this.#askedAt = this.#clock.bootMs();
    arbiter
      .look()
      .then(
        () => this.#note(undefined),
        (error: unknown) => this.#note(Fault.from(error).message),
      )
      .finally(() => {
        this.#looking = false;
      });
  }

  /** Undefined: it was not asked yet. */
  status(): ArbiterHeard | undefined {
    const reason = this.#reason;
    const age = this.#heardAt === undefined ? {} : { ageMs: this.#clock.bootMs() - this.#heardAt };
    if (reason !== undefined) return { reachable: false, ...age, reason };
    return this.#heardAt === undefined ? undefined : { reachable: true, ...age };
  }

  async #heard(question: Promise<ArbiterAnswer>): Promise<ArbiterAnswer> {
    this.#askedAt = this.#clock.bootMs();
    const answer = await question;
    this.#note(answer.type === 'silent' ? answer.reason : undefined);
    return answer;
  }

  #note(reason: string | undefined): void {
    const now = this.#clock.bootMs();
    this.#reason = reason;
    if (reason === undefined) {
      this.#heardAt = now;
      this.#silentSince = undefined;
    } else {
      this.#silentSince ??= now;
    }
    const isSilent = this.#silentSince !== undefined && now - this.#silentSince >= SILENT_MS;
    if (isSilent === this.#isTold || (reason !== undefined && !isSilent)) return;
    this.#isTold = isSilent;
    this.#told(reason);
  }
}

/**
 * Open invitations, in memory only: the end of the daemon ends them, so a restart can never give more tries.
 * The secret is on no disk.
 */
import type { SessionRole } from '../../shared/commands.ts';
import { INVITE_LIFETIME_MS, INVITE_TRIES, SECRET_BYTES } from '../../shared/protocol/pairing.ts';
import type { Clock, Random } from '../ports.ts';

interface Invitation {
  readonly secret: Uint8Array;
  readonly role: SessionRole | undefined;
  readonly invitedBy: string;
  readonly endsAtBootMs: number;
  triesLeft: number;
}

export interface Redeemed {
  readonly secret: Uint8Array;
  readonly role: SessionRole | undefined;
  readonly invitedBy: string;
}

/** Most invitations open at once; the oldest ends when one more is made. */
const INVITATION_LIMIT = 20;

export class Invitations {
  private readonly clock: Clock;
  private readonly random: Random;
  private open: Invitation[] = [];

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** `expiresAt` is wall clock, for display; the decision uses the clock since boot. */
  invite(
    role: SessionRole | undefined,
    invitedBy: string,
  ): { readonly secret: Uint8Array; readonly expiresAt: number } {
    this.expire();
    const secret = this.random.bytes(SECRET_BYTES);
    const endsAtBootMs = this.clock.bootMs() + INVITE_LIFETIME_MS;
    this.open = [...this.open, { secret, role, invitedBy, endsAtBootMs, triesLeft: INVITE_TRIES }];
    this.open = this.open.slice(-INVITATION_LIMIT);
    return { secret, expiresAt: this.clock.wallMs() + INVITE_LIFETIME_MS };
  }

  get anyOpen(): boolean {
    this.expire();
    return this.open.length > 0;
  }

  /**
   * The invitation whose secret `matches`; it is used up by that. A try that matches none costs every open invitation one:
   * the joiner does not say which it means, so that nothing about a secret is ever sent.
   */
  redeem(matches: (secret: Uint8Array) => boolean): Redeemed | undefined {
    this.expire();
    const found = this.open.filter((one) => matches(one.secret))[0];
    if (found === undefined) {
      for (const one of this.open) one.triesLeft -= 1;
      this.open = this.open.filter((one) => one.triesLeft > 0);
      return undefined;
    }
    this.open = this.open.filter((one) => one !== found);
    return found;
  }

  private expire(): void {
    const now = this.clock.bootMs();
    this.open = this.open.filter((one) => one.endsAtBootMs > now);
  }
}

/**
 * How clients are led to the active host. Every method is an adapter of `Redirection`, made for one host of one scenario; what it
 * touches comes in as ports. Which methods, and in which order: plan.ts.
 */
import type { Finding } from '../../shared/results.ts';

export type RedirectionKind = 'dns' | 'move-ip' | 'computer-name' | 'script';

/** `acquire`: clients are to come to this host; `release`: they shall leave it. */
export type RedirectDirection = 'acquire' | 'release';

/** Where clients are led now, as read back from the system that leads them, never as concluded from an exit code. */
export interface RedirectState {
  /** `mixed`: different answers in different places; `unknown`: nobody answered. */
  readonly clients: 'here' | 'elsewhere' | 'mixed' | 'unknown';
  /** One line for each place that was asked. */
  readonly detail: readonly string[];
}

/** What `apply` and `revert` did. A failure is a fault and has been taken back as far as it could be (told in its reason). */
export interface Applied {
  /** False: everything was as it should be before. */
  readonly changed: boolean;
  readonly state: RedirectState;
  /** What an operator should know although it worked: a server that could not be reached, an answer that was not true. */
  readonly remarks: readonly string[];
}

export interface Redirection {
  readonly kind: RedirectionKind;
  /** What stands in the way of a switchover by this method; changes nothing. */
  check(): Promise<Finding[]>;
  /** Idempotent. Throws `REDIRECT-FAILED` or `REDIRECT-IN-USE`. */
  apply(direction: RedirectDirection): Promise<Applied>;
  readBack(): Promise<RedirectState>;
  /** Takes back what the last `apply` of this object changed; nothing when it changed nothing. */
  revert(): Promise<Applied>;
  /** Dry run: every command and record, one a line, of `direction`. */
  describe(direction: RedirectDirection): string[];
}

/** A finding of this host about redirection. */
export function redirectFinding(
  host: string,
  severity: Finding['severity'],
  code: string,
  text: string,
  fix: string,
): Finding {
  return { severity, code, host, text, fix };
}

/** Is Alive: what the standby host knows of the active one (FEATURES.md F1). */

/**
 * `peer`: the host is down. `application`: its engine answers and the application does not. `link`: this host is cut off, so
 * nothing is known. `inconclusive`: the checks contradict each other; an engine that is silent while the sites answer is not a Master
 * that is down.
 */
export type HealthCause = 'peer' | 'link' | 'application' | 'inconclusive';

export type HealthCheckKind = 'engine' | 'ping' | 'service' | 'site' | 'script' | 'disk' | 'reference';

export interface HealthCheck {
  readonly name: string;
  readonly kind: HealthCheckKind;
  /** `skipped`: it cannot be made, so it says nothing. `waiting`: it was not answered yet. */
  readonly state: 'passed' | 'failed' | 'skipped' | 'waiting';
  /** Of the answer, ms; absent: there is none. */
  readonly ageMs?: number;
  readonly detail: string;
  /** A round fails when it fails. */
  readonly counts: boolean;
}

export interface HealthVerdict {
  /**
   * `down`: every round in the timeout failed, by cause `peer` or `application`. `suspect`: rounds fail, and it is not sure (yet); with
   * cause `inconclusive` it was not sure when the timeout was over. `unknown`: nothing was checked, or (cause `link`) this host is cut off.
   */
  readonly state: 'alive' | 'suspect' | 'down' | 'unknown';
  readonly cause?: HealthCause;
  /** In words: what failed and for how long. */
  readonly reason: string;
  /** Since when it is so: wall clock of the host that watches. */
  readonly since: number;
  /** Rounds that failed one after the other, without any that passed. */
  readonly failedRounds: number;
  readonly checks: readonly HealthCheck[];
  /** Host that watches. */
  readonly watchedBy: string;
  /** How often it is asked, and for how long every round has to fail, ms. */
  readonly rule?: { readonly heartbeatMs: number; readonly timeoutMs: number };
  /** Shadow mode: what would have happened. */
  readonly wouldSwitch?: { readonly reason: string; readonly at: number };
  readonly shadow?: true;
}

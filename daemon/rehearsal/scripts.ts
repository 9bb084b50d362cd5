/** Programs an administrator of this host registered (platform/node/registered-scripts.ts): a console names them, it cannot bring one. */
export interface ScriptRunner {
  /**
   * Runs it and waits for its end; throws `SCRIPT-NOT-FOUND` or `SCRIPT-UNSAFE`. `variables` are added to a
   * small environment. After `timeoutMs` it is ended with everything it started.
   */
  run(
    name: string,
    variables: Readonly<Record<string, string>>,
    timeoutMs: number,
    args?: readonly string[],
  ): Promise<ScriptOutcome>;
  /** Why it would not be run: `SCRIPT-NOT-FOUND` or `SCRIPT-UNSAFE` is thrown. */
  confirm(name: string): void;
}

export interface ScriptOutcome {
  /** Undefined: it was ended, by a signal or by its time limit. */
  readonly exitCode: number | undefined;
  readonly timedOut: boolean;
  /** Both streams as they came, at most 64 KiB: the end is kept. */
  readonly output: string;
}

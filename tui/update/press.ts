/** A key as actions get it. */
import type { ConsoleState, Step } from '../state.ts';

export interface Press {
  readonly at: number;
  readonly burst: boolean;
  /** The same key as just before, so fast that it is being held down. */
  readonly repeat: boolean;
}

export type Handler = (state: ConsoleState, press: Press) => Step;

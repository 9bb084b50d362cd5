/**
 * The assertions of the contract suites, on node:assert: the same stories run under ava and, where ava cannot run (Windows
 * Node under Wine), in a plain program.
 */
import assert from 'node:assert/strict';
import { Fault, type FaultCode } from '../../shared/faults.ts';

export interface ContractStory {
  readonly title: string;
  run(): void;
}

export const checks = {
  is(actual: unknown, expected: unknown, message?: string): void {
    assert.equal(actual, expected, message);
  },
  not(actual: unknown, unexpected: unknown): void {
    assert.notEqual(actual, unexpected);
  },
  true(actual: boolean, message?: string): void {
    assert.equal(actual, true, message);
  },
  deepEqual(actual: unknown, expected: unknown): void {
    assert.deepEqual(actual, expected);
  },
  notDeepEqual(actual: unknown, unexpected: unknown): void {
    assert.notDeepEqual(actual, unexpected);
  },
  /** `actual` has at least the fields of `expected`. */
  like(actual: object | undefined, expected: Readonly<Record<string, unknown>>): void {
    assert.ok(actual !== undefined);
    const fields = Object.keys(expected).map((key) => [key, (actual as Record<string, unknown>)[key]]);
    assert.deepEqual(Object.fromEntries(fields), expected);
  },
  /** Code of the fault that `run` throws; anything else fails. */
  faultCode(run: () => unknown): FaultCode {
    try {
      run();
    } catch (error) {
      if (error instanceof Fault) return error.code;
      throw error;
    }
    assert.fail('no fault was thrown');
  },
};

export type Checks = typeof checks;

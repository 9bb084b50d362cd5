/**
 * Finds and ends processes that a suite left behind. Every suite runs with its own token in the environment, which all its
 * descendants inherit, also those that detached themselves; Linux shows it in /proc.
 */
import { readdirSync, readFileSync } from 'node:fs';

export const TOKEN_VARIABLE = 'MAINSTAY_TEST_SUITE';

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise;
  }
}

/** Living processes whose environment carries the token; none where there is no /proc. */
export function processesOf(token: string): FoundProcess[] {
  const needle = `${TOKEN_VARIABLE}=${token}\0`;
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return [];
  }
  return entries
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => `${readOr(`/proc/${name}/environ`, '')}\0`.includes(needle))
    .map((name) => ({
      pid: Number(name),
      command: readOr(`/proc/${name}/cmdline`, '?').replaceAll('\0', ' ').trim(),
    }));
}

/** Ends all of them, and what they start meanwhile. */
export function killAll(token: string): void {
  for (let round = 0; round < 20; round += 1) {
    const left = processesOf(token);
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
  }
}

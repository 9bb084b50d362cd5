/** Runs worlds of roles, one a seed, and says which failed and how. */
import { RolesWorld } from './roles-world.ts';

const TRACE_LINES = 120;

/** True when none failed; without `all` it ends with the first that does. */
export function runRoles(seeds: number, from: number, all: boolean): boolean {
  const startedAt = performance.now();
  const failed: number[] = [];
  const sums = { ran: 0, kills: 0, switchovers: 0, virtualMs: 0 };
  for (let seed = from; seed < from + seeds && (all || failed.length === 0); seed += 1) {
    const { problems, trace, kills, switchovers, virtualMs } = new RolesWorld(seed).run();
    sums.ran += 1;
    sums.kills += kills;
    sums.switchovers += switchovers;
    sums.virtualMs += virtualMs;
    if (problems.length === 0) continue;
    failed.push(seed);
    const lines = all ? problems : trace.slice(-TRACE_LINES);
    process.stdout.write(`seed ${seed} failed\n${lines.map((line) => `  ${line}\n`).join('')}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const which = failed.length === 0 ? '' : ` (${failed.slice(0, 20).join(', ')})`;
  process.stdout.write(
    `sim roles: ${sums.ran} seeds from ${from}, ${failed.length} failed${which}, ${sums.kills} kills, ${sums.switchovers} switchovers, ` +
      `${(sums.virtualMs / 3_600_000).toFixed(1)} virtual hours, ${seconds.toFixed(1)} s\n`,
  );
  return failed.length === 0;
}

/** The pair under seeded faults: kills, cuts, lost notifications. More seeds: `npm run sim -- --seeds N --from SEED`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { RolesWorld } from './roles-world.ts';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const SEEDS = 120;

test(`${SEEDS} simulated worlds end identical, whatever was killed, cut or lost in them`, (t) => {
  t.timeout(200_000);
  const result = spawnSync(process.execPath, [MAIN, '--seeds', String(SEEDS), '--from', '1'], { encoding: 'utf8' });
  t.is(result.status, 0, `${result.stdout.slice(-2000)}\n${result.stderr.slice(-2000)}`);
  t.regex(result.stdout + result.stderr, new RegExp(`${SEEDS} seeds from 1, 0 failed`));
});

/** Failed once: a refused name in a group of hard links kept another name of it old. */
const KEPT = [60_373];

test('seeds that failed once stay mended', (t) => {
  for (const seed of KEPT) {
    const result = spawnSync(process.execPath, [MAIN, '--seeds', '1', '--from', String(seed)], { encoding: 'utf8' });
    t.is(result.status, 0, `${seed}: ${result.stdout.slice(-2000)}`);
  }
});

const ROLE_SEEDS = 2_000;

test(`${ROLE_SEEDS} schedules of two hosts, a witness and an operator: never two open gates, and one active in the end`, (t) => {
  t.timeout(120_000);
  const args = [MAIN, '--kind', 'roles', '--seeds', String(ROLE_SEEDS), '--from', '1'];
  const result = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.is(result.status, 0, `${result.stdout.slice(-2000)}\n${result.stderr.slice(-2000)}`);
  t.regex(result.stdout, new RegExp(`${ROLE_SEEDS} seeds from 1, 0 failed`));
});

/**
 * Failed once. An epoch that the witness granted and whose answer was lost ended the host it was granted to, or the one it was handed
 * over to, and nobody was active; what an operator decided was a lease that the witness did not count (32797: both gates open).
 */
const KEPT_ROLES = [
  6, 12, 17, 4_437, 8_824, 20_007, 20_025, 20_526, 20_966, 27_968, 31_089, 32_797, 40_003, 40_055, 40_171, 40_749,
  42_946, 45_170, 60_009, 60_061, 60_446, 61_703, 65_920, 80_001, 80_005, 80_145, 80_150, 82_619,
];

/** Failed once with a witness that lost its register: it renewed an epoch from before one that the standby followed already. */
const KEPT_LOSSES = [1_621];

test('schedules with a lost register that failed once stay mended', (t) => {
  for (const seed of KEPT_LOSSES) {
    const { problems } = new RolesWorld(seed).run();
    t.deepEqual(problems, [], `${seed}`);
  }
});

test('schedules that failed once stay mended', (t) => {
  for (const seed of KEPT_ROLES) {
    const { problems } = new RolesWorld(seed, false).run();
    t.deepEqual(problems, [], `${seed}`);
  }
});

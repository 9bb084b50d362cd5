/** How the hosts of a simulated world are set up, drawn from its seed: half of the worlds are plain pairs. */

import type { EngineLimits } from '../../daemon/engine/engine-protocol.ts';
import type { SendPolicy } from '../../daemon/engine/send-gate.ts';
import type { BandwidthPolicy } from '../../daemon/link/bandwidth.ts';
import type { TreeCapabilities } from '../../daemon/ports.ts';
import type { SeededRandom } from '../memory/clock.ts';

/** Who feeds whom: alpha → beta; alpha → beta and gamma; alpha → beta → gamma. */
export type Shape = 'pair' | 'several' | 'chain';

export interface WorldSettings {
  readonly shape: Shape;
  readonly limits: EngineLimits;
  readonly bandwidth?: BandwidthPolicy;
  readonly schedule?: SendPolicy;
  /** Nothing of this name can be made on a Replica. */
  readonly refusedName?: string;
  /** Files of a few hundred bytes count as large: they are patched where they are. */
  readonly patches?: true;
  /** What the volumes of the Replicas cannot hold is kept aside. */
  readonly replicaLacks?: Partial<TreeCapabilities>;
  /** Wall clocks are set, forwards and backwards, on any host. */
  readonly wrongClocks?: true;
  /** Hosts are taken out of the trust of their feeder for a while. */
  readonly revokes?: true;
  /** Replicas keep history: bookmarks are set, and roots set back to them. */
  readonly history?: true;
}

const SMALLEST_SPOOL = 4_096;
const LARGER_SPOOL = 32_768;
const ROOMY: EngineLimits = { spoolMaxBytes: 2 ** 26, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 };

function limitsOf(random: SeededRandom): EngineLimits {
  const some = <Value extends object>(probability: number, value: () => Value) =>
    random.chance(probability) ? value() : {};
  return {
    ...ROOMY,
    // On the Master a row counts 256 bytes: 16 and 128 of them.
    ...some(0.3, () => ({ spoolMaxBytes: random.pick([SMALLEST_SPOOL, LARGER_SPOOL]) })),
    ...some(0.3, () => ({ applyDelayMs: random.pick([300, 2_000, 6_000]) })),
    ...some(0.3, () => ({ massDeletePercent: random.pick([10, 40]) })),
    ...some(0.4, () => ({ continuousVerification: true })),
    ...some(0.3, () => ({ auditPeriodMs: random.pick([3_000, 20_000]) })),
  };
}

function bandwidthOf(random: SeededRandom): BandwidthPolicy {
  const bytesPerSecond = random.pick([0, 30_000, 300_000]);
  return { bytesPerSecond, grid: [], compression: random.pick(['off', 'zstd']) };
}

/** The world begins on a Thursday, a few minutes before or in one of the windows. */
function scheduleOf(random: SeededRandom): SendPolicy {
  const periodMs = random.pick([1_000, 3_000, 7_000]);
  const mode = random.pick(['periodic', 'scheduled'] as const);
  return { mode, grid: [random.pick(['mon-sun 0-24', 'fri 3-4'])], periodMs, excludedDates: [] };
}

const LACKING: readonly Partial<TreeCapabilities>[] = [
  { attributeKinds: 0 },
  { owners: false },
  { posixModes: false, owners: false, attributeKinds: 0 },
];

/** Half of the worlds have none of it. */
function drawOddWorld(random: SeededRandom): Partial<WorldSettings> {
  if (random.chance(0.5)) return {};
  const some = <Value extends object>(probability: number, value: () => Value) =>
    random.chance(probability) ? value() : {};
  return {
    ...some(0.5, () => ({ patches: true })),
    ...some(0.3, () => ({ replicaLacks: random.pick(LACKING) })),
    ...some(0.4, () => ({ wrongClocks: true })),
    ...some(0.3, () => ({ revokes: true })),
    ...some(0.3, () => ({ history: true })),
  };
}

export function drawSettings(random: SeededRandom): WorldSettings {
  const ordinary = { ...drawOrdinary(random), ...drawOddWorld(random) };
  // What is refused is sent again and again: of many such items not even one round fits into the smallest spool.
  if (ordinary.refusedName === undefined || ordinary.limits.spoolMaxBytes > SMALLEST_SPOOL) return ordinary;
  return { ...ordinary, limits: { ...ordinary.limits, spoolMaxBytes: LARGER_SPOOL } };
}

function drawOrdinary(random: SeededRandom): WorldSettings {
  if (random.chance(0.4)) return { shape: 'pair', limits: ROOMY };
  return {
    shape: random.pick(['pair', 'pair', 'several', 'chain']),
    limits: limitsOf(random),
    ...(random.chance(0.3) ? { bandwidth: bandwidthOf(random) } : {}),
    ...(random.chance(0.2) ? { schedule: scheduleOf(random) } : {}),
    ...(random.chance(0.15) ? { refusedName: random.pick(['x~', 'd', 'data.db']) } : {}),
  };
}

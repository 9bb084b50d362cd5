/** Why a barrier could only time out: then it says so at once. Pure. */
import { settingOf } from '../../config/catalogue.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { BrakeStatus } from '../../shared/status.ts';
import { formatDuration } from '../../shared/units.ts';
import type { ScenarioLife } from './machine.ts';

export function whyNoBarrier(
  life: ScenarioLife,
  replicas: readonly HostReference[],
  brake: BrakeStatus | undefined,
  timeoutMs: number,
): string | undefined {
  if (life.is !== 'running') return undefined;
  if (brake !== undefined) return 'the mass-change brake is on: release it first (`mainstay brake`)';
  for (const { name, deviceId = '', settings } of replicas) {
    if (life.peers[deviceId]?.suspended) return `${name} is suspended: resume it first`;
    const delayMs = settingOf(settings ?? {}, 'recovery.delayMs');
    if (delayMs < timeoutMs) continue;
    return `changes are applied on ${name} only after its replication delay of ${formatDuration(delayMs)}: give a longer --timeout`;
  }
  return undefined;
}

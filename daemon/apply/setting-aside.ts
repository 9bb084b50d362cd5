/** Parks what could not be applied and tells it; notes what the Master is to be asked for. */
import type { Fault, FaultDetails } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { Clock } from '../ports.ts';
import type { ParkedItems } from './parked.ts';
import type { TreeChange } from './plan.ts';
import type { TreeWriter } from './tree-writer.ts';

export interface SettingAsidePorts {
  readonly writer: TreeWriter;
  readonly parked: ParkedItems;
  readonly clock: Clock;
  readonly onEvent: (code: string, details: FaultDetails) => void;
}

export function parkChange(ports: SettingAsidePorts, change: TreeChange, fault: Fault): void {
  const { parked, clock, writer, onEvent } = ports;
  const isLink = fault.code === 'PATH-SYMLINK';
  const path = isLink ? writer.blocker(change.root, change.path) : change.path;
  const item = { root: change.root, path, code: fault.code, reason: fault.message };
  // What is in the way stands for everything behind it.
  if (path !== change.path) parked.settle(change);
  const fresh = parked.park(item, clock.bootMs());
  if (change.op === 'rename') askFor(ports, change.root, [change.from], 'not moved');
  if (!fresh) return;
  if (isLink) onEvent('APL-004', { path });
  onEvent('APL-001', { path, reason: fault.message });
}

export function askFor(
  { parked, clock }: Pick<SettingAsidePorts, 'parked' | 'clock'>,
  root: number,
  paths: readonly RelativePath[],
  reason: string,
): void {
  for (const path of paths) parked.park({ root, path, code: 'repair', reason }, clock.bootMs());
}

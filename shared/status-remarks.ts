/** What is not as one would think although the scenario runs: for `status` and the console. Pure. */
import { remarkText } from './remarks.ts';
import type { HostStatus, ScenarioStatus } from './status.ts';
import { formatCount, formatDuration } from './units.ts';

export interface StatusRemark {
  readonly text: string;
  /** Something is not on a Replica, or not proven to be; else it is so on purpose. */
  readonly warns: boolean;
}

/** "2 h ahead", "3 d behind". */
export function describeClock(aheadMs: number): string {
  return `${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead' : 'behind'}`;
}

function clockRemark({ name, replica }: HostStatus): StatusRemark[] {
  if (replica?.clockAheadMs === undefined) return [];
  const text = `${name}: its clock is ${describeClock(replica.clockAheadMs)}; times of both hosts cannot be put beside each other`;
  return [{ text, warns: true }];
}

function asideRemark({ name, replica }: HostStatus): StatusRemark[] {
  const percent = replica?.asidePercent;
  if (percent === undefined) return [];
  const then = percent >= 100 ? 'what does not fit is parked' : 'beyond it items are parked';
  return [{ text: `${name}: metadata kept aside takes ${percent} % of aside.maxBytes; ${then}`, warns: true }];
}

/** What warns comes first. */
export function statusRemarks({ unreadable = 0, specialFiles, hosts }: ScenarioStatus): StatusRemark[] {
  const remarks: StatusRemark[] = [];
  if (unreadable > 0) {
    const places = unreadable === 1 ? '1 place' : `${formatCount(unreadable)} places`;
    const text = `not readable: ${places} on ${hosts[0]?.name ?? 'the Master'}; the Replicas do not have it (see the events)`;
    remarks.push({ text, warns: true });
  }
  for (const { name, replica } of hosts) {
    const dropped = replica?.dropped ?? 0;
    if (dropped === 0) continue;
    const items = dropped === 1 ? '1 parked item' : `${formatCount(dropped)} parked items`;
    remarks.push({
      text: `${name}: ${items} dropped by the operator; not proven identical until it is compared again`,
      warns: true,
    });
  }
  remarks.push(...hosts.flatMap(clockRemark), ...hosts.flatMap(asideRemark));
  if (specialFiles !== undefined) {
    const text = remarkText({ kind: 'special-files', root: 0, count: specialFiles, paths: [] });
    remarks.push({ text, warns: false });
  }
  for (const { name, replica } of hosts) {
    for (const one of replica?.keptAside ?? []) {
      const what = remarkText({ kind: 'kept-aside', ...one, paths: [] });
      remarks.push({ text: `${name}, root ${one.root}: ${what}`, warns: false });
    }
  }
  return remarks;
}

/** Where each member of a group has to go. Pure. */
import { Fault } from '../../shared/faults.ts';
import type { GroupDocument, GroupRun, GroupRunMember } from '../../shared/group.ts';

/** A member as this host knows it. */
export interface MemberFacts {
  readonly scenario: string;
  readonly active: string;
  /** The two hosts of its switchover. */
  readonly hosts: readonly string[];
}

export interface GroupWish {
  readonly to?: string | undefined;
  readonly resume?: boolean | undefined;
}

/** Throws `GROUP-REFUSED` when it is not clear where they have to go. */
export function membersOf(
  { name }: GroupDocument,
  last: GroupRun | undefined,
  members: readonly MemberFacts[],
  wish: GroupWish,
): GroupRunMember[] {
  const { to, resume = false } = wish;
  if (last?.state === 'running') throw refused(name, 'it is being switched over');
  const isUnfinished = last?.state === 'failed' || last?.state === 'interrupted';
  if (isUnfinished && to === undefined && !resume) {
    throw refused(
      name,
      'the last switchover of it was not finished: say where to (--to HOST), or go on with it (--continue)',
    );
  }
  return members.map((member) => {
    const target = to ?? (resume ? earlier(last, member) : undefined) ?? otherOf(member);
    const known = member.hosts.find((host) => same(host, target));
    if (known === undefined) {
      throw refused(
        name,
        `"${member.scenario}" cannot be switched over to ${target}: its hosts are ${member.hosts.join(' and ')}`,
      );
    }
    return { scenario: member.scenario, to: known, state: same(member.active, known) ? 'already' : 'waiting' };
  });
}

function earlier(last: GroupRun | undefined, { scenario }: MemberFacts): string | undefined {
  return last?.members.find((member) => same(member.scenario, scenario))?.to;
}

function otherOf({ active, hosts }: MemberFacts): string {
  return hosts.find((host) => !same(host, active)) ?? active;
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** The truth about each, in one line. */
export function summaryOf(members: readonly GroupRunMember[]): string {
  return members
    .map(
      ({ scenario, to, state, reason }) =>
        `${scenario} ${told(state, to)}${reason === undefined ? '' : ` (${reason})`}`,
    )
    .join('; ');
}

function told(state: GroupRunMember['state'], to: string): string {
  switch (state) {
    case 'done':
      return `is on ${to}`;
    case 'already':
      return `was on ${to} already`;
    case 'failed':
      return 'failed';
    case 'switching':
      return `is on its way to ${to}`;
    default:
      return 'was not begun';
  }
}

export function refused(name: string, reason: string): Fault {
  return new Fault('GROUP-REFUSED', { name, reason });
}

/** Owners are the same by name, or else by number: two hosts may number the same accounts differently. */

/** Number and name of each user and group of a host. */
export interface OwnerNames {
  readonly users: readonly (readonly [number, string])[];
  readonly groups: readonly (readonly [number, string])[];
}

/** The numbers here of owners that have other numbers on the Master. */
export interface OwnerMap {
  readonly users: ReadonlyMap<number, number>;
  readonly groups: ReadonlyMap<number, number>;
}

/** undefined when every owner has the same number on both. */
export function mapOwners(theirs: OwnerNames, ours: OwnerNames): OwnerMap | undefined {
  const users = mapNumbers(theirs.users, ours.users);
  const groups = mapNumbers(theirs.groups, ours.groups);
  return users.size === 0 && groups.size === 0 ? undefined : { users, groups };
}

function mapNumbers(theirs: OwnerNames['users'], ours: OwnerNames['users']): ReadonlyMap<number, number> {
  const here = new Map(ours.map(([number, name]) => [name, number]));
  const differing = new Map<number, number>();
  for (const [number, name] of theirs) {
    const ownNumber = here.get(name);
    if (ownNumber !== undefined && ownNumber !== number) differing.set(number, ownNumber);
  }
  return differing;
}

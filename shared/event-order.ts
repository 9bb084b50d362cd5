/** Events of several hosts put together. Pure. */

/** Each list is in the order of its host and stays so, whatever that host's clock was set to; between them the time decides. */
export function mergeByTime<T>(lists: readonly (readonly T[])[], at: (one: T) => number): T[] {
  const heads = lists.map(() => 0);
  const merged: T[] = [];
  for (;;) {
    let earliest: number | undefined;
    for (const [index, list] of lists.entries()) {
      const one = list[heads[index]!];
      if (one === undefined) continue;
      const other = earliest === undefined ? undefined : lists[earliest]![heads[earliest]!];
      if (other === undefined || at(one) < at(other)) earliest = index;
    }
    if (earliest === undefined) return merged;
    merged.push(lists[earliest]![heads[earliest]!]!);
    heads[earliest]! += 1;
  }
}

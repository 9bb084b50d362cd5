/** Snapshot plus pushes: what a daemon shows now. Pure. */
import type { PushBatch } from '../shared/protocol/console.ts';
import type { ScenarioStatus, Snapshot } from '../shared/status.ts';

export function mergePush(snapshot: Snapshot, batch: PushBatch): Snapshot {
  const changed = new Map(batch.scenarios.map((scenario) => [scenario.id, scenario]));
  const kept = snapshot.scenarios
    .filter((scenario) => !batch.removedScenarios.includes(scenario.id))
    .map((scenario) => changed.get(scenario.id) ?? scenario);
  const known = new Set(snapshot.scenarios.map((scenario) => scenario.id));
  const added = batch.scenarios.filter(
    (scenario) => !known.has(scenario.id) && !batch.removedScenarios.includes(scenario.id),
  );
  return { daemon: batch.daemon ?? snapshot.daemon, scenarios: [...kept, ...added] };
}

/** One report of each scenario from several hosts: the active host's where there is one, the others only know a part. */
export function mergeReports(snapshots: readonly Snapshot[]): ScenarioStatus[] {
  const best = new Map<string, ScenarioStatus>();
  for (const scenario of snapshots.flatMap((snapshot) => snapshot.scenarios)) {
    const other = best.get(scenario.id);
    if (other === undefined || rank(scenario) > rank(other)) best.set(scenario.id, scenario);
  }
  const all = snapshots.flatMap((snapshot) => snapshot.scenarios);
  return [...best.values()].map((one) => withVerdict(one, all)).sort((a, b) => a.name.localeCompare(b.name));
}

/** The verdict of Is Alive is known only to the host that watches, which is not the one whose report is shown. */
export function withVerdict(shown: ScenarioStatus, all: readonly ScenarioStatus[]): ScenarioStatus {
  const knows = ({ hosts }: ScenarioStatus) => hosts.some(({ isAlive }) => isAlive !== undefined);
  if (knows(shown)) return shown;
  const watcher = all.find((other) => other.id === shown.id && other.epoch === shown.epoch && knows(other));
  if (watcher === undefined) return shown;
  const hosts = shown.hosts.map((host) => {
    const theirs = watcher.hosts.find(({ name }) => name === host.name);
    return theirs?.isAlive === undefined ? host : { ...host, health: theirs.health, isAlive: theirs.isAlive };
  });
  const problem = shown.problem ?? watcher.problem;
  return { ...shown, hosts, ...(problem === undefined ? {} : { problem }) };
}

function rank(scenario: ScenarioStatus): number {
  const atActive = scenario.reportedBy === scenario.active ? 2 : 0;
  return atActive + (scenario.reportedBy === scenario.hosts[0]?.name ? 1 : 0);
}

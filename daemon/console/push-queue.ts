/** What one subscribed console has not been told yet: coalesced by scenario, events up to a limit. Pure. */
import type { EventRecord } from '../../shared/events.ts';
import type { PushBatch } from '../../shared/protocol/console.ts';
import type { DaemonStatus, ScenarioStatus } from '../../shared/status.ts';

/** Events in one push; the console fetches what was left out with `events.query`. */
export const PUSH_EVENT_LIMIT = 200;

export class PushQueue {
  private readonly changed = new Set<string>();
  private events: EventRecord[] = [];
  private eventsDropped = 0;
  private daemonDue = false;

  scenarioChanged(id: string): void {
    this.changed.add(id);
  }

  eventRecorded(event: EventRecord): void {
    if (this.events.length < PUSH_EVENT_LIMIT) this.events.push(event);
    else this.eventsDropped += 1;
  }

  daemonChanged(): void {
    this.daemonDue = true;
  }

  /** Everything since the last call, and forgets it; undefined when there is nothing. A changed scenario that is not in `scenarios` was removed. */
  take(scenarios: readonly ScenarioStatus[], daemon: () => DaemonStatus): PushBatch | undefined {
    if (this.changed.size === 0 && this.events.length === 0 && !this.daemonDue) return undefined;
    const present = scenarios.filter((one) => this.changed.has(one.id));
    const ids = new Set(present.map((one) => one.id));
    const batch: PushBatch = {
      ...(this.daemonDue ? { daemon: daemon() } : {}),
      scenarios: present,
      removedScenarios: [...this.changed].filter((id) => !ids.has(id)),
      events: this.events,
      eventsDropped: this.eventsDropped,
    };
    this.changed.clear();
    this.events = [];
    this.eventsDropped = 0;
    this.daemonDue = false;
    return batch;
  }
}

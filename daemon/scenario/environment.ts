/** What the scenarios of a host need from the rest of the daemon; put together in main.ts, replaced by fakes in tests. */

import type { DiscoveredSite } from '../../shared/results.ts';
import type { ServerType } from '../../shared/scenario.ts';
import type { GroupBook } from '../group/book.ts';
import type { HealthProbes } from '../health/contract.ts';
import type { Clock, Random } from '../ports.ts';
import type { RedirectionService } from '../redirect/service.ts';
import type { ScriptRunner } from '../rehearsal/scripts.ts';
import type { RehearsalViews } from '../rehearsal/views.ts';
import type { ReportDesk } from '../report/service.ts';
import type { CaptureService, DocumentStore, EngineHandle, EventLog, LinkService, PeerControl } from '../services.ts';
import type { RolePorts } from '../switchover/ports.ts';
import type { HostInspector } from '../verify/facts.ts';
import type { ScenarioBook } from './book.ts';

export interface OwnHost {
  readonly name: string;
  readonly deviceId: string;
  readonly version: string;
  /** `host:port` where this engine listens. */
  address(): string;
  /** The data directory. */
  readonly directory: string;
}

/** Directories of scenarios below the data directory (store/scenario-folders.ts). */
export interface ScenarioFolders {
  /** Makes it if needed and returns its path. */
  open(scenarioId: string): string;
  remove(scenarioId: string): void;
}

export interface ScenarioEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: OwnHost;
  readonly book: DocumentStore<ScenarioBook>;
  readonly folders: ScenarioFolders;
  readonly events: EventLog;
  readonly peers: PeerControl;
  readonly links: LinkService;
  readonly capture: CaptureService;
  readonly inspector: HostInspector;
  readonly reports: ReportDesk;
  readonly views: RehearsalViews;
  readonly scripts: ScriptRunner;
  readonly redirection: RedirectionService;
  readonly roles: RolePorts;
  readonly groups: DocumentStore<GroupBook>;
  /** Is Alive. */
  readonly probes: HealthProbes;
  /** Sites of this host; none when they cannot be discovered. */
  readonly discover: (type: ServerType) => readonly DiscoveredSite[];
  readonly spawnEngine: () => EngineHandle;
  /** For defects that no user can act on. */
  readonly complain: (text: string) => void;
}

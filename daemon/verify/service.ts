/** Collects the facts of all hosts of a scenario and judges them. */
import { basename, dirname, isAbsolute, join } from 'node:path';
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import { LINK_PROTOCOL, LINK_PROTOCOL_OLDEST } from '../../shared/protocol/wire.ts';
import type { Finding, VerificationResult } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import { masterRoots, replicaRoots } from '../scenario/book.ts';
import { fedBy, originOf } from '../scenario/cascade.ts';
import { spoolDirectory } from '../scenario/engine-config.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { Evidence, HostEvidence, MissingHost } from './evidence.ts';
import { type HostFacts, type HostInspector, hostFacts, type PathFacts } from './facts.ts';
import { checkHosts } from './host-checks.ts';
import { hasRoomForAll } from './room.ts';
import { checkRoots } from './root-checks.ts';
import { checkSpools } from './spool-checks.ts';

const FACTS_TIMEOUT_MS = 30_000;
/** Counting stops after this long in all, so that Run does not wait for it; the figures are then "at least". */
const COUNT_LIMIT_MS = 500;

export interface Occupied {
  readonly scenario: string;
  readonly path: string;
}

/** What is asked of a host. */
export interface FactsWanted {
  readonly paths: readonly string[];
  /** Roots of other scenarios that run there. */
  readonly occupied: readonly Occupied[];
  /** Also what the files add up to. */
  readonly sizes: boolean;
  /** `spool.directory` of the host. */
  readonly spool: string;
}

export async function collectFacts(
  environment: ScenarioEnvironment,
  { paths, occupied, sizes, spool }: FactsWanted,
): Promise<HostFacts> {
  const { inspector, host, clock } = environment;
  const count = async () => {
    const datasets = [];
    for (const path of paths) datasets.push(await inspector.dataset(path, COUNT_LIMIT_MS / paths.length, sizes));
    return datasets;
  };
  const [machine, data, spoolFacts, facts, real, datasets] = await Promise.all([
    inspector.machine(),
    inspector.path(host.directory),
    placeFacts(inspector, spoolDirectory(host.directory, { 'spool.directory': spool })),
    Promise.all(paths.map((path) => inspector.path(path))),
    Promise.all(occupied.map(({ path }) => inspector.path(path))),
    count(),
  ]);
  return {
    ...machine,
    name: host.name,
    deviceId: host.deviceId,
    version: host.version,
    protocol: LINK_PROTOCOL,
    oldestProtocol: LINK_PROTOCOL_OLDEST,
    wallMs: clock.wallMs(),
    data,
    spool: spoolFacts,
    paths: facts,
    datasets,
    occupied: occupied.map(({ scenario, path }, index) => ({ scenario, path: real[index]?.realPath ?? path })),
  };
}

/** A directory that is there, or where it would be made. */
async function placeFacts(inspector: HostInspector, path: string): Promise<PathFacts> {
  if (!isAbsolute(path)) {
    const problem = 'it is not an absolute path on this system';
    return { path, type: 'unknown', problem, readable: false, writable: false, caseSensitive: true, mounts: [] };
  }
  let rest = '';
  for (let place = path; ; place = dirname(place)) {
    const facts = await inspector.path(place);
    if (facts.type === 'missing' && dirname(place) !== place) {
      rest = join(basename(place), rest);
      continue;
    }
    if (rest === '') return { ...facts, path };
    const realPath = join(facts.realPath ?? place, rest);
    return facts.type === 'directory'
      ? { ...facts, path, realPath, type: 'missing' }
      : { ...facts, path, problem: facts.problem ?? `${place} is no directory`, type: 'unknown' };
  }
}

/** Sizes are added up only where room may be short. */
export async function verify(
  environment: ScenarioEnvironment,
  document: ScenarioDocument,
  occupied: readonly Occupied[],
): Promise<VerificationResult> {
  const quick = await collect(environment, document, occupied, false);
  return judge(hasRoomForAll(quick) ? quick : await collect(environment, document, occupied, true));
}

/** All hosts at once. */
async function collect(
  environment: ScenarioEnvironment,
  document: ScenarioDocument,
  occupied: readonly Occupied[],
  sizes: boolean,
): Promise<Evidence> {
  const [facts, ...answers] = await Promise.all([
    collectFacts(environment, {
      paths: masterRoots(document),
      occupied,
      sizes,
      spool: settingOf(document.master.settings, 'spool.directory'),
    }),
    ...fedBy(document).map((replica) => askReplica(environment, document, replica, sizes)),
  ]);
  return {
    document,
    master: { reference: document.master, facts, clockAheadMs: 0, clockErrorMs: 0 },
    replicas: answers.filter((answer): answer is HostEvidence => 'facts' in answer),
    missing: answers.filter((answer): answer is MissingHost => 'reason' in answer),
  };
}

export function judge(evidence: Evidence): VerificationResult {
  return sorted([...checkHosts(evidence), ...checkSpools(evidence), ...checkRoots(evidence)]);
}

/** Errors first. */
export function sorted(all: readonly Finding[]): VerificationResult {
  const of = (severity: Finding['severity']) => all.filter((finding) => finding.severity === severity);
  const [errors, warnings] = [of('error'), of('warning')];
  return { findings: [...errors, ...warnings, ...of('info')], errors: errors.length, warnings: warnings.length };
}

async function askReplica(
  environment: ScenarioEnvironment,
  document: ScenarioDocument,
  replica: HostReference,
  sizes: boolean,
): Promise<HostEvidence | MissingHost> {
  const { clock, peers } = environment;
  const paths = replicaRoots(document, replica);
  try {
    const asked = clock.bootMs();
    const spool = settingOf(replica.settings, 'spool.directory');
    const { scenarioId, revision } = originOf(document);
    const args = { scenarioId: document.id, paths, sizes, spool, origin: { scenarioId, revision } };
    const answer = await peers.request(replica, 'peer.facts', args, FACTS_TIMEOUT_MS);
    const roundTripMs = clock.bootMs() - asked;
    const facts = hostFacts.safeParse(answer);
    if (!facts.success || facts.data.paths.length !== paths.length || facts.data.datasets.length !== paths.length) {
      throw new Fault('LINK-REFUSED', { reason: 'its answer is not understood (another version?)' });
    }
    // The facts carry the clock at the end of the collection, so that only the way back is uncertain.
    const clockAheadMs = facts.data.wallMs - clock.wallMs();
    return { reference: replica, facts: facts.data, clockAheadMs, clockErrorMs: Math.min(roundTripMs, 2_000) };
  } catch (error) {
    const fault = Fault.from(error);
    return { reference: replica, code: fault.code, reason: fault.message, hint: fault.hint };
  }
}

/** What a Master may ask of this host as its Replica. Every request is refused to a device that is not the scenario's Master. */

import { overlap } from '../../config/root-path.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { Recovery } from '../recovery/service.ts';
import { redirectionSideOf } from '../redirect/verification.ts';
import type { RehearsalDesk } from '../rehearsal/desk.ts';
import type { CommandHandlers, Session } from '../services.ts';
import { type Fork, holdIfAhead } from '../switchover/other-replicas.ts';
import type { Switchovers } from '../switchover/service.ts';
import { collectFacts, type Occupied } from '../verify/service.ts';
import { completeDocument, newRun, replicaRoots, storedIn } from './book.ts';
import { refuseCycle } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { historyPeerHandlers } from './history-desk.ts';
import { previewPeerHandlers } from './preview-desk.ts';
import type { RelayDesk } from './relay-desk.ts';
import { ReplicaRunner } from './replica-runner.ts';
import type { Runner, RunnerSet } from './runner-set.ts';
import { comingOf, makeRoom, makesRoom } from './take-over.ts';

export function createPeerHandlers(
  environment: ScenarioEnvironment,
  scenarios: RunnerSet,
  relays: RelayDesk,
  rehearsals: RehearsalDesk,
  recovery: Recovery,
  switchovers: Switchovers,
): CommandHandlers {
  /** The Replica side of a scenario, when the session is its Master. */
  const own = (scenarioId: string, session: Session): ReplicaRunner => {
    const runner = scenarios.runner(scenarioId);
    if (runner === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: scenarioId });
    refuseStranger(runner, session);
    return runner as ReplicaRunner;
  };
  const refuseStranger = (runner: Runner, session: Session, epoch = 0): void => {
    const { document } = runner;
    if (runner instanceof ReplicaRunner && document.master.deviceId === session.deviceId) return;
    if (runner instanceof ReplicaRunner && switchovers.mayLead(runner.stored, session.deviceId, epoch)) return;
    const reason = `${session.deviceName} is not the Master of the scenario`;
    environment.events.record('LNK-003', { peer: session.deviceName, reason }, document.name);
    throw new Fault('ACCESS-DENIED', { role: session.role, command: 'act as the Master of the scenario' });
  };
  return {
    'peer.facts': async ({ scenarioId, paths, sizes = false, spool, origin }, session) => {
      const runner = scenarios.runner(scenarioId);
      if (runner !== undefined) refuseStranger(runner, session);
      const room = origin && makesRoom(scenarios, { id: scenarioId, ...origin }, session);
      const occupied = scenarios.occupied(scenarioId, room?.id);
      const facts = await collectFacts(environment, { paths, occupied, sizes, spool });
      return { ...facts, knowsScenario: runner !== undefined };
    },
    'peer.prepare': async ({ document, epoch, adoptRoots, fork }, session) => {
      const complete = parse(document);
      const runner = scenarios.runner(complete.id);
      if (runner !== undefined) refuseStranger(runner, session, epoch);
      refuseWrongHosts(complete, session, environment.host.deviceId);
      await refuseUnasked(environment, runner, complete, { asked: adoptRoots === true, fork });
      await admit(environment, scenarios, complete, session);
      await recovery.preparing(complete);
      await take(environment, complete, epoch);
      await switchovers.prepared(complete);
      const replica = (runner ?? scenarios.adopt(complete.id, 'replica')) as ReplicaRunner;
      await replica.prepare(adoptRoots === true);
      await relays.settle(complete, epoch);
      return { name: environment.host.name };
    },
    'peer.compare': async ({ document, epoch, on }, session) => {
      const complete = parse(document);
      const runner = scenarios.runner(complete.id);
      if (runner !== undefined) refuseStranger(runner, session);
      refuseWrongHosts(complete, session, environment.host.deviceId);
      if (on) {
        recovery.refuseWhileRestoring(complete.id);
        await admit(environment, scenarios, complete, session);
        await take(environment, complete, epoch, false);
      }
      const replica = (runner ?? scenarios.adopt(complete.id, 'replica')) as ReplicaRunner;
      await replica.compare(on);
      return {};
    },
    'peer.stop': async ({ scenarioId, reason }, session) => {
      const runner = own(scenarioId, session);
      const wasWanted = runner.stored.run.wanted;
      await environment.book.update((book) => {
        const { run } = storedIn(book, scenarioId);
        run.wanted = false;
        run.reason = reason === 'Stopped by user' ? 'by-user' : 'by-error';
        run.since = environment.clock.wallMs();
      });
      await runner.stop().then(() => environment.redirection.stopped(runner.document, reason));
      await relays.stop(scenarioId);
      if (wasWanted) {
        environment.events.record('SCN-011', {}, runner.document.name);
        if (reason === 'Stopped by user') environment.events.record('SCN-012', {}, runner.document.name);
      }
      return {};
    },
    'peer.forget': async ({ scenarioId }, session) => {
      const runner = own(scenarioId, session);
      const { name } = runner.document;
      await runner.shutdown().then(() => environment.redirection.unguard(runner.document));
      await relays.forget(scenarioId);
      // The journal of a restore is needed to undo it.
      await scenarios.drop(scenarioId, runner.document.recoveryOf !== undefined);
      environment.events.record('SCN-003', {}, name);
      return {};
    },
    ...deskHandlers(own, rehearsals, recovery),
    ...relayHandlers(environment, relays, own),
  };
}

/** What concerns history, tests and restores of a Replica here. */
function deskHandlers(
  own: (scenarioId: string, session: Session) => ReplicaRunner,
  rehearsals: RehearsalDesk,
  recovery: Recovery,
): CommandHandlers {
  return {
    'peer.parked': async ({ scenarioId, action }, session) =>
      await own(scenarioId, session).call({ name: 'parked', action }),
    ...previewPeerHandlers(own),
    ...historyPeerHandlers(own),
    ...rehearsals.peerHandlers(own),
    ...recovery.peerHandlers(own),
  };
}

/** What concerns the Replicas behind this one. */
function relayHandlers(
  environment: ScenarioEnvironment,
  relays: RelayDesk,
  own: (scenarioId: string, session: Session) => ReplicaRunner,
): CommandHandlers {
  return {
    'peer.relayStatus': ({ scenarioId }, session) => relays.report(own(scenarioId, session).id),
    'peer.relayBarrier': async ({ scenarioId, timeoutMs, replica, behind }, session) => {
      await relays.barrier(own(scenarioId, session).id, timeoutMs, behind, replica);
      return {};
    },
    'peer.relayDiff': async ({ scenarioId, replica, ignoreSame }, session) =>
      await relays.diff(own(scenarioId, session).id, replica, ignoreSame),
    'peer.relaySuspend': async ({ scenarioId, replica, suspended }, session) => {
      await relays.suspend(own(scenarioId, session).id, replica, suspended);
      return {};
    },
    'peer.relayParked': async ({ scenarioId, replica, action }, session) =>
      await relays.parked(own(scenarioId, session).id, replica, action),
    'peer.redirection': async ({ document }, session) => {
      const complete = parse(document);
      refuseWrongHosts(complete, session, environment.host.deviceId);
      return await redirectionSideOf(environment, complete);
    },
    'peer.relayVerify': async ({ document }, session) => {
      const complete = parse(document);
      refuseWrongHosts(complete, session, environment.host.deviceId);
      return await relays.verify(complete);
    },
  };
}

/** It was active, or was ahead of the host that is: the operator decides when it is overwritten. */
async function refuseUnasked(
  environment: ScenarioEnvironment,
  runner: Runner | undefined,
  next: ScenarioDocument,
  { asked, fork }: { readonly asked: boolean; readonly fork: Fork | undefined },
): Promise<void> {
  if (asked && fork === undefined) return;
  if (runner instanceof ReplicaRunner && fork !== undefined) await holdIfAhead(environment, runner, next, fork);
  if (runner?.stored.run.returned !== true) return;
  const reason = 'it has what the active host lacks and waits for the operator: run the scenario on the active host';
  throw new Fault('SCENARIO-STATE', { name: runner.document.name, state: 'stopped', reason });
}

function parse(document: unknown): ScenarioDocument {
  const parsed = completeDocument.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Fault('SCENARIO-INVALID', { reason: `${issue?.path.join('.')}: ${issue?.message}` });
}

function refuseWrongHosts(document: ScenarioDocument, session: Session, ownId: string): void {
  if (document.master.deviceId !== session.deviceId) {
    throw new Fault('ACCESS-DENIED', { role: session.role, command: 'prepare a scenario of another Master' });
  }
  const self = document.replicas.find((replica) => replica.deviceId === ownId);
  refuseCycle(document, { name: self?.name ?? '?', deviceId: ownId });
  if (self === undefined) {
    throw new Fault('SCENARIO-INVALID', { reason: 'this host is not a Replica of it' });
  }
}

function refuseOverlap(document: ScenarioDocument, ownId: string, occupied: readonly Occupied[]): void {
  const self = document.replicas.find((replica) => replica.deviceId === ownId);
  for (const root of replicaRoots(document, self)) {
    const other = occupied.find(({ path }) => overlap(path, root));
    if (other === undefined) continue;
    const reason = `the Replica root ${root} overlaps a root of the running scenario "${other.scenario}"`;
    throw new Fault('SCENARIO-STATE', { name: document.name, state: 'stopped', reason });
  }
}

/** Its roots are in nobody's way. What has its name here makes room, or says itself why not. */
async function admit(
  environment: ScenarioEnvironment,
  scenarios: RunnerSet,
  document: ScenarioDocument,
  session: Session,
): Promise<void> {
  const room = makesRoom(scenarios, comingOf(document), session) ?? scenarios.named(document.name);
  refuseOverlap(document, environment.host.deviceId, scenarios.occupied(document.id, room?.id));
  await makeRoom(environment, scenarios, document, session);
}

/** Remembers the scenario durably before anything runs. */
async function take(
  environment: ScenarioEnvironment,
  document: ScenarioDocument,
  epoch: number,
  wanted = true,
): Promise<void> {
  const now = environment.clock.wallMs();
  let started = false;
  await environment.book.update((book) => {
    const stored = book.scenarios.find((scenario) => scenario.document.id === document.id);
    if (stored === undefined) {
      book.scenarios.push({ side: 'replica', document, run: { ...newRun(now, epoch), wanted } });
      started = wanted;
      return;
    }
    if (epoch < stored.run.epoch) throw new Fault('LINK-EPOCH', { ours: epoch, theirs: stored.run.epoch });
    started = wanted && !stored.run.wanted;
    stored.document = document;
    stored.run.epoch = epoch;
    stored.run.wanted ||= wanted;
    if (wanted) stored.run.returned = undefined;
    if (started) stored.run.since = now;
  });
  if (started) environment.events.record('SCN-010', {}, document.name);
}

/**
 * Replicas that neither hand over nor take over follow the new active host. One that has exactly what the new one has goes on from there;
 * any other is compared. A Replica says itself what it has: nobody who is behind or beside that may be taken for equal.
 */
import { z } from 'zod';
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import { type StoredRun, storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { ReplicaRunner } from '../scenario/replica-runner.ts';

/** Users wait for this. */
const ASK_MS = 1_500;
const LOOK_MS = 50;

const standing = z.object({
  /** In the history of the host that was active; absent: there is no whole copy. */
  position: z.object({ generation: z.string().max(200), seq: z.number().int().nonnegative() }).optional(),
  receivedSeq: z.number().int().nonnegative(),
  /** Why it may not have exactly what it has applied. */
  unequal: z.string().max(1_000).optional(),
});
type Standing = z.infer<typeof standing>;

/** `peer.standing`. */
export function standingOf(runner: ReplicaRunner, own: string): Standing {
  const { generation, appliedSeq, receivedSeq } = runner.progress;
  const replica = runner.status().hosts.find(({ name }) => name === own)?.replica;
  const unequal =
    (replica?.parked ?? 0) > 0
      ? 'items are parked'
      : (replica?.dropped ?? 0) > 0
        ? 'parked items were dropped'
        : (replica?.keptAside ?? []).length > 0
          ? 'metadata is kept aside'
          : undefined;
  return {
    ...(generation === undefined || appliedSeq === undefined ? {} : { position: { generation, seq: appliedSeq } }),
    receivedSeq,
    ...(unequal === undefined ? {} : { unequal }),
  };
}

/** What the host that took over had of the history before. */
export interface Fork {
  readonly generation: string;
  readonly seq: number;
}

/**
 * This Replica got more from the host that was active than the one that took over: nobody else has that. It is told, and by property
 * "When the old Master returns" it waits for the operator; else the journal alone keeps what is replaced. Throws nothing.
 */
export async function holdIfAhead(
  { book, events }: Pick<ScenarioEnvironment, 'book' | 'events'>,
  runner: ReplicaRunner,
  next: ScenarioDocument,
  fork: Fork,
): Promise<void> {
  const { generation, appliedSeq = 0, receivedSeq } = runner.progress;
  const has = Math.max(appliedSeq, receivedSeq);
  const isLed = runner.document.master.deviceId === next.master.deviceId;
  if (isLed || generation !== fork.generation || has <= fork.seq || runner.stored.run.returned) return;
  const asks = settingOf(next.settings, 'switchover.returnPolicy') === 'ask';
  const details = { count: has - fork.seq, active: next.master.name };
  events.record(asks ? 'SWT-042' : 'SWT-043', details, next.name);
  if (!asks) return;
  await book.update((value) => {
    storedIn(value, next.id).run.returned = true;
  });
}

export interface OtherReplicas {
  /** Device ids. */
  readonly equal: readonly string[];
  readonly compared: readonly { readonly host: string; readonly reason: string }[];
}

/** `fork`: what this host had of the other's history when it took over, which is all that it has. */
export async function whoIsEqual(
  environment: Pick<ScenarioEnvironment, 'clock' | 'peers'>,
  scenarioId: string,
  fork: StoredRun['fork'],
  others: readonly HostReference[],
): Promise<OtherReplicas> {
  const asked = others.map(async (host) => ({ host, reason: await whyUnequal(environment, scenarioId, fork, host) }));
  const answers = await Promise.all(asked);
  return {
    equal: answers.flatMap(({ host, reason }) => (reason === undefined ? (host.deviceId ?? []) : [])),
    compared: answers.flatMap(({ host, reason }) => (reason === undefined ? [] : [{ host: host.name, reason }])),
  };
}

async function whyUnequal(
  { clock, peers }: Pick<ScenarioEnvironment, 'clock' | 'peers'>,
  scenarioId: string,
  fork: StoredRun['fork'],
  host: HostReference,
): Promise<string | undefined> {
  if (fork === undefined) return 'it is not known what this host has of the history before';
  const until = clock.bootMs() + ASK_MS;
  for (;;) {
    const answer = await ask(peers, scenarioId, host, until - clock.bootMs());
    if (typeof answer === 'string') return answer;
    const reason = difference(answer, fork);
    // What it has received it may be applying just now.
    const mayBecomeEqual = answer.position?.seq !== fork.seq && answer.receivedSeq >= fork.seq;
    if (reason === undefined || !mayBecomeEqual || clock.bootMs() >= until) return reason;
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}

async function ask(
  peers: ScenarioEnvironment['peers'],
  scenarioId: string,
  host: HostReference,
  limitMs: number,
): Promise<Standing | string> {
  try {
    const answer = await peers.request(host, 'peer.standing', { scenarioId }, Math.max(100, limitMs));
    const parsed = standing.safeParse(answer);
    return parsed.success ? parsed.data : 'its answer is not understood (another version?)';
  } catch (error) {
    return Fault.from(error).message;
  }
}

function difference({ position, receivedSeq, unequal }: Standing, { generation, seq }: Fork): string | undefined {
  if (position === undefined) return 'its copy is not whole';
  if (position.generation !== generation) return 'it follows another history';
  if (position.seq < seq) return `it lacks ${changes(seq - position.seq)} that this host has`;
  // What it has not applied yet is applied later.
  const has = Math.max(position.seq, receivedSeq);
  if (has > seq) return `it has ${changes(has - seq)} that this host lacks`;
  return unequal;
}

function changes(count: number): string {
  return count === 1 ? '1 change' : `${count} changes`;
}

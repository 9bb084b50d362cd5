/** What this host remembers of its scenarios across restarts: one small document, `scenarios.json`. */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { RehearsalState } from '../../shared/rehearsal.ts';
import { type HostReference, type ScenarioDocument, SERVER_TYPES, type StopReason } from '../../shared/scenario.ts';
import { type StoredRecovery, type StoredUndo, storedRecovery, storedUndo } from '../recovery/record.ts';
import type { RunChoices } from './machine.ts';

/** What a Replica has to hear yet: that the scenario stopped, or that it is none of its Replicas any more. */
export interface Untold {
  readonly host: HostReference;
  readonly reason: string;
  readonly forget?: true;
}

export interface StoredRun {
  /** It was running and has to run again after a restart of the daemon. */
  wanted: boolean;
  reason: StopReason;
  /** Why it failed, when it did. */
  failed?: string;
  /** Wall clock of the last state change. */
  since: number;
  epoch: number;
  choices: RunChoices;
  /** By device id of a Replica. */
  peers: Record<
    string,
    { synchronized: boolean; suspended: boolean; untilBack?: boolean | undefined; held?: boolean | undefined }
  >;
  /** Replica: it is being tested; after a crash the views of the roots are still there and have to go first. */
  rehearsal?: RehearsalState | undefined;
  /** Replicas that could not be told yet that it stopped; tried again until they answer. */
  untold: Untold[];
  /** It has a role record on this host: one that is missing was lost. */
  roles?: true | undefined;
  /** What this host had of the other's history when it became active in that epoch. */
  fork?: { epoch: number; generation: string; seq: number } | undefined;
  /** It handed over in that switchover: its last change, and why the other may not have exactly its data. */
  handedOver?: { switchId: string; seq: number; unequal?: string | undefined } | undefined;
  /** It was active: what was changed here meanwhile is in no journal, so its copy has to be outdated before it takes data. */
  pastGone?: true | undefined;
  /** The operator made this host active although its data is no whole copy. */
  incomplete?: true | undefined;
  /** It was active and came back behind another: it takes data only when the operator runs the scenario. */
  returned?: true | undefined;
  /** Standby: an automatic switchover is only said, not done. */
  shadow?: true | undefined;
  /** Standby: it lacked changes of that age, more than the lag limit, when the active host said so last, ms. */
  behindMs?: number | undefined;
  /** It handed over in that switchover, and is to be restarted when its part is over. */
  restart?: string | undefined;
  /** The other host is to be turned off by the fencing script; the id is the key of all its runs for this. */
  fencing?: { id: string; by: 'automatic' | 'operator'; attempts: number } | undefined;
  /** What the script confirmed last, and by which start of its engine the other host was heard before. */
  fenced?: { switchId: string; script: string; output: string; at: number; heard?: string | undefined } | undefined;
}

export interface StoredScenario {
  /** Which side of it this host is. */
  readonly side: 'master' | 'replica';
  /** Id of the scenario whose Replica here it goes on from; such a one is not shown by itself. */
  readonly relayOf?: string;
  document: ScenarioDocument;
  run: StoredRun;
  /** The last restore of its data, or the one under way. */
  recovery?: StoredRecovery | undefined;
  /** How the data of this host comes back that the last restore replaced. */
  undo?: StoredUndo | undefined;
  /** What earlier restores replaced: to be removed when no restore is under way. */
  spent?: StoredUndo[] | undefined;
}

export interface ScenarioBook {
  scenarios: StoredScenario[];
}

const settings = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));
const absolute = z.string().min(1).max(4096);
const hostReference = z.object({
  name: z.string().min(1).max(255),
  address: z.string().min(1).max(300),
  deviceId: z.string().max(200).optional(),
  settings: settings.optional(),
  roots: z.array(absolute).max(255).optional(),
  source: z.string().max(255).optional(),
});

const patterns = z.array(z.string().max(4096)).max(1000);
const document = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  recoveryOf: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
  origin: z
    .object({
      scenarioId: z.string().regex(/^[0-9a-f]{32}$/),
      revision: z.number().int().min(1),
      hosts: z
        .array(z.object({ name: z.string().min(1).max(255), deviceId: z.string().max(200) }))
        .min(1)
        .max(64),
    })
    .optional(),
  backward: z.literal(true).optional(),
  name: z.string().min(1).max(100),
  group: z.string().max(100).optional(),
  serverType: z.enum(SERVER_TYPES),
  solution: z.enum(['ha', 'dr']),
  master: hostReference,
  replicas: z.array(hostReference).min(1).max(64),
  roots: z
    .array(
      z.object({
        master: absolute,
        replica: absolute.optional(),
        include: patterns.optional(),
        exclude: patterns.optional(),
        fileFilter: patterns.optional(),
      }),
    )
    .min(1)
    .max(255),
  exclude: patterns,
  settings,
  revision: z.number().int().min(1),
});
/** A complete document from a peer or from disk; what a person wrote goes through config/document.ts. */
export const completeDocument = document as unknown as z.ZodType<ScenarioDocument>;

const run = z.object({
  wanted: z.boolean(),
  reason: z.enum(['never-run', 'by-user', 'after-switchover', 'by-error']),
  failed: z.string().optional(),
  since: z.number(),
  epoch: z.number().int().nonnegative(),
  choices: z.object({ method: z.enum(['file', 'block', 'skip']), ignoreSame: z.boolean() }),
  peers: z.record(
    z.string(),
    z.object({
      synchronized: z.boolean(),
      suspended: z.boolean(),
      untilBack: z.boolean().optional(),
      held: z.boolean().optional(),
    }),
  ),
  rehearsal: z
    .object({
      startedAt: z.number(),
      endsBy: z.number(),
      trigger: z.enum(['schedule', 'demand']),
      position: z.object({ generation: z.string(), seq: z.number() }),
    })
    .optional(),
  roles: z.literal(true).optional(),
  fork: z.object({ epoch: z.number(), generation: z.string(), seq: z.number() }).optional(),
  handedOver: z.object({ switchId: z.string(), seq: z.number(), unequal: z.string().optional() }).optional(),
  pastGone: z.literal(true).optional(),
  incomplete: z.literal(true).optional(),
  returned: z.literal(true).optional(),
  shadow: z.literal(true).optional(),
  behindMs: z.number().optional(),
  restart: z.string().optional(),
  fencing: z.object({ id: z.string(), by: z.enum(['automatic', 'operator']), attempts: z.number() }).optional(),
  fenced: z
    .object({
      switchId: z.string(),
      script: z.string(),
      output: z.string(),
      at: z.number(),
      heard: z.string().optional(),
    })
    .optional(),
  untold: z.array(z.object({ host: hostReference, reason: z.string(), forget: z.literal(true).optional() })),
});

export const scenarioBook = z.object({
  scenarios: z.array(
    z.object({
      side: z.enum(['master', 'replica']),
      relayOf: z.string().optional(),
      document,
      run,
      recovery: storedRecovery.optional(),
      undo: storedUndo.optional(),
      spent: z.array(storedUndo).optional(),
    }),
  ),
}) as unknown as z.ZodType<ScenarioBook>;

export const EMPTY_BOOK: ScenarioBook = { scenarios: [] };
const FIRST_EPOCH = 1;

export function newRun(since: number, epoch = FIRST_EPOCH): StoredRun {
  return {
    wanted: false,
    reason: 'never-run',
    since,
    epoch,
    choices: { method: 'file', ignoreSame: true },
    peers: {},
    untold: [],
  };
}

/** The roots of a scenario on its Master. */
export function masterRoots(document: ScenarioDocument): string[] {
  return document.roots.map((root) => root.master);
}

/** The roots of a scenario on one of its Replicas. */
export function replicaRoots(document: ScenarioDocument, host: HostReference | undefined): string[] {
  return document.roots.map((root, index) => host?.roots?.[index] ?? root.replica ?? root.master);
}

/** The roots of a scenario on the host that has this in its book. */
export function ownRoots({ document, side }: StoredScenario, deviceId: string): string[] {
  if (side === 'master') return masterRoots(document);
  return replicaRoots(
    document,
    document.replicas.find((replica) => replica.deviceId === deviceId),
  );
}

/** The scenario of that id; throws SCENARIO-NOT-FOUND. */
export function storedIn(book: ScenarioBook, id: string): StoredScenario {
  const stored = book.scenarios.find((scenario) => scenario.document.id === id);
  if (stored === undefined) throw new Fault('SCENARIO-NOT-FOUND', { name: id });
  return stored;
}

/**
 * Sets the roots of this host back, in the journal of a scenario that does not run. The way back is remembered before the
 * first step, so that a kill in the middle leaves something that can be gone on with, and `undo` means the same after it.
 */
import type { RewindResult } from '../../shared/rewind.ts';
import type {
  CopyState,
  EngineConfig,
  KeptLook,
  OutdateAnswer,
  RewindPlan,
  RewindProgress,
} from '../engine/engine-protocol.ts';
import { EngineSession } from '../scenario/engine-session.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { StoredUndo } from './record.ts';

/** As long as the disks need. */
const REWIND_TIMEOUT_MS = 24 * 3_600_000;
const ASK_TIMEOUT_MS = 120_000;

export interface SetBackOrder {
  /** Its files are used by nobody else meanwhile. */
  readonly config: EngineConfig;
  /** Where to; a rewind there that was interrupted goes on. */
  readonly to: string;
  readonly before: StoredUndo | undefined;
  /** As `checkPoint` said of this point. */
  readonly looked?: KeptLook | undefined;
  /** Remembers how what is replaced comes back; resolves when that is durable. */
  readonly remember: (change: Pick<StoredUndo, 'back' | 'going'>) => Promise<void>;
  readonly onProgress?: (progress: RewindProgress) => void;
  /** Ending it stops the rewind between two of its steps. */
  readonly onSession?: (session: EngineSession) => void;
}

export async function setBack(environment: ScenarioEnvironment, order: SetBackOrder): Promise<RewindResult> {
  const { to, before, looked, remember } = order;
  const session = await historySession(environment, order.config, order.onProgress);
  order.onSession?.(session);
  try {
    const { going } = before ?? {};
    const plan = (await session.call({ name: 'rewind-plan', point: to }, ASK_TIMEOUT_MS)) as RewindPlan;
    // One that was given up half way was never a state anybody had.
    const unfinished = before?.half === true ? before.back : undefined;
    const from = going?.to === to ? going.from : (unfinished ?? plan.back);
    await remember({ back: before?.back, going: { to, from } });
    const result = (await session.call({ name: 'rewind', point: to, looked }, REWIND_TIMEOUT_MS)) as RewindResult;
    await remember({ back: from, going: undefined });
    return { ...result, undoPoint: from };
  } finally {
    await session.stop();
  }
}

/** Places that stay as they were. */
export function tellLeft(
  events: ScenarioEnvironment['events'],
  { foreignCount, lostCount = 0 }: RewindResult,
  scenario: string,
): void {
  const foreign = foreignCount - lostCount;
  if (foreign > 0) events.record('RWD-005', { count: foreign }, scenario);
  if (lostCount > 0) events.record('RWD-013', { count: lostCount }, scenario);
}

/**
 * Throws what a rewind to that point would be refused with; `acceptLost`: places that are lost are no reason. Otherwise all of
 * them were looked at.
 */
export async function checkPoint(
  environment: ScenarioEnvironment,
  config: EngineConfig,
  to: string,
  acceptLost: boolean,
): Promise<KeptLook | undefined> {
  const session = await historySession(environment, config);
  try {
    const asked = { name: 'rewind-plan', point: to, whole: !acceptLost } as const;
    return ((await session.call(asked, ASK_TIMEOUT_MS)) as RewindPlan).looked;
  } finally {
    await session.stop();
  }
}

/** What the roots hold. Throws `ROOT-MISSING` when they are not there. */
export async function copyState(environment: ScenarioEnvironment, config: EngineConfig): Promise<CopyState> {
  const session = await historySession(environment, config);
  try {
    return (await session.call({ name: 'copy-state' }, ASK_TIMEOUT_MS)) as CopyState;
  } finally {
    await session.stop();
  }
}

/** Removes a journal with everything kept for it. */
export async function forgetHistory(environment: ScenarioEnvironment, config: EngineConfig): Promise<void> {
  const session = await historySession(environment, config);
  try {
    await session.call({ name: 'history-forget' }, ASK_TIMEOUT_MS);
  } finally {
    await session.stop();
  }
}

/** The copy here is of no history any more; answers whether there were rewind points. */
export async function outdateCopy(
  environment: ScenarioEnvironment,
  config: EngineConfig,
  reason: string,
): Promise<boolean> {
  const session = await historySession(environment, config);
  try {
    const answer = await session.call({ name: 'outdate', reason }, ASK_TIMEOUT_MS);
    return (answer as OutdateAnswer).hasHistory;
  } finally {
    await session.stop();
  }
}

async function historySession(
  { spawnEngine, clock }: ScenarioEnvironment,
  config: EngineConfig,
  onProgress: (progress: RewindProgress) => void = () => {},
): Promise<EngineSession> {
  return await EngineSession.start(spawnEngine(), { ...config, historyOnly: true }, clock, {
    onEvent: () => {},
    onStatus: ({ rewind }) => rewind && onProgress(rewind),
    onLinkClosed: () => {},
    onLost: () => {},
  });
}

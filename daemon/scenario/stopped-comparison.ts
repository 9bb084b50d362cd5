/**
 * The comparison of a scenario that does not run: engines on both hosts for its time, without capture and without a record,
 * so that nothing is transferred, applied or remembered.
 */
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { DiffResult } from '../engine/engine-protocol.ts';
import type { StoredScenario } from './book.ts';
import { masterConfig } from './engine-config.ts';
import { EngineSession } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';

const PREPARE_TIMEOUT_MS = 130_000;
const REQUEST_TIMEOUT_MS = 10_000;
const LINK_TIMEOUT_MS = 20_000;

export async function compareStopped(
  environment: ScenarioEnvironment,
  stored: StoredScenario,
  replica: HostReference,
  ignoreSame: boolean,
): Promise<DiffResult> {
  const { peers, spawnEngine, clock } = environment;
  const { document, run } = stored;
  const prepared = { document: { ...document }, epoch: run.epoch, on: true };
  await peers.request(replica, 'peer.compare', prepared, PREPARE_TIMEOUT_MS);
  try {
    const config = masterConfig(environment, stored);
    const lost = new Lost();
    const session = await EngineSession.start(spawnEngine(), { ...config, compareOnly: true }, clock, {
      onEvent: () => {},
      onStatus: () => {},
      onLinkClosed: () => {},
      onLost: (fault) => lost.tell(fault),
    });
    try {
      return await overLink(environment, session, { id: document.id, replica, ignoreSame }, lost);
    } finally {
      await session.stop();
    }
  } finally {
    const ended = { ...prepared, on: false };
    await peers.request(replica, 'peer.compare', ended, REQUEST_TIMEOUT_MS).catch(() => undefined);
  }
}

async function overLink(
  { links, clock }: ScenarioEnvironment,
  session: EngineSession,
  { id, replica, ignoreSame }: { readonly id: string; readonly replica: HostReference; readonly ignoreSame: boolean },
  lost: Lost,
): Promise<DiffResult> {
  const peer = replica.deviceId ?? '';
  let opened = false;
  let problem = 'no connection';
  const link = links.keep(
    replica,
    id,
    (stream) => {
      opened = true;
      session.openLink(peer, stream);
    },
    (reason) => {
      problem = reason;
    },
  );
  const timer = clock.after(LINK_TIMEOUT_MS, () => {
    if (!opened) lost.tell(new Fault('LINK-UNREACHABLE', { host: replica.name, reason: problem }));
  });
  try {
    const result = await Promise.race([session.call({ name: 'diff', peer, ignoreSame }), lost.told]);
    return result as DiffResult;
  } finally {
    timer.cancel();
    link.stop();
  }
}

/** A comparison that cannot go on. */
class Lost {
  tell: (fault: Fault) => void = () => {};
  readonly told: Promise<never>;

  constructor() {
    this.told = new Promise((_resolve, reject) => {
      this.tell = reject;
    });
    // Whoever races for it hears of it; before that there is nobody.
    this.told.catch(() => undefined);
  }
}

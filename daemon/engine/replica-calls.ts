/** What the main thread asks of a Replica's engine. */
import { FAULTS, Fault } from '../../shared/faults.ts';
import type { ParkedAnswer } from '../../shared/results.ts';
import type { JournalFigures } from '../../shared/rewind.ts';
import { setBookmark } from '../apply/bookmark.ts';
import type { Standby } from '../apply/standby.ts';
import { NO_JOURNAL } from '../journal/figures.ts';
import type { Clock } from '../ports.ts';
import type { EngineCall, RehearsalHold } from './engine-protocol.ts';

export interface ReplicaCallPorts {
  readonly clock: Clock;
  readonly scenarioName: string;
  readonly standby: Standby;
  readonly onEvent: (code: string, details: Readonly<Record<string, string | number>>) => void;
  /** Absent: no history is kept. */
  readonly journal?: { figures(): JournalFigures } | undefined;
}

const EXAMPLES = 3;

/** Throws what is refused: most calls are for the Master. */
export function answerReplicaCall(call: EngineCall, ports: ReplicaCallPorts): unknown {
  if (call.name === 'parked') return parked(call.action, ports);
  if (call.name === 'journal') return ports.journal?.figures() ?? NO_JOURNAL;
  if (call.name === 'bookmark') return setBookmark(ports.standby, call.seq, call.text);
  if (call.name === 'rehearse') return rehearse(call.on, ports);
  if (call.name === 'rewind' || call.name === 'rewind-plan' || call.name === 'history-forget') {
    const reason = 'stop it first: data is only set back while nothing is replicated';
    throw new Fault('SCENARIO-STATE', { name: ports.scenarioName, state: 'running', reason });
  }
  const reason = `${call.name} is for the Master`;
  throw new Fault('SCENARIO-STATE', { name: ports.scenarioName, state: 'a Replica here', reason });
}

/** A test needs a whole copy, and one that stays as it is. */
function rehearse(on: boolean, { standby, scenarioName }: ReplicaCallPorts): RehearsalHold {
  const { gate, applier } = standby;
  gate.rehearsing = on;
  const position = standby.applied;
  if (on && position === undefined) {
    gate.rehearsing = false;
    const reason = 'there is no complete copy to test';
    throw new Fault('SCENARIO-STATE', { name: scenarioName, state: 'synchronizing', reason });
  }
  // The gate stands from the next look of the engine on; a file in use may keep it from having done everything before.
  const closed = on && gate.end !== Number.POSITIVE_INFINITY && applier.heldFor === undefined;
  const still = closed && applier.idle && standby.checkpoint();
  return { still, position: position ?? { generation: '', seq: 0 } };
}

function parked(action: 'list' | 'retry' | 'drop', { standby, clock, onEvent }: ReplicaCallPorts): ParkedAnswer {
  const { parked } = standby;
  const untilBoot = clock.wallMs() - clock.bootMs();
  const items = parked.list().map(({ root, path, code, reason, attempts, askAtMs }) => ({
    root,
    path,
    code,
    reason,
    hint: hintOf(code),
    attempts,
    nextAttemptAt: Math.round(untilBoot + askAtMs),
  }));
  if (action === 'retry') parked.retryNow(clock.bootMs());
  if (action === 'drop' && items.length > 0) {
    onEvent('APL-005', { count: items.length, paths: parked.examples(EXAMPLES).join(', ') });
    standby.dropParked();
  }
  return { items, dropped: parked.dropped };
}

function hintOf(code: string): string {
  if (Object.hasOwn(FAULTS, code)) return FAULTS[code as keyof typeof FAULTS].hint;
  return 'The Master was asked to send it again; nothing has to be done.';
}

/**
 * Our own witness: any daemon on a third host. It keeps one register for each scenario that asks it, durable before an answer leaves;
 * the rest is `machine.ts`. The two hosts that the first question names are the only ones it ever answers for that scenario.
 */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { Clock, StateFile } from '../ports.ts';
import { recordParts } from '../role/record.ts';
import type { CommandHandlers, Session } from '../services.ts';
import {
  newRegister,
  type Register,
  startRegister,
  stepWitness,
  type WitnessRequest,
  type WitnessSetup,
} from './machine.ts';

/** Whoever is paired may ask; nobody may fill the disk. */
const REGISTERS_LIMIT = 2_000;

const { epoch, whole } = recordParts;
const request = z.discriminatedUnion('type', [
  z.object({ type: z.literal('renew'), epoch }).strict(),
  z.object({ type: z.literal('transfer'), to: epoch, by: z.string().max(200) }).strict(),
  z.object({ type: z.literal('request'), host: z.string().max(200), above: whole }).strict(),
  z.object({ type: z.literal('force'), epoch }).strict(),
]);

const stored = z
  .object({
    epoch,
    hosts: z.array(z.string().max(200)).length(2),
    leaseMs: whole,
    marginMs: whole,
  })
  .strict();
type Stored = z.output<typeof stored>;

interface Kept {
  readonly file: StateFile;
  register: Register;
  stored: Stored;
}

export interface WitnessParts {
  readonly clock: Clock;
  /** One for each scenario id (32 hex digits). */
  openFile(scenarioId: string): StateFile;
}

export class WitnessService {
  readonly #parts: WitnessParts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  handlers(): CommandHandlers {
    return {
      'witness.look': () => ({ registers: this.#kept.size }),
      'witness.ask': ({ scenarioId, hosts, leaseMs, marginMs, question }, session) => {
        const parsed = request.safeParse(question);
        if (!parsed.success) throw new Fault('LINK-REFUSED', { reason: 'its question to the witness cannot be read' });
        return this.#answer(scenarioId, { hosts, leaseMs, marginMs }, parsed.data as WitnessRequest, session);
      },
    };
  }

  #answer(scenarioId: string, asked: Omit<Stored, 'epoch'>, question: WitnessRequest, session: Session) {
    const kept = this.#kept.get(scenarioId) ?? this.#open(scenarioId, asked, session);
    refuseStranger(kept.stored.hosts, question, session);
    const now = this.#parts.clock.bootMs();
    // The longest lease that either host counts on: a shorter one here would let two be active.
    const leaseMs = Math.max(kept.stored.leaseMs, asked.leaseMs);
    const marginMs = Math.max(kept.stored.marginMs, asked.marginMs);
    const { register, answer } = stepWitness(kept.register, question, { leaseMs, marginMs }, now);
    const next: Stored = { ...kept.stored, epoch: register.kept, leaseMs, marginMs };
    if (JSON.stringify(next) !== JSON.stringify(kept.stored)) {
      kept.file.save(new TextEncoder().encode(JSON.stringify(next)));
      kept.stored = next;
    }
    kept.register = register;
    return answer;
  }

  #open(scenarioId: string, asked: Omit<Stored, 'epoch'>, session: Session): Kept {
    if (this.#kept.size >= REGISTERS_LIMIT) throw new Fault('LINK-REFUSED', { reason: 'this witness has no room' });
    const file = this.#parts.openFile(scenarioId);
    const now = this.#parts.clock.bootMs();
    const found = load(file);
    const setup: WitnessSetup = found === 'new' || found === 'lost' ? asked : found;
    const made: Kept = {
      file,
      stored: found === 'new' || found === 'lost' ? { ...asked, epoch: newRegister.kept } : found,
      // Of a lost register nobody knows who holds it: a whole lease is waited, like after every start.
      register:
        found === 'new' ? newRegister : startRegister(found === 'lost' ? newRegister.kept : found.epoch, setup, now),
    };
    if (!made.stored.hosts.includes(session.deviceId)) throw stranger(session);
    this.#kept.set(scenarioId, made);
    return made;
  }
}

function load(file: StateFile): Stored | 'new' | 'lost' {
  try {
    const bytes = file.load();
    if (bytes === undefined) return 'new';
    const parsed = stored.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.data : 'lost';
  } catch (error) {
    if (error instanceof Fault && error.code !== 'STATE-DAMAGED') throw error;
    return 'lost';
  }
}

/** Nobody speaks for the other host. */
function refuseStranger(hosts: readonly string[], question: WitnessRequest, session: Session): void {
  if (!hosts.includes(session.deviceId)) throw stranger(session);
  const own = { renew: 'epoch', force: 'epoch' } as const;
  const speaker =
    question.type === 'transfer'
      ? question.by
      : question.type === 'request'
        ? question.host
        : question[own[question.type]].holder;
  if (speaker !== session.deviceId) throw stranger(session);
}

function stranger(session: Session): Fault {
  return new Fault('ACCESS-DENIED', { role: session.role, command: 'take part in this scenario at the witness' });
}

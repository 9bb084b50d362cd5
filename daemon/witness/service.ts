/**
 * Our own witness: any daemon on a third host. It keeps one register for each scenario that asks it, durable before an answer leaves;
 * the rest is `machine.ts`. The two hosts that the first question names are the only ones it ever answers for that scenario.
 */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import { NO_EPOCH } from '../../shared/role.ts';
import type { Clock, StateFile } from '../ports.ts';
import { recordParts } from '../role/record.ts';
import type { CommandHandlers, Session } from '../services.ts';
import { isFull } from '../store/role-record.ts';
import { lostRegister, type Register, startRegister, stepWitness, type WitnessRequest } from './machine.ts';

/** Whoever is paired may ask; nobody may fill the disk. */
const REGISTERS_LIMIT = 2_000;

const { epoch, whole } = recordParts;
const request = z.discriminatedUnion('type', [
  z.object({ type: z.literal('renew'), epoch, held: z.literal(true).optional() }).strict(),
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
  /** It could not be saved: what is on the disk is unknown until a restart (D12). */
  failed?: unknown;
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
    if (kept.failed !== undefined) throw kept.failed;
    refuseStranger(kept.stored.hosts, question, session);
    const now = this.#parts.clock.bootMs();
    // The longest lease that either host counts on: a shorter one here would let two be active.
    const leaseMs = Math.max(kept.stored.leaseMs, asked.leaseMs);
    const marginMs = Math.max(kept.stored.marginMs, asked.marginMs);
    const { register, answer } = stepWitness(kept.register, question, { leaseMs, marginMs }, now);
    const next: Stored = { ...kept.stored, epoch: register.kept, leaseMs, marginMs };
    if (JSON.stringify(next) !== JSON.stringify(kept.stored)) {
      save(kept, next);
    }
    kept.register = register;
    return answer;
  }

  #open(scenarioId: string, asked: Omit<Stored, 'epoch'>, session: Session): Kept {
    if (this.#kept.size >= REGISTERS_LIMIT) throw new Fault('LINK-REFUSED', { reason: 'this witness has no room' });
    const file = this.#parts.openFile(scenarioId);
    const now = this.#parts.clock.bootMs();
    const found = load(file);
    const made: Kept = {
      file,
      stored: found === undefined ? { ...asked, epoch: NO_EPOCH } : found,
      register: found === undefined ? lostRegister(asked, now) : startRegister(found.epoch, found, now),
    };
    if (!made.stored.hosts.includes(session.deviceId)) throw stranger(session);
    this.#kept.set(scenarioId, made);
    return made;
  }
}

/** Durable when it returns. After a failure nothing is answered, except when there was no room: the old one is there, whole. */
function save(kept: Kept, next: Stored): void {
  try {
    kept.file.save(new TextEncoder().encode(JSON.stringify(next)));
    kept.stored = next;
  } catch (error) {
    if (!isFull(error)) kept.failed = error;
    throw error;
  }
}

/** undefined: there is none, or it cannot be read; which of the two is the same to whoever asks. */
function load(file: StateFile): Stored | undefined {
  try {
    const bytes = file.load();
    if (bytes === undefined) return undefined;
    const parsed = stored.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof Fault && error.code !== 'STATE-DAMAGED') throw error;
    return undefined;
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

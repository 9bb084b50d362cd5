/**
 * From a request to its reply: shape, rate, role, arguments, audit, handler, in this order; everything a session sends ends
 * here or is refused with a fault code. A changing request that is repeated with the same id is answered from memory.
 */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { COMMANDS, type CommandName, isChanging, mayUse } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { Reply } from '../../shared/protocol/console.ts';
import { type RequestEnvelope, requestEnvelope } from '../../shared/protocol/console-request.ts';
import type { Audit } from '../access/audit.ts';
import { RateLimiter } from '../access/rate-limit.ts';
import type { Clock } from '../ports.ts';
import type { CommandHandlers, Session } from '../services.ts';

/** Requests of one session. */
const REQUEST_RATE = { burst: 200, perSecond: 50 };
const IN_FLIGHT_LIMIT = 32;
/** Answers kept, of all devices together, and for how long. */
const ANSWER_LIMIT = 2_000;
const ANSWER_KEPT_MS = 60_000;

export interface DispatcherOptions {
  readonly handlers: CommandHandlers;
  readonly audit: Pick<Audit, 'begin' | 'finished'>;
  readonly clock: Clock;
  /** Faults that are defects, with their cause. */
  readonly onDefect: (command: string, fault: Fault) => void;
}

interface Remembered {
  readonly content: string;
  readonly reply: Promise<Reply>;
  /** Boot clock; undefined while it runs. */
  endsAtMs: number | undefined;
}

export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly rate: RateLimiter;
  private readonly inFlight = new Map<string, number>();
  private readonly remembered = new Map<string, Remembered>();

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.rate = new RateLimiter(options.clock, REQUEST_RATE);
  }

  /** Never rejects. `connection` names the connection for its limits. */
  async dispatch(session: Session, connection: string, payload: unknown): Promise<Reply> {
    try {
      if (!this.rate.take(connection)) throw new Fault('ACCESS-RATE');
      const envelope = parseEnvelope(payload);
      const command = commandOf(envelope);
      if (!mayUse(session.role, command)) throw new Fault('ACCESS-DENIED', { role: session.role, command });
      const args = parseArgs(command, envelope.args);
      return await this.once(session, envelope, command, () => this.limited(connection, session, envelope, args));
    } catch (error) {
      return this.refusal('', error);
    }
  }

  /** A repeated changing request gets the answer of the first one, also while that still runs. */
  private once(
    session: Session,
    envelope: RequestEnvelope,
    command: CommandName,
    run: () => Promise<Reply>,
  ): Promise<Reply> {
    if (!isChanging(command)) return run();
    this.forgetOld();
    const key = `${session.deviceId} ${envelope.id}`;
    const content = createHash('sha256')
      .update(`${command} ${JSON.stringify(envelope.args)}`)
      .digest('hex');
    const known = this.remembered.get(key);
    if (known !== undefined) {
      if (known.content !== content) throw invalid(command, 'its id belongs to another request');
      return known.reply;
    }
    if (this.remembered.size >= ANSWER_LIMIT) throw new Fault('ACCESS-RATE');
    const entry: Remembered = { content, reply: run(), endsAtMs: undefined };
    this.remembered.set(key, entry);
    entry.reply.finally(() => {
      entry.endsAtMs = this.options.clock.bootMs() + ANSWER_KEPT_MS;
    });
    return entry.reply;
  }

  private async limited(
    connection: string,
    session: Session,
    envelope: RequestEnvelope,
    args: unknown,
  ): Promise<Reply> {
    const running = this.inFlight.get(connection) ?? 0;
    if (running >= IN_FLIGHT_LIMIT) return this.refusal('', new Fault('ACCESS-RATE'));
    this.inFlight.set(connection, running + 1);
    try {
      return await this.run(session, envelope, args);
    } finally {
      const left = (this.inFlight.get(connection) ?? 1) - 1;
      if (left > 0) this.inFlight.set(connection, left);
      else this.inFlight.delete(connection);
    }
  }

  private async run(session: Session, envelope: RequestEnvelope, args: unknown): Promise<Reply> {
    const command = envelope.command as CommandName;
    const { audit, handlers } = this.options;
    const handle = handlers[command] as ((args: unknown, session: Session) => unknown) | undefined;
    if (handle === undefined) return this.refusal(command, new Fault('COMMAND-UNKNOWN', { command }));
    let line: number | undefined;
    try {
      line = isChanging(command) ? audit.begin(session, command, envelope.id, args) : undefined;
      const result = await handle(args, session);
      this.finish(line, 'ok');
      return { ok: true, result };
    } catch (error) {
      const reply = this.refusal(command, error);
      this.finish(line, reply.ok ? 'ok' : reply.fault.code);
      return reply;
    }
  }

  /** The outcome could not be noted: the command has happened all the same, so its answer stands. */
  private finish(line: number | undefined, outcome: string): void {
    if (line === undefined) return;
    try {
      this.options.audit.finished(line, outcome);
    } catch (error) {
      this.options.onDefect('audit', Fault.from(error));
    }
  }

  private refusal(command: string, error: unknown): Reply {
    const fault = Fault.from(error);
    if (fault.code === 'INTERNAL') this.options.onDefect(command, fault);
    return { ok: false, fault: fault.toDocument() };
  }

  private forgetOld(): void {
    const now = this.options.clock.bootMs();
    for (const [key, { endsAtMs }] of this.remembered) {
      if (endsAtMs !== undefined && endsAtMs <= now) this.remembered.delete(key);
      else if (endsAtMs !== undefined) break;
    }
  }
}

function parseEnvelope(payload: unknown): RequestEnvelope {
  const parsed = requestEnvelope.safeParse(payload);
  if (!parsed.success) throw invalid('request', describe(parsed.error));
  return parsed.data;
}

function commandOf(envelope: RequestEnvelope): CommandName {
  if (!Object.hasOwn(COMMANDS, envelope.command)) throw new Fault('COMMAND-UNKNOWN', { command: envelope.command });
  return envelope.command as CommandName;
}

function parseArgs(command: CommandName, args: unknown): unknown {
  const parsed = COMMANDS[command].args.safeParse(args ?? {});
  if (!parsed.success) throw invalid(command, describe(parsed.error));
  return parsed.data;
}

function invalid(command: string, reason: string): Fault {
  return new Fault('COMMAND-INVALID', { command, reason });
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'not valid'}`;
}

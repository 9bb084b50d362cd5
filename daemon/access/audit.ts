/**
 * The audit log: one JSON line for each changing command before it runs and one for its outcome, each holding the hash of
 * the line before, so that a removed or edited line shows. A command whose first line cannot be written does not run.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CommandName } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { Session } from '../services.ts';

/** An append-only text file; `append` returns when the bytes are durable. */
export interface AuditFile {
  read(): string;
  append(text: string): void;
  truncate(sizeBytes: number): void;
}

const auditLine = z.object({
  n: z.number().int(),
  at: z.number(),
  prev: z.string(),
  entry: z.record(z.string(), z.unknown()),
  hash: z.string(),
});
type AuditLine = z.infer<typeof auditLine>;

const FIRST_HASH = '0'.repeat(64);
const MAX_TEXT = 200;
const MAX_DEPTH = 4;
const SECRET_KEY = /secret|password|token|invite|key$/i;

function hashOf(line: Omit<AuditLine, 'hash'>): string {
  return createHash('sha256')
    .update(`${line.n}\n${line.at}\n${line.prev}\n${JSON.stringify(line.entry)}`)
    .digest('hex');
}

export interface ChainCheck {
  readonly lines: number;
  /** Number of the first line that is damaged or does not follow from the one before; undefined when all do. */
  readonly brokenAt?: number;
  readonly lastHash: string;
  readonly lastN: number;
  /** Bytes of the file up to the last whole line. */
  readonly wholeBytes: number;
}

/** Walks the whole chain. A last line without its newline is torn, not broken: it was never acknowledged. */
export function checkChain(text: string): ChainCheck {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  let last = { n: 0, hash: FIRST_HASH };
  let brokenAt: number | undefined;
  const lines = whole.split('\n').slice(0, -1);
  for (const [index, json] of lines.entries()) {
    const line = parseLine(json);
    const follows =
      line !== undefined && line.n === last.n + 1 && line.prev === last.hash && line.hash === hashOf(line);
    if (!follows) brokenAt ??= index + 1;
    if (line !== undefined) last = line;
  }
  return {
    lines: lines.length,
    ...(brokenAt === undefined ? {} : { brokenAt }),
    lastHash: last.hash,
    lastN: last.n,
    wholeBytes: Buffer.byteLength(whole),
  };
}

function parseLine(json: string): AuditLine | undefined {
  try {
    return auditLine.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

export class Audit {
  private readonly file: AuditFile;
  private readonly clock: Clock;
  private n: number;
  private prev: string;
  /** Set when the chain was broken at the start; the log goes on after it. */
  readonly brokenAt: number | undefined;

  constructor(file: AuditFile, clock: Clock) {
    this.file = file;
    this.clock = clock;
    const text = file.read();
    const check = checkChain(text);
    this.n = check.lastN;
    this.prev = check.lastHash;
    this.brokenAt = check.brokenAt;
    const tornBytes = Buffer.byteLength(text) - check.wholeBytes;
    if (tornBytes > 0) {
      file.truncate(check.wholeBytes);
      this.write({ kind: 'recovered', tornBytes });
    }
  }

  /** Before a changing command runs; throws `AUDIT-FAILED`, and then it must not run. Returns the line's number for `finished`. */
  begin(session: Session, command: CommandName, requestId: string, args: unknown): number {
    const { deviceId, deviceName, role, address } = session;
    return this.write({ kind: 'command', command, requestId, deviceId, deviceName, role, address, args: redact(args) });
  }

  /** The outcome of line `of`: `ok` or a fault code. */
  finished(of: number, outcome: string): void {
    this.write({ kind: 'outcome', of, outcome });
  }

  /** Something that changed access without a command, such as a device that paired. */
  note(entry: Readonly<Record<string, string>>): void {
    this.write({ kind: 'note', ...entry });
  }

  private write(entry: Record<string, unknown>): number {
    const unsigned = { n: this.n + 1, at: this.clock.wallMs(), prev: this.prev, entry };
    const hash = hashOf(unsigned);
    try {
      this.file.append(`${JSON.stringify({ ...unsigned, hash })}\n`);
    } catch (error) {
      throw new Fault('AUDIT-FAILED', { reason: error instanceof Error ? error.message : String(error) }, error);
    }
    this.n = unsigned.n;
    this.prev = hash;
    return this.n;
  }
}

/** Arguments as they may be kept: without secrets, long texts cut, deep structures left out. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string')
    return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}… (${value.length})` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, 20).map((one) => redact(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 50)
      .map(([key, one]) => [key, SECRET_KEY.test(key) ? '[redacted]' : redact(one, depth + 1)]),
  );
}

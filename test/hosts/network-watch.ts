/** Who watches a network of machines: a client that requests all the time, and an auditor of the gates. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Answer, acknowledged, type ClientSummary, summarize, writtenText } from './client-record.ts';
import type { AuditorOptions, AuditReport } from './gate-auditor.ts';
import { LineProgram } from './line-program.ts';
import type { Lan } from './namespace-rig.ts';
import { delay, eventually } from './rig.ts';
import type { ClientCommand, ClientOptions } from './web-client.ts';

const CLIENT = fileURLToPath(new URL('./web-client.js', import.meta.url));
const AUDITOR = fileURLToPath(new URL('./gate-auditor.js', import.meta.url));

const LOOK_BEFORE_MS = 200;
const LOOK_AFTER_MS = 700;

export class WebClient {
  private readonly program: LineProgram<ClientCommand>;

  constructor(lan: Lan, machine: string, options: ClientOptions) {
    this.program = new LineProgram([...lan.within(machine), process.execPath, CLIENT, JSON.stringify(options)]);
  }

  /** Milliseconds of the clock that all times of it are in. */
  async now(): Promise<number> {
    return (await this.program.tell({ do: 'now' })) as number;
  }

  /** From that moment until now. */
  async summary(sinceMs: number): Promise<ClientSummary> {
    const answers = (await this.program.tell({ do: 'answers', sinceMs })) as Answer[];
    return summarize(answers, { fromMs: sinceMs, toMs: await this.now() });
  }

  /** Resolves when `machine` is the one that answers. */
  answeredBy(machine: string, timeoutMs = 20_000): Promise<true> {
    return eventually(`${machine} answers the client`, timeoutMs, async () => {
      const { answeredBy } = await this.summary((await this.now()) - 500);
      return answeredBy.at(-1) === machine ? true : undefined;
    });
  }

  /**
   * Longest gap while `move` makes another machine answer, milliseconds; looks on for a while after that, or an address that goes to
   * and fro would look better than it was.
   */
  async gapUntil(machine: string, move: () => Promise<void> | void): Promise<number> {
    const sinceMs = (await this.now()) - LOOK_BEFORE_MS;
    await move();
    await this.answeredBy(machine);
    await delay(LOOK_AFTER_MS);
    const { longestGapMs, answeredBy } = await this.summary(sinceMs);
    if (answeredBy.at(-1) !== machine) throw new Error(`answered by ${answeredBy.join(', then ')}`);
    return longestGapMs;
  }

  /** Asks and writes nothing any more. */
  async rest(): Promise<void> {
    await this.program.tell({ do: 'rest' });
  }

  /** The acknowledged writes that `root` does not hold as they were sent. */
  async missingWrites(root: string): Promise<{ readonly acknowledged: number; readonly missing: readonly Answer[] }> {
    const writes = acknowledged((await this.program.tell({ do: 'writes', sinceMs: 0 })) as Answer[]);
    return { acknowledged: writes.length, missing: writes.filter(({ number = -1 }) => !holdsWrite(root, number)) };
  }

  stop(): Promise<void> {
    return this.program.kill();
  }
}

function holdsWrite(root: string, number: number): boolean {
  try {
    return readFileSync(join(root, 'written', String(number)), 'utf8') === writtenText(number);
  } catch {
    return false;
  }
}

export class GateAuditor {
  private readonly program: LineProgram<{ readonly do: 'report' }>;

  constructor(lan: Lan, machine: string, options: AuditorOptions) {
    this.program = new LineProgram([...lan.within(machine), process.execPath, AUDITOR, JSON.stringify(options)]);
  }

  async report(): Promise<AuditReport> {
    return (await this.program.tell({ do: 'report' })) as AuditReport;
  }

  stop(): Promise<void> {
    return this.program.kill();
  }
}

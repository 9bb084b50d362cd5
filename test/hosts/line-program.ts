/** A program beside the test that is spoken to in lines of JSON: each command is answered by one line, `{value}` or `{fault}`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FaultDocument } from '../../shared/faults.ts';
import { Fault } from '../../shared/faults.ts';

export class LineProgram<Command> {
  private readonly child: ChildProcess;
  private readonly waiting: ((line: string | undefined) => void)[] = [];
  private readonly ended: Promise<void>;

  constructor(command: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command[0]!, command.slice(1), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', () => {
        for (const answered of this.waiting.splice(0)) answered(undefined);
        resolve();
      });
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.waiting.shift()?.(line));
  }

  /** The value, or the fault, which is never thrown here. */
  async ask(command: Command): Promise<{ readonly value?: unknown; readonly fault?: FaultDocument }> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error('the program has ended');
    const line = await new Promise<string | undefined>((resolve) => {
      this.waiting.push(resolve);
      this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    });
    if (line === undefined) throw new Error(`the program ended with ${this.child.exitCode ?? this.child.signalCode}`);
    return JSON.parse(line) as { value?: unknown; fault?: FaultDocument };
  }

  /** The value; a fault is an error. */
  async tell(command: Command): Promise<unknown> {
    const { value, fault } = await this.ask(command);
    if (fault !== undefined) throw new Error(fault.text);
    return value;
  }

  pause(): void {
    this.child.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** The other side: answers each line of the standard input by what `run` gives for it, and ends with the input. */
export async function answerLines<Command>(run: (command: Command) => unknown): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await Promise.resolve()
      .then(() => run(JSON.parse(line) as Command))
      .then(
        (value) => ({ value: value ?? null }),
        (error) => ({ fault: Fault.from(error).toDocument() }),
      );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  return process.exit(0);
}

/** A connection without a network: the test says what the daemon says, and answers what the console asks. */
import type { CommandName } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { ConnectionNews, ConsoleHost, HostConnection } from '../../tui/connection.ts';

export type Answer = (command: CommandName, args: Readonly<Record<string, unknown>>) => unknown;

export class FakeConnection implements HostConnection {
  readonly host: ConsoleHost;
  readonly asked: { readonly command: CommandName; readonly args: unknown }[] = [];
  answer: Answer = (command) => (command === 'events.query' ? { events: [] } : {});
  /** Called at the first subscription: what connecting does. */
  onConnect: (connection: FakeConnection) => void = () => {};
  closed = false;
  #listeners = new Set<(news: ConnectionNews) => void>();

  constructor(name: string, address = `${name}.example.net:7780`) {
    this.host = { name, address };
  }

  subscribe(onNews: (news: ConnectionNews) => void): () => void {
    const first = this.#listeners.size === 0;
    this.#listeners.add(onNews);
    if (first) this.onConnect(this);
    return () => this.#listeners.delete(onNews);
  }

  async request(command: CommandName, args: unknown): Promise<unknown> {
    this.asked.push({ command, args });
    return this.answer(command, args as Readonly<Record<string, unknown>>);
  }

  say(news: ConnectionNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  goDown(reason = 'connection refused'): void {
    this.say({ type: 'down', fault: new Fault('LINK-UNREACHABLE', { host: this.host.name, reason }).toDocument() });
  }

  close(): void {
    this.closed = true;
  }
}

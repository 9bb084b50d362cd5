/** What arrived from the Master and waits for its turn, in the order it came; orders to hold apply may be taken before it. */
import type { ControlMessage } from '../../shared/protocol/wire.ts';
import type { DataFrameType } from '../link/session.ts';

export type Incoming =
  | { readonly kind: 'control'; readonly message: ControlMessage }
  | { readonly kind: 'frame'; readonly type: DataFrameType; readonly payload: Uint8Array };

type HoldOrder = Extract<ControlMessage, { kind: 'hold' }>;

export class IncomingQueue {
  private items: Incoming[] = [];
  private at = 0;
  /** Orders among those that wait. */
  private orders = 0;

  get head(): Incoming | undefined {
    return this.items[this.at];
  }

  push(item: Incoming): void {
    this.items.push(item);
    if (orderOf(item) !== undefined) this.orders += 1;
  }

  /** The head is done with. */
  advance(): void {
    const { head } = this;
    if (head !== undefined && orderOf(head) !== undefined) this.orders -= 1;
    this.at += 1;
    if (this.at >= this.items.length) this.clear();
  }

  /**
   * All orders that wait. They are about what is applied from now on, and what is before them may wait for just these: a full
   * spool empties only when apply goes on.
   */
  takeOrders(): readonly HoldOrder[] {
    if (this.orders === 0) return [];
    const waiting = this.items.slice(this.at);
    this.clear();
    for (const item of waiting) if (orderOf(item) === undefined) this.items.push(item);
    return waiting.flatMap((item) => orderOf(item) ?? []);
  }

  clear(): void {
    this.items = [];
    this.at = 0;
    this.orders = 0;
  }
}

function orderOf(item: Incoming): HoldOrder | undefined {
  return item.kind === 'control' && item.message.kind === 'hold' ? item.message : undefined;
}

/**
 * Names of what was sent, for the detailed Replication Report. Bounded: naming every change of a busy host would cost more
 * than replicating it. What is not named is counted.
 */

import type { EngineNotice, SentFile } from '../engine/engine-protocol.ts';
import type { Clock } from '../ports.ts';

/** Names told at once, and again as many in each hour. */
const NAMES = 10_000;
const HOUR_MS = 3_600_000;
/** Names in one notice: the main thread writes them down before it does anything else. */
const LOT = 1_000;
const TELL_MS = 1_000;

export class SentFiles {
  private readonly clock: Clock;
  private readonly notify: (notice: EngineNotice) => void;
  private readonly waiting = new Map<string, { peer: string; file: SentFile }>();
  private readonly unnamed = new Map<string, number>();
  private credit = NAMES;
  private creditAtMs: number;
  private toldMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, notify: (notice: EngineNotice) => void) {
    this.clock = clock;
    this.notify = notify;
    this.creditAtMs = clock.bootMs();
  }

  /** `bytes`: size of the file; 0 for what has no content. */
  note(peer: string, { root, path, kind }: Pick<SentFile, 'root' | 'path' | 'kind'>, bytes: number): void {
    const key = `${peer}\u0000${root}\u0000${path}`;
    const known = this.waiting.get(key);
    if (known === undefined && this.credit < 1) {
      this.unnamed.set(peer, (this.unnamed.get(peer) ?? 0) + 1);
      return;
    }
    if (known === undefined) this.credit -= 1;
    const changes = (known?.file.changes ?? 0) + 1;
    this.waiting.set(key, { peer, file: { root, path, kind, bytes, changes } });
  }

  /** Called in each turn. */
  step(): void {
    const nowMs = this.clock.bootMs();
    if (nowMs - this.toldMs < TELL_MS) return;
    this.credit = Math.min(NAMES, this.credit + ((nowMs - this.creditAtMs) / HOUR_MS) * NAMES);
    this.creditAtMs = nowMs;
    if (this.tell(LOT)) this.toldMs = nowMs;
  }

  /** The engine stops. */
  end(): void {
    this.tell(Number.POSITIVE_INFINITY);
  }

  private tell(limit: number): boolean {
    const lots = new Map<string, SentFile[]>();
    for (const peer of this.unnamed.keys()) lots.set(peer, []);
    let count = 0;
    for (const [key, { peer, file }] of this.waiting) {
      if (count >= limit) break;
      count += 1;
      this.waiting.delete(key);
      const lot = lots.get(peer);
      if (lot === undefined) lots.set(peer, [file]);
      else lot.push(file);
    }
    for (const [peer, files] of lots) this.notify({ type: 'sent', peer, files, unnamed: this.unnamed.get(peer) ?? 0 });
    this.unnamed.clear();
    return lots.size > 0;
  }
}

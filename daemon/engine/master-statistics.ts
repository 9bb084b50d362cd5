/** Counts since the engine started, over all sessions of all Replicas. */
import type { ScenarioStatistics, SyncProgress } from '../../shared/status.ts';
import type { Clock } from '../ports.ts';
import type { MasterSync } from '../sync/master.ts';
import type { EngineStatus } from './engine-protocol.ts';
import type { MasterPeer } from './master-peer.ts';

const SPAN_MS = 1_000;

interface Sent {
  changes: number;
  bytes: number;
  wireBytes: number;
}

export class MasterStatistics {
  private synchronizedFiles = 0;
  private synchronizedBytes = 0;
  private readonly ended: Sent = { changes: 0, bytes: 0, wireBytes: 0 };
  private readonly running = new Map<string, Sent>();
  private samples: { readonly atMs: number; readonly changes: number; readonly bytes: number }[];

  constructor(clock: Clock) {
    this.samples = [{ atMs: clock.bootMs(), changes: 0, bytes: 0 }];
  }

  synchronized(sync: MasterSync): void {
    this.synchronizedFiles += sync.sentFiles;
    this.synchronizedBytes += sync.sentBytes;
  }

  count(peer: MasterPeer): void {
    if (!peer.connected) return;
    const { sentChanges: changes, sentBytes: bytes, wireBytes } = peer;
    this.running.set(peer.id, { changes, bytes, wireBytes });
  }

  sessionEnded(peer: string): void {
    const sent = this.running.get(peer);
    this.running.delete(peer);
    this.ended.changes += sent?.changes ?? 0;
    this.ended.bytes += sent?.bytes ?? 0;
    this.ended.wireBytes += sent?.wireBytes ?? 0;
  }

  figures(nowMs: number, sync: SyncProgress | undefined): ScenarioStatistics {
    let { changes, bytes, wireBytes } = this.ended;
    for (const sent of this.running.values()) {
      changes += sent.changes;
      bytes += sent.bytes;
      wireBytes += sent.wireBytes;
    }
    const first = this.sample(nowMs, changes, bytes);
    const seconds = Math.max(0.1, (nowMs - first.atMs) / 1000);
    const liveRate = (bytes - first.bytes) / seconds;
    return {
      synchronizedFiles: this.synchronizedFiles + (sync?.sentFiles ?? 0),
      synchronizedBytes: this.synchronizedBytes + (sync?.sentBytes ?? 0),
      replicatedChanges: changes,
      replicatedBytes: bytes,
      wireBytes,
      bytesPerSecond: Math.round(liveRate + (sync?.bytesPerSecond ?? 0)),
      changesPerSecond: Math.round((changes - first.changes) / seconds),
    };
  }

  /** The sample a second ago. */
  private sample(nowMs: number, changes: number, bytes: number): { atMs: number; changes: number; bytes: number } {
    this.samples.push({ atMs: nowMs, changes, bytes });
    while (this.samples.length > 2 && nowMs - this.samples[1]!.atMs >= SPAN_MS) this.samples.shift();
    return this.samples[0]!;
  }
}

/** `held`: why nothing is captured now. */
export function masterPhase(held: string | undefined, synchronizing: boolean, indexed: boolean): EngineStatus['phase'] {
  if (held !== undefined) return 'held';
  if (synchronizing) return 'synchronizing';
  return indexed ? 'live' : 'idle';
}

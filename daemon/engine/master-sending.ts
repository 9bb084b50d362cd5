/** When and how fast the Replicas are sent what was captured (replication mode, bandwidth), and what that was. */
import { Bandwidth, type SendLimit } from '../link/bandwidth.ts';
import { SentFiles } from '../spool/sent-files.ts';
import type { EngineCall, EngineConfig, EngineNotice } from './engine-protocol.ts';
import { type GatePorts, SendGate } from './send-gate.ts';

type SendingCall = Extract<EngineCall, { name: 'bandwidth' | 'release' }>;

export class MasterSending {
  private readonly gate: SendGate;
  private readonly bandwidth: Bandwidth;
  readonly files: SentFiles;

  constructor(
    { schedule, bandwidth }: Pick<EngineConfig, 'schedule' | 'bandwidth'>,
    ports: GatePorts & { readonly notify: (notice: EngineNotice) => void },
  ) {
    this.files = new SentFiles(ports.clock, ports.notify);
    this.gate = new SendGate(schedule, ports);
    this.bandwidth = new Bandwidth(ports.clock, bandwidth, ports.local);
  }

  /** Changes after this one are kept. */
  get limitSeq(): number {
    return this.gate.limitSeq;
  }

  get nextAt(): number | null | undefined {
    return this.gate.nextAt;
  }

  get compresses(): boolean {
    return this.bandwidth.compresses;
  }

  limitOf(peer: string): SendLimit {
    return this.bandwidth.of(peer);
  }

  /** What was changed during a synchronization goes with it, whatever the schedule says. */
  include(seq: number): void {
    this.gate.include(seq);
  }

  take(call: SendingCall): void {
    if (call.name === 'bandwidth') this.bandwidth.change(call.policy);
    else this.gate.force(call.on);
  }

  /** Called in each turn, outside a transaction. */
  step(): void {
    this.gate.step();
    this.files.step();
  }

  /** `mayStep`: false inside a transaction, which another turn will end. */
  nextDueMs(mayStep: boolean): number {
    return Math.min(mayStep ? this.gate.nextDueMs() : Number.POSITIVE_INFINITY, this.bandwidth.nextDueMs());
  }
}

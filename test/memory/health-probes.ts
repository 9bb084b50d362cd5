/** What Is Alive asks, answered as the test says. */
import type {
  DiskReading,
  HealthProbes,
  ProbeAnswer,
  ServiceReading,
  SiteTarget,
} from '../../daemon/health/contract.ts';

export class FakeProbes implements HealthProbes {
  /** Addresses that do not answer. */
  readonly silent = new Set<string>();
  /** Statuses of sites by host header; absent: 200. */
  readonly statuses = new Map<string, number | 'closed'>();
  /** Services that do not run here. */
  readonly stopped = new Set<string>();
  diskState: DiskReading = { flushedAgeMs: 100 };
  readonly asked: SiteTarget[] = [];

  ping(address: string): Promise<ProbeAnswer> {
    return Promise.resolve(
      this.silent.has(address) ? { outcome: 'failed', detail: 'no answer' } : { outcome: 'passed', detail: '0.1 ms' },
    );
  }

  connect(address: string): Promise<ProbeAnswer> {
    return this.ping(address);
  }

  http(site: SiteTarget): Promise<{ status: number } | { problem: string }> {
    this.asked.push(site);
    const status = this.statuses.get(site.host) ?? 200;
    return Promise.resolve(status === 'closed' ? { problem: 'connect ECONNREFUSED' } : { status });
  }

  services(names: readonly string[]): Promise<ServiceReading[]> {
    return Promise.resolve(
      names.map((name) => ({
        name,
        running: !this.stopped.has(name),
        detail: this.stopped.has(name) ? 'inactive' : 'active',
      })),
    );
  }

  disk(): DiskReading {
    return this.diskState;
  }
}

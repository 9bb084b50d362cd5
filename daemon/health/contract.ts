/** What Is Alive gives to the rest of the daemon: one watch for each scenario, on the host that would take over. */
import type { HealthCheckKind, HealthVerdict } from '../../shared/health.ts';

export interface HealthWatch {
  readonly scenarioId: string;
  /** Now; ages count up to the call. */
  readonly verdict: HealthVerdict;
}

/** Called when state or cause of a verdict changed. */
export type VerdictListener = (watch: HealthWatch) => void;

/** `skipped`: this check cannot be made here; it counts neither way. */
export interface ProbeAnswer {
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly detail: string;
}

/** One thing that is looked at in every round. Never rejects, and answers after `limitMs` at the latest. */
export interface Probe {
  readonly name: string;
  readonly kind: HealthCheckKind;
  /** Not part of the round rule: only shown. */
  readonly shownOnly?: true;
  ask(limitMs: number): Promise<ProbeAnswer>;
}

/** Where and how one site is asked. */
export interface SiteTarget {
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  /** Host header, and the name asked for in TLS. */
  readonly host: string;
  readonly path: string;
}

export interface ServiceReading {
  readonly name: string;
  /** Undefined: it cannot be told, or there is no such service here. */
  readonly running: boolean | undefined;
  readonly detail: string;
}

export interface DiskReading {
  /** Since a write to the disk of the engine's data was last known to have reached it. */
  readonly flushedAgeMs: number;
  /** Of the volumes looked at, the one with the least space. */
  readonly fullest?: { readonly path: string; readonly freeBytes: number; readonly freePercent: number };
  /** Why the last write failed. */
  readonly problem?: string;
}

/** Port: what is asked of networks and of this system (platform/). None of them rejects; all answer within their limit. */
export interface HealthProbes {
  /** ICMP echo. */
  ping(address: string, limitMs: number): Promise<ProbeAnswer>;
  /** TCP connection to `host:port`, for reference addresses with a port. */
  connect(address: string, port: number, limitMs: number): Promise<ProbeAnswer>;
  /** The status it answered with, or why there was none. */
  http(site: SiteTarget, limitMs: number): Promise<{ readonly status: number } | { readonly problem: string }>;
  services(names: readonly string[]): Promise<readonly ServiceReading[]>;
  /** Starts a new look when the last one is old; what is known now. */
  disk(directory: string, volumes: readonly string[]): DiskReading;
}

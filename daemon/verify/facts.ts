/** What verification needs to know of a host, and who finds it out (HostInspector: daemon/platform). */
import { z } from 'zod';

const pathFacts = z.object({
  path: z.string(),
  /** `unknown`: it could not be looked at (`problem` says why). */
  type: z.enum(['directory', 'file', 'other', 'missing', 'unknown']),
  problem: z.string().optional(),
  /** With every symbolic link resolved. */
  realPath: z.string().optional(),
  readable: z.boolean(),
  writable: z.boolean(),
  /** Identity of the volume on that host. */
  volume: z.string().optional(),
  freeBytes: z.number().nonnegative().optional(),
  totalBytes: z.number().nonnegative().optional(),
  /** Names that differ only in case are different files there. */
  caseSensitive: z.boolean(),
  /** What is written there is gone after a restart of the machine. */
  forgets: z.boolean().optional(),
  /** Mount points strictly below it. */
  mounts: z.array(z.string()).max(100),
});
export type PathFacts = z.infer<typeof pathFacts>;

const dataset = z.object({
  entries: z.number().int().nonnegative(),
  /** Absent: sizes were not asked for. */
  bytes: z.number().nonnegative().optional(),
  /** False when counting was cut short: the figures are "at least". */
  complete: z.boolean(),
  /** Paths that differ from another one only in case; at most 20. */
  collisions: z.array(z.string()).max(20),
  /** A few of its names at the top. */
  names: z.array(z.string()).max(5).optional(),
  /** Paths that could not be read; at most 20. */
  unreadable: z.array(z.string()).max(20),
});
export type DatasetFacts = z.infer<typeof dataset>;

const machine = z.object({
  /** The same for two engines on one machine. */
  machine: z.string(),
  platform: z.string(),
  /** The engine may give files to any owner (runs as root); absent: owners mean nothing there. */
  ownsAll: z.boolean().optional(),
  /** Addresses of this host; `dynamic` when a lease of a DHCP server is known for it. */
  addresses: z.array(z.object({ address: z.string(), dynamic: z.boolean() })).max(1_000),
});
export type MachineFacts = z.infer<typeof machine>;

/** The answer of `peer.facts`; checked because it comes from another host. */
export const hostFacts = machine.extend({
  name: z.string(),
  deviceId: z.string(),
  version: z.string(),
  protocol: z.number().int(),
  oldestProtocol: z.number().int(),
  wallMs: z.number(),
  /** Directory of the daemon's state. */
  data: pathFacts,
  /** Directory of the spool; as long as it is `missing`, all but its type is that of the directory it would be made in. */
  spool: pathFacts,
  paths: z.array(pathFacts).max(255),
  /** What is below each of `paths`, in the same order. */
  datasets: z.array(dataset).max(255),
  /** It has been a Replica of this scenario before: what its roots hold came from there. */
  knowsScenario: z.boolean().optional(),
  /** Roots of other scenarios that run on this host. */
  occupied: z.array(z.object({ scenario: z.string(), path: z.string() })).max(10_000),
});
export type HostFacts = z.infer<typeof hostFacts>;

/** Looks at this host; throws nothing, says what it could not find out. */
export interface HostInspector {
  machine(): Promise<MachineFacts>;
  path(path: string): Promise<PathFacts>;
  /** Counts below `path`, without following links, for at most `limitMs`. `sizes`: also bytes, which takes five times as long. */
  dataset(path: string, limitMs: number, sizes: boolean): Promise<DatasetFacts>;
}

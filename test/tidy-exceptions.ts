/** Exceptions from the house rules (test/tidy.test.ts), each with its reason. A path ending in `/` stands for a folder. */
export type Rule =
  | 'direction'
  | 'size'
  | 'default-export'
  | 'platform'
  | 'clock'
  | 'random'
  | 'files'
  | 'sockets'
  | 'processes'
  | 'timers'
  | 'name';

export interface Exception {
  readonly rule: Rule;
  readonly path: string;
  readonly reason: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  { rule: 'default-export', path: 'test/runner/ava-config.ts', reason: 'ava reads the default export' },
  {
    rule: 'direction',
    path: 'daemon/platform/node/host-inspector.ts',
    reason: 'implements the port that verification declares beside its only user',
  },
  { rule: 'size', path: 'shared/commands.ts', reason: 'catalogue' },
  { rule: 'size', path: 'shared/events.ts', reason: 'catalogue' },
  { rule: 'size', path: 'shared/faults.ts', reason: 'catalogue' },
  { rule: 'size', path: 'tui/keys.ts', reason: 'catalogue' },
  { rule: 'platform', path: 'tui/host.ts', reason: "the console's platform file" },
  { rule: 'clock', path: 'tui/host.ts', reason: "the console's platform file" },
  { rule: 'files', path: 'tui/host.ts', reason: "the console's platform file" },
  { rule: 'files', path: 'daemon/store/', reason: 'adapter of the durable documents and tables' },
  { rule: 'files', path: 'tui/cli/adopted.ts', reason: 'adapter: what an engine that does not start has written down' },
  { rule: 'files', path: 'tui/profile.ts', reason: 'adapter: the profile and identity of a person' },
  { rule: 'sockets', path: 'tui/transport.ts', reason: 'adapter: pinned TLS to daemons' },
  { rule: 'sockets', path: 'daemon/console/', reason: 'adapter of the one TLS port and Socket.IO' },
  { rule: 'sockets', path: 'daemon/link/dial.ts', reason: 'adapter of outgoing TLS connections' },
  { rule: 'files', path: 'tui/cli/terminal.ts', reason: 'the command line’s platform file' },
  { rule: 'clock', path: 'tui/cli/terminal.ts', reason: 'the command line’s platform file' },
  {
    rule: 'files',
    path: 'tui/cli/extract-target.ts',
    reason: 'adapter: files taken out of the past, on this computer',
  },
  { rule: 'files', path: 'tui/cli/mainstay.ts', reason: 'composition root: reads its own version' },
  { rule: 'files', path: 'tui/cli/service-host.ts', reason: 'adapter: service control of the operating system' },
  { rule: 'processes', path: 'tui/cli/service-host.ts', reason: 'adapter: service control of the operating system' },
  { rule: 'platform', path: 'tui/cli/service-host.ts', reason: 'adapter: service control of the operating system' },
];

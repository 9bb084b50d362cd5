/** The adapters of a plan, in its order. What the host cannot do is said by `check` of the method, not left out here. */

import type { Clock, Random } from '../ports.ts';
import type { ScriptRunner } from '../rehearsal/scripts.ts';
import type { DocumentStore, EventLog } from '../services.ts';
import { type ComputerName, ComputerNameRedirection } from './computer-name.ts';
import type { ComputerDirectory } from './directory-name.ts';
import { DnsRedirection, type DnsRedirectionOptions, type SecureUpdater } from './dns.ts';
import type { DnsServerPort } from './dns-servers.ts';
import type { HostAddresses } from './host-addresses.ts';
import type { Redirection } from './model.ts';
import { type AdoptionDocument, MoveIpRedirection } from './move-ip.ts';
import type { PlannedMethod } from './plan.ts';
import { ScriptRedirection } from './script.ts';
import { parseTsigKey } from './tsig.ts';

export interface MethodPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Pick<EventLog, 'record'>;
  readonly scripts: ScriptRunner;
  readonly exchange: DnsServerPort;
  readonly secure?: SecureUpdater;
  readonly addresses: HostAddresses;
  readonly computer: ComputerName;
  readonly directory?: ComputerDirectory;
  readonly adoption: DocumentStore<AdoptionDocument>;
  /** Text of the key file of that name; undefined when there is none that only the engine's account may read. */
  tsigKey(name: string): string | undefined;
}

export interface MethodContext {
  readonly host: string;
  readonly scenarioName: string;
  /** Of this switchover: the idempotency key of scripts. */
  readonly switchId: string;
  /** How long an address stays that was taken and is not renewed, whole seconds. */
  readonly leaseSeconds: number;
  /** See DnsRedirectionOptions. */
  readonly partial: DnsRedirectionOptions['partial'];
  /** See MoveIpOptions. */
  readonly isActive?: boolean;
}

export function redirectionOf(planned: PlannedMethod, context: MethodContext, ports: MethodPorts): Redirection {
  if (planned.kind === 'script') return new ScriptRedirection({ ...context, plan: planned }, ports);
  if (planned.kind === 'move-ip')
    return new MoveIpRedirection({ ...context, ...planned }, { ...ports, record: ports.adoption });
  if (planned.kind === 'computer-name')
    return new ComputerNameRedirection(context.host, planned, ports.computer, ports.directory);
  const text = planned.method === 'tsig' ? ports.tsigKey(planned.keyName) : undefined;
  const key = text === undefined ? undefined : parseTsigKey(text);
  return new DnsRedirection(
    { host: context.host, partial: context.partial, ...planned, ...(key === undefined ? {} : { key }) },
    ports,
  );
}

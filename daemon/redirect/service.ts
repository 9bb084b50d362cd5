/** The redirection desks of this host's scenarios, and what the engine owes the operating system whether a scenario runs or not. */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { type DeskPorts, type RedirectionDesk, ScenarioDesk } from './desk.ts';
import { type AdoptionDocument, missingAdopted, restorePermanent } from './move-ip.ts';

/** `adopted.json`: outlives the scenarios, because an address that was given back comes from here after a boot. */
export const adoptionDocument = z.object({
  adopted: z.array(
    z.object({
      address: z.string().max(45),
      prefix: z.number().int().min(1).max(32),
      device: z.string().max(255),
      state: z.enum(['leased', 'permanent']),
    }),
  ),
}) as unknown as z.ZodType<AdoptionDocument>;

export const NO_ADOPTION: AdoptionDocument = { adopted: [] };

export interface RedirectionParts {
  readonly host: { readonly name: string; readonly deviceId: string };
  readonly ports: DeskPorts;
  /** As it is in the book; undefined: not (any more). */
  documentOf(scenarioId: string): ScenarioDocument | undefined;
  gateMs(document: ScenarioDocument): number;
}

interface Kept {
  readonly desk: RedirectionDesk;
  last: ScenarioDocument;
}

export class RedirectionService {
  readonly #parts: RedirectionParts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: RedirectionParts) {
    this.#parts = parts;
  }

  /** The one desk of a scenario: it knows what this engine has changed. */
  desk(document: ScenarioDocument): RedirectionDesk {
    const kept = this.#kept.get(document.id);
    if (kept !== undefined) {
      kept.last = document;
      return kept.desk;
    }
    const made: Kept = { desk: this.#make(() => this.#current(made)), last: document };
    this.#kept.set(document.id, made);
    return made.desk;
  }

  /** Of a document that nobody has taken yet; for verification. */
  preview(document: ScenarioDocument): Pick<RedirectionDesk, 'findings' | 'describe' | 'readBack'> {
    return this.#make(() => document);
  }

  /** A Replica's scenario stopped or is gone: nothing keeps clients from this host any more. */
  async unguard(document: ScenarioDocument): Promise<void> {
    await this.desk(document).giveBack(false);
  }

  /** The Master says that a scenario stopped. After an error the active host keeps its clients, and this one keeps them out. */
  async stopped(document: ScenarioDocument, reason: string): Promise<void> {
    if (reason === 'Stopped by user') await this.unguard(document);
  }

  #make(document: () => ScenarioDocument): RedirectionDesk {
    const { host, ports, gateMs } = this.#parts;
    return new ScenarioDesk({ host, document, gateMs }, ports);
  }

  /** A scenario that was deleted still has to be given back. */
  #current(kept: Kept): ScenarioDocument {
    kept.last = this.#parts.documentOf(kept.last.id) ?? kept.last;
    return kept.last;
  }

  /** Start of the engine: what was given back is there again, which the system does not see to after a boot. */
  async restore(): Promise<void> {
    const { addresses, events } = this.#parts.ports;
    for (const adopted of this.#record.adopted) {
      try {
        await restorePermanent({ adopted: [adopted] }, addresses);
      } catch (error) {
        events.record('RED-004', { address: adopted.address, reason: Fault.from(error).message });
      }
    }
  }

  /** The engine goes for good: every address it holds is permanent, and where the system's own configuration has to name it. */
  async leave(): Promise<Finding[]> {
    const { host, ports } = this.#parts;
    await Promise.all([...this.#kept.values()].map(({ desk }) => desk.leave()));
    const held = await ports.addresses.list();
    const found: Finding[] = [];
    for (const { address, prefix, device } of this.#record.adopted) {
      const here = held.find((entry) => entry.address === address);
      if (here === undefined) continue;
      await ports.addresses.put(address, here.prefix, here.device, 'forever');
      await ports.adoption.update((value) => {
        value.adopted = value.adopted.map((entry) =>
          entry.address === address ? { ...entry, state: 'permanent' } : entry,
        );
      });
      found.push({
        severity: 'warning',
        code: 'MOVE-IP-CONFIGURE',
        host: host.name,
        text: `${address} is on ${here.device} for ever again, until the next boot`,
        fix: `Enter ${address}/${prefix} for ${device} into the network configuration of the system: nobody else brings it back after a boot.`,
      });
    }
    return found;
  }

  /** The engine ends; what the kernel was told stays. */
  close(): void {
    for (const { desk } of this.#kept.values()) desk.close();
  }

  /** `doctor`. */
  async doctor(): Promise<Finding[]> {
    const { host, ports } = this.#parts;
    if (this.#record.adopted.length === 0) return [];
    try {
      return missingAdopted(host.name, this.#record, await ports.addresses.list());
    } catch (error) {
      const fault = Fault.from(error);
      return [{ severity: 'warning', code: 'MOVE-IP-SYSTEM', host: host.name, text: fault.message, fix: fault.hint }];
    }
  }

  get #record(): AdoptionDocument {
    return this.#parts.ports.adoption.value;
  }
}

/** Causes outside the product that end an engine and pass by themselves: a missing root, a full disk, a spool out of reach. Told once each. */
import type { Fault, FaultDetails } from '../../shared/faults.ts';

type Details = FaultDetails[string];

export function isSpoolFault({ code }: Fault): boolean {
  return code === 'SPOOL-MISSING' || code === 'SPOOL-UNUSABLE';
}

export class OutsideCauses {
  readonly #record: (code: string, details: FaultDetails) => void;
  /** Where the engine found no room when it ended. */
  #fullDisk: Details | undefined;
  /** The engine ended without its spool. */
  #spool = false;

  constructor(record: (code: string, details: FaultDetails) => void) {
    this.#record = record;
  }

  /** `known`: the reason that is shown already. True: it is tried again for as long as it takes. */
  ended(fault: Fault, known: string | undefined): boolean {
    const path = fault.details.path ?? 'unknown';
    if (fault.code === 'ROOT-MISSING') {
      if (known !== fault.message) this.#record('ROOT-001', { path });
      return true;
    }
    if (isSpoolFault(fault)) {
      if (known !== fault.message) this.#record('SPL-003', { reason: fault.message });
      this.#spool = true;
      return true;
    }
    if (fault.code !== 'FS-FULL') return false;
    if (this.#fullDisk === undefined) this.#record('DSK-001', { path });
    this.#fullDisk = path;
    return true;
  }

  ready(): void {
    if (this.#spool) this.#record('SPL-004', {});
    this.#spool = false;
    if (this.#fullDisk !== undefined) this.#record('DSK-002', { path: this.#fullDisk });
    this.#fullDisk = undefined;
  }
}

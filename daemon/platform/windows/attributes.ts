/** Attributes on Windows: no kind is held yet (its security, attributes and streams come with the Windows work). */
import { decodeAttributes } from '../../../shared/attributes.ts';
import { Fault } from '../../../shared/faults.ts';
import type { Metadata } from '../../ports.ts';

/** Hands every attribute to set back to whoever asked; `FS-UNSUPPORTED` when nobody takes it. */
export function refuseAttributes({ attributes }: Metadata, path: string): void {
  if (attributes === undefined) return;
  const [first] = decodeAttributes(attributes.bytes);
  if (first === undefined) return;
  if (attributes.onRefused === undefined) {
    throw new Fault('FS-UNSUPPORTED', { what: `Attribute ${first.kind} ${first.name}`, path });
  }
  attributes.onRefused(attributes.bytes);
}

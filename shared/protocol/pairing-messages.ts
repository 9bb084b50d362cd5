/** The messages of pairing (pairing.ts) and their check; apart, because a command that only asks a host needs none of it. */
import { z } from 'zod';
import type { FaultDocument } from '../faults.ts';
import { deviceIdPattern } from './pairing.ts';

export const deviceIdSchema = z.string().regex(deviceIdPattern);
const deviceName = z.string().min(1).max(100);
const proof = z.string().regex(/^[0-9a-f]{64}$/);

/** Joiner → host. A console has no `port`: nobody connects to it. */
export const pairJoin = z
  .object({
    type: z.literal('join'),
    version: z.literal(1),
    kind: z.enum(['host', 'console']),
    name: deviceName,
    /** Where the joining host listens; the address is the configured one, or the one the host sees when it is left out. */
    address: z.string().max(255).optional(),
    port: z.number().int().min(1).max(65_535).optional(),
    proof,
  })
  .strict();
export type PairJoin = z.infer<typeof pairJoin>;

/** Host → joiner. `role` is what the joiner may do on the host from now on. */
export const pairAnswer = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('paired'),
      name: deviceName,
      role: z.enum(['view', 'control', 'admin', 'super', 'peer', 'witness']),
      proof,
    })
    .strict(),
  z.object({ type: z.literal('refused'), fault: z.custom<FaultDocument>(isFaultDocument) }).strict(),
]);
export type PairAnswer = z.infer<typeof pairAnswer>;

function isFaultDocument(value: unknown): boolean {
  const document = value as Partial<FaultDocument> | null;
  return typeof document === 'object' && typeof document?.code === 'string' && typeof document.text === 'string';
}

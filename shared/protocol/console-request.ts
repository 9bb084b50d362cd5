/** What a daemon checks of a request before anything else; apart, because consoles only send them. */
import { z } from 'zod';

/** `request` payload; `id` makes a repeated request idempotent (the daemon remembers answers for a minute). */
export const requestEnvelope = z
  .object({ id: z.string().min(8).max(64), command: z.string().max(64), args: z.unknown() })
  .strict();
export type RequestEnvelope = z.infer<typeof requestEnvelope>;

/** Commands of Is Alive; part of the catalogue in commands.ts. */
import { z } from 'zod';

const name = z.string().min(1).max(100);
const scenarioId = z.string().regex(/^[0-9a-f]{32}$/);

export const HEALTH_COMMANDS = {
  'scenario.shadow': {
    role: 'control',
    danger: 'confirm',
    title: 'Shadow mode',
    help: 'On: the standby host only says when and why it would have switched over by itself. Off: it does what the scenario says.',
    args: z.object({ name, on: z.boolean() }).strict(),
    cli: 'shadow',
  },
  'peer.shadow': {
    role: 'peer',
    danger: 'safe',
    title: 'Shadow mode',
    help: 'The active host passes on what an operator asks of the standby host.',
    args: z.object({ scenarioId, on: z.boolean() }).strict(),
  },
  'peer.alive': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Heartbeat',
    help: 'Answered by an engine that lives, with its services and its disk.',
    args: z.object({ scenarioId }).strict(),
  },
  'peer.sites': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Sites',
    help: 'Addresses of the sites of a scenario on this host, to be probed by the standby host.',
    args: z.object({ scenarioId }).strict(),
  },
} as const;

/** Commands of groups of scenarios; part of the catalogue in commands.ts. */
import { z } from 'zod';

const name = z.string().min(1).max(100);
const scenarios = z.array(name).min(1).max(100);
const limitMs = z.number().int().min(1_000).max(86_400_000);

export const GROUP_COMMANDS = {
  'group.create': {
    role: 'admin',
    danger: 'safe',
    title: 'Create a group',
    help: 'Scenarios that are switched over together, in this order; one of that name is replaced.',
    args: z.object({ name, scenarios, limitMs: limitMs.optional() }).strict(),
    cli: 'group create',
  },
  'group.list': {
    role: 'view',
    danger: 'safe',
    readOnly: true,
    title: 'Groups',
    help: 'The groups of this host with their last switchover.',
    args: z.object({}).strict(),
    cli: 'group list',
  },
  'group.show': {
    role: 'view',
    danger: 'safe',
    readOnly: true,
    title: 'A group',
    help: 'Its members as they are now, and its last switchover from this host.',
    args: z.object({ name }).strict(),
    cli: 'group show',
  },
  'group.delete': {
    role: 'admin',
    danger: 'confirm',
    title: 'Delete a group',
    help: 'Its scenarios stay.',
    args: z.object({ name }).strict(),
    cli: 'group delete',
  },
  'group.plan': {
    role: 'view',
    danger: 'safe',
    title: 'Dry run of a group switchover',
    help: 'The dry run of every member in its order. Changes nothing.',
    args: z
      .object({
        name,
        to: z.string().min(1).max(255).optional(),
        resume: z.boolean().optional(),
        peerIsFenced: z.boolean().optional(),
      })
      .strict(),
    cli: 'group switchover',
  },
  'group.switchover': {
    role: 'control',
    danger: 'typed',
    title: 'Switch a group over',
    help: 'Its members one after the other; it stops at the first that fails. Nothing is begun while any of them would be refused.',
    args: z
      .object({
        name,
        to: z.string().min(1).max(255).optional(),
        /** Goes on with what the last one did not do. */
        resume: z.boolean().optional(),
        peerIsFenced: z.boolean().optional(),
        wait: z.boolean().optional(),
      })
      .strict(),
    cli: 'group switchover',
  },
  'peer.group': {
    role: 'peer',
    danger: 'safe',
    title: 'Group of another host',
    help: 'A group with scenarios of both hosts, or that it was deleted.',
    args: z
      .object({ name, revision: z.number().int().min(1), scenarios: scenarios.optional(), limitMs: limitMs.optional() })
      .strict(),
  },
} as const;
